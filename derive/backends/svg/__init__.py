"""SVG: a picture as one element that stands by itself, inline in a page or as a file.

In: a `Picture`, a prefix that makes its identifiers unique in a page. Out: finished pieces for
`templates/svg/picture.svg.j2`. Colours are custom properties (`--picture-ink`, `--picture-function`, …) that a page
may set; the defaults are light, or dark where the reader prefers that. Programs that know no custom properties, as
those that turn a picture into a PDF, take it light.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from derive.backends.protocol import Page
from derive.backends.svg.paths import number, rounded
from derive.pictures import Box, Circle, Dot, Line, Picture, Run, Text
from derive.pictures.colours import palette
from derive.pictures.text import SCRIPT

__all__ = ["page"]

_BASELINE = 0.34
_STROKES = ("ink", "line", "accent")
_SHIFTS = {"": 0.0, "sub": 0.22, "sup": -0.38}
_BARS = {True: "\u0304", False: "\u0305"}


def page(picture: Picture, prefix: str) -> Page:
    """The element; `prefix` is a letter followed by letters, digits, hyphens and underscores, or `ValueError`."""
    if not re.fullmatch(r"[A-Za-z][\w-]*", prefix, re.ASCII):
        raise ValueError(f"got the prefix {prefix!r}, expected a letter, then letters, digits, hyphens and underscores")
    context = {
        "prefix": prefix,
        "width": number(picture.width),
        "height": number(picture.height),
        "title": escape(picture.title),
        "description": escape(picture.description),
        "fills": [name for name, _ in palette(dark=False) if name not in _STROKES],
        "light": dict(palette(dark=False)),
        "dark": dict(palette(dark=True)),
        "properties": {name: f"var(--{name})" for name, _ in palette(dark=False)},
        "frames": [_box(box, "frame ") for box in picture.frames],
        "lines": [_line(line, prefix) for line in picture.lines],
        "dots": [_dot(dot) for dot in picture.dots],
        "shapes": [*map(_box, picture.boxes), *map(_circle, picture.circles)],
        "texts": [_text(text) for text in picture.texts],
    }
    return Page("svg/picture.svg.j2", context)


def _box(box: Box, kind: str = "") -> str:
    corner = min(box.radius, box.height / 2, box.width / 2)
    place = _attributes(x=box.x, y=box.y, width=box.width, height=box.height, rx=corner)
    return f'<rect class="{kind}{box.look}"{place}/>'


def _circle(circle: Circle) -> str:
    return f'<circle class="{circle.look}"{_attributes(cx=circle.x, cy=circle.y, r=circle.radius)}/>'


def _dot(dot: Dot) -> str:
    return f'<circle{_class("dot", dot.tone)}{_attributes(cx=dot.x, cy=dot.y, r=2.8)}/>'


def _line(line: Line, prefix: str) -> str:
    head = f' marker-end="url(#{prefix}-{"accent" if line.tone else "arrow"})"' if line.arrow else ""
    return f'<path{_class("line", line.tone)} d="{rounded(line.points, shortened=line.arrow)}"{head}/>'


def _class(name: str, tone: str) -> str:
    return f' class="{name} {tone}"' if tone else f' class="{name}"'


def _attributes(**values: float) -> str:
    return "".join(f' {name}="{number(value)}"' for name, value in values.items())


def _text(text: Text) -> str:
    place = _attributes(x=text.x, y=text.y + _BASELINE * text.size)
    size = f' font-size="{number(text.size)}"'
    tone = f' class="{text.tone}"' if text.tone else ""
    anchor = f' text-anchor="{text.anchor}"' if text.anchor != "middle" else ""
    return f"<text{tone}{place}{size}{anchor}>{_runs(text.label, text.size)}</text>"


def _runs(label: Sequence[Run], size: float) -> str:
    """Spans, each moved to its height from that of the one before."""
    spans, height = [], 0.0
    for run in label:
        wanted = _SHIFTS[run.place] * size
        attributes = f' class={quoteattr(run.style[0])}' if run.style != "upright" else ""
        if wanted != height:
            attributes += f' dy="{number(wanted - height)}"'
        if run.place:
            attributes += f' font-size="{number(SCRIPT * size)}"'
        text = escape(_overlined(run.text) if run.bar else run.text)
        spans.append(f"<tspan{attributes}>{text}</tspan>" if attributes else text)
        height = wanted
    return "".join(spans)


def _overlined(text: str) -> str:
    """A bar over each letter, joined where there are several."""
    return "".join(letter + _BARS[len(text) == 1] for letter in text)
