"""Which axes everything has.

In: equations, their ranks, the declared axes. Out: the axes of every variable and node, found by
unification over the whole file. An axis is a declared one, an unknown, or several end to end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from derive.language import limits
from derive.language.errors import CellError
from derive.language.syntax import (
    Apply,
    Binary,
    Concatenation,
    Contraction,
    Equation,
    Macro,
    Negative,
    Node,
    Number,
    Outer,
    Power,
    Reduction,
    Reference,
    Size,
    Spread,
    Stop,
    Transpose,
)
from derive.language.tree import operands, walk


@dataclass(eq=False)
class Part:
    """An axis while it is inferred: named, or several end to end, or bound to another, or unknown.

    `met` is where it was bound.
    """

    name: str = ""
    parts: tuple[Part, ...] = ()
    bound: Part | None = None
    met: Node | None = None

    def root(self) -> Part:
        """What it is bound to in the end."""
        cell = self
        while cell.bound is not None:
            cell = cell.bound
        return cell

    def flat(self) -> list[Part]:
        """Its atomic parts, in order."""
        parts = list(islice(self._atoms(), limits.OPERANDS + 1))
        if len(parts) > limits.OPERANDS:
            raise CellError("limit", "an axis of too many parts", expected=f"at most {limits.OPERANDS}")
        return parts

    def _atoms(self) -> Iterator[Part]:
        cell = self.root()
        if not cell.parts:
            yield cell
        for part in cell.parts:
            yield from part._atoms()


class Mismatch(Exception):
    """Two axes that are not the same; `node` is where they meet."""

    def __init__(self, node: Node, left: Part, right: Part, equation: Equation | None) -> None:
        super().__init__(node)
        self.node = node
        self.left = left
        self.right = right
        self.equation = equation


class Axes:
    """The axes of variables and nodes."""

    def __init__(self, declared: Mapping[str, Sequence[str] | None], rank_of: Callable[[str], int]) -> None:
        self.named = {a: Part(name=a) for axes in declared.values() for a in axes or ()}
        self.variables: dict[str, tuple[Part, ...]] = {}
        for name, axes in declared.items():
            if axes is None:
                self.variables[name] = tuple(Part() for _ in range(rank_of(name)))
            else:
                self.variables[name] = tuple(self.named[a] for a in axes)
        self._nodes: dict[int, tuple[Part, ...]] = {}

    def of(self, node: Node) -> tuple[Part, ...]:
        """The axes of a node that an added equation holds."""
        return self._nodes[id(node)]

    def add(self, equation: Equation) -> None:
        """Unify what an equation makes equal."""
        for node in walk(equation.value):
            if id(node) not in self._nodes:
                self._nodes[id(node)] = self._axes(node)
        pairs = zip(self.variables[equation.target], self.of(equation.value), strict=True)
        for target, value in pairs:
            self._unify(target, value, equation.value, equation)

    def _axes(self, node: Node) -> tuple[Part, ...]:
        parts = [self._nodes[id(part)] for part in operands(node)]
        match node:
            case Reference(name=name):
                return self.variables[name]
            case Number() | Size():
                return ()
            case Negative() | Power() | Stop() | Transpose():
                return parts[0][::-1] if isinstance(node, Transpose) else parts[0]
            case Macro():
                return parts[-1]
            case Binary() | Apply():
                return self._alike(node, parts)
            case Contraction():
                self._unify(parts[0][-1], parts[1][0], node)
                return parts[0][:-1] + parts[1][1:]
            case Outer():
                return parts[0] + parts[1]
            case Spread(along=along):
                return (parts[0][0], Part()) if along == 0 else (Part(), parts[0][0])
            case Concatenation():
                return (Part(parts=tuple(part[0] for part in parts)),)
            case Reduction(axis=axis):
                return () if axis is None else parts[0][:axis] + parts[0][axis + 1 :]
        raise TypeError(f"no rule of axes for {type(node).__name__}: add one to derive/language/axes.py")

    def _alike(self, node: Node, parts: Sequence[tuple[Part, ...]]) -> tuple[Part, ...]:
        longest = max(parts, key=len)
        if len(parts) == 2 and len(parts[0]) == len(parts[1]):
            for left, right in zip(*parts, strict=True):
                self._unify(left, right, node)
        return longest

    def _unify(self, left: Part, right: Part, node: Node, equation: Equation | None = None) -> None:
        """Make two axes one, part by part from both ends."""
        ours, theirs = left.flat(), right.flat()
        while ours and theirs and ours[0] is theirs[0]:
            del ours[0], theirs[0]
        while ours and theirs and ours[-1] is theirs[-1]:
            del ours[-1], theirs[-1]
        if not ours and not theirs:
            return
        if len(ours) == 1 and theirs and not ours[0].name and ours[0] not in theirs:
            _bind(ours[0], theirs, node)
        elif len(theirs) == 1 and ours and not theirs[0].name and theirs[0] not in ours:
            _bind(theirs[0], ours, node)
        elif len(ours) == len(theirs) > 1:
            for one, other in zip(ours, theirs, strict=True):
                self._unify(one, other, node, equation)
        else:
            raise Mismatch(node, left, right, equation)


def _bind(cell: Part, parts: Sequence[Part], met: Node) -> None:
    cell.met = met
    cell.bound = parts[0] if len(parts) == 1 else Part(parts=tuple(parts))
