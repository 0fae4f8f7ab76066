"""What goes from a state to its next value directly, and what keeps a state within a range.

In: a cell's Jacobian formulas. Out: for each state that has one its `DirectPath`, and its `Keeping`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sympy as sp

from derive.backends.formula.bound import summed, unsigned, untimed, written
from derive.backends.formula.contract import Reader
from derive.backends.formula.flow import JacobianFormulas
from derive.backends.formula.nodes import Constant, Formula, Largest
from derive.backends.formula.paths import Paths
from derive.bounds import range_of
from derive.bounds.ranges import Kept, Ranges
from derive.system import Index, Term, elements


@dataclass(frozen=True)
class DirectPath:
    """Each element of the state is multiplied by that of `factor`. `params`: the parameters in it. `alone`: nothing
    else of the old states reaches the state.

    `between`: what the factor lies between, where it is one variable of a finite range.
    """

    state: str
    rank: int
    factor: Formula
    is_one: bool
    params: tuple[str, ...]
    alone: bool
    between: tuple[sp.Expr, sp.Expr] | None


@dataclass(frozen=True)
class Keeping:
    """How a state is kept, in formulas; None where they do not apply."""

    state: str
    kept: Kept
    share: Formula | None = None
    share_size: Formula | None = None
    rest_size: Formula | None = None
    recurrence: Formula | None = None
    other: Formula | None = None
    other_size: Formula | None = None


def direct_paths(formulas: JacobianFormulas) -> tuple[DirectPath, ...]:
    """The direct paths of a cell, in the order of its states."""
    return tuple(_direct_paths(formulas))


def _direct_paths(formulas: JacobianFormulas) -> Iterator[DirectPath]:
    flow, paths = formulas.flow, Paths(formulas.flow, lambda name: False)
    for state in flow.states:
        rows, reaching = paths.rows(state), list(paths.of(state))
        bodies = [p.body for p in reaching if p.state == state and not p.gates and p.columns == rows and not p.over]
        if bodies:
            body = sp.Add(*bodies)
            read = elements(body)
            between = range_of(flow, read[0].name) if len(read) == 1 and body == read[0] else None
            yield DirectPath(
                state,
                len(rows),
                written(formulas.reader(state), rows, body),
                body == 1,
                tuple(dict.fromkeys(e.name for e in read if flow.system.variables[e.name].role == "param")),
                len(bodies) == len(reaching),
                between if between and all(end.is_finite for end in between) else None,
            )


def keepings(formulas: JacobianFormulas, ranges: Ranges) -> tuple[Keeping, ...]:
    """What keeps the states that something keeps."""
    return tuple(_keeping(formulas, state, kept) for state, kept in _in_order(formulas, ranges))


def _in_order(formulas: JacobianFormulas, ranges: Ranges) -> list[tuple[str, Kept]]:
    return [(state, ranges.kept[state]) for state in formulas.flow.states if state in ranges.kept]


def _keeping(formulas: JacobianFormulas, state: str, kept: Kept) -> Keeping:
    if kept.manner == "range":
        return Keeping(state, kept)
    reader, rows = formulas.reader(state), formulas.flow.system.variables[state].element.feature_indices
    old = formulas.flow.system.variables[formulas.flow.delays[state]].element
    return Keeping(
        state,
        kept,
        share=written(reader, rows, kept.share),
        share_size=_size(reader, rows, [Term(kept.share)]),
        rest_size=_size(reader, rows, kept.rest),
        recurrence=summed(reader, rows, [Term(kept.share * old), *kept.rest]),
        other=written(reader, rows, kept.other),
        other_size=_size(reader, rows, [Term(kept.other)]),
    )


def _size(reader: Reader, rows: tuple[Index, ...], terms: Sequence[Term]) -> Formula:
    formula = untimed(unsigned(summed(reader, rows, terms)))
    return formula if isinstance(formula, Constant) else Largest(operand=formula)
