"""Reads an SVG back and says what is wrong with it to the eye: it knows shapes, lines and glyphs, and nothing of cells.

Letters are measured in DejaVu Serif, the widest of the fonts that the pictures name.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache
from math import hypot
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.ft2font import FT2Font

NS = "{http://www.w3.org/2000/svg}"
FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
FILES = {"": "DejaVuSerif.ttf", "i": "DejaVuSerif-Italic.ttf", "m": "DejaVuSansMono.ttf"}
HEAD = 4.0
SLACK = 0.6


@cache
def font(style: str) -> FT2Font:
    found = FT2Font(str(FONTS / FILES[style]))
    found.set_size(100, 72)
    return found


@cache
def advance(character: str, style: str) -> float:
    """Width in ems."""
    if 0x300 <= ord(character) < 0x370:
        return 0.0
    face = font(style if font(style).get_char_index(ord(character)) else "")
    assert face.get_char_index(ord(character)), f"no glyph for {character!r}"
    return face.load_char(ord(character)).linearHoriAdvance / 65536 / 100


@dataclass(frozen=True)
class Rect:
    left: float
    top: float
    right: float
    bottom: float
    what: str = ""

    round: bool = False

    def meets(self, other: Rect, slack: float = SLACK) -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        if not self.round or across <= slack or down <= slack:
            return across > slack and down > slack
        x, y = self.centre
        nearest = min(max(x, other.left), other.right), min(max(y, other.top), other.bottom)
        return hypot(nearest[0] - x, nearest[1] - y) < (self.right - self.left) / 2 - slack

    def holds(self, other: Rect, slack: float = SLACK) -> bool:
        return (
            self.left - slack <= other.left
            and self.top - slack <= other.top
            and other.right <= self.right + slack
            and other.bottom <= self.bottom + slack
        )

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True)
class Path_:
    points: tuple[tuple[float, float], ...]
    arrow: bool

    @property
    def segments(self):
        return list(itertools.pairwise(self.points))


class Drawing:
    """An SVG's shapes, lines and labels as rectangles and polylines."""

    def __init__(self, text: str) -> None:
        self.root = ET.fromstring(text)
        left, top, wide, high = map(float, self.root.get("viewBox").split())
        self.area = Rect(left, top, left + wide, top + high)
        shapes = [e for e in self.root if e.tag in (NS + "rect", NS + "circle")]
        self.dots = [(float(e.get("cx")), float(e.get("cy"))) for e in shapes if "dot" in e.get("class").split()]
        boxes = [shape(e) for e in shapes if "dot" not in e.get("class").split()]
        self.frames = [b for b in boxes if "frame" in b.what.split()]
        self.boxes = [b for b in boxes if b not in self.frames]
        self.lines = [line(e) for e in self.root if e.tag == NS + "path"]
        self.labels = [label(e) for e in self.root if e.tag == NS + "text"]

    def words(self) -> list[str]:
        return [label.what for label in self.labels]


def shape(element) -> Rect:
    if element.tag == NS + "rect":
        x, y, w, h = (float(element.get(k)) for k in ("x", "y", "width", "height"))
        return Rect(x, y, x + w, y + h, element.get("class"))
    x, y, r = (float(element.get(k)) for k in ("cx", "cy", "r"))
    return Rect(x - r, y - r, x + r, y + r, element.get("class"), round=True)


def line(element) -> Path_:
    """The corners of a path: its bends are arcs whose control point is the corner; an arrow's tip lies in front."""
    tokens = re.findall(r"[MLQ]|-?\d+(?:\.\d+)?", element.get("d"))
    points, command, numbers = [], "", []
    for token in tokens:
        if token in "MLQ":
            command, numbers = token, []
            continue
        numbers.append(float(token))
        if command in "ML" and len(numbers) == 2:
            points.append(tuple(numbers))
        if command == "Q" and len(numbers) == 4:
            points[-1:] = [(numbers[0], numbers[1]), (numbers[2], numbers[3])]
    arrow = element.get("marker-end") is not None
    if arrow:
        (ax, ay), (bx, by) = points[-2:]
        length = hypot(bx - ax, by - ay)
        points[-1] = bx + HEAD * (bx - ax) / length, by + HEAD * (by - ay) / length
    return Path_(tuple(corners(points)), arrow)


def corners(points):
    """The points without those on the way between their neighbours."""
    kept = []
    for point in points:
        if len(kept) > 1 and any(abs(kept[-2][k] - point[k]) + abs(kept[-1][k] - point[k]) < 0.01 for k in (0, 1)):
            kept.pop()
        kept.append(point)
    return kept


def label(element) -> Rect:
    """The rectangle of a label's glyphs."""
    size = float(element.get("font-size"))
    runs = [(element.text or "", "", size)]
    for span in element:
        runs.append((span.text or "", span.get("class", ""), float(span.get("font-size", size))))
        runs.append((span.tail or "", "", size))
    wide = sum(advance(c, style) * at for text, style, at in runs for c in text)
    x, y = float(element.get("x")), float(element.get("y"))
    scripts = any(at < size for _, _, at in runs)
    text = "".join(text for text, _, _ in runs)
    left = x - {"start": 0, "middle": 0.5, "end": 1}[element.get("text-anchor", "middle")] * wide
    return Rect(left, y - 0.76 * size, left + wide, y + (0.3 if scripts else 0.22) * size, text)


# -- what is wrong


def faults(drawing: Drawing) -> list[str]:
    found = []
    for each in (*drawing.frames, *drawing.boxes, *drawing.labels):
        if not drawing.area.holds(each):
            found.append(f"{each} leaves the picture")
    for a, b in itertools.combinations(drawing.boxes, 2):
        if a.meets(b):
            found.append(f"{a} and {b} overlap")
    for a, b in itertools.combinations(drawing.labels, 2):
        if a.meets(b):
            found.append(f"the labels {a} and {b} overlap")
    for each in drawing.labels:
        for box in drawing.boxes:
            if box.meets(each) and not box.holds(each):
                found.append(f"{each} leaves {box}")
        for frame in drawing.frames:
            if frame.meets(each) and not frame.holds(each):
                found.append(f"{each} lies on the border of {frame}")
    return [*found, *line_faults(drawing), *junction_faults(drawing)]


def line_faults(drawing: Drawing) -> list[str]:
    found = []
    loose = [each for each in drawing.labels if not any(box.holds(each) for box in drawing.boxes)]
    for path in drawing.lines:
        for a, b in path.segments:
            if abs(a[0] - b[0]) > SLACK and abs(a[1] - b[1]) > SLACK:
                found.append(f"{a} to {b} is askew")
            thin = Rect(min(a[0], b[0]) - 0.1, min(a[1], b[1]) - 0.1, max(a[0], b[0]) + 0.1, max(a[1], b[1]) + 0.1)
            if not drawing.area.holds(thin):
                found.append(f"{thin} leaves the picture")
            found += [f"{thin} goes through {box}" for box in drawing.boxes if box.meets(thin, 0.15)]
            found += [f"{thin} goes through the label {each}" for each in loose if each.meets(thin, 0.15)]
        if path.arrow and not any(touches(box, path.points[-1]) for box in (*drawing.boxes, *map(grown, loose))):
            found.append(f"the arrow at {path.points[-1]} points at nothing")
    return found


def touches(box: Rect, point: tuple[float, float]) -> bool:
    x, y = point
    return box.left - 1 <= x <= box.right + 1 and box.top - 1 <= y <= box.bottom + 1


def grown(rect: Rect) -> Rect:
    return Rect(rect.left - 18, rect.top - 18, rect.right + 18, rect.bottom + 18)


def junction_faults(drawing: Drawing) -> list[str]:
    """No two lines run on top of each other, and where one begins or bends on another there is a dot."""
    found = []
    for one, other in itertools.permutations(drawing.lines, 2):
        for a, b in one.segments:
            for c, d in other.segments:
                if shared(a, b, c, d) > 1:
                    found.append(f"{a}–{b} runs along {c}–{d}")
        for point in one.points:
            on = any(distance(point, c, d) < 1 for c, d in other.segments)
            if on and not any(hypot(point[0] - x, point[1] - y) < 1 for x, y in drawing.dots):
                found.append(f"{point} lies on another line, without a dot")
    for dot in drawing.dots:
        if sum(distance(dot, a, b) < 1 for path in drawing.lines for a, b in path.segments) < 2:
            found.append(f"the dot at {dot} joins nothing")
    return found


def shared(a, b, c, d) -> float:
    """How long two level or two upright segments lie on each other."""
    for k in (0, 1):
        if abs(a[k] - b[k]) < SLACK and abs(c[k] - d[k]) < SLACK and abs(a[k] - c[k]) < SLACK:
            j = 1 - k
            return min(max(a[j], b[j]), max(c[j], d[j])) - max(min(a[j], b[j]), min(c[j], d[j]))
    return 0.0


def distance(p, a, b) -> float:
    """From a point to a segment along the grid."""
    x = min(max(p[0], min(a[0], b[0])), max(a[0], b[0]))
    y = min(max(p[1], min(a[1], b[1])), max(a[1], b[1]))
    return hypot(p[0] - x, p[1] - y)
