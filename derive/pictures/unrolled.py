"""A cell unrolled in time: three steps, with what goes in and what comes out.

In: a cell. Out: its picture. States go from step to step, inputs come from below, outputs leave above.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from derive.language.syntax import Cell
from derive.pictures.model import Box, Line, Picture, Point, Text
from derive.pictures.notation import Notation
from derive.pictures.text import SIZE, Label, joined, plain, width, words

_TIMES = ("t−1", "t", "t+1")
_BEFORE = "t−2"
_LANE, _ARROW, _EDGE, _LIFT, _PADDING = 36.0, 34.0, 8.0, 12.0, 16.0


def unrolled(cell: Cell) -> Picture:
    """The picture of three steps of a cell."""
    return _Unrolled(cell, Notation(cell)).picture()


class _Unrolled:
    def __init__(self, cell: Cell, notation: Notation) -> None:
        self.cell, self.notation = cell, notation
        self.states = [v.name for v in cell.of_role("state")]
        self.inputs = [v.name for v in cell.of_role("input")]
        self.outputs = list(cell.outputs)
        labels = [notation.name(s, time) for s in self.states for time in (_BEFORE, *_TIMES)]
        self.between = ceil(max(map(width, labels)) + 2 * _PADDING)
        self.pitch = max(self._pitch(self.inputs), self._pitch(self.outputs))
        across = max(len(self.inputs), len(self.outputs))
        self.across = ceil(max(90.0, self.pitch * across, width(words(cell.name)) + 2 * _PADDING))
        self.down = max(80.0, _LANE * len(self.states) + 16)
        self.top = ceil(_EDGE + 1.3 * SIZE + 6 + _ARROW)

    def _pitch(self, names: Sequence[str]) -> float:
        return max((width(self.notation.name(n, time)) for n in names for time in _TIMES), default=0.0) + 14

    def picture(self) -> Picture:
        lefts = [_EDGE + self.between + k * (self.across + self.between) for k in range(len(_TIMES))]
        lines, texts = [], []
        for left, time in zip(lefts, _TIMES, strict=True):
            for line, text in self._ends(left, time):
                lines.append(line)
                texts.append(text)
            texts.append(Text(words(self.cell.name), left + self.across / 2, self.top + self.down / 2, SIZE))
        for k, time in enumerate((_BEFORE, *_TIMES)):
            start = _EDGE + k * (self.across + self.between)
            for line, text in self._carried(start, time):
                lines.append(line)
                texts.append(text)
        boxes = tuple(Box(left, self.top, self.across, self.down, "cell", 10) for left in lefts)
        wide = lefts[-1] + self.across + self.between + _EDGE
        high = 2 * self.top + self.down
        title = f"{self.cell.name}: unrolled in time"
        return Picture(title, self._told(), wide, high, (), tuple(lines), (), boxes, (), tuple(texts))

    def _carried(self, start: float, time: str) -> Iterator[tuple[Line, Text]]:
        """The states on their way from one step to the next; those at either end of the picture stand at the line's."""
        for k, state in enumerate(self.states):
            label = self.notation.name(state, time)
            beside = width(label) + 6
            y = self.top + self.down / 2 + (k - (len(self.states) - 1) / 2) * _LANE
            first, last = start, start + self.between
            if time == _BEFORE:
                yield _arrow((first + beside, y), (last, y)), Text(label, first + width(label), y, SIZE, anchor="end")
            elif time == _TIMES[-1]:
                yield _arrow((first, y), (last - beside, y)), Text(label, last - width(label), y, SIZE, anchor="start")
            else:
                yield _arrow((first, y), (last, y)), Text(label, (first + last) / 2, y - _LIFT, SIZE)

    def _ends(self, left: float, time: str) -> Iterator[tuple[Line, Text]]:
        """Inputs from below, outputs to above."""
        bottom = self.top + self.down
        for x, label in self._spread(left, self.inputs, time):
            below = bottom + _ARROW
            yield _arrow((x, below), (x, bottom)), Text(label, x, below + 6 + 0.65 * SIZE, SIZE)
        for x, label in self._spread(left, self.outputs, time):
            above = self.top - _ARROW
            yield _arrow((x, self.top), (x, above)), Text(label, x, above - 6 - 0.65 * SIZE, SIZE)

    def _spread(self, left: float, names: Sequence[str], time: str) -> Iterator[tuple[float, Label]]:
        for k, name in enumerate(names):
            yield left + self.across / 2 + (k - (len(names) - 1) / 2) * self.pitch, self.notation.name(name, time)

    def _told(self) -> str:
        def names(of: Sequence[str], time: str) -> str:
            return plain(joined([self.notation.name(n, time) for n in of], ", "))

        read = names([*self.inputs], "t"), names(self.states, "t−1")
        given = ", ".join(r for r in read if r)
        made = names(list(dict.fromkeys([*self.states, *self.outputs])), "t")
        return f"The step at t takes {given} and gives {made}."


def _arrow(start: Point, end: Point) -> Line:
    return Line((start, end))
