"""What an expression tends to at the end of an open interval, as an exact constant or an infinity.

In: an expression in `Z` without branches, the end, and the side on which the interval lies. Out: its limit. A
quotient of polynomials in z and powers of e^z is decided by its dominant terms; the rest is left to SymPy.
"""

from __future__ import annotations

from functools import cache, reduce

import sympy as sp

from derive.functions.primitives import Z

_GROWING = sp.Symbol("growing", positive=True)


@cache
def limit(expr: sp.Expr, end: sp.Expr, side: int) -> sp.Expr:
    """The limit from above (`side` is 1) or from below (-1)."""
    if not expr.has(Z):
        return expr
    found = _dominated(expr, int(sp.sign(end))) if end.is_infinite else _continuous(expr, end)
    if found is None:
        found = sp.limit(expr, Z, end, "+" if side > 0 else "-")
    if found.has(Z, sp.Limit, sp.AccumBounds, sp.nan) or not found.is_extended_real:
        raise ArithmeticError(f"no limit is found for {expr} at {end}; got {found}")
    return found


def _continuous(expr: sp.Expr, end: sp.Expr) -> sp.Expr | None:
    value = expr.subs(Z, end)
    return value if value.is_finite else None


def exponent_step(expr: sp.Expr) -> sp.Rational:
    """The largest fraction of which the rates of all exp(rate z) are multiples."""
    rates = [node.args[0] / Z for node in expr.atoms(sp.exp) if (node.args[0] / Z).is_Rational]
    return reduce(sp.gcd, rates, sp.S.Zero)


def _dominated(expr: sp.Expr, end: int) -> sp.Expr | None:
    step = exponent_step(expr)
    powers = expr.replace(
        lambda node: isinstance(node, sp.exp) and (node.args[0] / Z).is_Rational,
        lambda node: _GROWING ** (node.args[0] / Z / step),
    )
    parts = sp.fraction(sp.together(powers))
    if not all(part.is_polynomial(Z, _GROWING) for part in parts):
        return None
    numerator, denominator = (_dominant(sp.Poly(part, _GROWING, Z), end) for part in parts)
    rate, degree = numerator[0] - denominator[0], numerator[1] - denominator[1]
    ratio = sp.cancel(numerator[2] / denominator[2])
    growth = rate * end or degree
    if growth == 0:
        return ratio
    return sp.oo * ratio * end**degree if growth > 0 else sp.S.Zero


def _dominant(polynomial: sp.Poly, end: int) -> tuple[int, int, sp.Expr]:
    terms = polynomial.terms()
    (rate, degree), coefficient = max(terms, key=lambda term: (term[0][0] * end, term[0][1]))
    return rate, degree, coefficient
