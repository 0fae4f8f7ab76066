"""Every way from a variable to a state's old value, as one product over indices.

In: a flow, and which variables are not to be followed through. Out: `Path`s: the product of coefficients and
weights between a variable and an old state. Of a variable that is not followed through a path holds the
Jacobian itself, as an element that is named after both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count

import sympy as sp

from derive.bounds import Direct, Flow, Passage, Product, gates_through
from derive.system import Element, Index, System, elements

_SEPARATOR = "|"
_FIRST_FRESH = 100


@dataclass(frozen=True)
class Path:
    """`Σ_{over} body`, from the canonical indices of the variable to the `columns` of the state.

    A column that is an index of the variable is tied to it: the path is diagonal there. `gates`: the author's
    variables on the way, the nearest first.
    """

    state: str
    gates: tuple[str, ...]
    body: sp.Expr
    over: tuple[Index, ...]
    columns: tuple[Index, ...]


class Paths:
    """All paths of a flow. `apart`: which variables are not followed through."""

    def __init__(self, flow: Flow, apart: Callable[[str], bool]) -> None:
        self.flow, self.apart = flow, apart
        self.states = {delay: state for state, delay in flow.delays.items()}
        self.known: dict[str, list[Path]] = {}
        self.references: dict[str, tuple[str, str]] = {}
        self.numbers = count(_FIRST_FRESH)

    def of(self, name: str) -> list[Path]:
        """The paths of a variable that a differential is known of."""
        if name not in self.known:
            differential = self.flow.differentials[name]
            found = [self._direct(name, direct) for direct in differential.directs]
            found += [path for passage in differential.passages for path in self._through(name, passage)]
            self.known[name] = found
        return self.known[name]

    def followed(self, name: str) -> list[str]:
        """The states that a variable follows, in the cell's order."""
        reached = {path.state for path in self.of(name)}
        return [state for state in self.flow.states if state in reached]

    def rows(self, name: str) -> tuple[Index, ...]:
        """The canonical indices of a variable."""
        return self.flow.system.variables[name].element.feature_indices

    def columns(self, state: str) -> tuple[Index, ...]:
        """Fresh indices for a state."""
        return tuple(self.fresh(i) for i in self.flow.system.variables[state].element.feature_indices)

    def fresh(self, index: Index) -> Index:
        """An index along the same axis that nothing uses."""
        return Index(index.axis, next(self.numbers))

    def _direct(self, name: str, direct: Direct) -> Path:
        gates = () if direct.gate == name else (direct.gate,)
        return Path(self.states[direct.delay], gates, coefficient(self.flow.system, direct.ways), (), self.rows(name))

    def _through(self, name: str, passage: Passage) -> Iterator[Path]:
        renamed = {i: self.fresh(i) for i in passage.weight.over}
        weight = passage.weight.coefficient.xreplace(renamed)
        at = tuple(renamed.get(i, i) for i in passage.weight.source.feature_indices)
        for inner in self._inner(passage.source, at):
            body = coefficient(self.flow.system, passage.ways) * weight * inner.body
            over = tuple(i for i in (*renamed.values(), *inner.over) if i not in inner.columns)
            yield replace(inner, gates=gates_through(name, passage.gate, inner.gates), body=body, over=over)

    def _inner(self, source: str, at: Sequence[Index]) -> Iterable[Path]:
        """The paths of a passage's source, at some indices."""
        if source in self.states:
            return [Path(self.states[source], (), sp.S.One, (), tuple(at))]
        if self.apart(source):
            return [self._reference(source, state, at) for state in self.followed(source)]
        return [self._moved(path, source, at) for path in self.of(source)]

    def _reference(self, source: str, state: str, at: Sequence[Index]) -> Path:
        name = f"{source}{_SEPARATOR}{state}"
        self.references[name] = source, state
        columns = self.columns(state)
        gate = self.flow.system.variables[source].about or source
        return Path(state, (gate,), Element(name, *at, *columns), (), columns)

    def _moved(self, path: Path, source: str, at: Sequence[Index]) -> Path:
        rows = self.rows(source)
        renamed = dict(zip(rows, at, strict=True))
        renamed |= {i: self.fresh(i) for i in (*path.over, *path.columns) if i not in rows}
        return replace(
            path,
            body=path.body.xreplace(renamed),
            over=tuple(renamed[i] for i in path.over),
            columns=tuple(renamed[i] for i in path.columns),
        )


class Followed:
    """Which variables have a line of their own: the states, and what splits into several paths."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The variables, each behind those it needs."""
        found: list[str] = []
        for name in self.flow.differentials:
            if name in self.flow.delays or self._splits(name, found):
                found.append(name)
        return tuple(found)

    def _splits(self, name: str, found: Sequence[str]) -> bool:
        if not self.flow.system.variables[name].axes:
            return False
        paths = Paths(self.flow, found.__contains__).of(name)
        return max(Counter(path.state for path in paths).values(), default=0) > 1


def coefficient(system: System, ways: Iterable[Product]) -> sp.Expr:
    """The sum of the ways of a share, what several have in common put in front of them, nothing multiplied out."""
    listed = [list(way) for way in ways]
    shared = Counter(f for way in listed for f in dict.fromkeys(way) if not f.is_number)
    front = max(sorted(shared, key=lambda f: _place(system, f)), key=lambda f: shared[f], default=sp.S.One)
    if shared[front] < 2:
        return sp.Add(*(sp.Mul(*way) for way in listed))
    inside = [_without(way, front) for way in listed if front in way]
    outside = [way for way in listed if front not in way]
    return sp.Mul(front, coefficient(system, map(tuple, inside))) + coefficient(system, map(tuple, outside))


def _place(system: System, factor: sp.Expr) -> tuple[object, ...]:
    """A key that does not depend on how variables are called: a variable before what is made of it."""
    return sorted(system.place(e) for e in elements(factor)), not isinstance(factor, Element), str(factor)


def _without(way: Sequence[sp.Expr], factor: sp.Expr) -> list[sp.Expr]:
    """A way with a factor taken out once."""
    place = way.index(factor)
    return [*way[:place], *way[place + 1 :]]
