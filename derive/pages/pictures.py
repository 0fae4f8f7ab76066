"""The pictures of a cell, in sections.

In: a cell, and another one to stand beside it. Out: sections for the template, none where nothing draws.
"""

from __future__ import annotations

from derive.language.syntax import Cell
from derive.pages.rows import Row


def sections(cell: Cell, against: Cell | None) -> list[Row]:
    """Each with an identifier, a title, a sentence, and its pictures."""
    del cell, against
    return []


def small(cell: Cell) -> str:
    """The cell in one picture, for the gallery; empty where nothing draws."""
    del cell
    return ""
