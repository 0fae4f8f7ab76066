"""The pictures of a cell, and pictures as text.

In: a cell, or pictures. Out: every picture there is of the cell by name; SVG.
"""

from __future__ import annotations

from derive.backends import svg as svg_backend
from derive.emit import render
from derive.language.syntax import Cell
from derive.pictures import Picture, beside, equation, gradient, unrolled, whole

__all__ = ["beside", "pictures", "svg"]


def pictures(cell: Cell) -> dict[str, Picture]:
    """Name → picture: the whole cell, its gradient, three steps of it, and each equation as `equation-<variable>`."""
    found = {"whole": whole(cell), "gradient": gradient(cell), "unrolled": unrolled(cell)}
    return found | {f"equation-{e.target}": equation(cell, e.target) for e in cell.equations}


def svg(picture: Picture, prefix: str) -> str:
    """A picture as an SVG element that stands by itself.

    `prefix` makes its identifiers unique in a page: a letter, then letters, digits, hyphens and underscores.
    """
    page = svg_backend.page(picture, prefix)
    return render(page.template, page.context)
