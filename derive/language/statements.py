"""What kind of statement each one is, and what its parts are.

In: the reader's statements. Out: declarations, outputs, initialisations, remarks, macros and
equations; right sides are Python `ast` expressions, parsed and never evaluated, with a map back to
their place in the file.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from derive.language.errors import CellError
from derive.language.names import ROLES, check_axis, check_name
from derive.language.reader import Statement, Token
from derive.language.syntax import Span


@dataclass(frozen=True)
class Expression:
    """A parsed right side: its tokens, the tree, and where its text stands in the file."""

    tokens: tuple[Token, ...]
    tree: ast.expr

    def span(self, node: ast.expr) -> Span:
        """The place of a node; of one over several lines, its part on the first."""
        first = self.tokens[0].span
        row, line = node.lineno - 1, first.line + node.lineno - 1
        shift = first.start - 1 if row == 0 else 0
        least = first.start if row == 0 else 0
        end_row = (node.end_lineno or node.lineno) - 1
        start = max(node.col_offset + shift, least)
        if end_row == row:
            return Span(line, start, (node.end_col_offset or 0) + shift)
        return Span(line, start, max(t.span.end for t in self.tokens if t.span.line == line))

    @property
    def whole(self) -> Span:
        """The place of all of it, as far as it stands on the first line."""
        first = self.tokens[0].span
        return Span(
            first.line, first.start, max(t.span.end for t in self.tokens if t.span.line == first.line)
        )

    def text(self) -> str:
        """The source text on one line, without comments."""
        pieces: list[str] = []
        for before, token in zip((None, *self.tokens), self.tokens, strict=False):
            apart = before is not None and (before.span.line, before.span.end) != (
                token.span.line,
                token.span.start,
            )
            pieces.append(f" {token.text}" if apart else token.text)
        return "".join(pieces)


@dataclass(frozen=True)
class Declaration:
    role: Literal["input", "state", "param"]
    names: tuple[Token, ...]
    axes: tuple[Token, ...]
    comment: str


@dataclass(frozen=True)
class OutputStatement:
    names: tuple[Token, ...]


@dataclass(frozen=True)
class InitStatement:
    names: tuple[Token, ...]
    value: Expression


@dataclass(frozen=True)
class Note:
    text: str


@dataclass(frozen=True)
class MacroStatement:
    name: Token
    parameters: tuple[Token, ...]
    body: Expression


@dataclass(frozen=True)
class EquationStatement:
    """`timed` says that the left side was written `name[t]`."""

    target: Token
    timed: bool
    value: Expression
    comment: str


_OPERATORS = ("+", "-", "*", "**", "/", "@", ":")

Parsed = Declaration | OutputStatement | InitStatement | Note | MacroStatement | EquationStatement


def classify(statement: Statement) -> Parsed:
    """Read one statement."""
    tokens = statement.tokens
    word = tokens[0].text if tokens[0].kind == "name" else ""
    following = tokens[1].text if len(tokens) > 1 else ""
    if following not in ("=", "[", "("):
        match word:
            case "input" | "state" | "param":
                return _declaration(word, tokens, statement.comment)
            case "output":
                return OutputStatement(_names(tokens[1:], tokens[0], "variable"))
            case "init":
                names, value = _split(tokens[1:], tokens[0])
                return InitStatement(_names(names, tokens[0], "parameter"), value)
            case "note":
                return _note(tokens)
    left, value = _split(tokens, tokens[0])
    shape = [t.text if t.kind == "sign" or t.text == "t" else t.kind for t in left]
    if shape in (["name"], ["name", "[", "t", "]"]):
        check_name(left[0].text, left[0].span)
        return EquationStatement(left[0], len(left) > 1, value, statement.comment)
    if len(left) >= 4 and shape[:2] == ["name", "("] and shape[-1] == ")":
        check_name(left[0].text, left[0].span)
        parameters = _names(left[2:-1], left[0], "parameter of the macro")
        return MacroStatement(left[0], parameters, value)
    raise _bad_left(left)


def _bad_left(left: Sequence[Token]) -> CellError:
    span = _cover(left)
    if len(left) > 3 and left[0].kind == "name" and left[1].text == "[" and left[2].text == "t":
        return CellError(
            "time", "an equation gives the value at time t", span, expected=f"`{left[0].text}[t] = …`",
            remedy="shift the time in the whole equation",
        )  # fmt: skip
    return CellError(
        "syntax", "this cannot stand left of `=`", span,
        expected="`name = …`, `state[t] = …` or `macro(a, b) = …`",
    )  # fmt: skip


def _declaration(
    role: Literal["input", "state", "param"], tokens: Sequence[Token], comment: str
) -> Declaration:
    colon = next((k for k, t in enumerate(tokens) if t.text == ":"), None)
    names = _names(tokens[1:colon], tokens[0], "variable")
    for token in names:
        check_name(token.text, token.span)
    axes = () if colon is None else _names(tokens[colon + 1 :], tokens[colon], "axis")
    for token in axes:
        check_axis(token.text, token.span)
    most = 3 if role == "param" else 2
    if len(axes) > most:
        words = {2: "a vector or a matrix", 3: "of up to three axes"}[most]
        raise CellError(
            "shape",
            f"{role} with {len(axes)} axes",
            axes[most].span,
            expected=f"every {role} is a scalar, {words}",
        )
    return Declaration(role, names, axes, comment)


def _note(tokens: Sequence[Token]) -> Note:
    if len(tokens) != 2 or tokens[1].kind != "text":
        raise CellError("syntax", "a remark is text in quotes", tokens[0].span, expected='`note "…"`')
    return Note(tokens[1].text[1:-1].strip())


def _names(tokens: Sequence[Token], before: Token, what: str) -> tuple[Token, ...]:
    """A list of names with commas between them."""
    place, expecting = before, True
    named = f"the name of {'an' if what[0] in 'aeiou' else 'a'} {what}"
    names: list[Token] = []
    for token in tokens:
        good = token.kind == "name" if expecting else token.text == ","
        if not good:
            wanted = named if expecting else "a comma or the end"
            remedy = _ELSEWHERE.get(token.text, "")
            raise CellError("syntax", f"`{token.text}` cannot stand here", token.span, expected=wanted, remedy=remedy)
        if expecting:
            names.append(token)
        place, expecting = token, not expecting
    if expecting:
        raise CellError(
            "syntax", f"nothing follows `{place.text}`", place.span, expected=named
        )
    return tuple(names)


_ELSEWHERE = {
    "=": "an equation gives a constant, `a = 0.1`; a start value for training stands in `init a = 0.1`",
    "[": "axes stand behind a colon, as in `state h : d_h`; the time stands in equations alone",
}


def _split(tokens: Sequence[Token], first: Token) -> tuple[Sequence[Token], Expression]:
    """The tokens left of `=`, and the expression right of it."""
    depth, equals = 0, []
    for k, token in enumerate(tokens):
        if token.kind == "sign":
            depth += (token.text in "([") - (token.text in ")]")
            if token.text == "=" and depth == 0:
                equals.append(k)
    if not equals:
        meant = first.text.removesuffix("s")
        raise CellError(
            "syntax", "this is not a statement", _cover([first, *tokens]),
            expected=f"an equation `name = …`, or one of {', '.join(ROLES)}, output, init, note",
            remedy="a start value has a `=`: `init b = 1`" if meant == "init"
            else f"write `{meant}`" if meant in (*ROLES, "output") else "",
        )  # fmt: skip
    left, right = tokens[: equals[0]], tokens[equals[0] + 1 :]
    before, behind = left[-1:], right[:1]
    around = [*(t for t in before if t.text in _OPERATORS), tokens[equals[0]], *(t for t in behind if t.text == "=")]
    if len(around) > 1:
        raise CellError(
            "syntax", "an equation has `=` alone", _cover(around), remedy="write the whole new value behind it"
        )
    if len(equals) > 1:
        raise CellError(
            "syntax", "a second `=` in one equation", tokens[equals[1]].span, remedy="write two equations"
        )
    if not left:
        raise CellError("syntax", "nothing stands left of `=`", tokens[equals[0]].span, expected="a name")
    if not right:
        raise CellError(
            "syntax", "nothing stands right of `=`", tokens[equals[0]].span, expected="an expression"
        )
    return left, _expression(tuple(right))


def _cover(tokens: Sequence[Token]) -> Span:
    line = tokens[0].span.line
    return Span(line, tokens[0].span.start, max(t.span.end for t in tokens if t.span.line == line))


def _expression(tokens: tuple[Token, ...]) -> Expression:
    """Parse a right side with `ast`, in brackets so that it may go over several lines."""
    for token in tokens:
        if token.text == ":" or token.kind == "text":
            hint = (
                "a colon stands in declarations only" if token.text == ":" else "text stands in remarks only"
            )
            raise CellError(
                "syntax", f"`{token.text}` cannot stand in an expression", token.span, remedy=hint
            )
    for before, token in pairwise(tokens):
        if (before.kind != "sign" or before.text in ")]") and token.kind != "sign":
            raise CellError(
                "syntax", f"nothing stands between `{before.text}` and `{token.text}`", token.span,
                remedy=f"write `{before.text} * {token.text}` or `{before.text} @ {token.text}`",
            )  # fmt: skip
    first = tokens[0].span
    rows = [""] * (tokens[-1].span.line - first.line + 1)
    for token in tokens:
        row = token.span.line - first.line
        column = token.span.start - (first.start if row == 0 else 0)
        rows[row] = rows[row].ljust(column) + token.text
    text = "(" + "\n".join(rows) + "\n)"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Expression(tokens, ast.parse(text, mode="eval").body)
    except SyntaxError as error:
        raise _unreadable(tokens, error) from None
    except (RecursionError, MemoryError, ValueError):
        raise CellError("limit", "this expression is nested too deeply", first) from None


def _unreadable(tokens: Sequence[Token], error: SyntaxError) -> CellError:
    """The token at which `ast` gave up, or the last one."""
    row, column = (error.lineno or 1) - 1, (error.offset or 1) - 1
    if row == 0:
        column += tokens[0].span.start - 1
    line = tokens[0].span.line + row
    at = next((t for t in tokens if t.span.line == line and t.span.start <= column < t.span.end), tokens[-1])
    return CellError(
        "syntax", f"the expression cannot be read at `{at.text}`", at.span,
        expected="names, numbers, `+ - * / ** @`, calls `f(x)`, `[a, b]` and brackets",
    )  # fmt: skip
