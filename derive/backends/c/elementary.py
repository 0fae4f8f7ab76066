"""The numbers that elementary functions in C are computed with. In: nothing. Out: what `functions.h.j2` places.

How a function is reduced to an interval stands in the template; here stand what is approximated there and in
which degree, and the constants of the reduction, for each precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

from derive.backends.c.approximation import Function, Number, Polynomial, fit, mp, parts

Constants = dict[str, float]

_SHORT = 8

_ERF_INSIDE, _ERFC_OUTSIDE = 1.0, 0.75
"""Up to where erf is a polynomial, and from where erfc is one times a Gaussian; between them both are known."""


@dataclass(frozen=True)
class _Precision:
    """A format of IEEE 754, and what is chosen for it."""

    size: int
    digits: int
    bias: int
    turns: int
    """sin and cos are our own up to two to this power of quarter turns."""
    centre: int
    """Where the variable of erfc's polynomial is zero."""
    degrees: tuple[int, ...]
    """Of exp, log, sin, cos, erf and erfc."""

    @property
    def nothing(self) -> Number:
        """Half of the smallest number: what rounds to zero."""
        return mp.ldexp(1, 1 - self.bias - self.digits)


_PRECISIONS = (
    _Precision(size=32, digits=24, bias=127, turns=11, centre=2, degrees=(4, 2, 3, 2, 6, 8)),
    _Precision(size=64, digits=53, bias=1023, turns=20, centre=3, degrees=(10, 6, 6, 5, 12, 19)),
)


@dataclass(frozen=True)
class _Series:
    """A function of r on an interval: known coefficients, and a polynomial times a power of r for the rest."""

    name: str
    about: str
    whole: Function
    known: tuple[Number, ...]
    power: int
    low: Number
    high: Number

    def fitted(self, degree: int, bits: int) -> Polynomial:
        """The rest; its error is that of the whole, relative."""
        return fit(
            lambda r: (self.whole(r) - mp.polyval(self.known[::-1], r)) / r**self.power,
            lambda r: abs(r**self.power / self.whole(r)),
            (self.low, self.high),
            degree,
            bits,
        )


@cache
def shared_functions() -> dict[str, Any]:
    """What the template places: for each precision constants and polynomials, and all names of constants."""
    constants = [_constants(p) for p in _PRECISIONS]
    return {
        "precisions": [
            {
                "size": p.size,
                "constants": [{"name": name, "value": _text(value)} for name, value in values.items()],
                "polynomials": [_placed(s, s.fitted(d, p.digits)) for s, d in zip(_series(p), p.degrees, strict=True)],
            }
            for p, values in zip(_PRECISIONS, constants, strict=True)
        ],
        "macros": [*constants[0]],
    }


def _series(p: _Precision) -> Iterator[_Series]:
    root, half, eighth = mp.sqrt, mp.log(2) / 2, (mp.pi / 4) ** 2
    yield _Series("exp_rest", "exp(r) - 1 = r + r^2 p", mp.expm1, (0, 1), 2, -half, half)
    yield _Series(
        "log_rest", "2 atanh(s) / s = 2 + r p, r = s^2", lambda r: 2 * mp.atanh(root(r)) / root(r), (2,), 1,
        mp.zero, ((root(2) - 1) / (root(2) + 1)) ** 2,
    )  # fmt: skip
    yield _Series("sin_rest", "sin(s) / s = 1 + r p, r = s^2", lambda r: mp.sinc(root(r)), (1,), 1, mp.zero, eighth)
    yield _Series(
        "cos_rest", "cos(s) = 1 - r / 2 + r^2 p, r = s^2", lambda r: mp.cos(root(r)), (1, mp.mpf(-0.5)), 2,
        mp.zero, eighth,
    )  # fmt: skip
    yield _Series(
        "erf_inside", "erf(s) / s = 1 + p, r = s^2", lambda r: mp.erf(root(r)) / root(r), (1,), 0,
        mp.zero, mp.mpf(_ERF_INSIDE) ** 2,
    )  # fmt: skip
    yield _erfc_outside(p.centre, mp.mpf(_ERFC_OUTSIDE), _erfc_is_zero(p))


def _erfc_outside(centre: int, start: Number, end: Number) -> _Series:
    def argument(r: Number) -> Number:
        return centre * (1 + r) / (1 - r)

    def variable(a: Number) -> Number:
        return (a - centre) / (a + centre)

    def scaled(r: Number) -> Number:
        a = argument(r)
        return mp.exp(a * a) * mp.erfc(a) * (1 + 2 * a)

    about = f"exp(a^2) erfc(a) (1 + 2 a) = p, r = (a - {centre}) / (a + {centre})"
    return _Series("erfc_outside", about, scaled, (0,), 0, variable(start), variable(end))


def _erfc_is_zero(p: _Precision) -> Number:
    return next(a for a in (mp.mpf(k) / 8 for k in count(64)) if mp.erfc(a) < p.nothing)


def _constants(p: _Precision) -> Constants:
    """Those of the reductions, by the names of C's macros."""
    return {**_of_exponentials(p), **_of_logarithms(p), **_of_quarter_turns(p), **_of_error_function(p)}


def _of_exponentials(p: _Precision) -> Constants:
    """A number is rounded by adding 3/2 of the format's last power of two; more on top comes out in the low bits."""
    rounder = 3 * 2 ** (p.digits - 2)
    return {
        "DIGITS": p.digits - 1,
        "BIAS": p.bias,
        "ROUNDER": float(rounder),
        "ROUNDER_BIASED_TWICE": float(rounder + 2 * p.bias),
        "ROUNDER_BIASED_LESS_1": float(rounder + p.bias - 1),
        "LOG2_E": float(1 / mp.log(2)),
        "EXP_IS_0": float(mp.floor(mp.log(p.nothing))),
        "EXP_IS_INFINITE": float(mp.ceil(mp.log(2) * (p.bias + 1))),
        "EXPM1_IS_MINUS_1": float(mp.floor(-mp.log(2) * (p.digits + 1))),
        "TANH_IS_1": float(mp.ceil(mp.log(2) * (p.digits + 2) * 8) / 16),
    }


def _of_logarithms(p: _Precision) -> Constants:
    """The high part of ln 2 times any exponent is exact."""
    high, low = parts(mp.log(2), (p.digits - p.bias.bit_length() - 1, p.digits))
    return {
        "LN2_HIGH": high,
        "LN2_LOW": low,
        "SMALLEST_NORMAL": float(mp.ldexp(1, 1 - p.bias)),
        "ALL_ARE_WHOLE": float(mp.ldexp(1, p.digits)),
        "SQRT_HALF": float(mp.sqrt(0.5)),
    }


def _of_quarter_turns(p: _Precision) -> Constants:
    """All parts of pi / 2 but the last are exact when multiplied with the number of quarter turns."""
    short = p.digits - p.turns
    quarter = parts(mp.pi / 2, (short, short, short, p.digits))
    return {
        "TWO_OVER_PI": float(2 / mp.pi),
        **{f"HALF_PI_{k}": part for k, part in enumerate(quarter, 1)},
        "TURNS_END": float(mp.floor(mp.ldexp(mp.pi / 2, p.turns))),
    }


def _of_error_function(p: _Precision) -> Constants:
    """What is left of a number without its low bits has an exact square."""
    return {
        "LOW_BITS": 2 ** ((p.digits + 1) // 2) - 1,
        "ERF_INSIDE": _ERF_INSIDE,
        "ERFC_OUTSIDE": _ERFC_OUTSIDE,
        "ERFC_CENTRE": p.centre,
        "ERFC_IS_0": float(_erfc_is_zero(p)),
    }


def _placed(series: _Series, found: Polynomial) -> dict[str, Any]:
    """A polynomial as the lines of a function, highest degree first."""
    first, *others = map(_text, reversed(found.coefficients))
    low, high = (mp.nstr(end, 5) for end in (series.low, series.high))
    return {
        "name": series.name,
        "about": f"{series.about}, for r from {low} to {high}: relative error {found.error:.2g}",
        "lines": [f"vec p = V({first});", *(f"p = p * r + V({c});" for c in others), "return p;"],
    }


def _text(value: float) -> str:
    """A number as C99 has it, exactly: whole and short ones in base 10, others in base 16."""
    if value == int(value) or len(repr(value)) <= _SHORT:
        return repr(value)
    digits, exponent = value.hex().split("p")
    return f"{digits.rstrip('0').rstrip('.')}p{exponent}"
