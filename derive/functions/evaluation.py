"""The value of a function at a number, real or complex, from its closed form alone.

In: a row and a number. Out: the value; Python numbers come out as Python numbers, mpmath's as mpmath's, in
the precision that is set there. At a complex number the interval is chosen by the real part and the
expression of that interval is continued, so a complex step gives the derivative of every row. At a kink
there is nothing to continue, and the value is the real one: the derivative there is 0.
"""

from __future__ import annotations

import cmath
import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import mpmath
import sympy as sp

from derive.functions.pieces import Pieces, pieces, same, slope
from derive.functions.primitives import Z
from derive.functions.rows import lookup

Number = Any
Function = Callable[[Number], Number]


def _expm1(z: complex) -> complex:
    sine = math.sin(z.imag / 2)
    real = math.expm1(z.real) * math.cos(z.imag) - 2 * sine * sine
    return complex(real, math.exp(z.real) * math.sin(z.imag))


def _log1p(z: complex) -> complex:
    if abs(z.real) > 0.5 or z.imag * z.imag > 1e-20:
        return cmath.log(1 + z)
    return complex(math.log1p(z.real), math.atan2(z.imag, 1 + z.real))


def _through_mpmath(function: Function) -> Function:
    """A function that Python lacks. The extra bits keep the imaginary part of a complex step of 1e-30."""

    def evaluate(z: complex) -> complex:
        with mpmath.workprec(300):
            return complex(function(mpmath.mpc(z)))

    return evaluate


_MACHINE: dict[str, Any] = {
    **{name: getattr(cmath, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tanh")},
    **{name: _through_mpmath(getattr(mpmath, name)) for name in ("erf", "erfc")},
    "expm1": _expm1,
    "log1p": _log1p,
    "pi": math.pi,
}
_MPMATH = [{"expm1": mpmath.expm1, "log1p": mpmath.log1p, "erfc": mpmath.erfc}, "mpmath"]


@dataclass(frozen=True)
class Evaluator:
    """Compiled for one arithmetic, interval by interval (with its right end); `at` holds for kinks."""

    points: tuple[float, ...]
    values: tuple[Function, ...]
    at: dict[float, Number]

    def __call__(self, z: Number) -> Number:
        real = z.real
        if real in self.at:
            return self.at[real]
        return self.values[bisect_left(self.points, real)](z)


@cache
def evaluator(closed: sp.Expr, *, exact: bool) -> Evaluator:
    """The closed form as a function of complex numbers, or (`exact`) of mpmath's numbers."""
    form = pieces(closed)
    kinks = tuple(k for k, smooth in enumerate(_smooth(form, slope(closed))) if not smooth)
    return compiled(form, kinks, exact=exact)


def compiled(form: Pieces, kinks: Sequence[int], *, exact: bool) -> Evaluator:
    """Pieces as a function of numbers; at the breakpoints numbered `kinks` it is a constant."""
    modules = _MPMATH if exact else [_MACHINE]
    values = tuple(sp.lambdify(Z, value, modules=modules) for value in form.values)
    number = mpmath.mpmathify if exact else complex
    at = {float(form.points[k]): number(sp.N(form.at[k], 200)) for k in kinks}
    return Evaluator(tuple(map(float, form.points)), values, at)


def _smooth(form: Pieces, derivative: Pieces) -> list[bool]:
    """At which breakpoints function and derivative are those of the interval to the left."""
    return [
        same(at, value.subs(Z, point)) and same(derivative_at, derivative_value.subs(Z, point))
        for point, at, value, derivative_at, derivative_value in zip(
            form.points, form.at, form.values, derivative.at, derivative.values, strict=False
        )
    ]


def evaluate(name: str, z: Number) -> Number:
    """The value of a row at a float, a complex number or a number of mpmath."""
    closed = lookup(name).closed
    if isinstance(z, mpmath.mpf | mpmath.mpc):
        return evaluator(closed, exact=True)(z)
    value = evaluator(closed, exact=False)(complex(z))
    return value if isinstance(z, complex) else value.real
