"""A picture: boxes, circles, lines and text, all in place.

In: nothing. Out: the types that the layout makes and that the SVG and the TikZ writer read. A picture is immutable.
Coordinates are in pixels of a screen at its natural size, x to the right and y down, all inside (0, 0, width, height).
Excluded: anything that is still to be measured or moved; a writer only rounds corners and spells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from derive.pictures.text import Label, width

Point = tuple[float, float]
Look = Literal["function", "product", "operation", "circle", "input", "state", "value", "parameter", "cell"]
"""What a shape stands for; a writer gives each a colour."""

Anchor = Literal["start", "middle", "end"]
Tone = Literal["", "accent"]
"""`accent` points something out."""


@dataclass(frozen=True)
class Box:
    """A rectangle with rounded corners, by its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    look: Look
    radius: float = 4.0


@dataclass(frozen=True)
class Circle:
    """A circle by its centre."""

    x: float
    y: float
    radius: float
    look: Look


@dataclass(frozen=True)
class Line:
    """A line through some points, its segments horizontal or vertical; `arrow` where it ends in a head."""

    points: tuple[Point, ...]
    arrow: bool = True
    tone: Tone = ""


@dataclass(frozen=True)
class Dot:
    """Where a line branches."""

    x: float
    y: float
    tone: Tone = ""


@dataclass(frozen=True)
class Text:
    """A label: it starts, has its middle or ends at x (`anchor`), and y is the middle of its height."""

    label: Label
    x: float
    y: float
    size: float
    tone: Tone = ""
    anchor: Anchor = "middle"

    @property
    def width(self) -> float:
        """What the text is not wider than."""
        return width(self.label, self.size)

    @property
    def left(self) -> float:
        """Where the rectangle begins that it does not leave."""
        return self.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * self.width

    @property
    def height(self) -> float:
        """What the text is not higher than, scripts and bar included."""
        return 1.3 * self.size


@dataclass(frozen=True)
class Picture:
    """A picture; `title` and `description` are what is read out where it is not seen.

    `frames` lie behind everything else.
    """

    title: str
    description: str
    width: float
    height: float
    frames: tuple[Box, ...] = ()
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    boxes: tuple[Box, ...] = ()
    circles: tuple[Circle, ...] = ()
    texts: tuple[Text, ...] = ()


def moved(picture: Picture, x: float, y: float) -> Picture:
    """The picture with everything in it moved; its size is left to the caller."""

    def shifted(line: Line) -> Line:
        return replace(line, points=tuple((px + x, py + y) for px, py in line.points))

    return replace(
        picture,
        frames=tuple(replace(b, x=b.x + x, y=b.y + y) for b in picture.frames),
        lines=tuple(map(shifted, picture.lines)),
        dots=tuple(replace(d, x=d.x + x, y=d.y + y) for d in picture.dots),
        boxes=tuple(replace(b, x=b.x + x, y=b.y + y) for b in picture.boxes),
        circles=tuple(replace(c, x=c.x + x, y=c.y + y) for c in picture.circles),
        texts=tuple(replace(t, x=t.x + x, y=t.y + y) for t in picture.texts),
    )


def mirrored(picture: Picture) -> Picture:
    """The picture with left and right exchanged; text stays as it reads."""
    wide = picture.width

    def box(b: Box) -> Box:
        return replace(b, x=wide - b.x - b.width)

    def line(each: Line) -> Line:
        return replace(each, points=tuple((wide - x, y) for x, y in each.points))

    other: dict[Anchor, Anchor] = {"start": "end", "middle": "middle", "end": "start"}
    return replace(
        picture,
        frames=tuple(map(box, picture.frames)),
        lines=tuple(map(line, picture.lines)),
        dots=tuple(replace(d, x=wide - d.x) for d in picture.dots),
        boxes=tuple(map(box, picture.boxes)),
        circles=tuple(replace(c, x=wide - c.x) for c in picture.circles),
        texts=tuple(replace(t, x=wide - t.x, anchor=other[t.anchor]) for t in picture.texts),
    )
