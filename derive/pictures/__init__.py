"""Pictures of a cell: what is computed from what, forwards and back.

In: a cell. Out: immutable `Picture`s, everything in place, for the writers in `derive.backends` to spell.
"""

from derive.pictures.beside import beside
from derive.pictures.equation import equation
from derive.pictures.gradient import gradient
from derive.pictures.model import Box, Circle, Dot, Line, Picture, Text
from derive.pictures.text import Label, Run
from derive.pictures.unrolled import unrolled
from derive.pictures.whole import whole

__all__ = [
    "Box", "Circle", "Dot", "Label", "Line", "Picture", "Run", "Text",
    "beside", "equation", "gradient", "unrolled", "whole",
]  # fmt: skip
