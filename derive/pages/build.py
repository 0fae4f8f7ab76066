"""Which files there are: a page for one cell, or a gallery and a page for each.

In: cells. Out: folders of files, one after the other as they are done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from derive.language.syntax import Cell
from derive.pages.gallery import gallery
from derive.pages.material import Material, material
from derive.pages.page import page
from derive.pages.partner import simple_network

FILE = "index.html"
Told = Callable[[str, float], None]
"""Is told what is being done, and how many cells are done."""

_PARTS = {"deriving": 0.0, "proving": 0.1, "measuring": 0.5, "writing": 0.7}


def build(
    cells: Sequence[Cell], against: Cell | None = None, told: Told = lambda *_: None
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """(folder, name → text) of every page; of several cells each in a folder of its name, and the gallery last.

    against: a cell to stand beside each; the simple recurrent network if none is named. Raises `ProofError` where a
    derivation does not agree with its equations.
    """

    done: dict[tuple[str, str], Material] = {}

    def known(cell: Cell, number: int) -> Material:
        if _key(cell) not in done:
            done[_key(cell)] = material(cell, lambda doing: told(f"{cell.name}: {doing}", number + _PARTS[doing]))
        return done[_key(cell)]

    other = against or simple_network()
    several = len(cells) > 1
    for number, cell in enumerate(cells):
        own = known(cell, number)
        beside = known(other, number) if other and other.source != cell.source else None
        told(f"{cell.name}: writing", number + _PARTS["writing"])
        yield cell.name if several else "", {FILE: page(own, beside, f"../{FILE}" if several else "")}
    if several:
        yield "", {FILE: gallery([done[_key(cell)] for cell in cells])}


def _key(cell: Cell) -> tuple[str, str]:
    return cell.name, cell.source
