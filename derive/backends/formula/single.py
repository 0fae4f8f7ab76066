"""The error carried back through time, for a cell with a single recurrence through one matrix.

In: a cell, its system. Out: a `Recurrence`, or None. Such a cell has one state, a vector, whose old value
enters only through `M h[t-1]` in one equation (`net`), and whose new value follows from that equation
element by element. Then the Jacobian of a step is a matrix and a diagonal, and so is all that is carried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp

from derive.backends.formula.contract import Reader
from derive.backends.formula.network import NoMatrixForm
from derive.backends.formula.nodes import Constant, Diagonal, Formula, Name, Product
from derive.calculus import Linear, linearize
from derive.system import TIME, Element, System, Term, elements


@dataclass(frozen=True)
class Recurrence:
    """`net` is M h[t-1] and what is added to it, `matrix` is M; `slope` is ∂state/∂net, a vector.

    `by_net` is the factor ∂net[i+1]/∂net[i], `by_state` is ∂state[i+1]/∂state[i], both at time i.
    """

    state: Name
    net: Name
    matrix: Formula
    slope: Formula
    by_net: Formula
    by_state: Formula

    @property
    def fixed(self) -> Formula:
        """M, whatever the time."""
        return replace(self.matrix, shift=None) if isinstance(self.matrix, Name) else self.matrix


def single_recurrence(system: System, reader: Reader) -> Recurrence | None:
    """The recurrence of a system that has only one, through one matrix."""
    if len(system.delays) != 1:
        return None
    (state, delay), linear = *system.delays.items(), linearize(system)
    entry = _entry(system, delay, linear)
    slope = _slope(linear, entry.target.name, state) if entry else None
    if entry is None or slope is None or slope == 0:
        return None
    try:
        free = system.variables[state].element.feature_indices
        now, later = (reader.formula(free, [Term(slope.xreplace({TIME: TIME + k}))]) for k in (0, 1))
        matrix = reader.name(entry.coefficient.xreplace({TIME: TIME + 1}))
    except NoMatrixForm:
        return None
    by_net = [matrix, *_diagonal(now)]
    by_state = [*_diagonal(later), matrix]
    return Recurrence(
        state=Name(name=state, shift=0, rank=1),
        net=Name(name=entry.target.name, shift=0, rank=1),
        matrix=matrix,
        slope=now,
        by_net=Product(rank=2, factors=tuple(by_net)),
        by_state=Product(rank=2, factors=tuple(by_state)),
    )


def _entry(system: System, delay: str, linear: tuple[Linear, ...]) -> Linear | None:
    """The term through which the old state enters, if it is the only one and a matrix times the state."""
    read = [e for q in system.equations for term in q.terms for e in elements(term.body) if e.name == delay]
    terms = [term for term in linear if term.source.name == delay]
    if len(read) != 1 or len(terms) != 1 or len(system.variables[delay].axes) != 1:
        return None
    (term,) = terms
    matrix, row, column = term.coefficient, term.target.feature_indices, term.source.feature_indices
    straight = isinstance(matrix, Element) and matrix.feature_indices == (*row, *column)
    return term if straight and len(row) == 1 and term.over == column else None


def _slope(linear: tuple[Linear, ...], net: str, state: str) -> sp.Expr | None:
    """∂state/∂net where it is diagonal, as the product of slopes along every path, summed."""
    leading = _leading_to(linear, state)
    slopes: dict[str, sp.Expr] = {net: sp.S.One}
    for term in linear:
        if term.source.name in slopes and term.target.name in leading and not term.source.shift:
            if term.over or term.source.feature_indices != term.target.feature_indices:
                return None
            step = term.coefficient * slopes[term.source.name]
            slopes[term.target.name] = slopes.get(term.target.name, sp.S.Zero) + step
    return slopes.get(state)


def _leading_to(linear: tuple[Linear, ...], state: str) -> set[str]:
    """The variables through which the state of the same time changes."""
    reached = {state}
    for term in reversed(linear):
        if term.target.name in reached and not term.source.shift:
            reached.add(term.source.name)
    return reached


def _diagonal(vector: Formula) -> list[Formula]:
    return [] if vector == Constant(value=sp.S.One) else [Diagonal(operand=vector)]
