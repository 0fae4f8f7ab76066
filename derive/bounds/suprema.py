"""What the function table alone says of a factor: the range of the variable that it reads, its supremum there.

In: a flow, a factor. Out: exact numbers. A polynomial of one variable is never multiplied out: its derivative's
roots and the ends of the range are where its largest value can be.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.bounds.flow import Flow
from derive.functions import ScalarFunction, shape
from derive.system import Element, Length, elements

Range = tuple[sp.Expr, sp.Expr]

_EVERYWHERE: Range = (-sp.oo, sp.oo)


def range_of(flow: Flow, name: str) -> Range:
    """What a variable lies between, whatever its function is applied to; the whole line if it is none's value."""
    equation = flow.system.equation(name)
    body = equation.terms[0].body if equation is not None and equation.terms else None
    return shape(body.row_name).range if isinstance(body, ScalarFunction) else _EVERYWHERE


def supremum(flow: Flow, factors: Sequence[sp.Expr]) -> sp.Expr:
    """The largest absolute value of a product of factors that read one variable; oo where it has none."""
    read = elements(sp.Mul(*factors))
    if len(read) != 1 or any(factor.atoms(Length) for factor in factors):
        return sp.oo
    return _largest(factors, read[0], range_of(flow, read[0].name))


def _largest(factors: Sequence[sp.Expr], element: Element, between: Range) -> sp.Expr:
    variable = sp.Dummy("u", real=True)
    bodies = [factor.xreplace({element: variable}) for factor in factors]
    if not all(body.is_polynomial(variable) for body in bodies) or not all(end.is_finite for end in between):
        return sp.oo
    lower, upper = between
    turns = sp.real_roots(sp.Poly(sp.Mul(*bodies), variable).diff(variable)) if _varies(bodies, variable) else []
    places = [lower, upper, *(turn for turn in turns if lower < turn < upper)]
    return sp.Max(*(abs(sp.Mul(*(body.subs(variable, place) for body in bodies))) for place in places))


def _varies(bodies: Sequence[sp.Expr], variable: sp.Symbol) -> bool:
    return bool(sp.degree(sp.Mul(*bodies), variable) > 1)


def degree(factors: Sequence[sp.Expr], element: Element) -> int:
    """The degree of a product in one of the elements that it reads."""
    variable = sp.Dummy("u")
    return int(sp.degree(sp.Mul(*(f.xreplace({element: variable}) for f in factors)), variable))
