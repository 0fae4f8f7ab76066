"""A closed form, and its derivative, between the points where it changes its expression.

In: a closed form in `Z`. Out: its open intervals in ascending order, each with an expression that has no
`Abs` and no `Piecewise`; its derivative in the same way; and a closed form put together again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import sympy as sp
from sympy.core.relational import Relational

from derive.functions.algebra import tidy
from derive.functions.primitives import Z


@dataclass(frozen=True)
class Interval:
    """The numbers strictly between two ends."""

    lower: sp.Expr
    upper: sp.Expr

    @property
    def inside(self) -> sp.Expr:
        """A number of the interval."""
        if self.lower.is_finite and self.upper.is_finite:
            return (self.lower + self.upper) / 2
        if self.lower.is_finite:
            return self.lower + 1
        return self.upper - 1 if self.upper.is_finite else sp.S.One


def breakpoints(closed: sp.Expr) -> tuple[sp.Expr, ...]:
    """Where an `Abs` or a condition of a `Piecewise` changes, ascending."""
    found = set()
    for node in closed.atoms(sp.Abs, Relational):
        boundary = node.args[0] if isinstance(node, sp.Abs) else node.lhs - node.rhs
        if not boundary.is_polynomial(Z) or sp.degree(boundary, Z) != 1:
            raise ValueError(
                f"{node} in the closed form {closed} does not change at one number; expected Abs of a linear "
                "expression of z, or a comparison of z with a number"
            )
        found.add(-boundary.subs(Z, 0) / boundary.diff(Z))
    return tuple(sorted(found))


def intervals(points: Sequence[sp.Expr]) -> tuple[Interval, ...]:
    """The open intervals that ascending points leave of the line."""
    ends = (-sp.oo, *points, sp.oo)
    return tuple(Interval(a, b) for a, b in pairwise(ends))


def resolved(expr: sp.Expr, interval: Interval) -> sp.Expr:
    """The expression on an interval without a breakpoint: no `Abs`, no `Piecewise`."""
    if isinstance(expr, sp.Piecewise):
        chosen = next(value for value, holds in expr.args if holds.subs(Z, interval.inside) == sp.true)
        return resolved(chosen, interval)
    if isinstance(expr, sp.Abs):
        argument = resolved(expr.args[0], interval)
        return argument if argument.subs(Z, interval.inside) > 0 else -argument
    if not expr.args:
        return expr
    return expr.func(*(resolved(argument, interval) for argument in expr.args))


@dataclass(frozen=True)
class Pieces:
    """`values[k]` on `intervals[k]`, and `at[k]` at the breakpoint between it and the next."""

    intervals: tuple[Interval, ...]
    values: tuple[sp.Expr, ...]
    at: tuple[sp.Expr, ...]

    @property
    def points(self) -> tuple[sp.Expr, ...]:
        return tuple(interval.upper for interval in self.intervals[:-1])


def pieces(closed: sp.Expr) -> Pieces:
    """A closed form, interval by interval."""
    points = breakpoints(closed)
    parts = intervals(points)
    return Pieces(parts, tuple(resolved(closed, i) for i in parts), tuple(closed.subs(Z, p) for p in points))


def slope(closed: sp.Expr) -> Pieces:
    """The derivative of a closed form, interval by interval.

    At a kink, where the one-sided derivatives differ or the function jumps, it is 0, in every backend; but where
    both sides rise or both fall it is the derivative from the left, for a 0 would lose the gradient.
    """
    form = pieces(closed)
    values = tuple(sp.diff(value, Z) for value in form.values)
    return Pieces(form.intervals, values, tuple(_at(form, values, k) for k in range(len(form.at))))


def has_kink(closed: sp.Expr) -> bool:
    """Whether a closed form has a kink, where it bends or jumps."""
    form = pieces(closed)
    values = tuple(sp.diff(value, Z) for value in form.values)
    return not all(_is_smooth(form, values, k) for k in range(len(form.at)))


def _at(form: Pieces, slopes: Sequence[sp.Expr], k: int) -> sp.Expr:
    left, right = (s.subs(Z, form.points[k]) for s in slopes[k : k + 2])
    return left if _meets(form, k) and (same(left, right) or left * right > 0) else sp.S.Zero


def _meets(form: Pieces, k: int) -> bool:
    """Whether there is no jump at a breakpoint."""
    point = form.points[k]
    return all(same(value.subs(Z, point), form.at[k]) for value in form.values[k : k + 2])


def _is_smooth(form: Pieces, slopes: Sequence[sp.Expr], k: int) -> bool:
    point = form.points[k]
    left, right = (s.subs(Z, point) for s in slopes[k : k + 2])
    return same(left, right) and _meets(form, k)


def same(a: sp.Expr, b: sp.Expr) -> bool:
    """Whether two constants are equal: as expressions, or to 50 digits."""
    return bool(a == b or abs(sp.N(a - b, 50, chop=1e-60)) < sp.Float("1e-45"))


def closed_form(form: Pieces) -> sp.Expr:
    """Pieces as one stable closed form, simplified.

    The default branch is one that depends on z, so that NaN comes out as NaN.
    """
    values = [tidy(value, _side(i)) for value, i in zip(form.values, form.intervals, strict=True)]
    mirrored = _mirrored(values, form)
    if mirrored is not None:
        return mirrored
    last = max(range(len(values)), key=lambda k: (values[k].has(Z), k))
    branches: list[tuple[sp.Expr, sp.Basic]] = []
    for k, point in enumerate(form.points[:last]):
        branches += _branches(values[k], form.at[k], values[k + 1], point, (sp.Lt, sp.Le))
    for k, point in reversed(list(enumerate(form.points))[last:]):
        branches += _branches(values[k + 1], form.at[k], values[k], point, (sp.Gt, sp.Ge))
    return sp.Piecewise(*branches, (values[last], True))


def _branches(
    outer: sp.Expr, at: sp.Expr, inner: sp.Expr, point: sp.Expr, relations: tuple[type, type]
) -> list[tuple[sp.Expr, sp.Basic]]:
    """What to select beyond a point and, where neither neighbour has that value, at it."""
    beyond, reaching = relations
    if same(at, inner.subs(Z, point)):
        return [(outer, beyond(Z, point))]
    if same(at, outer.subs(Z, point)):
        return [(outer, reaching(Z, point))]
    return [(outer, beyond(Z, point)), (at, reaching(Z, point))]


def _side(interval: Interval) -> int:
    """Which side of zero an interval lies on: 1, -1, or 0 where it has both."""
    return int(bool(interval.lower >= 0)) - int(bool(interval.upper <= 0))


def _mirrored(values: Sequence[sp.Expr], form: Pieces) -> sp.Expr | None:
    """One expression in |z|, where two pieces meet smoothly at 0 and mirror each other."""
    if form.points != (0,) or not all(same(value.subs(Z, 0), form.at[0]) for value in values):
        return None
    magnitude = sp.Dummy(nonnegative=True)
    left, right = values[0].subs(Z, -magnitude), values[1].subs(Z, magnitude)
    return right.subs(magnitude, sp.Abs(Z)) if sp.cancel(left - right) == 0 else None
