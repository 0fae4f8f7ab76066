"""Values of the function table by mpmath, and what a spelling may be off by.

Shares with the table its closed forms alone: no intervals, no rewriting, no evaluation of the room.
"""

from collections.abc import Callable
from functools import cache

import mpmath
import numpy as np
import sympy as sp

from derive.functions import FUNCTIONS, ScalarFunction, Y, Z, derivative, lookup
from derive.functions.pieces import breakpoints
from derive.functions.table import SELECTORS

DIGITS = 50
_NAMES = [{"expm1": mpmath.expm1, "log1p": mpmath.log1p, "erfc": mpmath.erfc}, "mpmath"]
Real = Callable[[mpmath.mpf], mpmath.mpf]

TABLE = [*FUNCTIONS, *SELECTORS]


def derived_rows() -> list[str]:
    """The rows that stand for a derivative: of the table's rows, and of those again."""
    first = [f"{name}_prime" for name in TABLE if _is_derived(name)]
    return [*first, *(f"{name}_prime" for name in first if _is_derived(name))]


def _is_derived(name: str) -> bool:
    return any(node.row_name == f"{name}_prime" for node in derivative(name).atoms(ScalarFunction))


ROWS = [*TABLE, *derived_rows()]


@cache
def function(closed: sp.Expr) -> Real:
    """A closed form as a function of mpmath's numbers, branches and all."""
    return sp.lambdify(Z, closed, modules=_NAMES)


def value(expr: sp.Expr, y: mpmath.mpf, z: mpmath.mpf) -> mpmath.mpf:
    """A derivative, where the function has this output and argument."""
    known = {node: lookup(node.row_name).closed.subs(Z, node.args[0]) for node in expr.atoms(ScalarFunction)}
    return sp.lambdify((Y, Z), expr.xreplace(known), modules=_NAMES)(y, z)


def kinks(closed: sp.Expr) -> list[float]:
    return [float(point) for point in breakpoints(closed)]


def at(closed: sp.Expr, z: float) -> mpmath.mpf | None:
    """The value at a number; None where there is none that is real."""
    try:
        result = function(closed)(mpmath.mpf(z))
    except (ZeroDivisionError, ValueError):
        return None
    result = mpmath.mpmathify(result)
    return result if isinstance(result, mpmath.mpf) and not mpmath.isnan(result) else None


def slope(closed: sp.Expr, z: float) -> mpmath.mpf:
    """The derivative by differences, in so many digits that it is as good as exact."""
    return mpmath.diff(function(closed), mpmath.mpf(z))


@cache
def samples(closed: sp.Expr, dtype: type) -> tuple[np.ndarray, list[mpmath.mpf], list[mpmath.mpf]]:
    """Arguments over the whole range, the values there, and how much each may be off in units of eps.

    An error is measured against what a relative error of the argument would do: |f| + |z f'|.
    """
    wide = np.geomspace(1e-30, 1e30, 31)
    points = np.concatenate([wide, -wide, np.linspace(-120, 120, 61), np.linspace(-5, 5, 61), [0.0, -0.0]])
    edges = [np.nextafter(dtype(k), dtype(side)) for k in kinks(closed) for side in (k - 1, k + 1)]
    points = np.concatenate([points, kinks(closed), edges]).astype(dtype)
    kept, values, scales = [], [], []
    with mpmath.workdps(DIGITS):
        for z in points:
            exact = at(closed, float(z))
            if exact is None or abs(exact) > float(np.finfo(dtype).max):
                continue
            smooth = float(z) != 0 and float(z) not in kinks(closed)
            change = abs(z * slope(closed, float(z))) if smooth else mpmath.mpf(abs(float(z)))
            kept.append(z)
            values.append(exact)
            scales.append(abs(exact) + change)
    return np.array(kept, dtype), values, scales


def worst(got: np.ndarray, values: list[mpmath.mpf], scales: list[mpmath.mpf]) -> float:
    """The largest error, in units of eps; what is below the normal numbers counts as zero."""
    info = np.finfo(got.dtype)
    floor = mpmath.mpf(float(info.tiny))
    if not np.isfinite(got).all():
        return float("inf")
    errors = [max(abs(mpmath.mpf(float(g)) - v) - floor, 0) for g, v in zip(got, values, strict=True)]
    return float(max(e / (s * float(info.eps)) if e else 0 for e, s in zip(errors, scales, strict=True)))
