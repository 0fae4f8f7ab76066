"""What floating point asks of a body before it is written, in any language: that no number overflows or is lost which
the result does not need.

In: terms of an equation, factors of a product. Out: the same, otherwise put.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sympy as sp

from derive.functions import ScalarFunction
from derive.functions.table import SELECTORS
from derive.schedule import Schedule
from derive.system import Element, Term, elements


class Select(sp.Function):  # type: ignore[misc]
    """`Select(s, a, b)`: a where the selector s is one, b where it is zero.

    In `s a + (1 - s) b` an infinity that is not selected, such as the empty start of a running maximum, gives NaN.
    """

    nargs = 3


def without_selects(body: sp.Expr) -> sp.Expr:
    """The same, every choice a sum again."""
    return body.replace(Select, lambda s, one, other: s * one + (1 - s) * other)


def selectors(schedule: Schedule) -> frozenset[str]:
    """The variables that are one or zero."""
    found = set()
    for equation in (*schedule.forward.equations, *schedule.replay.equations):
        body = equation.terms[0].body
        if len(equation.terms) == 1 and isinstance(body, ScalarFunction) and body.row_name in SELECTORS:
            found.add(equation.name)
    return frozenset(found)


def constants(schedule: Schedule) -> frozenset[str]:
    """The variables made of numbers and lengths alone."""
    found: set[str] = set()
    for equation in (*schedule.forward.equations, *schedule.replay.equations, *schedule.backward.equations):
        read = {e.name for term in equation.terms for e in elements(term.body)}
        if not equation.target.indices and read <= found and not any(term.over for term in equation.terms):
            found.add(equation.name)
    return frozenset(found)


def selected(terms: Sequence[Term], known: Collection[str]) -> list[Term]:
    """Terms without sums of which one of two is taken, as one term; `known`: the selectors."""
    addends = [a for term in terms if not term.over for a in sp.Add.make_args(term.body)]
    for selector in dict.fromkeys(e for a in addends for e in elements(a) if e.name in known):
        apart = [a for a in addends if {selector, 1 - selector} & {*sp.Mul.make_args(a)}]
        # `s a + (1 - s) 2` has become `s a - 2 s + 2`
        if any(a.xreplace({selector: sp.S.One}).is_number for a in apart):
            apart += [a for a in addends if a.is_number]
        one, other = (sp.Add(*apart).xreplace({selector: value}) for value in (sp.S.One, sp.S.Zero))
        if one != 0 != other and (elements(one) or elements(other)):
            sides = (sp.Add(*(term.body for term in selected([Term(side)], known))) for side in (one, other))
            rest = [Term(a) for a in addends if a not in apart] + [term for term in terms if term.over]
            return [Term(Select(selector, *sides)), *selected(rest, known)]
    return list(terms)


def spread(factors: Sequence[sp.Expr]) -> list[sp.Expr]:
    """Factors of a product, in whose middle a square's other factors stand: 1 / z may be too large to be squared,
    and what it meets so small that the product is not."""
    squares = [f for f in factors if isinstance(f, sp.Pow) and f.exp == 2 and isinstance(f.base, Element)]
    rest = [f for f in factors if f not in squares]
    if not rest:
        return list(factors)
    ends = [f.base for f in squares]
    return [*ends, *rest, *reversed(ends)]
