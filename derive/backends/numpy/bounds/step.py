"""The step Jacobian in NumPy: the values of a step, then every differential as a matrix.

In: a scope. Out: lines, and for each block of the Jacobian the array that holds it. A block is kept apart
by the gates that its paths go through: `("c", "h", ("f",))` is what c gets of the old h through f. No gate:
element by element in the state's own equation, the direct path. Where a state's own equation mixes elements
too, that part goes by the state's name.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.backends.numpy.bounds.scope import Scope
from derive.bounds import Differential, Direct, Passage, Product, gates_through
from derive.system import Element, Index, Term

Path = tuple[str, ...]
Key = tuple[str, Path]
"""A state, and the gates between it and its old value."""
Goal = Sequence[Index]

_LONGEST = 110


class StepPrinter:
    """`blocks`: (state, source, gates) → identifier, once the lines are made."""

    def __init__(self, scope: Scope) -> None:
        self.scope, self.flow = scope, scope.flow
        self.states = {delay: state for state, delay in self.flow.delays.items()}
        self.known: dict[str, dict[Key, str]] = {}

    def values(self) -> list[str]:
        """The equations at one step."""
        lines = []
        for equation in self.flow.read:
            variable = self.scope.variables[equation.name]
            target = variable.element.feature_indices
            value = self.scope.expressions.terms(equation.terms, target)
            if self.scope.expressions.lacks(equation.terms, target) and variable.axes:
                value = f"np.broadcast_to({value}, {self.scope.sizes(variable)})"
            lines.append(f"{self.scope[equation.name]} = {value}")
        return lines

    def differentials(self) -> list[str]:
        """Each differential's matrices, behind those they need."""
        return [line for d in self.flow.differentials.values() for line in self._differential(d)]

    @property
    def blocks(self) -> dict[tuple[str, str, Path], str]:
        """Which array holds which block."""
        return {
            (state, source, path): name
            for state in self.flow.states
            for (source, path), name in sorted(self.known[state].items(), key=lambda b: (self._place(b[0][0]), b[0][1]))
        }

    def _place(self, state: str) -> int:
        return self.flow.states.index(state)

    def _differential(self, differential: Differential) -> list[str]:
        name = differential.variable
        shares: dict[Key, list[str]] = {}
        for direct in differential.directs:
            path: Path = () if direct.gate == name else (direct.gate,)
            shares.setdefault((self.states[direct.delay], path), []).append(self._direct(name, direct))
        for passage in differential.passages:
            for (state, path), inner in self._inner(passage).items():
                key = state, gates_through(name, passage.gate, path)
                shares.setdefault(key, []).append(self._passage(name, passage, state, inner))
        self.known[name] = {key: self._name(name, *key) for key in shares}
        return [line for key, texts in shares.items() for line in _assigned(self.known[name][key], texts)]

    def _name(self, name: str, state: str, path: Path) -> str:
        return self.scope.names.fresh("_".join(("d", name, state, *path)))

    def _inner(self, passage: Passage) -> dict[Key, str | None]:
        """The source's matrices; None where the source is an old state itself."""
        if passage.source in self.states:
            return {(self.states[passage.source], ()): None}
        return dict(self.known[passage.source])

    def _direct(self, name: str, direct: Direct) -> str:
        row = self.scope.variables[name].element.feature_indices
        column = self.scope.free(self.flow.delays[self.states[direct.delay]])
        text, bare = self._coefficient(direct.ways, row)
        if not row:
            return text
        if len(row) == 1 and not bare and self._spans(direct.ways, row):
            return f"np.diag({text})"
        pairs = list(zip(row, column, strict=True))
        identity = self.scope.expressions.plain(sp.Mul(*self.scope.identity(pairs)), (*row, *column))
        return _scaled(text, bare, identity, len(column) * self._varies(direct.ways))

    def _passage(self, name: str, passage: Passage, state: str, inner: str | None) -> str:
        row = self.scope.variables[name].element.feature_indices
        column = self.scope.free(self.flow.delays[state])
        matrix = self._carried(passage, inner, row, column)
        text, bare = self._coefficient(passage.ways, row)
        return _scaled(text, bare, matrix, len(column) * self._varies(passage.ways))

    def _carried(self, passage: Passage, inner: str | None, row: Goal, column: Goal) -> str:
        """The weight times the source's matrix."""
        weight, source = passage.weight, passage.weight.source.feature_indices
        goal = (*row, *column)
        if inner is not None:
            body = weight.coefficient * self.scope.array(inner, *source, *column)
            return self.scope.total(Term(body, weight.over), goal, whole=True)
        pairs = list(zip(source, column, strict=True))
        renamed = {i: j for i, j in pairs if i in weight.over}
        fixed = [(i, j) for i, j in pairs if i not in weight.over]
        body = weight.coefficient.xreplace(renamed) * sp.Mul(*self.scope.identity(fixed))
        over = tuple(i for i in weight.over if i not in renamed)
        return self.scope.total(Term(body, over), goal, whole=True)

    def _coefficient(self, ways: Sequence[Product], row: Goal) -> tuple[str, bool]:
        """The text of a coefficient, and whether it is one."""
        total = sp.Add(*(sp.Mul(*way) for way in ways))
        return self.scope.expressions.plain(total, row), total == 1

    def _varies(self, ways: Sequence[Product]) -> bool:
        """Whether a coefficient is an array with axes."""
        return any(e.feature_indices for way in ways for factor in way for e in factor.atoms(Element))

    def _spans(self, ways: Sequence[Product], row: Goal) -> bool:
        return any(
            set(row) <= set(e.feature_indices) for way in ways for factor in way for e in factor.atoms(Element)
        )


def _scaled(coefficient: str, bare: bool, matrix: str, axes: int) -> str:
    if bare:
        return matrix
    around = coefficient if coefficient.isidentifier() else f"({coefficient})"
    inner = f"({matrix})" if " + " in matrix or " - " in matrix or "@" in matrix or matrix.startswith("-") else matrix
    if matrix == "1":
        inner = ""
    aligned = f"{around}[..., {', '.join(['None'] * axes)}]" if axes else around
    return f"{aligned} * {inner}" if inner else aligned


def _assigned(name: str, texts: Sequence[str]) -> list[str]:
    """One line where it fits, otherwise a line a share."""
    line = f"{name} = {' + '.join(texts)}"
    if len(texts) == 1 or len(line) <= _LONGEST:
        return [line]
    return [f"{name} = (", f"    {texts[0]}", *(f"    + {text}" for text in texts[1:]), ")"]
