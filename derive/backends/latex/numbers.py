"""Constants in LaTeX: numbers, and expressions of numbers and lengths of axes.

In: a SymPy expression without elements. Out: LaTeX; short decimal fractions as decimals, very small and
very large ones with a power of ten.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import sympy as sp

from derive.system import Length

Spelling = Callable[[str], str]


def number(value: sp.Expr, axis: Spelling) -> str:
    """A constant in LaTeX."""
    if value.could_extract_minus_sign():
        return "-" + number(-value, axis)
    if isinstance(value, Length):
        return axis(value.name)
    if value.is_Rational:
        return _rational(Fraction(int(value.p), int(value.q)))
    above, below = sp.fraction(value)
    if below != 1:
        return rf"\tfrac{{{number(above, axis)}}}{{{number(below, axis)}}}"
    if isinstance(value, sp.Add):
        return " + ".join(number(a, axis) for a in sorted(value.args, key=sp.default_sort_key))
    if isinstance(value, sp.Pow):
        return f"{_bracketed(value.base, axis)}^{{{number(value.exp, axis)}}}"
    if isinstance(value, sp.Mul):
        return r"\,".join(_bracketed(a, axis) for a in value.args)
    raise TypeError(f"{value} is not a constant of numbers and lengths")


def _bracketed(value: sp.Expr, axis: Spelling) -> str:
    text = number(value, axis)
    return f"({text})" if isinstance(value, sp.Add) else text


def _rational(value: Fraction) -> str:
    digits, places = value.numerator, value.denominator
    if places == 1:
        return str(digits) if digits < 10**6 else _scientific(digits, 0)
    tens = _decimal_places(places)
    if tens is None or places < 10:
        return rf"\tfrac{{{digits}}}{{{places}}}"
    digits = digits * 10**tens // places
    if tens > 4 and digits < 10 ** (tens - 2):
        return _scientific(digits, tens)
    return f"{digits // 10**tens}.{digits % 10**tens:0{tens}d}"


def _decimal_places(denominator: int) -> int | None:
    """How many decimals a fraction with this denominator has; None if they never end."""
    for tens in range(40):
        if 10**tens % denominator == 0:
            return tens
    return None


def _scientific(digits: int, tens: int) -> str:
    mantissa = str(digits).rstrip("0")
    exponent = len(str(digits)) - 1 - tens
    shown = mantissa if len(mantissa) == 1 else f"{mantissa[0]}.{mantissa[1:]}"
    return rf"10^{{{exponent}}}" if shown == "1" else rf"{shown} \cdot 10^{{{exponent}}}"
