"""The third reading of the derivative: where a change of the old states goes within one step.

In: a `System`. Out: a `Flow`. The tangent equations are gathered into the step Jacobian: what a variable
gets element by element is followed through to a state's old value (`Direct`); where elements are mixed, by
a matrix, a sum or a broadcast, there is a `Passage`, whose source has a differential of its own:

    d v = Σ_direct coefficient ∘ d s[t-1]  +  Σ_passage coefficient ∘ (Σ_{over} weight · d source)

A coefficient is a sum of products, one for each way there; it is never multiplied out, so that a supremum
can be taken factor by factor. A variable whose own coefficients share nothing with those on the way to it
is not followed through: it becomes the source of a passage of weight one, and its supremum is taken apart. So
does what is normalised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import sympy as sp

from derive.bounds.normalisers import Normaliser, normalisers
from derive.calculus import Linear, forward
from derive.functions import ScalarFunction
from derive.system import Element, Equation, System, elements

Product = tuple[sp.Expr, ...]
"""Factors, none of them a product itself; empty for one."""

_WAYS = 64  # from one variable; with more, its supremum is taken apart


@dataclass(frozen=True)
class Direct:
    """The share of a state's old value, element by element. `gate`: the author's variable that reads it."""

    delay: str
    gate: str
    ways: tuple[Product, ...]


@dataclass(frozen=True)
class Passage:
    """The share of a variable that elements are mixed from: `weight` says how.

    `gate`: the author's variable in whose equation they are; empty where the source is only passed on.
    """

    gate: str
    ways: tuple[Product, ...]
    weight: Linear

    @property
    def source(self) -> str:
        """The variable whose differential is carried on."""
        return self.weight.source.name


@dataclass(frozen=True)
class Differential:
    """How a variable follows the old states."""

    variable: str
    directs: tuple[Direct, ...]
    passages: tuple[Passage, ...]

    @property
    def read(self) -> set[str]:
        """The variables that its coefficients and weights read."""
        ways = [share.ways for share in self.directs] + [share.ways for share in self.passages]
        weights = [(passage.weight.coefficient,) for passage in self.passages]
        return _read(way for group in (*ways, weights) for way in group)


@dataclass(frozen=True)
class Flow:
    """The step Jacobian of a cell.

    `system`: the equations, with those of functions that coefficients need. `delays`: state → its old
    value. `differentials`: of the sources of passages, then of the states, each behind those it needs.
    `normalisers`: the normalisations of vectors among the equations.
    """

    system: System
    delays: Mapping[str, str]
    differentials: Mapping[str, Differential]
    normalisers: tuple[Normaliser, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """The states, in the cell's order."""
        return tuple(self.delays)

    @property
    def read(self) -> tuple[Equation, ...]:
        """The equations that states, coefficients and weights depend on, in order."""
        wanted = set(self.delays)
        for differential in self.differentials.values():
            wanted |= differential.read
        for equation in reversed(self.system.equations):
            if equation.name in wanted:
                wanted |= {e.name for term in equation.terms for e in elements(term.body)}
        delays = set(self.delays.values())
        return tuple(e for e in self.system.equations if e.name in wanted and e.name not in delays)

    def normalised(self, differential: Differential) -> tuple[Normaliser, Passage] | None:
        """Where a differential is all that of a normalised vector, times a coefficient: that, and one of its shares.

        Of the normaliser's operands those are left that follow an old state.
        """
        passages = differential.passages
        shares = [(p.source, sp.Add(*(sp.Mul(*way) for way in p.ways)), p.weight.coefficient) for p in passages]
        known = {*self.differentials, *self.delays.values()}
        for each in self.normalisers if not differential.directs else ():
            moved = replace(each, operands=tuple(o for o in each.operands if o in known))
            if moved.operands and moved.covers(shares):
                return moved, next(p for p in passages if p.source == moved.operands[0])
        return None


def gates_through(variable: str, gate: str, inner: tuple[str, ...]) -> tuple[str, ...]:
    """The gates of a path that passes one more before those known; a variable's own equation counts if it is alone."""
    gates = inner if not gate or inner[:1] == (gate,) else (gate, *inner)
    return gates[1:] if gates[:1] == (variable,) and len(gates) > 1 else gates


def flow(system: System) -> Flow:
    """The step Jacobian of a system, gathered from its tangent equations."""
    return _Gatherer(system).flow()


class _Gatherer:
    def __init__(self, system: System) -> None:
        self.system, self.tangent = system, forward(system)
        self.old = frozenset(system.delays.values())
        self.normalisers = normalisers(system)
        self.normalised = {name for n in self.normalisers for name in n.operands}
        self.linear: dict[str, list[Linear]] = {}
        for term in _linear_terms(self.tangent):
            self.linear.setdefault(term.target.name, []).append(term)
        self.moved = self._moved()
        self.found: dict[str, Differential] = {}
        self.ways: dict[str, int] = {}

    def flow(self) -> Flow:
        for state in self.system.delays:
            self._differential(state)
        variables = {n: v for n, v in self.tangent.variables.items() if v.role != "tangent"}
        equations = tuple(e for e in self.tangent.equations if e.name in variables)
        system = replace(self.system, variables=variables, equations=equations)
        return Flow(system, dict(self.system.delays), self.found, self.normalisers)

    def _moved(self) -> set[str]:
        """The variables of a step that follow an old state."""
        moved = set(self.old)
        for equation in self.system.equations:
            if any(term.source.name in moved for term in self.linear.get(equation.name, ())):
                moved.add(equation.name)
        return moved

    def _differential(self, name: str) -> None:
        if name in self.found or name in self.old:
            return
        directs: dict[tuple[str, str], list[Product]] = {}
        passages: dict[Linear, list[Product]] = {}
        for way, last in self._followed(name, self._held_apart(name)):
            if _is_pointwise(last) and last.source.name in self.old:
                directs.setdefault((last.source.name, self._reader(name, last)), []).append(way)
            else:
                self._differential(last.source.name)
                passages.setdefault(last, []).append(way)
        self.found[name] = Differential(
            name,
            tuple(Direct(delay, gate, tuple(ways)) for (delay, gate), ways in directs.items()),
            tuple(Passage(self._gate(last), tuple(ways), last) for last, ways in passages.items()),
        )

    def _followed(self, name: str, apart: frozenset[str]) -> Iterator[tuple[Product, Linear]]:
        """Every way from a variable, element by element, to an old state, a passage, or what is kept apart."""
        for term in self._moving(name):
            source = term.source.name
            if not _is_pointwise(term):
                yield (), term
                continue
            factors = _factors(term.coefficient)
            if source in self.old:
                yield factors, term
            elif source in apart:
                here = self.system.variables[source].element
                yield factors, Linear(here, sp.S.One, here)
            else:
                for way, last in self._followed(source, apart):
                    yield (*factors, *way), last

    def _held_apart(self, name: str) -> frozenset[str]:
        """The variables on the ways from one, several ways from each, that share nothing with what is before.

        So are those with too many ways, and what is normalised, so that the normalisation can be seen as a whole.
        """
        apart = frozenset(self.normalised & set(self._passed(name)))
        for other in self._passed(name):
            several = self._ways(other)
            if several > 1 and (several > _WAYS or not self._read(other) & self._read(name, apart | {other})):
                apart |= {other}
        return apart

    def _passed(self, name: str, apart: frozenset[str] = frozenset()) -> Iterator[str]:
        """The variables on the ways from one to an old state or to what is kept apart, the nearest first."""
        seen: dict[str, None] = {}
        queue = [name]
        for current in queue:
            for term in self._moving(current):
                source = term.source.name
                if _is_pointwise(term) and source not in self.old | apart and source not in seen:
                    seen[source] = None
                    queue.append(source)
        return iter(seen)

    def _read(self, name: str, apart: frozenset[str] = frozenset()) -> set[str]:
        """What the coefficients on the ways from a variable read."""
        terms = [t for each in (name, *self._passed(name, apart)) for t in self._moving(each)]
        return _read(_factors(term.coefficient) for term in terms if _is_pointwise(term))

    def _ways(self, name: str) -> int:
        """How many ways there are from a variable, element by element; they may be too many to follow each."""
        if name not in self.ways:
            further = [t.source.name for t in self._moving(name) if _is_pointwise(t)]
            ends = len(self._moving(name)) - len(further)
            self.ways[name] = ends + sum(1 if source in self.old else self._ways(source) for source in further)
        return self.ways[name]

    def _moving(self, name: str) -> list[Linear]:
        """The terms by which a variable follows the old states."""
        return [term for term in self.linear.get(name, ()) if term.source.name in self.moved]

    def _reader(self, name: str, term: Linear) -> str:
        """The author's variable that reads an old value. A state itself where its own comes back through an error such
        as `e = s[t-1] - v`: however it is written, `s[t-1] - a e` keeps `1 - a`."""
        gate = self._gate(term)
        own = self.system.delays.get(name) == term.source.name and gate not in self.system.delays
        if not own or gate != term.target.name:
            return gate
        through = [t.body for t in self._equation(gate).terms]
        read = {e.name for t in self._equation(name).terms for e in elements(t.body)}
        return name if gate in read and not any(isinstance(b, ScalarFunction) for b in through) else gate

    def _equation(self, name: str) -> Equation:
        found = self.system.equation(name)
        assert found is not None
        return found

    def _gate(self, term: Linear) -> str:
        if term.source == term.target:
            return ""
        return self.system.variables[term.target.name].about or term.target.name


def _linear_terms(tangent: System) -> Iterator[Linear]:
    """The linear terms as the tangent equations have them: functions in coefficients are named there."""
    of = {v.name: v.about for v in tangent.of_role("tangent")}
    for equation in tangent.equations:
        for term in equation.terms if equation.name in of else ():
            for change in (e for e in elements(term.body) if e.name in of):
                rest = sp.Mul(*(a for a in sp.Mul.make_args(term.body) if a != change))
                if not change.shift:
                    target, source = (Element(of[e.name], *e.indices) for e in (equation.target, change))
                    yield Linear(target, rest, source, term.over)


def _is_pointwise(term: Linear) -> bool:
    return not term.over and term.source.feature_indices == term.target.feature_indices


def _factors(coefficient: sp.Expr) -> Product:
    return tuple(a for a in sp.Mul.make_args(coefficient) if a != 1)


def _read(ways: Iterable[Product]) -> set[str]:
    return {e.name for way in ways for factor in way for e in elements(factor)}
