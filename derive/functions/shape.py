"""The shape of a row: where it is defined, where it turns, and what its values lie between.

In: a row's name. Out: its domain, poles, turning points and range, derived from the closed form alone and proven: what
is stated as floats or rationals is rounded outwards. With them the values on an interval are bounded: those on [a, b],
inside the domain and without a pole, lie in the hull of f(a), f(b) and the value of every turn that meets [a, b].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise

import sympy as sp

from derive.functions.courses import Arc, Level, arcs, highest, level, lowest
from derive.functions.enclosures import Bounds, bounds, bounds_of, floats, plain, rounded, sign_of
from derive.functions.periodic import is_periodic, one_period
from derive.functions.pieces import Pieces, pieces
from derive.functions.primitives import Z
from derive.functions.rows import lookup

Span = tuple[float, float]


@dataclass(frozen=True)
class Turn:
    """The function turns inside `at`, and each of its values on `at` lies in `value`; at a jump, the limits too."""

    at: Span
    value: Span


@dataclass(frozen=True)
class Shape:
    """`domain` is open, `range` holds infimum and supremum; `turns` is None where there are infinitely many."""

    domain: tuple[sp.Expr, sp.Expr]
    poles: tuple[float, ...]
    turns: tuple[Turn, ...] | None
    range: tuple[sp.Expr, sp.Expr]


@cache
def shape(name: str) -> Shape:
    """The shape of a row of the table, of a selector, or of a derivative."""
    form = pieces(lookup(name).closed)
    try:
        return _periodic(form) if is_periodic(form) else _shape(form)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ValueError(f"the shape of {name!r} cannot be proven: {error}") from error


def _periodic(form: Pieces) -> Shape:
    period = arcs(one_period(form))
    return Shape((-sp.oo, sp.oo), (), None, _range(_levels(period)))


def _shape(form: Pieces) -> Shape:
    found = arcs(form)
    known = {point: plain(at) for point, at in zip(form.points, form.at, strict=True) if plain(at).is_finite}
    inside = [level(known[p]) for p in known if found[0].interval.lower < p < found[-1].interval.upper]
    return Shape(
        (found[0].interval.lower, found[-1].interval.upper),
        tuple(_float(left.interval.upper) for left, right in pairwise(found) if _pole_between(left, right)),
        tuple(_turns(found, known)),
        _range([*_levels(found), *inside]),
    )


def _float(pole: sp.Expr) -> float:
    lower, upper = floats(bounds_of(pole))
    if lower != upper:
        raise ValueError(f"the pole {pole} is no float")
    return lower


def _pole_between(left: Arc, right: Arc) -> bool:
    if left.interval.upper != right.interval.lower:
        raise ValueError(f"the domain has a gap between {left.interval.upper} and {right.interval.lower}")
    return bool(left.ends[1].is_infinite or right.ends[0].is_infinite)


def _levels(found: tuple[Arc, ...]) -> list[Level]:
    turns = [arc.level_at(turn) for arc in found for turn in arc.turns]
    return [*turns, *(level(end) for arc in found for end in arc.ends)]


def _range(levels: list[Level]) -> tuple[sp.Expr, sp.Expr]:
    bottom, top = lowest(levels), highest(levels)
    return (
        rounded(bottom.lower, -1) if bottom.exact is None else bottom.exact,
        rounded(top.upper, 1) if top.exact is None else top.exact,
    )


Event = tuple[Turn | None, int]


def _turns(found: tuple[Arc, ...], known: dict[sp.Expr, sp.Expr]) -> Iterator[Turn]:
    """Where a direction is the opposite of the one before. Nothing is compared across a pole."""
    last, latest = 0, None
    for turn, direction in _events(found, known):
        if turn is None:
            last = 0
        elif direction * last < 0 and turn != latest:
            latest = turn
            yield turn
        last = direction or last


def _events(found: tuple[Arc, ...], known: dict[sp.Expr, sp.Expr]) -> Iterator[Event]:
    """Each direction, in ascending order, after the turn that stands there if it is a new one."""
    for k, arc in enumerate(found):
        if k == 0 or _pole_between(found[k - 1], arc):
            yield None, arc.directions[0]
        else:
            yield from _junction(found[k - 1], known, arc)
        for root, direction in zip(arc.turns, arc.directions[1:], strict=True):
            yield _turn(root.at, arc, root.exact), direction


def _junction(left: Arc, known: dict[sp.Expr, sp.Expr], right: Arc) -> Iterator[Event]:
    """At a breakpoint: a jump to the value there, a jump from it, and the direction after it."""
    point = left.interval.upper
    values = [left.ends[1], known[point], right.ends[0]]
    lower, upper = zip(*map(bounds_of, values), strict=True)
    turn = Turn(_exactly(point), floats((min(lower), max(upper))))
    for a, b in pairwise(values):
        yield turn, sign_of(b - a)
    yield turn, right.directions[0]


def _turn(at: Bounds, arc: Arc, exact: sp.Expr | None) -> Turn:
    span = floats(at)
    if exact is not None and span[0] == span[1]:
        return Turn(span, floats(bounds_of(arc.value.subs(Z, exact))))
    return Turn(span, floats(bounds(arc.value, (Fraction(span[0]), Fraction(span[1])))))


def _exactly(point: sp.Expr) -> Span:
    span = floats(bounds_of(point))
    if span[0] != span[1]:
        raise ValueError(f"the breakpoint {point} is no float")
    return span
