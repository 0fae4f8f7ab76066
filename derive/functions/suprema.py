"""How steep a row is: the supremum of its slope's magnitude over an interval of the argument.

In: a row's name and the ends of the interval. Out: the supremum as a constant where it is one that is known, and a
rational that is not below it. At a kink both one-sided slopes count as they are approached from inside the interval;
a jump counts for nothing, as the derivative there is 0 in every backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from derive.functions.courses import Arc, Level, arcs, highest, level, slope_arcs
from derive.functions.enclosures import rational, rounded, sign_of
from derive.functions.limits import limit
from derive.functions.periodic import is_periodic, one_period, reached
from derive.functions.pieces import pieces, slope
from derive.functions.primitives import Z
from derive.functions.rows import lookup
from derive.functions.signs import Root, signs


@dataclass(frozen=True)
class SlopeBound:
    """`upper` is a rational or oo, and at least the supremum; `exact` is the supremum, maybe oo, where it is known."""

    exact: sp.Expr | None
    upper: sp.Expr


def slope_bound(name: str, lower: sp.Expr | float = -sp.oo, upper: sp.Expr | float = sp.oo) -> SlopeBound:
    """The supremum of |f'| between two ends, which belong to the interval where the function is defined there.

    Ends may be symbols, read as real and inside the domain, where |f'| is monotone on all of it.
    """
    ends = _end(lower), _end(upper)
    try:
        return _slope_bound(name, *ends)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ValueError(f"the slope of {name!r} from {lower} to {upper} has no proven bound: {error}") from error


def _end(end: sp.Expr | float) -> sp.Expr:
    exact = sp.sympify(end)
    return sp.Rational(exact) if exact.is_Float else exact


@cache
def _slope_bound(name: str, lower: sp.Expr, upper: sp.Expr) -> SlopeBound:
    if lower.free_symbols | upper.free_symbols:
        return _at_one_end(name, lower, upper)
    if not lower <= upper or lower == sp.oo or upper == -sp.oo:
        raise ValueError("expected two real ends, the lower one first")
    top = highest(_periodic(name, lower, upper) if _is_periodic(name) else _levels(name, lower, upper))
    return SlopeBound(top.exact, rounded(top.upper, 1))


def _is_periodic(name: str) -> bool:
    return is_periodic(pieces(lookup(name).closed))


@cache
def _arcs(name: str) -> tuple[Arc, ...]:
    """The derivative's; of a periodic one, in terms of tan(z/2)."""
    closed = lookup(name).closed
    return arcs(one_period(slope(closed))) if _is_periodic(name) else slope_arcs(pieces(closed))


def _levels(name: str, lower: sp.Expr, upper: sp.Expr) -> list[Level]:
    found = [magnitude for arc in _arcs(name) for magnitude in _on_arc(arc, lower, upper)]
    if not found:
        raise ValueError("the function is not defined there")
    return found


def _on_arc(arc: Arc, lower: sp.Expr, upper: sp.Expr) -> list[Level]:
    """Magnitudes at both ends of what the arc and the interval share, and at the turns inside."""
    a, b = sp.Max(arc.interval.lower, lower), sp.Min(arc.interval.upper, upper)
    if a > b or (a == b and lower != upper):
        return []
    ends = ((a, -1 if a == arc.interval.upper else 1), (b, 1 if b == arc.interval.lower else -1))
    turns = [turn for turn in arc.turns if _meets(turn, lower, upper)]
    return [*(abs(level(limit(arc.value, *end))) for end in ends), *(abs(arc.level_at(turn)) for turn in turns)]


def _meets(turn: Root, lower: sp.Expr, upper: sp.Expr) -> bool:
    if turn.exact is not None and lower.is_finite and upper.is_finite:
        return sign_of(turn.exact - lower) >= 0 and sign_of(upper - turn.exact) >= 0
    return bool(lower <= rational(turn.upper) and rational(turn.lower) <= upper)


def _periodic(name: str, lower: sp.Expr, upper: sp.Expr) -> list[Level]:
    """Magnitudes at both ends and at the turns that some period has inside; all of them in a whole period."""
    found, derivative = _arcs(name), slope(lookup(name).closed).values[0]
    turns = [(arc, turn) for arc in found for turn in arc.turns if reached(turn.at, lower, upper)]
    levels = [abs(arc.level_at(turn)) for arc, turn in turns]
    if reached(None, lower, upper):
        levels += [abs(level(end)) for arc in found for end in arc.ends]
    return [*levels, *(abs(level(derivative.subs(Z, end))) for end in (lower, upper) if end.is_finite)]


def _at_one_end(name: str, lower: sp.Expr, upper: sp.Expr) -> SlopeBound:
    """The magnitude at that end towards which it rises, for a slope that rises or falls on the whole domain."""
    if _is_periodic(name) or len(_arcs(name)) != 1 or _arcs(name)[0].turns:
        raise ValueError("expected numbers as ends; symbols are for a slope that only rises or only falls")
    (arc,) = _arcs(name)
    direction = signs(arc.value, arc.interval).signs
    if len(direction) != 1:
        raise ValueError("expected numbers as ends; symbols are for a slope that keeps its sign")
    end = upper if direction[0] * arc.directions[0] > 0 else lower
    everywhere = slope_bound(name).upper
    if end.is_infinite:
        return slope_bound(name)
    return SlopeBound(direction[0] * arc.value.subs(Z, end), everywhere)
