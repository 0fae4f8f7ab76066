"""The section of pictures. In: a cell. Out: its pictures in TikZ, with what stands above each."""

from __future__ import annotations

from typing import Any

from derive.backends.latex.tikz import drawing
from derive.language.syntax import Cell
from derive.pictures import equation, gradient, unrolled, whole
from derive.pictures.colours import palette


def drawings(cell: Cell) -> dict[str, Any]:
    """The cell as a whole, in time and on the gradient's way back, each None where it could not be read; its equations,
    as far as they can be, and whether one is missing; whether Jacobians stand on the way back."""
    back = gradient(cell)
    equations = [drawing(equation(cell, e.target)) for e in cell.equations]
    return {
        "whole": drawing(whole(cell)),
        "unrolled": drawing(unrolled(cell)),
        "equations": [drawn for drawn in equations if drawn],
        "omitted": None in equations,
        "gradient": drawing(back),
        "jacobians": any("∂" in run.text for text in back.texts for run in text.label),
        "colours": [(name, colour.removeprefix("#").upper()) for name, colour in palette(dark=False)],
    }
