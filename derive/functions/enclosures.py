"""Values of a closed form that are bounded for certain, by interval arithmetic.

In: an expression in `Z` without branches, and the ends of an interval of arguments as exact fractions. Out: bounds
on its values there, as fractions, or its sign. The precision grows until the sign is seen; a value that stays
undecided is an error, never a guess.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import reduce
from typing import Any

import mpmath
import sympy as sp

from derive.functions.primitives import Z, erfc, expm1, log1p

Box = Any
Bounds = tuple[Fraction, Fraction]

BITS = 160
_MOST_BITS = 5000
_GUARD = 16
_DIGITS = 20


def plain(expr: sp.Expr) -> sp.Expr:
    """The same function over fewer primitives: exp, log, erf, sin, cos and powers."""
    return (
        expr.replace(expm1, lambda x: sp.exp(x) - 1)
        .replace(log1p, lambda x: sp.log(1 + x))
        .replace(erfc, lambda x: 1 - sp.erf(x))
        .replace(sp.tanh, lambda x: 1 - 2 / (sp.exp(2 * x) + 1))
    )


def bounds(expr: sp.Expr, at: Bounds, bits: int = BITS) -> Bounds:
    """What the values on an interval lie between."""
    with _precision(bits):
        box = _box(expr, _between(*at))
        return _fraction(box._mpi_[0]), _fraction(box._mpi_[1])


def sign(expr: sp.Expr, at: Bounds) -> int:
    """The sign on an interval; 0 where it is not seen to be one."""
    bits = 64
    while bits <= _MOST_BITS:
        lower, upper = bounds(expr, at, bits)
        if lower > 0 or upper < 0 or lower == upper:
            return (lower > 0) - (upper < 0)
        if at[0] != at[1] and bits > BITS:
            return 0
        bits *= 2
    return 0


def sign_at(expr: sp.Expr, point: Fraction) -> int:
    """The sign at a number; 0 for a proven zero."""
    found = sign(expr, (point, point))
    return found or sign_of(expr.subs(Z, rational(point)))


def sign_of(constant: sp.Expr) -> int:
    """The sign of a constant or an infinity; 0 for a proven zero."""
    if constant in (sp.oo, -sp.oo) or constant.is_Rational:
        return int(sp.sign(constant))
    found = sign(constant, (Fraction(0), Fraction(0)))
    if found == 0 and sp.simplify(constant) != 0:
        raise ArithmeticError(f"the sign of {constant} is not seen in {_MOST_BITS} bits")
    return found


def bounds_of(constant: sp.Expr) -> Bounds:
    """A fraction is its own bounds."""
    if constant.is_Rational:
        return Fraction(int(constant.p), int(constant.q)), Fraction(int(constant.p), int(constant.q))
    return bounds(constant, (Fraction(0), Fraction(0)))


def rational(number: Fraction) -> sp.Rational:
    """The same number for SymPy."""
    return sp.Rational(number.numerator, number.denominator)


def rounded(number: sp.Expr, side: int) -> sp.Expr:
    """A rational of few digits, not below (`side` is 1) or not above (-1) the given one."""
    if number == 0 or number.is_infinite:
        return number
    places = _DIGITS + len(str(number.q)) - len(str(abs(number.p)))
    scale = sp.Integer(10) ** places
    return (sp.ceiling(number * scale) if side > 0 else sp.floor(number * scale)) / scale


def floats(at: Bounds) -> tuple[float, float]:
    """The nearest floats outside."""
    lower, upper = float(at[0]), float(at[1])
    if Fraction(lower) > at[0]:
        lower = math.nextafter(lower, -math.inf)
    if Fraction(upper) < at[1]:
        upper = math.nextafter(upper, math.inf)
    return lower, upper


@contextmanager
def _precision(bits: int) -> Iterator[None]:
    before = mpmath.iv.prec
    mpmath.iv.prec = bits
    try:
        yield
    finally:
        mpmath.iv.prec = before


def _exact(number: Fraction) -> Box:
    return mpmath.iv.mpf(number.numerator) / mpmath.iv.mpf(number.denominator)


def _between(lower: Fraction, upper: Fraction) -> Box:
    return mpmath.iv.mpf([_exact(lower).a, _exact(upper).b])


def _fraction(raw: Any) -> Fraction:
    number = mpmath.mp.make_mpf(raw)
    if not mpmath.isfinite(number):
        raise ArithmeticError(f"a value without bounds: {number}")
    return Fraction(*mpmath.libmp.to_rational(raw))


def _increasing(function: Callable[[Any], Any]) -> Callable[[Box], Box]:
    """An increasing function that interval arithmetic lacks, from its values at both ends."""

    def values(box: Box) -> Box:
        bits = mpmath.iv.prec
        with mpmath.workprec(bits + _GUARD):
            lower, upper = (function(mpmath.mp.make_mpf(end)) for end in box._mpi_)
            slack = mpmath.ldexp(1, -bits)
            return mpmath.iv.mpf([lower - abs(lower) * slack, upper + abs(upper) * slack])

    return values


_FUNCTIONS: dict[Any, Callable[[Box], Box]] = {
    sp.exp: mpmath.iv.exp,
    sp.log: mpmath.iv.log,
    sp.sin: mpmath.iv.sin,
    sp.cos: mpmath.iv.cos,
    sp.erf: _increasing(mpmath.erf),
    sp.atan: _increasing(mpmath.atan),
}
_NUMBERS = {sp.pi: "pi", sp.E: "e"}


def _box(expr: sp.Expr, z: Box) -> Box:
    if expr.is_Rational:
        return _exact(Fraction(int(expr.p), int(expr.q)))
    if expr == Z:
        return z
    if expr in _NUMBERS:
        return +getattr(mpmath.iv, _NUMBERS[expr])
    parts = [_box(argument, z) for argument in expr.args]
    match expr:
        case sp.Add():
            return reduce(lambda a, b: a + b, parts)
        case sp.Mul():
            return reduce(lambda a, b: a * b, parts)
        case sp.Pow() if expr.exp.is_Integer:
            return parts[0] ** int(expr.exp)
        case sp.Pow():
            return mpmath.iv.exp(mpmath.iv.log(parts[0]) * parts[1])
    if expr.func not in _FUNCTIONS:
        raise TypeError(f"no enclosure for {expr.func} in {expr}; give it one in derive/functions/enclosures.py")
    return _FUNCTIONS[expr.func](parts[0])
