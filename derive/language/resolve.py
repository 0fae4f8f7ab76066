"""What a name stands for where it is read.

In: a `Scope`, and names as the equations are read in order. Out: references, sizes of axes, and the
parameters that nobody declared. Refuses what is read too early, or at a time that it does not have.
"""

from __future__ import annotations

import ast
import difflib

from derive.functions import FUNCTIONS
from derive.language import limits
from derive.language.errors import CellError
from derive.language.names import OPERATIONS, check_name
from derive.language.scope import Name, Scope
from derive.language.statements import EquationStatement
from derive.language.syntax import Node, Reference, Size, Span
from derive.language.tree import operands


class Resolver:
    """Follows the equations in order and knows what is already defined."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.defined: set[str] = set()
        self.equation: EquationStatement | None = None
        self.macros: set[str] = set()
        self.sizes: list[Size] = []
        self._weights: dict[int, int] = {}
        self._heights: dict[int, int] = {}
        self._kept: list[Node] = []
        self._total = 0

    def enter(self, equation: EquationStatement) -> None:
        """Begin an equation."""
        self.equation = equation

    def leave(self, value: Node) -> None:
        """End it: its target may be read from now on."""
        assert self.equation is not None
        self.defined.add(self.equation.target.text)
        self._total += self._weights[id(value)]
        if self._total > limits.NODES:
            raise self._too_large(value.span)

    def count(self, node: Node) -> None:
        """Keep account of how large the tree is with every macro written out."""
        if id(node) not in self._weights:
            self._kept.append(node)
            parts = [id(part) for part in operands(node)]
            self._weights[id(node)] = 1 + sum(self._weights[part] for part in parts)
            self._heights[id(node)] = 1 + max((self._heights[part] for part in parts), default=0)
            if self._weights[id(node)] > limits.NODES or self._heights[id(node)] > limits.HEIGHT:
                raise self._too_large(node.span)

    def _too_large(self, span: Span) -> CellError:
        return CellError(
            "limit", "the equations are too large, macros written out", span,
            expected=f"at most {limits.NODES} operations and names, {limits.HEIGHT} of them nested",
        )  # fmt: skip

    def plain(self, name: str, span: Span) -> Node:
        """A name alone."""
        known = self.scope.names.get(name)
        if known is None:
            return self._undeclared(name, span)
        if known.role == "state":
            raise CellError(
                "time", f"`{name}` is a state: say at which time", span,
                expected=f"`{name}[t-1]`, the old value, or `{name}[t]`, the new one",
            )  # fmt: skip
        if known.role == "local" and name not in self.defined:
            raise self._too_early(name, span)
        return Reference(shape=(), span=span, name=name, lag=0)

    def _undeclared(self, name: str, span: Span) -> Node:
        """An axis, or a parameter that nobody declares."""
        if name in self.scope.axes or name.startswith("d_"):
            size = Size(shape=(), span=span, axis=name)
            self.sizes.append(size)
            return size
        if name in FUNCTIONS or name in OPERATIONS or name in self.scope.macros.statements:
            raise CellError(
                "arguments", f"`{name}` is a function and stands alone", span, expected=f"`{name}(…)`"
            )
        check_name(name, span)
        self.scope.names[name] = Name(name, "param", span, None, "")
        return Reference(shape=(), span=span, name=name, lag=0)

    def timed(self, name: str, time: ast.expr, span: Span) -> Node:
        """A name with an index."""
        known = self.scope.names.get(name)
        lag = _lag(time)
        if known is None:
            raise CellError(
                "time", f"`{name}` is declared nowhere, and only a state has a time", span,
                remedy=self._meant(name),
            )  # fmt: skip
        if known.role == "param":
            raise CellError(
                "time",
                f"`{name}` is a parameter and has no time",
                span,
                remedy=f"write `{name}`; products are `{name} @ […]`",
            )
        if known.role == "input":
            raise CellError(
                "time", f"`{name}` is an input, read at time t only", span, remedy=_keep(name, name, lag)
            )
        if known.role == "local":
            raise CellError(
                "time", f"`{name}` is no state and has no time", span, remedy=_keep(name, name, lag)
            )
        if lag is None or lag not in (0, 1):
            raise CellError(
                "time", f"the state `{name}` is known at t and t-1 only", span,
                expected=f"`{name}[t-1]` or `{name}[t]`", remedy=_older(name, lag),
            )  # fmt: skip
        if lag == 0 and name not in self.defined:
            raise self._too_early(name, span)
        return Reference(shape=(), span=span, name=name, lag=0 if lag == 0 else 1)

    def _meant(self, name: str) -> str:
        """What an undeclared name with a time may stand for."""
        states = {n.lower(): n for n, known in self.scope.names.items() if known.role == "state"}
        near = difflib.get_close_matches(name.lower(), states, 1, cutoff=0.7)
        if near:
            return f"did you mean `{states[near[0]]}`?"
        return f"declare it, `state {name} : …`; if it is a parameter, write `{name}`"

    def _too_early(self, name: str, span: Span) -> CellError:
        assert self.equation is not None
        target = self.equation.target.text
        ring = self._path(name, target)
        state = self.scope.names[name].role == "state"
        shown = f"{name}[t]" if state else name
        if ring:
            through = " -> ".join([target, *ring])
            return CellError(
                "cycle", f"`{target}` needs `{shown}`, which needs `{target}`, within one time step", span,
                notes=[f"the cycle: {through}"],
                remedy=f"break it with the old value of a state: `{name}[t-1]`" if state
                else "break it with the old value of a state: `h[t-1]`",
            )  # fmt: skip
        line = next(e.target.span.line for e in self.scope.equations if e.target.text == name)
        return CellError(
            "order",
            f"`{shown}` is read before its equation",
            span,
            notes=[f"its equation is on line {line}"],
            remedy=f"move that equation up{f', or read the old value `{name}[t-1]`' if state else ''}",
        )

    def _path(self, start: str, goal: str) -> list[str]:
        """A chain of equations by which `start` needs `goal` at the same time, or nothing."""
        needs = {e.target.text: _needs(e, self.scope) for e in self.scope.equations}
        paths: list[list[str]] = [[start]]
        seen = {start}
        while paths:
            path = paths.pop(0)
            if path[-1] == goal:
                return path
            for name in needs.get(path[-1], ()):
                if name not in seen:
                    seen.add(name)
                    paths.append([*path, name])
        return []


def _needs(equation: EquationStatement, scope: Scope) -> list[str]:
    """The names whose value at time t an equation reads, in order."""
    names: dict[str, None] = {}
    for part in ast.walk(equation.value.tree):
        match part:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Name(id="t")):
                names[name] = None
            case ast.Name(id=name) if name in scope.names and scope.names[name].role == "local":
                names[name] = None
    return list(names)


def _lag(time: ast.expr) -> int | None:
    """How far an index `t`, `t-1`, … looks back; None where it is no such index."""
    match time:
        case ast.Name(id="t"):
            return 0
        case ast.BinOp(left=ast.Name(id="t"), op=ast.Sub(), right=ast.Constant(value=int(lag))):
            return lag
        case ast.BinOp(left=ast.Name(id="t"), op=ast.Add(), right=ast.Constant(value=int(lag))):
            return -lag
    return None


def _keep(name: str, value: str, lag: int | None) -> str:
    if lag == 1:
        old = f"{name}_old"
        return f"keep it in a state: `state {old} : …` and `{old}[t] = {value}`, then read `{old}[t-1]`"
    return f"write `{name}`"


def _older(name: str, lag: int | None) -> str:
    if lag is not None and lag > 1:
        return _keep(name, f"{name}[t-1]", 1)
    if lag is not None:
        return "no equation may look ahead"
    return "only a state has a time, and nothing else has an index"
