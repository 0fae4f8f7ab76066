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


def selectors(schedule: Schedule) -> frozenset[str]:
    """The variables that are one or zero."""
    found = set()
    for equation in (*schedule.forward.equations, *schedule.replay.equations):
        body = equation.terms[0].body
        if len(equation.terms) == 1 and isinstance(body, ScalarFunction) and body.row_name in SELECTORS:
            found.add(equation.name)
    return frozenset(found)


def selected(terms: Sequence[Term], known: Collection[str]) -> list[Term]:
    """Terms without sums of which one of two is taken, as one term; `known`: the selectors."""
    rest = [term for term in terms if term.over]
    addends = [a for term in terms if not term.over for a in sp.Add.make_args(term.body)]
    found = []
    for selector in dict.fromkeys(e for a in addends for e in sorted(elements(a), key=str) if e.name in known):
        taken = _of(addends, selector)
        left = _of(addends, 1 - selector) or _numbers(addends, taken)
        first, second = sp.Add(*taken.values()), sp.Add(*left.values())
        if taken and left and (elements(first) or elements(second)):
            sides = (selected([Term(side)], known) for side in (first, second))
            found.append(Term(Select(selector, *(sp.Add(*(term.body for term in side)) for side in sides))))
            addends = [a for a in addends if a not in taken and a not in left]
    return [*found, *map(Term, addends), *rest] if found else list(terms)


def _of(addends: Sequence[sp.Expr], factor: sp.Expr) -> dict[sp.Expr, sp.Expr]:
    """The addends that have a factor, each with what else it has."""
    found = {a: list(sp.Mul.make_args(a)) for a in addends}
    return {a: sp.Mul(*(f for f in factors if f != factor)) for a, factors in found.items() if factor in factors}


def _numbers(addends: Sequence[sp.Expr], taken: dict[sp.Expr, sp.Expr]) -> dict[sp.Expr, sp.Expr]:
    """The numbers among some addends, where `s a + (1 - s) 2` has become `s a - 2 s + 2`; they count for both sides."""
    numbers = {a: a for a in addends if a.is_number}
    shifted = {a: rest for a, rest in taken.items() if rest.is_number}
    if not numbers or not shifted:
        return {}
    for addend in shifted:
        taken[addend] += sp.Add(*numbers)
    return numbers


def spread(factors: Sequence[sp.Expr]) -> list[sp.Expr]:
    """Factors of a product, in whose middle a square's other factors stand: 1 / z may be too large to be squared,
    and what it meets so small that the product is not."""
    squares = [f for f in factors if isinstance(f, sp.Pow) and f.exp == 2 and isinstance(f.base, Element)]
    rest = [f for f in factors if f not in squares]
    if not rest:
        return list(factors)
    ends = [f.base for f in squares]
    return [*ends, *rest, *reversed(ends)]
