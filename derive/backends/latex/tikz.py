"""Pictures in LaTeX: short commands of `templates/latex/derivation.tex.j2`, one a line, drawn by TikZ.

In: a `Picture`. Out: lines for a `tikzpicture`, in the picture's own coordinates, and its labels in math mode.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from derive.backends.latex.symbols import undotted
from derive.pictures import Box, Circle, Dot, Label, Line, Picture, Run, Text
from derive.pictures.notation import GREEK
from derive.pictures.text import SIZE

_UNIT = 0.5625
"""Points a pixel: letters of 16 pixels are set in 9 points."""

_ACROSS, _DOWN = 450.0, 610.0
"""Points that a picture may be wide, and high where it is turned."""

_LEGIBLE = 0.7
_SMALLEST = 0.66
"""How far a picture may shrink: subscripts of 6 points are then set in 4."""

_SIGNS = {
    "∘": r"\circ", "⊗": r"\otimes", "÷": r"\div", "√": r"\surd", "⊤": r"\top", "∂": r"\partial", "·": r"\cdot",
    "≥": r"\ge", "−": "-", "|": "|", " ": r"\ ", "²": "^2",
} | {letter: rf"\{name}" for name, letter in GREEK.items()}  # fmt: skip
_ROMAN = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧ", "ABEZHIKMNOPTX", strict=True))
_ANCHORS = {"start": "w", "middle": "c", "end": "e"}


def drawing(picture: Picture) -> dict[str, Any] | None:
    """The lines of a picture, its scale, and whether it is turned, as it is where it would be too small to be read;
    None where it is too small all the same."""
    wide, high = picture.width * _UNIT, picture.height * _UNIT
    scale, turned = min(1.0, _ACROSS / wide), min(1.0, _DOWN / wide, _ACROSS / high)
    turns = scale < _LEGIBLE and turned > 1.2 * scale
    scaled = turned if turns else scale
    if scaled < _SMALLEST:
        return None
    return {"lines": list(_lines(picture)), "scale": f"{scaled:.2f}", "turned": turns, "unit": f"{_UNIT}pt"}


def _lines(picture: Picture) -> Iterator[str]:
    yield from map(_box, picture.frames)
    yield from map(_line, picture.lines)
    yield from map(_dot, picture.dots)
    yield from map(_box, picture.boxes)
    yield from map(_circle, picture.circles)
    yield from map(_text, picture.texts)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _at(x: float, y: float) -> str:
    return f"({_number(x)},{_number(y)})"


def _box(box: Box) -> str:
    radius = _number(min(box.radius, box.width / 2, box.height / 2) * _UNIT)
    return rf"\pbox{{{box.look}}}{{{radius}}}{_at(box.x, box.y)}{_at(box.width, box.height)};"


def _circle(circle: Circle) -> str:
    return rf"\pcirc{{{circle.look}}}{_at(circle.x, circle.y)}{{{_number(circle.radius)}}};"


def _dot(dot: Dot) -> str:
    return rf"\pdot{_at(dot.x, dot.y)};"


def _line(line: Line) -> str:
    tone = "accent" if line.tone else "line"
    command = r"\parrow" if line.arrow else r"\pline"
    return rf"{command}{{{tone}}}{'--'.join(_at(*point) for point in line.points)};"


def _text(text: Text) -> str:
    size = "l" if text.size > SIZE else "s" if text.size < SIZE else "n"
    return rf"\ptext{{{_ANCHORS[text.anchor]}}}{{{size}}}{_at(text.x, text.y)}{{${mathematics(text.label)}$}};"


def mathematics(label: Label) -> str:
    """A label in math mode: scripts that follow a base hang on it; one of a kind it has already, on both together."""
    before, base, kinds = "", "", set[str]()
    for place, runs in groupby(label, lambda run: run.place):
        inner = "".join(map(_run, runs))
        if not place:
            before, base, kinds = before + base, inner, set()
            continue
        if place in kinds:
            base, kinds = f"{{{base}}}", set()
        kinds.add(place)
        base += f"{'_' if place == 'sub' else '^'}{{{inner}}}"
    return before + base


def _run(run: Run) -> str:
    letters = "".join(_pieces(run))
    if not run.bar:
        return letters
    return rf"\bar{{{undotted(letters)}}}" if len(run.text) == 1 else rf"\overline{{{letters}}}"


def _pieces(run: Run) -> Iterator[str]:
    """Words upright, letters of variables as they are, signs by their commands."""
    if run.style == "mono":
        escaped = run.text.replace("_", r"\_")
        yield rf"\mathtt{{{escaped}}}"
        return
    for plain, characters in groupby(run.text, lambda c: c.isascii() and (c.isalpha() or c == "_")):
        word = "".join(characters)
        if not plain:
            yield from map(_sign, word)
        elif run.style == "italic" and (len(word) == 1 or run.place):
            yield word
        else:
            escaped = word.replace("_", r"\_")
            yield rf"\mathrm{{{escaped}}}"


def _sign(character: str) -> str:
    if character in _SIGNS:
        command = _SIGNS[character]
        return f"{command} " if command.startswith("\\") and command[1:].isalpha() else command
    return _ROMAN.get(character, character)
