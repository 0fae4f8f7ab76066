"""The code that computes, line by line, with the equation that a line computes above it.

In: the finished lines of the NumPy and the C backend, the rows of the derivation. Out: listings for the template. A
line computes an equation where it gives its variable its last value: the backends call variables as the derivation
does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from textwrap import dedent

from pygments.lexer import Lexer
from pygments.lexers.c_cpp import CLexer
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, String, _TokenType

from derive.backends import Derived, Proven, c, numpy
from derive.backends.c.names import local
from derive.pages.rows import Row

_CLASSES: Sequence[tuple[_TokenType, str]] = (
    (Comment, "c"),
    (Keyword, "k"),
    (String, "s"),
    (Number, "m"),
    (Name.Function, "nf"),
)
_MOST = 2
"""So many equations stand beside a line as formulas; more are named."""
_DECLARED = re.compile(r"\s*(const )?real \*")
_GIVEN = re.compile(r"const vec (\w+) =|PUT\((\w+) \+|dparams->(\w+)|[{,] (d\w+),|(d\w+?)_0 \+ begin")


@dataclass(frozen=True)
class Beside:
    """The link to an equation, short and in full."""

    short: str
    full: str


def equations(rows: Mapping[str, Row]) -> dict[str, Beside]:
    """Variable → its equation; `rows`: variable → the row that gives it a value."""
    return {name: _equation(row) for name, row in rows.items()}


def _equation(row: Row) -> Beside:
    place, left, number = row["id"], row["left"], row["number"]
    formula = f"${left} = {' '.join(term['text'] for term in row['terms'])}$"
    if number:
        link = f'<a href="#{place}">{number}</a>'
        return Beside(link, f"{link} {formula}")
    start = f'<a href="#{place}" aria-label="{row["spoken"]}">'
    return Beside(f"{start}${left}$</a>", f"{start}{formula}</a>")


def listings(derived: Derived, known: Mapping[str, Beside]) -> list[Row]:
    """Forward and backward in NumPy and in C; `known`: variable → its equation."""
    nothing = Proven((), ())
    module = numpy.pages(derived, (), nothing)["__init__.py"].context
    kernels = next(
        page.context for page in c.pages(derived, (), nothing).values() if page.template == "c/kernels.inc.j2"
    )
    names = {local(name): beside for name, beside in known.items()}
    assigned = partial(_assigned, numpy.targets(derived.cell, derived.schedule))
    in_python = _Language(PythonLexer(stripnl=False), known, assigned)
    in_c = _Language(CLexer(stripnl=False), names, _given)
    return [
        _listing("numpy-step", "NumPy: one step", module["step"], in_python),
        _listing("numpy-forward", "NumPy: forward", module["forward"], in_python),
        _listing("numpy-backward", "NumPy: backward", module["backward"], in_python),
        _listing("c-forward", "C: forward", kernels["forward"], in_c),
        _listing("c-backward", "C: backward", kernels["backward"], in_c),
    ]


@dataclass(frozen=True)
class _Language:
    """`known`: variable, as `given` calls it → its equation; `given`: lines → for each line what it gives a value."""

    lexer: Lexer
    known: Mapping[str, Beside]
    given: Callable[[Sequence[str]], Mapping[int, list[str]]]


def _listing(identifier: str, title: str, lines: Sequence[str], language: _Language) -> Row:
    text, known = dedent("\n".join(lines)).strip("\n").split("\n"), language.known
    last = {name: number for number, names in sorted(language.given(text).items()) for name in names if name in known}
    rows = [
        {"code": code or " ", "beside": _beside([known[name] for name, line in last.items() if line == number])}
        for number, code in enumerate(_highlighted(text, language.lexer))
    ]
    return {"id": identifier, "title": title, "label": title, "lines": rows}


def _beside(found: Sequence[Beside]) -> str:
    shown = list(dict.fromkeys(found))
    return ", ".join(each.short for each in shown) if len(shown) > _MOST else "; ".join(each.full for each in shown)


# -- which variables a line gives a value


def _assigned(targets: Mapping[str, Sequence[str]], lines: Sequence[str]) -> Mapping[int, list[str]]:
    """Line → the variables that a Python statement on it assigns or adds to."""
    found: dict[int, list[str]] = {}
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.Assign | ast.AugAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                found.setdefault(node.lineno - 1, []).extend(_variables(target, targets))
    return found


def _variables(node: ast.expr, targets: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if isinstance(node, ast.Tuple):
        for each in node.elts:
            yield from _variables(each, targets)
    elif (text := ast.unparse(node)) in targets:
        yield from targets[text]
    elif isinstance(node, ast.Subscript):
        yield from _variables(node.value, targets)


def _given(lines: Sequence[str]) -> Mapping[int, list[str]]:
    """Line → the variables that the C on it computes; declarations of where they are kept compute nothing."""
    return {
        number: [next(filter(None, match.groups())) for match in _GIVEN.finditer(line)]
        for number, line in enumerate(lines)
        if not _DECLARED.match(line)
    }


# -- colours


def _highlighted(lines: Sequence[str], lexer: Lexer) -> list[str]:
    """Each line as HTML. A token that goes over several lines is marked on each."""
    found = [""]
    for kind, text in lexer.get_tokens("\n".join(lines)):
        name = next((name for token, name in _CLASSES if kind in token), "")
        first, *others = text.split("\n")
        found[-1] += _marked(first, name)
        found += [_marked(part, name) for part in others]
    return found[: len(lines)]


def _marked(text: str, name: str) -> str:
    safe = escape(text, quote=False).replace("$", "&#36;")
    return f'<span class="{name}">{safe}</span>' if name and text else safe
