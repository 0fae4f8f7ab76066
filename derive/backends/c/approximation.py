"""Polynomials for elementary functions, and constants in parts. In: a function of one number. Out: coefficients.

`fit` is Remez's exchange on a grid: the polynomial whose weighted error is smallest where it is largest.
Coefficients are then rounded to the precision that will compute with them, and the error is measured of
what was rounded. All is done in fifty digits, so the same bytes come out everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mpmath import MPContext

mp = MPContext()
"""Fifty digits, whatever others set for themselves."""
mp.dps = 50

Number = Any
"""mpmath's own, which has no types."""
Function = Callable[[Number], Number]

_DENSE = 10
"""Points of the grid for each coefficient."""
_EXCHANGES = 20
_LEVEL = mp.mpf("1.001")
"""The exchange ends when no error is larger than the levelled one by more than this."""


@dataclass(frozen=True)
class Polynomial:
    """Coefficients, lowest degree first, and the largest weighted error on the interval."""

    coefficients: tuple[float, ...]
    error: float


def fit(function: Function, weight: Function, interval: tuple[Number, Number], degree: int, bits: int) -> Polynomial:
    """The polynomial p of a degree for which weight * (p - function) is smallest."""
    points = _grid(interval, _DENSE * (degree + 2))
    values, weights = [*map(function, points)], [*map(weight, points)]
    chosen = [_DENSE // 2 + _DENSE * k for k in range(degree + 2)]
    for _ in range(_EXCHANGES):
        level, coefficients = _levelled(*([each[k] for k in chosen] for each in (points, values, weights)))
        errors = [w * (_at(coefficients, x) - y) for x, y, w in zip(points, values, weights, strict=True)]
        if max(map(abs, errors)) <= abs(level) * _LEVEL:
            break
        chosen = _extremes(errors, degree + 2)
    kept = [rounded(c, bits) for c in coefficients]
    error = max(abs(w * (_at(kept, x) - y)) for x, y, w in zip(points, values, weights, strict=True))
    return Polynomial(tuple(map(float, kept)), float(error))


def rounded(value: Number, bits: int) -> Number:
    """The nearest number of so many bits."""
    with mp.workprec(bits):
        return +value


def parts(value: Number, sizes: Sequence[int]) -> list[float]:
    """Numbers of so many bits each, none of another sign than the value, which add up to it."""
    found = []
    for bits in sizes:
        found.append(float(mp.mpf(value, prec=bits, rounding="d")))
        value -= found[-1]
    return found


def _grid(interval: tuple[Number, Number], count: int) -> list[Number]:
    """Chebyshev's points, close together at both ends, without the ends."""
    middle, half = (interval[0] + interval[1]) / 2, (interval[1] - interval[0]) / 2
    return [middle - half * mp.cospi((mp.mpf(k) + 0.5) / count) for k in range(count)]


def _levelled(x: list[Number], y: list[Number], weights: list[Number]) -> tuple[Number, list[Number]]:
    """The polynomial whose weighted errors at the points are equal with turning signs; the error, and it."""
    duals = [1 / mp.fprod(a - b for b in x if b != a) for a in x]
    steps = [(-1) ** k / w for k, w in enumerate(weights)]
    level = mp.fdot(duals, y) / mp.fdot(duals, steps)
    return level, _through(x[:-1], [value - level * step for value, step in zip(y, steps, strict=True)][:-1])


def _through(x: list[Number], y: list[Number]) -> list[Number]:
    """The coefficients of the polynomial through some points, by Newton's divided differences."""
    differences = list(y)
    for order in range(1, len(x)):
        for k in range(len(x) - 1, order - 1, -1):
            differences[k] = (differences[k] - differences[k - 1]) / (x[k] - x[k - order])
    coefficients: list[Number] = []
    for point, difference in zip(reversed(x), reversed(differences), strict=True):
        risen = [mp.zero, *coefficients]
        lowered = [*(point * c for c in coefficients), mp.zero]
        coefficients = [a - b for a, b in zip(risen, lowered, strict=True)]
        coefficients[0] += difference
    return coefficients


def _at(coefficients: Sequence[Number], x: Number) -> Number:
    value = mp.zero
    for c in reversed(coefficients):
        value = value * x + c
    return value


def _extremes(errors: list[Number], count: int) -> list[int]:
    """Where the error is largest between two changes of its sign; so many neighbours, with the largest among them."""
    turns = [k + 1 for k, (a, b) in enumerate(pairwise(errors)) if (a < 0) != (b < 0)]
    peaks = [max(range(a, b), key=lambda k: abs(errors[k])) for a, b in pairwise([0, *turns, len(errors)])]
    while len(peaks) > count:
        peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
    return peaks
