"""The one derivative: each equation's linear terms, and what they are when read backwards.

In: a `System`. Out: the list of its linear terms, `d target += Σ_{over} coefficient · d source`.
No operator has a rule of its own: coefficients are `sympy.diff` of scalar bodies, and the derivative
of a function of the table comes from `derivative`, in terms of the function's output where
it has such a form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sympy as sp

from derive.functions import ScalarFunction, Y, Z, derivative
from derive.system import (
    BATCH,
    TIME,
    Element,
    Equation,
    FirstMaximum,
    Index,
    System,
    Term,
    canonical,
    elements,
    multiplied,
)


@dataclass(frozen=True)
class Linear:
    """`d target += Σ_{over} coefficient · d source`."""

    target: Element
    coefficient: sp.Expr
    source: Element
    over: tuple[Index, ...] = ()


def linearize(system: System) -> tuple[Linear, ...]:
    """The linear terms of every equation that lets a gradient through, in order."""
    return tuple(term for equation in system.equations for term in linear_terms(system, equation))


def linear_terms(system: System, equation: Equation) -> Iterator[Linear]:
    """The linear terms of one equation: for each term of it, one for each element it reads."""
    if system.variables[equation.name].held:
        return
    for term in equation.terms:
        partials = _partials(equation.target, term.body)
        for source in sorted(partials, key=system.place):
            lengths, over = multiplied(term.over, partials[source], source)
            yield Linear(equation.target, lengths * partials[source], source, over)


def _partials(target: Element, body: sp.Expr) -> dict[Element, sp.Expr]:
    """Every element read, where the body depends on it, with the derivative."""
    if isinstance(body, FirstMaximum):
        return {}
    if isinstance(body, ScalarFunction):
        argument = body.args[0]
        slope = derivative(body.row_name).xreplace({Y: target, Z: argument})
        return {argument: slope} if isinstance(argument, Element) and slope != 0 else {}
    slopes = {source: sp.diff(body, source) for source in elements(body)}
    return {source: slope for source, slope in slopes.items() if slope != 0}


def transpose(linear: Iterable[Linear]) -> tuple[Linear, ...]:
    """Swap target and source in every term.

    Indices of the target that the source lacks become summed, those of the source become free, and a
    source read at t-1 makes its transpose read at t+1. Time and batch are indices like any other, so
    this is backpropagation through time: `Wᵀδ`, `δhᵀ`, `Σ_t` and the sum over the batch.
    """
    return tuple(_transposed(term) for term in linear)


def _transposed(term: Linear) -> Linear:
    back = {TIME: TIME - term.source.shift}
    target, coefficient, source = (e.xreplace(back) for e in (term.source, term.coefficient, term.target))
    involved = [i for i in (*term.target.indices, *term.over) if isinstance(i, Index)]
    involved += [TIME] if term.target.shift else []
    over = tuple(i for i in dict.fromkeys(involved) if i not in target.indices)
    ordered = sorted(over, key=lambda i: (i != TIME, i != BATCH))
    return canonical_linear(Linear(target, coefficient, source, tuple(ordered)))


def canonical_linear(term: Linear) -> Linear:
    """The same term with canonical indices."""
    mark = sp.Dummy("mark")
    equation = canonical(
        term.target, [Term(term.coefficient * mark, term.over), Term(term.source, term.over)]
    )
    coefficient, source = equation.terms
    return Linear(equation.target, coefficient.body.xreplace({mark: sp.S.One}), source.body, source.over)
