"""A closed form as the stretches on which it rises or falls.

In: a closed form's pieces. Out: its arcs, ascending: open intervals without a breakpoint and without a pole, each with
the points where the function turns, its direction between them, and what it tends to at both ends. And levels: exact
constants where they are known, bounds on them where not, with the highest and the lowest of several.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import sympy as sp

from derive.functions.enclosures import Bounds, bounds, bounds_of, plain, rational, sign_of
from derive.functions.limits import limit
from derive.functions.pieces import Interval, Pieces, same
from derive.functions.primitives import Z
from derive.functions.signs import Root, factors, signs, zeros

_NARROW = Fraction(1, 2**100)


@dataclass(frozen=True)
class Level:
    """A value: between two rationals or infinities, and a constant where that is known."""

    lower: sp.Expr
    upper: sp.Expr
    exact: sp.Expr | None

    def __neg__(self) -> Level:
        return Level(-self.upper, -self.lower, None if self.exact is None else -self.exact)

    def __abs__(self) -> Level:
        if self.lower >= 0:
            return self
        return -self if self.upper <= 0 else Level(sp.S.Zero, sp.Max(-self.lower, self.upper), None)


def level(constant: sp.Expr) -> Level:
    """The level of a constant or an infinity."""
    if constant.is_infinite:
        return Level(constant, constant, constant)
    return _level(bounds_of(plain(constant)), constant)


def _level(at: Bounds, exact: sp.Expr | None) -> Level:
    return Level(rational(at[0]), rational(at[1]), exact)


def highest(levels: Iterable[Level]) -> Level:
    """The supremum of several; exact where every level that may be the highest is the same constant."""
    every = list(levels)
    least = max(found.lower for found in every)
    top = [found for found in every if found.upper >= least]
    exact = [found.exact for found in top if found.exact is not None]
    agreed = len(exact) == len(top) and all(_agree(exact[0], other) for other in exact[1:])
    simplest = min(exact, key=lambda e: (sp.count_ops(e), sp.default_sort_key(e))) if agreed else None
    return Level(least, max(found.upper for found in top), simplest)


def lowest(levels: Iterable[Level]) -> Level:
    """The infimum of several."""
    return -highest(-found for found in levels)


def _agree(a: sp.Expr, b: sp.Expr) -> bool:
    if a == b or a.is_infinite or b.is_infinite:
        return bool(a == b)
    return same(plain(a), plain(b)) and sign_of(plain(a - b)) == 0


@dataclass(frozen=True)
class Arc:
    """`directions[k]` before `turns[k]`, 0 where constant; `ends` are limits, infinite ones included."""

    interval: Interval
    value: sp.Expr
    turns: tuple[Root, ...]
    directions: tuple[int, ...]

    @property
    def ends(self) -> tuple[sp.Expr, sp.Expr]:
        return limit(self.value, self.interval.lower, 1), limit(self.value, self.interval.upper, -1)

    def level_at(self, turn: Root) -> Level:
        """The value where it turns."""
        if turn.exact is not None:
            return level(tidied(self.value.subs(Z, turn.exact)))
        return _level(bounds(self.value, turn.at), None)


def tidied(constant: sp.Expr) -> sp.Expr:
    """The shortest way to write a constant."""
    expanded, joined = sp.expand(constant), sp.radsimp(sp.together(constant))
    return min((constant, expanded, sp.radsimp(expanded), joined, sp.expand(joined)), key=sp.count_ops)


def arcs(form: Pieces) -> tuple[Arc, ...]:
    """All arcs of a function, which is real and finite on them."""
    return tuple(_arc(value, interval) for value, interval in _parts(form))


def slope_arcs(form: Pieces) -> tuple[Arc, ...]:
    """All arcs of a function's derivative, inside the domain of the function."""
    parts = _parts(form)
    slopes = Pieces(tuple(interval for _, interval in parts), tuple(sp.diff(value, Z) for value, _ in parts), ())
    return arcs(slopes)


def _parts(form: Pieces) -> list[tuple[sp.Expr, Interval]]:
    found = []
    for interval, value in zip(form.intervals, map(plain, form.values), strict=True):
        part = _domain(value, interval)
        if part is not None:
            ends = (part.lower, *_poles(value, part), part.upper)
            found += [(value, Interval(a, b)) for a, b in pairwise(ends)]
    return found


def _arc(value: sp.Expr, interval: Interval) -> Arc:
    found = signs(sp.diff(value, Z), interval)
    return Arc(interval, value, tuple(root.refined(_NARROW) for root in found.changes), found.signs)


def _domain(value: sp.Expr, interval: Interval) -> Interval | None:
    """The part of an interval on which logarithms and roots have positive arguments."""
    lower, upper = interval.lower, interval.upper
    for argument in sorted(_must_be_positive(value), key=sp.default_sort_key):
        if argument.is_polynomial(Z) and sp.degree(argument, Z) == 1:
            slope, end = argument.diff(Z), -argument.subs(Z, 0) / argument.diff(Z)
            lower, upper = (sp.Max(lower, end), upper) if slope > 0 else (lower, sp.Min(upper, end))
        elif signs(argument, interval).signs != (1,):
            raise ValueError(f"{argument} in {value} is not positive on all of {lower} < z < {upper}")
    return Interval(lower, upper) if lower < upper else None


def _must_be_positive(value: sp.Expr) -> set[sp.Expr]:
    roots = {node.base for node in value.atoms(sp.Pow) if not node.exp.is_Integer}
    return {argument for argument in roots | {node.args[0] for node in value.atoms(sp.log)} if argument.has(Z)}


def _poles(value: sp.Expr, interval: Interval) -> list[sp.Expr]:
    """Where a denominator is zero; the function must be unbounded there on both sides."""
    product = sp.Mul(*(factor for factor, _ in factors(value)[1]))
    found = [root.exact for root in zeros(product, interval)]
    for pole in found:
        if pole is None or not all(limit(value, pole, side).is_infinite for side in (-1, 1)):
            raise ValueError(f"the denominator of {value} is zero at {pole}, which is not seen to be a pole")
    return found
