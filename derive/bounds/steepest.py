"""Where a function is steepest, if it is so at a point that can be written down.

In: a row's name. Out: the point, and the function's value there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import sympy as sp

from derive.functions import Z, lookup, shape, slope_bound
from derive.functions.pieces import same
from derive.functions.rows import PRIME

_CLOSE = sp.Rational(1, 10**12)


@cache
def steepest(name: str) -> tuple[sp.Expr, sp.Expr] | None:
    """A point at which |f'| is its supremum, and f there; None where none is found."""
    exact = slope_bound(name).exact
    if exact is None or not exact.is_finite:
        return None
    slope = lookup(f"{name}{PRIME}").closed
    for point in _candidates(name):
        if same(abs(slope.subs(Z, point)), exact):
            return point, sp.simplify(lookup(name).closed.subs(Z, point))
    return None


def _candidates(name: str) -> Iterator[sp.Expr]:
    yield from (sp.S.Zero, sp.S.One, -sp.S.One)
    for turn in reversed(_turns(name)):
        yield sp.nsimplify(sp.Float((turn[0] + turn[1]) / 2), [sp.sqrt(2)], tolerance=_CLOSE)


def _turns(name: str) -> list[tuple[float, float]]:
    try:
        return [turn.at for turn in shape(f"{name}{PRIME}").turns or ()]
    except ValueError:
        return []
