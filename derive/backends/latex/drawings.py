"""The section of pictures. In: a cell. Out: its pictures in TikZ, with what stands above each."""

from __future__ import annotations

from typing import Any

from derive.backends.latex.tikz import drawing
from derive.language.syntax import Cell
from derive.pictures import equation, gradient, unrolled, whole
from derive.pictures.colours import palette


def drawings(cell: Cell) -> dict[str, Any]:
    """The cell as a whole, in time and on the gradient's way back; and its equations."""
    return {
        "whole": drawing(whole(cell)),
        "unrolled": drawing(unrolled(cell)),
        "equations": [drawing(equation(cell, e.target)) for e in cell.equations],
        "gradient": drawing(gradient(cell)),
        "colours": [(name, colour.removeprefix("#").upper()) for name, colour in palette(dark=False)],
    }
