"""Who is who in a cell, before any expression is read.

In: the parsed statements. Out: a `Scope`: every declared or assigned name with its role, every
declared axis, the macros. Refuses names with two meanings, states without an equation, cells that
are no cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from derive.language.errors import CellError
from derive.language.macros import MacroTable, prelude_names, table
from derive.language.reader import Token
from derive.language.statements import (
    Declaration,
    EquationStatement,
    InitStatement,
    MacroStatement,
    Note,
    OutputStatement,
    Parsed,
)
from derive.language.syntax import Role, Span


@dataclass(frozen=True)
class Name:
    """A declared or assigned variable; `axes` is None where they are inferred."""

    name: str
    role: Role
    span: Span
    axes: tuple[str, ...] | None
    comment: str


@dataclass
class Scope:
    """The names of a cell; parameters that nothing declares join `names` as they are met."""

    names: dict[str, Name] = field(default_factory=dict)
    axes: dict[str, Token] = field(default_factory=dict)
    macros: MacroTable = field(default_factory=lambda: table((), ()))
    equations: tuple[EquationStatement, ...] = ()
    outputs: tuple[Token, ...] = ()
    inits: tuple[InitStatement, ...] = ()
    notes: tuple[str, ...] = ()

    def of_role(self, role: Role) -> list[Name]:
        """The names of one role, in order of first appearance."""
        return [n for n in self.names.values() if n.role == role]


def survey(statements: Sequence[Parsed]) -> Scope:
    """Collect the names of a cell."""
    scope = Scope(
        equations=tuple(s for s in statements if isinstance(s, EquationStatement)),
        inits=tuple(s for s in statements if isinstance(s, InitStatement)),
        notes=tuple(s.text for s in statements if isinstance(s, Note)),
    )
    for statement in statements:
        if isinstance(statement, Declaration):
            _declare(scope, statement)
    macros = [s for s in statements if isinstance(s, MacroStatement)]
    scope.macros = table(macros, scope.axes)
    for macro in macros:
        _check_free(scope, macro.name)
    _check_whole(scope)
    for equation in scope.equations:
        _assign(scope, equation)
    _check_states(scope)
    scope.outputs = _outputs(scope, [s for s in statements if isinstance(s, OutputStatement)])
    return scope


def _declare(scope: Scope, declaration: Declaration) -> None:
    for token in declaration.names:
        _check_free(scope, token)
        axes = tuple(a.text for a in declaration.axes)
        scope.names[token.text] = Name(token.text, declaration.role, token.span, axes, declaration.comment)
    for axis in declaration.axes:
        _check_free(scope, axis, axis=True)
        scope.axes.setdefault(axis.text, axis)


def _check_free(scope: Scope, token: Token, *, axis: bool = False) -> None:
    """Refuse a second meaning of a name."""
    name = token.text
    if name in prelude_names():
        raise CellError(
            "reserved",
            f"`{name}` is the name of a function",
            token.span,
            remedy=f"choose another name, such as `{name}_0`",
        )
    if name in scope.names:
        first = scope.names[name]
        raise CellError(
            "twice", f"`{name}` has two meanings", token.span,
            notes=[f"`{name}` is {_A[first.role]} on line {first.span.line}"],
            remedy="give one of them another name",
        )  # fmt: skip
    if name in scope.axes and not axis:
        raise CellError(
            "twice", f"`{name}` has two meanings", token.span,
            notes=[f"`{name}` is an axis on line {scope.axes[name].span.line}"],
            remedy="give one of them another name",
        )  # fmt: skip


_A = {"input": "an input", "state": "a state", "param": "a parameter", "local": "assigned"}


def _check_whole(scope: Scope) -> None:
    if not scope.names and not scope.equations:
        raise CellError(
            "empty", "there is no cell here", remedy="write at least an input, a state and its equation"
        )
    if not scope.of_role("input"):
        raise CellError("empty", "this cell has no input", expected="a line such as `input x : d_x`")
    if not scope.of_role("state"):
        raise CellError("empty", "this cell has no state", expected="a line such as `state h : d_h`")


def _assign(scope: Scope, equation: EquationStatement) -> None:
    """Record what an equation defines."""
    token, name = equation.target, equation.target.text
    known = scope.names.get(name)
    if known is None:
        _check_free(scope, token)
        if name in scope.macros.statements:
            raise CellError(
                "twice", f"`{name}` is a macro", token.span, remedy="give one of them another name"
            )
        if equation.timed:
            raise CellError(
                "time", f"`{name}` is no state, so its equation has no time", token.span,
                remedy=f"write `{name} = …`, or declare `state {name} : …`",
            )  # fmt: skip
        scope.names[name] = Name(name, "local", token.span, None, equation.comment)
    elif known.role == "state":
        if not equation.timed:
            raise CellError(
                "time", f"`{name}` is a state: its equation gives the value at t", token.span,
                expected=f"`{name}[t] = …`",
            )  # fmt: skip
        first = next(e for e in scope.equations if e.target.text == name)
        if first is not equation:
            raise _twice(name, token.span, first.target.span.line)
    elif known.role == "local":
        raise _twice(name, token.span, known.span.line)
    else:
        raise CellError(
            "role",
            f"`{name}` is {_A[known.role]} (line {known.span.line}) and takes no equation",
            token.span,
            remedy="give the result a name of its own",
        )


def _twice(name: str, span: Span, line: int) -> CellError:
    return CellError(
        "twice", f"`{name}` is assigned twice", span, notes=[f"the first equation is on line {line}"],
        remedy="give each result a name of its own",
    )  # fmt: skip


def _check_states(scope: Scope) -> None:
    updated = {e.target.text for e in scope.equations}
    for state in scope.of_role("state"):
        if state.name not in updated:
            raise CellError(
                "update",
                f"the state `{state.name}` is never updated",
                state.span,
                expected=f"an equation `{state.name}[t] = …`",
                remedy=f"if `{state.name}` is learned and constant, it is a `param`",
            )


def _outputs(scope: Scope, statements: Sequence[OutputStatement]) -> tuple[Token, ...]:
    tokens: dict[str, Token] = {}
    for token in (t for s in statements for t in s.names):
        known = scope.names.get(token.text)
        if known is None or known.role not in ("state", "local"):
            what = f"`{token.text}` is {_A[known.role]}" if known else f"nothing assigns `{token.text}`"
            raise CellError(
                "role",
                f"{what}, so it is no output",
                token.span,
                expected="a state, or a name with an equation",
            )
        if token.text in tokens:
            raise CellError("twice", f"`{token.text}` is declared an output twice", token.span)
        tokens[token.text] = token
    return tuple(tokens.values())
