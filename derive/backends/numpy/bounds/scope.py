"""What the lines of `bounds.py` call things, and how they are written: one step of one sequence.

In: a cell and its flow. Out: identifiers and expressions; arrays have the axes of features alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count

import sympy as sp

from derive.backends.numpy.expressions import Expressions
from derive.bounds import Flow
from derive.language.syntax import Cell
from derive.system import Element, Index, Length, Names, Term, Var, elements

_VERBATIM = "="


class Scope:
    """Names and spellings of one module."""

    def __init__(self, cell: Cell, flow: Flow, taken: Iterable[str]) -> None:
        self.cell, self.flow = cell, flow
        self.names = Names(taken)
        self.variables = flow.system.variables
        self.axes = {axis: self.names.fresh(axis) for axis in cell.axes}
        self.identifiers = {name: self.names.fresh(name) for name in self.variables}
        self.order = {name: k for k, name in enumerate(self.variables)}
        self.labels: dict[Element, str] = {}
        self.expressions = Expressions(lambda e: self[e.name], self._rank, time=False, batch=False)

    def _rank(self, name: str) -> int:
        return self.order.get(name, len(self.order))

    def __getitem__(self, name: str) -> str:
        return name.removeprefix(_VERBATIM) if name.startswith(_VERBATIM) else self.identifiers[name]

    def sizes(self, variable: Var) -> str:
        """The shape of a variable as a tuple."""
        return tuple_of(self.axes[a] for a in variable.axes)

    def free(self, variable: str, start: int = 100) -> tuple[Index, ...]:
        """An index for each axis of a variable, none of them one that an equation uses."""
        numbers = count(start)
        return tuple(Index(axis, next(numbers)) for axis in self.variables[variable].axes)

    def label(self, element: Element) -> str:
        """A name for an element as a number: the variable's own where it stands as the variable does."""
        made = element.name.startswith(_VERBATIM)
        if not made and element == self.variables[element.name].element:
            return self[element.name]
        if element not in self.labels:
            self.labels[element] = self.names.fresh("normal" if made else f"{self[element.name]}_across")
        return self.labels[element]

    def array(self, source: str, *indices: Index) -> Element:
        """What a piece of source stands for, as an array over some indices."""
        return Element(_VERBATIM + source, *indices)

    def identity(self, pairs: Sequence[tuple[Index, Index]]) -> Iterator[Element]:
        """One where two indices are equal, for each pair."""
        for row, column in pairs:
            yield self.array(f"np.eye({self.axes[row.axis]})", row, column)

    def total(self, term: Term, goal: Sequence[Index], *, whole: bool = False) -> str:
        """A term as an array over some indices; `whole`: over each of them, those that no factor has too."""
        present = {i for e in elements(term.body) for i in e.feature_indices}
        missing = [i for i in goal if whole and i not in present]
        lengths = [Length(i.axis) for i in term.over if i not in present]
        body = sp.Mul(term.body, *lengths, *(self.array(f"np.ones({self.axes[i.axis]})", i) for i in missing))
        over = tuple(i for i in term.over if i in present)
        return self.expressions.sum(Term(body, over), goal) if over else self.expressions.plain(body, goal)


def tuple_of(parts: Iterable[str]) -> str:
    """Source of a tuple."""
    listed = list(parts)
    return f"({', '.join(listed)}{',' if len(listed) == 1 else ''})"
