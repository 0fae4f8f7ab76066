"""Macros: the prelude's and the cell's own.

In: macro statements. Out: a table of them, checked: a body reads the macro's parameters, axes and
numbers, and calls functions and macros that stand before it. So no macro can reach itself.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from derive.functions import FUNCTIONS
from derive.language.errors import CellError
from derive.language.names import OPERATIONS, check_name
from derive.language.reader import read
from derive.language.statements import MacroStatement, classify
from derive.language.syntax import Definition, Span

PRELUDE = """
softmax(v) = exp(v - stop(max(v))) / sum(exp(v - stop(max(v))))
layernorm(v) = (v - mean(v)) / sqrt(mean((v - mean(v))**2) + 1e-5)
"""


@dataclass(frozen=True)
class MacroTable:
    """Macros by name, in the order of their definition, each with the ones that it calls."""

    statements: Mapping[str, MacroStatement]

    @property
    def own(self) -> list[MacroStatement]:
        """The macros that the cell defines itself."""
        return [s for name, s in self.statements.items() if name not in _prelude()]

    def definition(self, name: str) -> Definition:
        """A macro as source text."""
        statement = self.statements[name]
        return Definition(name, tuple(t.text for t in statement.parameters), statement.body.text())

    def used_by(self, names: Collection[str]) -> tuple[Definition, ...]:
        """These macros and the ones that they call, in the order of their definition."""
        reached: set[str] = set()
        for name in reversed(list(self.statements)):
            if name in names or name in reached:
                reached |= {name, *_called(self.statements[name])}
        return tuple(self.definition(name) for name in self.statements if name in reached)


@cache
def _prelude() -> dict[str, MacroStatement]:
    statements = [classify(s) for s in read(PRELUDE)]
    return {s.name.text: s for s in statements if isinstance(s, MacroStatement)}


def prelude_names() -> tuple[str, ...]:
    """The macros that every cell has."""
    return tuple(_prelude())


def table(statements: Collection[MacroStatement], axes: Collection[str]) -> MacroTable:
    """The macros of a cell after those of the prelude, each checked."""
    macros = dict(_prelude())
    later = {s.name.text: s.name.span for s in statements}
    for statement in statements:
        name = statement.name
        if name.text in macros:
            where = (
                "in every cell" if name.text in _prelude() else f"on line {macros[name.text].name.span.line}"
            )
            raise CellError(
                "twice",
                f"the macro `{name.text}` is defined twice",
                name.span,
                notes=[f"it is defined {where}"],
            )
        _check(statement, macros, later, axes)
        macros[name.text] = statement
    return MacroTable(macros)


def _check(
    statement: MacroStatement,
    macros: Mapping[str, MacroStatement],
    later: Mapping[str, Span],
    axes: Collection[str],
) -> None:
    parameters: set[str] = set()
    for token in statement.parameters:
        check_name(token.text, token.span)
        if token.text in parameters:
            raise CellError("twice", f"the macro has two parameters `{token.text}`", token.span)
        parameters.add(token.text)
    called = _called(statement)
    for name in _in_order(statement, ast.Name):
        span = statement.body.span(name)
        if name.id in called:
            if name.id in later and name.id not in macros:
                raise CellError(
                    "macro",
                    f"the macro `{statement.name.text}` calls `{name.id}`, which is not defined yet",
                    span,
                    remedy="a macro calls only macros that stand above it; it cannot call itself",
                )
        elif (
            name.id != "t"
            and name.id not in parameters
            and name.id not in axes
            and not name.id.startswith("d_")
        ):
            known = name.id in FUNCTIONS or name.id in OPERATIONS
            raise CellError(
                "macro",
                f"the macro `{statement.name.text}` reads `{name.id}`, which is not its parameter",
                span,
                remedy=f"call it: `{name.id}(…)`" if known else f"make `{name.id}` a parameter of the macro",
            )


def _called(statement: MacroStatement) -> set[str]:
    return {
        node.func.id
        for node in ast.walk(statement.body.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def _in_order(statement: MacroStatement, kind: type[ast.Name]) -> list[ast.Name]:
    names = [node for node in ast.walk(statement.body.tree) if isinstance(node, kind)]
    return sorted(names, key=lambda node: (node.lineno, node.col_offset))
