"""The step Jacobian of a cell as matrices: block by block, kept apart by the gates that the paths go through.

In: a cell, its flow. Out: `Block`s: a Jacobian of a variable with respect to an old state, and the words that
it is the sum of. What splits into several paths before it is read has a block of its own, and is referred to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from derive.backends.formula.contract import Place, Reader
from derive.backends.formula.network import NoMatrixForm, transposed
from derive.backends.formula.nodes import (
    Constant,
    Diagonal,
    Entry,
    Equal,
    Formula,
    Identity,
    Name,
    Negative,
    Ones,
    Partial,
    Total,
    negative,
    scaled,
    total,
)
from derive.backends.formula.order import place_of, places
from derive.backends.formula.paths import Followed, Path, Paths
from derive.bounds import Flow
from derive.functions import ScalarFunction
from derive.language.syntax import Cell
from derive.system import Element, Index, System, Term, elements

_FAR = 10**6

Gates = tuple[str, ...]


@dataclass(frozen=True)
class Word:
    """What a block gets along all paths through some gates, the author's variables.

    `direct`: it is a state's own old value, element by element, through no gate.
    """

    gates: Gates
    formula: Formula
    direct: bool = False


@dataclass(frozen=True)
class Block:
    """`left` is the sum of the words. `variable`: a state or what has a block of its own; `source`: a state."""

    variable: str
    source: str
    left: Partial
    words: tuple[Word, ...]


class JacobianFormulas:
    """The step Jacobian of one cell in formulas."""

    def __init__(self, cell: Cell, system: System, flow: Flow) -> None:
        self.flow, self.system = flow, system
        self.places = places(cell, system)
        self.own = Followed(flow).lines
        self.inline = _inline(system, flow)

    def blocks(self) -> tuple[Block, ...]:
        """Every block, behind those that it refers to."""
        paths = Paths(self.flow, self.own.__contains__)
        return tuple(
            self._block(paths, name, state, within=self.flow.system.variables[name].about)
            for name in self.own
            for state in paths.followed(name)
        )

    def expanded(self) -> tuple[Block, ...]:
        """The blocks of the states, with nothing referred to: a word for each sequence of gates."""
        paths = Paths(self.flow, lambda name: False)
        return tuple(
            self._block(paths, state, source)
            for state in self.flow.states
            for source in self.flow.states
            if source in paths.followed(state)
        )

    def reader(self, name: str, paths: Paths | None = None) -> Reader:
        """Reads terms of a variable's differential."""
        references = {} if paths is None else paths.references
        return _FlowReader(self.flow, references, self._place(name), self.inline)

    def value(self, variable: str) -> Formula:
        """A variable, or the function of another that it is written as."""
        element = self.flow.system.variables[variable].element
        return self.reader(variable).formula(element.feature_indices, [Term(element)])

    def definition(self, variable: str) -> Formula:
        """What a variable is equal to; its name where that has no matrix form."""
        equation = self.flow.system.equation(variable)
        try:
            rows = self.flow.system.variables[variable].element.feature_indices
            return self.reader(variable).formula(rows, equation.terms) if equation else self.name(variable)
        except NoMatrixForm:
            return self.name(variable)

    def name(self, variable: str, shift: int = 0) -> Name:
        """A variable as it is shown."""
        known = self.flow.system.variables[variable]
        return Name(name=variable, shift=shift if known.time else None, rank=len(known.axes))

    def partial(self, variable: str, state: str) -> Partial:
        """A block by its name."""
        of, by = self.name(variable), self.name(state, -1)
        return Partial(rank=of.rank + by.rank, of=of, by=by)

    # -- one block

    def _block(self, paths: Paths, name: str, state: str, within: str = "") -> Block:
        """One block. `within`: the gate that all of it lies in."""
        chosen = [_inside(path, within) for path in paths.of(name) if path.state == state]
        reader, left = self.reader(name, paths), self.partial(name, state)
        rows = paths.rows(name)
        try:
            words = _grouped(chosen, lambda path: matrix(reader, rows, path), left.rank)
        except NoMatrixForm:
            columns = paths.columns(state)
            left = Partial(rank=0, of=_entry(left.of, rows), by=_entry(left.by, columns))
            words = _grouped(chosen, lambda path: indexed(reader, rows, columns, path), 0)
        direct = [path for path in chosen if not path.gates]
        if name == state and direct and all(path.columns == rows and not path.over for path in direct):
            words = (replace(words[0], direct=True), *words[1:])
        return Block(name, state, left, words)

    def _place(self, name: str) -> Place:
        """The order of the author's line, then that of the system."""
        own = place_of(self.system, self.places, name) if self.system.equation(name) else lambda _: _FAR
        behind = {variable: _FAR + k for k, variable in enumerate(self.flow.system.variables)}

        def place(variable: str) -> int:
            near = own(variable)
            return near if near < _FAR else behind.get(variable, 2 * _FAR)

        return place


class _FlowReader(Reader):
    """Reads Jacobians that are referred to as well."""

    def __init__(
        self, flow: Flow, references: dict[str, tuple[str, str]], place: Place, inline: dict[str, sp.Expr]
    ) -> None:
        self.flow, self.references = flow, references
        super().__init__(dict(flow.system.variables), place, inline)

    def name(self, element: Element) -> Formula:
        """A variable, or a block by its name; of a scalar, as the column that a vector of its slopes is."""
        if element.name not in self.references:
            return super().name(element)
        variable, state = (self.flow.system.variables[n] for n in self.references[element.name])
        of = Name(name=variable.name, shift=0, rank=len(variable.axes))
        by = Name(name=state.name, shift=-1, rank=len(state.axes))
        partial = Partial(rank=of.rank + by.rank, of=of, by=by)
        return transposed(partial) if not of.rank and by.rank == 1 else partial

    def _role(self, element: Element) -> str:
        return "adjoint" if element.name in self.references else super()._role(element)


def _inline(system: System, flow: Flow) -> dict[str, sp.Expr]:
    """What is written as a function of another variable: a temporary that is one, and what only slopes need."""
    own = {block for stored in system.stored.values() for block in stored.blocks.values()}
    found = {}
    for equation in flow.system.equations:
        body = equation.terms[0].body if equation.terms else sp.S.Zero
        is_function = isinstance(body, ScalarFunction) and isinstance(body.args[0], Element)
        if (
            is_function
            and equation.name not in own
            and (body.args[0].name in own or equation.name not in system.variables)
        ):
            found[equation.name] = body
    return found


def _inside(path: Path, gate: str) -> Path:
    return replace(path, gates=path.gates[1:]) if gate and path.gates[:1] == (gate,) else path


def _grouped(chosen: Sequence[Path], formula: Callable[[Path], Formula], rank: int) -> tuple[Word, ...]:
    groups: dict[Gates, list[Formula]] = {}
    for path in chosen:
        groups.setdefault(path.gates, []).append(formula(path))
    direct = {(): groups.pop(())} if () in groups else {}
    return tuple(Word(gates, total(parts, rank)) for gates, parts in (direct | groups).items())


# -- one path


def matrix(reader: Reader, rows: Sequence[Index], path: Path) -> Formula:
    """A path as a matrix, a column, a row or a number."""
    term = Term(path.body, path.over)
    match len(rows), len(path.columns):
        case 0, 0:
            found = reader.formula((), [term])
        case 1, 0:
            found = _spread(reader.formula(rows, [term]), rows)
        case 0, 1:
            found = transposed(_spread(reader.formula(path.columns, [term]), path.columns))
        case 1, 1 if path.columns == tuple(rows):
            found = _diagonal(reader, rows, term)
        case 1, 1:
            found = reader.formula((*rows, *path.columns), [term])
        case _:
            raise NoMatrixForm(f"{path.body} has the indices {(*rows, *path.columns)}")
    if found.rank != len(rows) + len(path.columns):
        raise NoMatrixForm(f"{path.body} is not spread over {(*rows, *path.columns)}")
    return found


def _spread(formula: Formula, indices: Sequence[Index]) -> Formula:
    """A number on every element of a vector."""
    return formula if formula.rank else scaled([formula], Ones(axis=indices[0].axis))


def _diagonal(reader: Reader, rows: Sequence[Index], term: Term) -> Formula:
    if not any(set(rows) & set(e.feature_indices) for e in elements(term.body)):
        return scaled([reader.formula((), [term])], Identity(axis=rows[0].axis))
    vector = reader.formula(rows, [term])
    minus = isinstance(vector, Negative)
    diagonal = Diagonal(operand=negative(vector) if minus else vector)
    return negative(diagonal) if minus else diagonal


def indexed(reader: Reader, rows: Sequence[Index], columns: Sequence[Index], path: Path) -> Formula:
    """One entry of a path, a path that is diagonal somewhere marked by equal indices."""
    renamed = {old: new for old, new in zip(path.columns, columns, strict=True) if old not in rows}
    ties = [Equal(left=o, right=n) for o, n in zip(path.columns, columns, strict=True) if o in rows]
    entry = reader.entries([Term(path.body.xreplace(renamed), path.over)])
    if not ties:
        return entry
    if entry == Constant(value=sp.S.One):
        return scaled([*ties[:-1]], ties[-1])
    return scaled([*ties], entry)


def signed(formula: Formula) -> tuple[bool, Formula]:
    """Whether a formula begins with a minus, and what is behind it."""
    if isinstance(formula, Negative):
        return True, formula.operand
    if isinstance(formula, Total) and isinstance(formula.terms[0], Negative):
        return True, replace(formula, terms=(formula.terms[0].operand, *formula.terms[1:]))
    return False, formula


def _entry(formula: Formula, indices: Iterable[Index]) -> Formula:
    found = tuple(indices)
    return Entry(of=formula, indices=found) if found else formula
