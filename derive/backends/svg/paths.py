"""Lines as path data, their bends rounded, and numbers as short as they can be written."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

Point = tuple[float, float]
_CORNER = 7.0
HEAD = 4.0
"""How much shorter a line is drawn that ends in a head."""


def number(value: float) -> str:
    """At most one decimal."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def rounded(points: Sequence[Point], *, shortened: bool) -> str:
    """A line through some points, with an arc at each bend."""
    spots = list(points)
    if shortened:
        spots[-1] = _towards(spots[-1], spots[-2], HEAD)
    pieces = [f"M{_at(spots[0])}"]
    for before, here, after in zip(spots, spots[1:], spots[2:], strict=False):
        radius = min(_CORNER, _length(before, here) / 2, _length(here, after) / 2)
        pieces.append(f"L{_at(_towards(here, before, radius))}Q{_at(here)} {_at(_towards(here, after, radius))}")
    return "".join([*pieces, f"L{_at(spots[-1])}"])


def _at(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _length(a: Point, b: Point) -> float:
    return hypot(b[0] - a[0], b[1] - a[1])


def _towards(point: Point, other: Point, distance: float) -> Point:
    """A point so far from the first one in the direction of the other."""
    share = distance / (_length(point, other) or 1.0)
    return point[0] + share * (other[0] - point[0]), point[1] + share * (other[1] - point[1])
