"""Two cells side by side.

In: two cells. Out: one picture of both.
"""

from __future__ import annotations

from dataclasses import replace

from derive.language.syntax import Cell
from derive.pictures.model import Picture, Text, moved
from derive.pictures.text import SIZE, words
from derive.pictures.whole import whole

_APART, _HEAD = 40.0, 40.0


def beside(left: Cell, right: Cell) -> Picture:
    """The picture of one step of each of two cells."""
    one, other = whole(left), whole(right)
    high = max(one.height, other.height) + _HEAD
    one = _headed(one, left.name, high)
    other = moved(_headed(other, right.name, high), one.width + _APART, 0)
    return _together(one, other, f"{left.name} beside {right.name}", one.width + _APART + other.width, high)


def _headed(picture: Picture, name: str, high: float) -> Picture:
    lower = moved(picture, 0, _HEAD + (high - _HEAD - picture.height) / 2)
    return replace(lower, texts=(*lower.texts, Text(words(name), picture.width / 2, _HEAD / 2, 1.25 * SIZE)))


def _together(one: Picture, other: Picture, title: str, wide: float, high: float) -> Picture:
    return Picture(
        title,
        f"{one.description} {other.description}",
        wide,
        high,
        one.frames + other.frames,
        one.lines + other.lines,
        one.dots + other.dots,
        one.boxes + other.boxes,
        one.circles + other.circles,
        one.texts + other.texts,
    )
