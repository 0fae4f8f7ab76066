"""Text in pictures: runs of letters with sub- and superscripts, and how much room they may take.

In: runs. Out: a bound of their width. It holds for the serif fonts that a reader may have (DejaVu Serif is the widest
of them), so a label never leaves the rectangle that a layout keeps for it. A letter's bound does not depend on which
letter it is, only on its case: a picture keeps its shape when a cell's variables are renamed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Style = Literal["italic", "upright", "mono"]
Place = Literal["", "sub", "sup"]

SCRIPT = 0.7
"""The size of a script beside that of its base."""

SIZE = 16.0
SMALL = 12.0
_CAPITAL, _LETTER, _DIGIT, _MONO, _SIGN, _THIN = 1.05, 0.95, 0.66, 0.62, 0.86, 0.42
_WORD_CAPITAL, _WORD_LETTER = 0.95, 0.7
_NARROW = frozenset(" ,.:;()[]'|·′")
_WIDE_IN_WORDS = frozenset("mwMW@%…")


@dataclass(frozen=True)
class Run:
    """Letters of one style in one place; `bar` puts a bar over them."""

    text: str
    style: Style = "upright"
    place: Place = ""
    bar: bool = False


Label = tuple[Run, ...]


def words(text: str) -> Label:
    """Upright text."""
    return (Run(text),)


def joined(labels: Iterable[Label], between: str) -> Label:
    """Labels one after the other."""
    runs: list[Run] = []
    for number, label in enumerate(labels):
        runs += ([Run(between)] if number else []) + list(label)
    return tuple(runs)


def raised(label: Label, mark: str) -> Label:
    """A label with a superscript."""
    return (*label, Run(mark, "upright", "sup"))


def barred(label: Label) -> Label:
    """A label with a bar over its base."""
    return (replace(label[0], bar=True), *label[1:])


def plain(label: Label) -> str:
    """A label as a screen reader is to have it: `W_f`, `h_(t-1)`."""
    text = ""
    for run in label:
        inner = f"({run.text})" if run.place and len(run.text) > 1 and not run.text.isalnum() else run.text
        text += {"": "", "sub": "_", "sup": "^"}[run.place] + inner + (" bar" if run.bar else "")
    return text


def width(label: Label, size: float = SIZE) -> float:
    """What a label's width does not exceed, in units of the picture."""
    return sum(_ems(run) * size * (SCRIPT if run.place else 1) for run in label)


def _ems(run: Run) -> float:
    if run.style == "mono":
        return _MONO * len(run.text)
    if len(run.text) == 1:
        return _single(run.text)
    return sum(map(_in_word, run.text))


def _single(character: str) -> float:
    if character.isalpha():
        return _CAPITAL if character.isupper() else _LETTER
    return _in_word(character)


def _in_word(character: str) -> float:
    if character in _NARROW:
        return _THIN
    if character.isdigit():
        return _DIGIT
    if character in _WIDE_IN_WORDS:
        return _CAPITAL
    if character.isalpha():
        return _WORD_CAPITAL if character.isupper() else _WORD_LETTER
    return _SIGN
