"""The syntax tree of a cell: what the author wrote, with every shape known.

In: nothing. Out: the node types that `parse` builds and that `normalize`, `proof` and the LaTeX
printer read. Nodes are immutable and hashable; `span` says where a node stands in the source and
takes no part in comparisons. Excluded from the tree: shapes still to be inferred, names that stand
for nothing, numbers that are not exact. A macro keeps both its call (to print) and its body (to
evaluate).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal


@dataclass(frozen=True)
class Axis:
    """One axis of a shape: a named size (`d_h`), or a concatenation of several (`d_h + d_x`)."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return " + ".join(self.parts)


Shape = tuple[Axis, ...]


@dataclass(frozen=True)
class Span:
    """Where something stands in the source: 1-based line, 0-based columns."""

    line: int
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Node:
    """An expression with its shape: `()` for a scalar, one axis a vector, two a matrix."""

    shape: Shape
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Number(Node):
    value: Fraction


@dataclass(frozen=True, kw_only=True)
class Size(Node):
    """The length of an axis, used as a scalar."""

    axis: str


@dataclass(frozen=True, kw_only=True)
class Reference(Node):
    """A variable at time t (`lag` 0) or, for a state only, at t-1 (`lag` 1).

    A parameter has no time and `lag` 0.
    """

    name: str
    lag: Literal[0, 1]


@dataclass(frozen=True, kw_only=True)
class Negative(Node):
    operand: Node


@dataclass(frozen=True, kw_only=True)
class Binary(Node):
    """Element by element; both operands have this node's shape, or one is a scalar."""

    operator: Literal["+", "-", "*", "/"]
    left: Node
    right: Node


@dataclass(frozen=True, kw_only=True)
class Power(Node):
    base: Node
    exponent: int


@dataclass(frozen=True, kw_only=True)
class Contraction(Node):
    """`left @ right`: the last axis of the left with the first of the right (`dot` is one too)."""

    left: Node
    right: Node


@dataclass(frozen=True, kw_only=True)
class Concatenation(Node):
    """`[a, b]`: vectors end to end; the axis's parts are those of the operands in order."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Apply(Node):
    """A function of the table, element by element. `maximum` and `minimum` have two operands."""

    function: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Reduction(Node):
    """Sum, mean or largest element along one axis (0-based), or over all (`axis` None)."""

    kind: Literal["sum", "mean", "max"]
    operand: Node
    axis: int | None


@dataclass(frozen=True, kw_only=True)
class Outer(Node):
    """All products of an element of the left with one of the right; axes side by side."""

    left: Node
    right: Node


@dataclass(frozen=True, kw_only=True)
class Spread(Node):
    """A vector repeated into a matrix: `rows(v)[i, j] = v[i]` (along 0), `cols(v)[i, j] = v[j]` (along 1)."""

    operand: Node
    along: Literal[0, 1]


@dataclass(frozen=True, kw_only=True)
class Transpose(Node):
    operand: Node


@dataclass(frozen=True, kw_only=True)
class Stop(Node):
    """The value of the operand, with no gradient through it."""

    operand: Node


@dataclass(frozen=True, kw_only=True)
class Macro(Node):
    """A call of a macro: `name(operands)` as written, and the `body` that it stands for."""

    name: str
    operands: tuple[Node, ...]
    body: Node


Role = Literal["input", "state", "param", "local"]


@dataclass(frozen=True)
class Variable:
    """A name of the cell. `comment` is what stands behind it in the source."""

    name: str
    role: Role
    shape: Shape
    span: Span = field(compare=False, repr=False)
    comment: str = field(default="", compare=False)


@dataclass(frozen=True)
class Equation:
    """`target = value`; a state's new value where the target is a state."""

    target: str
    value: Node
    span: Span = field(compare=False, repr=False)
    comment: str = field(default="", compare=False)


@dataclass(frozen=True)
class Definition:
    """A macro as the author (or the prelude) defined it: `name(parameters) = body`, in source text."""

    name: str
    parameters: tuple[str, ...]
    body: str


@dataclass(frozen=True)
class Init:
    """How a parameter starts: `constant` value, `uniform` in ±value, `normal` with deviation value,
    `glorot` or `orthogonal` (no value). `value` is an expression of numbers and axis sizes."""

    scheme: Literal["constant", "uniform", "normal", "glorot", "orthogonal"]
    value: Node | None


@dataclass(frozen=True)
class Cell:
    """A recurrent cell, checked: every name defined once, every shape known, every state updated.

    `axes` are the atomic axis names in order of first appearance; `variables` are in the order
    inputs, states, parameters, locals, each in order of first appearance; `equations` are in an
    order in which each reads only what stands before it (or a state at t-1). `inits` holds a scheme
    for every parameter.
    """

    name: str
    title: str
    source: str = field(repr=False)
    axes: tuple[str, ...]
    variables: Mapping[str, Variable]
    equations: tuple[Equation, ...]
    outputs: tuple[str, ...]
    inits: Mapping[str, Init]
    macros: tuple[Definition, ...]
    notes: tuple[str, ...]

    def of_role(self, role: Role) -> tuple[Variable, ...]:
        """The variables of one role, in order."""
        return tuple(v for v in self.variables.values() if v.role == role)

    @property
    def untold(self) -> tuple[Variable, ...]:
        """The states with an axis that no parameter and no input has: only an initial state tells its length."""
        given = (*self.of_role("param"), *self.of_role("input"))
        told = {part for variable in given for axis in variable.shape for part in axis.parts}
        return tuple(v for v in self.of_role("state") if not told.issuperset(p for a in v.shape for p in a.parts))

    def written(self, equation: Equation) -> str:
        """An equation as the author wrote it, without remarks, on one line."""
        text = ""
        for line in self.source.splitlines()[equation.span.line - 1 :]:
            text += ("" if text.endswith(("(", "[")) else " ") + line.partition("#")[0].strip()
            if sum(map(text.count, "([")) <= sum(map(text.count, ")]")):  # a statement goes on while a bracket is open
                break
        return " ".join(text.split())
