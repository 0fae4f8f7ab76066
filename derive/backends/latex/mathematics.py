"""Remarks in LaTeX, their mathematics typeset.

In: a remark, in which mathematics stands between dollar signs: names, numbers, signs, `_` and `^` before a word,
a number or `{…}`. Out: LaTeX for text mode, made of these alone: no command of TeX comes in with a cell. Letters
are variables, longer words stand upright, Greek letters may be spelt out. What cannot be read so is text.
"""

from __future__ import annotations

import re

from derive.backends.latex.escape import MATHEMATICS, escaped
from derive.backends.latex.symbols import word
from derive.language.remarks import marked, pieces

_SIGNS = (MATHEMATICS | {"…": r"\dots"}).items()
_SIGN = {**{c: c for c in "()[]/:.!,;=+-*"}, **{c: tex for c, tex in _SIGNS if not tex.startswith("^")}}
_RAISED = {"'": r"\prime"} | {c: tex[1:].strip("{}") for c, tex in _SIGNS if tex.startswith("^")}
_TOKEN = re.compile(
    r"[_^](?:\{(?P<group>[^{}]+)\}|(?P<one>-?\d+|-?[A-Za-z]+))"
    rf"|(?P<raised>[{''.join(_RAISED)}]+)|(?P<word>[A-Za-z]+|[α-ωΑ-Ω])|(?P<number>\d+)|(?P<space>\s+)"
    rf"|(?P<sign>[{re.escape(''.join(_SIGN))}])"
)
_BREAK_BEFORE = frozenset("=<>≤≥→+-−")
_BREAK_AFTER = frozenset(",;")
_LONGEST = 24  # characters in a row between which no line breaks


def prose(remark: str) -> str:
    """The remark, as LaTeX."""
    return "".join(_mathematical(piece) if inside else _text(piece) for piece, inside in pieces(remark))


def _text(piece: str) -> str:
    """Text, with the spaces at its ends."""
    first, last = piece[0].isspace(), piece[-1].isspace()
    return f"{' ' if first else ''}{escaped(piece)}{' ' if last and piece.strip() else ''}"


def _mathematical(piece: str) -> str:
    try:
        return f"${mathematics(piece)}$"
    except ValueError:
        return escaped(marked(piece))


def mathematics(text: str) -> str:
    """LaTeX for math mode, or `ValueError`."""
    if not text.strip() or max(map(len, text.split())) > _LONGEST:
        raise ValueError(text)
    text = text.strip().replace(">=", "≥").replace("<=", "≤")
    typeset: list[str] = []
    kinds = ""  # of the scripts that the last base has: TeX takes one of each kind
    end = 0
    for token in _TOKEN.finditer(text):
        if token.start() != end:
            raise ValueError(text)
        end = token.end()
        kind, script = _script(token)
        if kind and kind in kinds:
            typeset, kinds = ["{", *typeset, "}"], ""
        kinds = kinds + kind if kind else ""
        typeset.append(f"{kind}{{{script}}}" if kind else _spelled(token))
    if end != len(text):
        raise ValueError(text)
    return "".join(typeset)


def _script(token: re.Match[str]) -> tuple[str, str]:
    """Where a script stands, and the script."""
    if token["raised"]:
        return "^", "".join(_RAISED[c] for c in token["raised"])
    if token["group"] or token["one"]:
        return token[0][0], mathematics(token["group"] or token["one"])
    return "", ""


def _spelled(token: re.Match[str]) -> str:
    found = token[0]
    before, after = token.string[: token.start()].rstrip()[-1:], token.string[token.end() :].lstrip()[:1]
    if token["space"]:
        return r"\brio\," if re.match(r"[\w)\]}']", before) and re.match(r"[A-Za-z(\[]", after) else ""
    if token["number"]:
        return found
    if token["word"]:
        called = len(found) > 1 and after in ("(", "[")
        return rf"\operatorname{{{found}}}" if called else _ended(word(found) if found.isascii() else escaped(found))
    then = r"\bro " if found in _BREAK_AFTER else ""
    may_break = r"\bri " if before and found in _BREAK_BEFORE else ""
    return f"{may_break}{_ended(_SIGN[found])}{then}"


def _ended(text: str) -> str:
    """The text, with a space behind a command's name."""
    return f"{text} " if re.search(r"\\[A-Za-z]+$", text) else text
