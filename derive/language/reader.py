"""Text to statements.

In: the text of a cell. Out: its title and its logical statements, each a row of tokens with the
comment behind it. A statement ends with its line unless a bracket is open. Nothing that is not
ASCII passes, but in comments and remarks; nothing unprintable passes at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from derive.language import limits
from derive.language.errors import CellError
from derive.language.names import INSTEAD, KEYWORDS, foreign_character
from derive.language.syntax import Span

Kind = Literal["name", "number", "sign", "text"]


@dataclass(frozen=True)
class Token:
    kind: Kind
    text: str
    span: Span


@dataclass(frozen=True)
class Statement:
    """The tokens of one statement (never none), and the comment behind it."""

    tokens: tuple[Token, ...]
    comment: str


_TOKEN = re.compile(
    r"""(?P<blank>[ \t]+) | (?P<comment>\#.*) | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<text>"[^"]*") | (?P<sign>\*\*|[-+*/@()\[\],=:])""",
    re.VERBOSE,
)
_KINDS: dict[str, Kind] = {"name": "name", "number": "number", "sign": "sign", "text": "text"}
_PAIRS = {"(": ")", "[": "]"}
_NEW_EQUATION = re.compile(r"[ \t]*(?!axis\b)[A-Za-z_]\w*[ \t]*(\[[^\]=]*\][ \t]*)?=")


def clean(text: str) -> str:
    """The text with `\\n` line ends, checked for size and for what no text editor shows."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if len(text) > limits.FILE:
        raise CellError("limit", "this file is too long", expected=f"at most {limits.FILE} characters")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > limits.LINE:
            raise CellError(
                "limit", "this line is too long", Span(number, limits.LINE, limits.LINE + 1),
                expected=f"at most {limits.LINE} characters", remedy="break it inside brackets",
            )  # fmt: skip
        for column, character in enumerate(line):
            if not character.isprintable() and character != "\t":
                raise foreign_character(character, Span(number, column, column + 1))
    return text


def title(text: str) -> str:
    """The first comment block, if nothing stands before it, as one line."""
    lines: list[str] = []
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped.startswith("#"):
            lines.append(stripped.lstrip("#").strip())
        elif stripped or lines:
            break
    return " ".join(part for part in lines if part)


def read(text: str) -> tuple[Statement, ...]:
    """The statements of a clean text, in order."""
    statements: list[Statement] = []
    tokens: list[Token] = []
    comments: list[str] = []
    opened: list[Token] = []
    for number, line in enumerate(text.split("\n"), 1):
        if opened and _NEW_EQUATION.match(line):
            break
        for token in _tokens(line, number):
            if isinstance(token, str):
                comments.append(token)
            else:
                _bracket(token, opened)
                tokens.append(token)
        if not opened:
            if tokens:
                statements.append(Statement(tuple(tokens), " ".join(c for c in comments if c)))
            tokens, comments = [], []
    if opened:
        raise CellError(
            "syntax", "this bracket is never closed", opened[-1].span, expected=f"`{_PAIRS[opened[-1].text]}` behind it"
        )
    if len(statements) > limits.STATEMENTS:
        raise CellError(
            "limit", "too many statements", statements[limits.STATEMENTS].tokens[0].span,
            expected=f"at most {limits.STATEMENTS}",
        )  # fmt: skip
    return tuple(statements)


def _tokens(line: str, number: int) -> Iterator[Token | str]:
    """The tokens of one line; a comment comes as a string."""
    position = 0
    previous: Token | None = None
    while position < len(line):
        match = _TOKEN.match(line, position)
        if match is None:
            raise _unreadable(line, number, position)
        kind, text = match.lastgroup, match[0]
        span = Span(number, position, match.end())
        position = match.end()
        if kind == "comment":
            yield text.lstrip("#").strip()
        elif kind != "blank":
            token = Token(_KINDS[str(kind)], text, span)
            _check_neighbours(previous, token)
            yield token
            previous = token


def _unreadable(line: str, number: int, position: int) -> CellError:
    span = Span(number, position, position + 1)
    if line[position] == '"':
        return CellError("syntax", "this text is never closed", span, expected='`"` on the same line')
    return foreign_character(line[position], span)


def _check_neighbours(previous: Token | None, token: Token) -> None:
    """Refuse keywords and what stands side by side, while the place is known exactly."""
    if token.kind == "name" and token.text in KEYWORDS:
        another = f"choose another name, such as `{token.text}_0`"
        raise CellError(
            "reserved", f"`{token.text}` is a keyword of Python, C or C++", token.span,
            remedy=INSTEAD.get(token.text, another),
        )  # fmt: skip
    if previous is None or token.kind not in ("name", "number"):
        return
    if previous.kind == "number" and previous.span.end == token.span.start:
        raise CellError(
            "number", f"`{previous.text}{token.text}` is neither a number nor a name", previous.span,
            remedy="numbers are written `12`, `0.5` or `1e-5`; products with `*`",
        )  # fmt: skip


def _bracket(token: Token, opened: list[Token]) -> None:
    if token.kind != "sign":
        return
    if token.text in "([":
        opened.append(token)
        if len(opened) > limits.NESTING:
            raise CellError(
                "limit", "brackets nested too deeply", token.span, expected=f"at most {limits.NESTING}"
            )
    elif token.text in ")]":
        if not opened:
            raise CellError("syntax", f"`{token.text}` closes nothing", token.span, remedy="remove it")
        last = opened.pop()
        if token.text != _PAIRS[last.text]:
            raise CellError(
                "syntax", f"`{last.text}` is closed by `{token.text}`", token.span,
                expected=f"`{_PAIRS[last.text]}`, for the `{last.text}` at {last.span.line}:{last.span.start + 1}",
            )  # fmt: skip
