"""The cell that others are compared with where none is named: the simple recurrent network.

In: the shipped cells. Out: the plainest of them whose error is carried back through one matrix.
"""

from __future__ import annotations

from derive.bounds import flow
from derive.language import cell, shipped
from derive.language.syntax import Cell
from derive.system import normalize


def simple_network() -> Cell | None:
    """The shipped cell with the fewest states and equations of those that have one recurrence, through one matrix."""
    plainest = sorted(map(cell, shipped()), key=lambda c: (len(c.of_role("state")), len(c.equations), c.name))
    return next(filter(_is_simple, plainest), None)


def _is_simple(candidate: Cell) -> bool:
    found = flow(normalize(candidate))
    if len(found.states) != 1:
        return False
    [(state, delay)] = found.delays.items()
    differential = found.differentials[state]
    return not differential.directs and [p.source for p in differential.passages] == [delay]
