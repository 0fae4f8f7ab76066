"""One period of a function of sin(z) and cos(z), as a function without them.

In: pieces. Out: whether sine or cosine is in them; and the values over one period in terms of t = tan(z/2), with t in
place of z. What is reached at z = π only is the limit for t to both infinities.
"""

from __future__ import annotations

import sympy as sp

from derive.functions.enclosures import Bounds, rational
from derive.functions.pieces import Interval, Pieces
from derive.functions.primitives import Z

_SINE, _COSINE = 2 * Z / (1 + Z**2), (1 - Z**2) / (1 + Z**2)
_S, _C = sp.Dummy(), sp.Dummy()


def is_periodic(form: Pieces) -> bool:
    """Whether sine or cosine of z is in the function."""
    return any(node.has(Z) for value in form.values for node in value.atoms(sp.sin, sp.cos))


def one_period(form: Pieces) -> Pieces:
    """The values over one period."""
    (value, *more) = (value.xreplace({sp.sin(Z): _S, sp.cos(Z): _C}) for value in form.values)
    if more or value.has(Z):
        raise ValueError(f"{form.values} is no function of sin(z) and cos(z) alone; no period is known")
    return Pieces((Interval(-sp.oo, sp.oo),), (value.subs({_S: _SINE, _C: _COSINE}),), ())


def reached(at: Bounds | None, lower: sp.Expr, upper: sp.Expr) -> bool:
    """Whether some z from lower to upper may have its tan(z/2) in these bounds, or infinite."""
    if lower.is_infinite or upper.is_infinite:
        return True
    first, last = (sp.pi, sp.pi) if at is None else (2 * sp.atan(rational(t)) for t in at)
    return bool(sp.ceiling((lower - last) / (2 * sp.pi)) <= sp.floor((upper - first) / (2 * sp.pi)))
