"""Bounds of the step Jacobian's blocks, to be read: suprema of factors and norms of weights, added and multiplied.

In: a cell's Jacobian formulas. Out: for a block a formula for what its norm cannot exceed. A supremum that the
function table settles is a number; any other is the largest value over what is meant, and so is a norm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import sympy as sp

from derive.backends.formula.contract import Reader
from derive.backends.formula.flow import JacobianFormulas, indexed, matrix
from derive.backends.formula.network import NoMatrixForm
from derive.backends.formula.nodes import (
    Applied,
    Called,
    Constant,
    Formula,
    Largest,
    Name,
    Negative,
    Norm,
    Normalising,
    Partial,
    Times,
    mapped,
    total,
)
from derive.backends.formula.paths import Path, coefficient
from derive.bounds import Differential, Normaliser, Passage, Product, supremum
from derive.bounds.suprema import degree
from derive.functions import shape
from derive.system import Element, Index, Term, elements

_FRESH = 1000


@dataclass(frozen=True)
class BlockBound:
    """‖∂variable/∂source‖ is at most `formula`; `reads`: the variables that it grows with, without those that only
    functions of a finite range read."""

    variable: str
    source: str
    formula: Formula
    reads: frozenset[str]


class BoundFormulas:
    """Bounds in words for every block. `apart`: of which variables the norm is referred to."""

    def __init__(self, formulas: JacobianFormulas, apart: Callable[[str], bool]) -> None:
        self.formulas, self.flow, self.apart = formulas, formulas.flow, apart
        self.states = {delay: state for state, delay in self.flow.delays.items()}
        self.reads: dict[tuple[str, str], frozenset[str]] = {}

    def bounds(self) -> tuple[BlockBound, ...]:
        """Of every block that is referred to and of every pair of states, behind those it needs."""
        names = [n for n in self.flow.differentials if n in self.flow.delays or self.apart(n)]
        return tuple(self._bound(name, state) for name in names for state in self._followed[name])

    @cached_property
    def _followed(self) -> dict[str, list[str]]:
        """Each variable's states, in the cell's order."""
        found: dict[str, set[str]] = {}
        for name, differential in self.flow.differentials.items():
            found[name] = {self.states[d.delay] for d in differential.directs}
            for passage in differential.passages:
                found[name] |= self._reached(passage.source, found)
        return {name: [s for s in self.flow.states if s in reached] for name, reached in found.items()}

    def _reached(self, source: str, found: dict[str, set[str]]) -> set[str]:
        return {self.states[source]} if source in self.states else found[source]

    def _bound(self, name: str, state: str) -> BlockBound:
        terms = list(self._terms(self.flow.differentials[name], state))
        formula = untimed(total(terms, 0))
        own, referred = set(_names(formula)), set(_referred(formula))
        self.reads[name, state] = frozenset(own.union(*(self.reads[pair] for pair in referred)))
        return BlockBound(name, state, formula, self.reads[name, state])

    def _terms(self, differential: Differential, state: str) -> Iterator[Formula]:
        """One for all that comes directly, one for each passage."""
        name = differential.variable
        reader, rows = self.formulas.reader(name), self._rows(name)
        ways = [way for d in differential.directs if self.states[d.delay] == state for way in d.ways]
        if ways:
            yield times(self.suprema(reader, rows, ways))
        normalised = self.flow.normalised(differential)
        if normalised is not None:
            normaliser, first = normalised
            yield from self._normalised(reader, rows, first, normaliser, state)
            return
        for passage in differential.passages:
            inner = self._inner(passage.source, state)
            if inner is not None:
                yield times([*self.suprema(reader, rows, passage.ways), *self._weight(reader, rows, passage), *inner])

    def _normalised(
        self, reader: Reader, rows: Sequence[Index], first: Passage, normaliser: Normaliser, state: str
    ) -> Iterator[Formula]:
        """A normalised vector as a whole: its scale, and what its Jacobian is besides."""
        inner = [self._inner(operand, state) for operand in normaliser.operands]
        reached = [times(factors) if factors else Constant(value=sp.S.One) for factors in inner if factors is not None]
        if reached:
            norm = Norm(operand=Normalising(axis=normaliser.length.name))
            yield times([*self.suprema(reader, rows, first.ways), norm, total(reached, 0)])

    def _inner(self, source: str, state: str) -> list[Formula] | None:
        """What a passage's source is bounded by; None where it does not follow the state."""
        if source in self.states:
            return [] if self.states[source] == state else None
        if state not in self._followed[source]:
            return None
        if source in self.flow.delays or self.apart(source):
            return [Norm(operand=self.formulas.partial(source, state))]
        return [total(list(self._terms(self.flow.differentials[source], state)), 0)]

    def _rows(self, name: str) -> tuple[Index, ...]:
        return self.flow.system.variables[name].element.feature_indices

    # -- factors

    def suprema(self, reader: Reader, rows: Sequence[Index], ways: Iterable[Product]) -> list[Formula]:
        """The largest values of a coefficient's factors, those that read one variable together."""
        groups: dict[tuple[Element, ...], list[sp.Expr]] = {}
        for factor in sp.Mul.make_args(coefficient(self.flow.system, ways)):
            groups.setdefault(elements(factor), []).append(factor)
        ordered = sorted(groups, key=lambda read: [self._place(reader, e) for e in read])
        return [self._supremum(reader, rows, read, groups[read]) for read in ordered]

    def _place(self, reader: Reader, element: Element) -> tuple[object, ...]:
        return reader.place(element.name), *self.flow.system.place(element)

    def _supremum(
        self, reader: Reader, rows: Sequence[Index], read: tuple[Element, ...], factors: Sequence[sp.Expr]
    ) -> Formula:
        if not read:
            return Constant(value=abs(sp.Mul(*factors)))
        if len(read) == 1 and degree(factors, read[0]) > 1:
            known = supremum(self.flow, factors)
            if known.is_finite:
                return Constant(value=known)
        return Largest(operand=unsigned(written(reader, rows, sp.Mul(*factors))))

    def _weight(self, reader: Reader, rows: Sequence[Index], passage: Passage) -> list[Formula]:
        """The norm of the map that a passage's weight is; none where it is the identity."""
        weight = passage.weight
        columns = weight.source.feature_indices
        if weight.coefficient == 1 and columns == weight.target.feature_indices == tuple(rows):
            return []
        over = tuple(i for i in weight.over if i not in columns)
        path = Path("", (), weight.coefficient, over, columns)
        found = unsigned(self._map(reader, rows, path))
        return [Largest(operand=found)] if not rows and not columns else [Norm(operand=found)]

    def _map(self, reader: Reader, rows: Sequence[Index], path: Path) -> Formula:
        """A weight as a linear map: a matrix, or where it is made of a number all the elements that it gives."""
        try:
            if len(rows) > 1 and not path.columns:
                elements_of = unsigned(reader.formula(rows, [Term(path.body, path.over)]))
                return Called(rank=1, macro="vec", operands=(elements_of,), body=elements_of)
            return matrix(reader, rows, path)
        except NoMatrixForm:
            columns = tuple(Index(i.axis, k) for k, i in enumerate(path.columns, _FRESH))
            return indexed(reader, rows, columns, path)


def written(reader: Reader, rows: Sequence[Index], body: sp.Expr) -> Formula:
    """An expression of elements over some of the indices."""
    return summed(reader, rows, [Term(body)])


def summed(reader: Reader, rows: Sequence[Index], terms: Sequence[Term]) -> Formula:
    """A sum of terms over some of the indices."""
    used = {i for term in terms for e in elements(term.body) for i in e.feature_indices}
    try:
        return reader.formula([i for i in rows if i in used], terms)
    except NoMatrixForm:
        return reader.entries(terms)


def unsigned(formula: Formula) -> Formula:
    """A formula without the sign in front of it."""
    return formula.operand if isinstance(formula, Negative) else formula


def times(factors: Iterable[Formula]) -> Formula:
    """A product of numbers, the known ones in front as one."""
    flat = [g for f in factors for g in (f.factors if isinstance(f, Times) else (f,))]
    known = sp.Mul(*(f.value for f in flat if isinstance(f, Constant)))
    rest = [f for f in flat if not isinstance(f, Constant)]
    kept = rest if known == 1 and rest else [Constant(value=known), *rest]
    return kept[0] if len(kept) == 1 else Times(factors=tuple(kept))


def untimed(formula: Formula) -> Formula:
    """The same with nothing said about the time of what is meant at any time; of Jacobians it stays."""
    if isinstance(formula, Name):
        return replace(formula, shift=None) if formula.shift == 0 else formula
    if isinstance(formula, Norm) and isinstance(formula.operand, Partial):
        return formula
    return mapped(formula, untimed)


def _names(formula: Formula) -> Iterator[str]:
    """The variables that a formula grows with, those of Jacobians that it refers to aside."""
    if isinstance(formula, Name):
        yield formula.name
    elif not isinstance(formula, Partial) and not _has_finite_range(formula):
        for part in _parts(formula):
            yield from _names(part)


def _has_finite_range(formula: Formula) -> bool:
    if not isinstance(formula, Applied) or len(formula.operands) > 1:
        return False
    return all(end.is_finite for end in shape(formula.function).range)


def _referred(formula: Formula) -> Iterator[tuple[str, str]]:
    """The Jacobians that a formula refers to."""
    if isinstance(formula, Partial) and isinstance(formula.of, Name) and isinstance(formula.by, Name):
        yield formula.of.name, formula.by.name
    for part in _parts(formula):
        yield from _referred(part)


def _parts(formula: Formula) -> Iterator[Formula]:
    for field in fields(formula):
        value = getattr(formula, field.name)
        yield from (p for p in (value if isinstance(value, tuple) else (value,)) if isinstance(p, Formula))
