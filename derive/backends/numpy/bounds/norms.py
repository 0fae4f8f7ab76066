"""Bounds of the blocks of the step Jacobian, over a box that its values stay in.

In: a scope, intervals of all values. Out: lines, and for each block the variable that bounds it: in the ∞-norm row by
row, jointly over a row's gates; in the 1- and the 2-norm by products of norms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy as sp

from derive.backends.numpy.bounds.intervals import IntervalPrinter
from derive.backends.numpy.bounds.scope import Scope
from derive.backends.numpy.bounds.suprema import SupremumPrinter
from derive.bounds import Differential, Normaliser, Passage, Product
from derive.system import Element, Index, Term, elements

Goal = Sequence[Index]


class NormPrinter:
    """`reach`: variable → state → what bounds its block, once `rows` or `norms` has made its lines."""

    def __init__(self, scope: Scope, intervals: IntervalPrinter) -> None:
        self.scope, self.flow, self.intervals = scope, scope.flow, intervals
        self.suprema = SupremumPrinter(intervals)
        self.states = {delay: state for state, delay in self.flow.delays.items()}
        self.reach: dict[str, dict[str, str]] = {}

    # -- the blocks' bounds, row by row in the ∞-norm

    def rows(self) -> list[str]:
        """Bounds of the absolute row sums of every block, unit by unit."""
        self.reach = {delay: {} for delay in self.states}
        return [line for d in self.flow.differentials.values() for line in self._rows(d)]

    def _rows(self, differential: Differential) -> Iterator[str]:
        name, normalised = differential.variable, self.flow.normalised(differential)
        self.reach[name] = {}
        for state in self._sources(differential):
            shares = [f"share(1.0, {self.suprema.ways(ways)})" for ways in self._direct_ways(differential, state)]
            factors = [self.suprema.factors(way) for ways in self._direct_ways(differential, state) for way in ways]
            for passage in differential.passages:
                text = self._row_weight(name, passage, state)
                if text is not None:
                    shares.append(f"share({text}, {self.suprema.ways(passage.ways)})")
                    factors += [self.suprema.factors(way) for way in passage.ways]
            bound = self.scope.names.fresh(f"{name}_from_{state}")
            self.reach[name][state] = bound
            yield from self.suprema.largest(bound, name, shares, factors)
            if normalised is not None:
                normaliser, first = normalised
                part, times = self.scope.names.fresh(f"{name}_normalised_{state}"), self._times(normaliser)
                reached = " + ".join(f"{each}.max()" for each in self._reached(normaliser, state))
                share = f"share({times} * ({reached}), {self.suprema.ways(first.ways)})"
                yield from self.suprema.largest(part, name, [share], [self.suprema.factors(w) for w in first.ways])
                yield f"{bound} = np.minimum({bound}, {part})"

    def _row_weight(self, name: str, passage: Passage, state: str) -> str | None:
        """What a unit sum of changes of the state comes to through a passage."""
        if passage.source in self.states:
            if self.states[passage.source] != state:
                return None
            factor: list[Element] = []
        elif state in self.reach[passage.source]:
            factor = [self.scope.array(self.reach[passage.source][state], *passage.weight.source.feature_indices)]
        else:
            return None
        row = self.scope.variables[name].element.feature_indices
        magnitude = self._magnitude(passage.weight.coefficient)
        text = self.scope.total(Term(sp.Mul(*magnitude, *factor), passage.weight.over), row)
        terms = " * ".join(self.scope.axes[i.axis] for i in passage.weight.over)
        return f"up({text}, {terms})" if terms else text

    def _magnitude(self, coefficient: sp.Expr) -> list[sp.Expr]:
        """The largest absolute value of each factor, as arrays of the module's own."""
        found: list[sp.Expr] = []
        for factor in sp.Mul.make_args(coefficient):
            read = elements(factor)
            if not read:
                found.append(sp.Abs(factor))
                continue
            indices = tuple(dict.fromkeys(i for e in read for i in e.feature_indices))
            found.append(self.scope.array(f"peak({self.intervals.enclosed(factor, indices)})", *indices))
        return found

    # -- the blocks' bounds in the 1- and the 2-norm

    def norms(self) -> list[str]:
        """Bounds of every block as a whole, as numbers."""
        self.reach = {delay: {} for delay in self.states}
        return [line for d in self.flow.differentials.values() for line in self._norms(d)]

    def _norms(self, differential: Differential) -> Iterator[str]:
        name, normalised = differential.variable, self.flow.normalised(differential)
        self.reach[name] = {}
        for state in self._sources(differential):
            texts = []
            for ways in self._direct_ways(differential, state):
                part = self.scope.names.fresh(f"{name}_by_{state}")
                yield from self._alone(part, name, ways)
                texts.append(f"{part}.max()")
            for passage in differential.passages:
                weight = self._norm_weight(name, passage, state)
                if weight is not None:
                    part = self.scope.names.fresh(f"{name}_{passage.gate or passage.source}_{state}")
                    yield from self._alone(part, name, passage.ways)
                    texts.append(" * ".join([f"{part}.max()", *weight]))
            bound = self.scope.names.fresh(f"{name}_from_{state}")
            self.reach[name][state] = bound
            yield f"{bound} = up({' + '.join(texts)})"
            if normalised is not None:
                normaliser, first = normalised
                part, times = self.scope.names.fresh(f"{name}_normalised_{state}"), self._times(normaliser)
                reached = " + ".join(self._reached(normaliser, state))
                yield from self._alone(part, name, first.ways)
                yield f"{bound} = min({bound}, up({part}.max() * {times} * ({reached})))"

    def _alone(self, bound: str, name: str, ways: Sequence[Product]) -> Iterator[str]:
        """The supremum of one coefficient."""
        share = f"share(1.0, {self.suprema.ways(ways)})"
        yield from self.suprema.largest(bound, name, [share], [self.suprema.factors(way) for way in ways])

    def _norm_weight(self, name: str, passage: Passage, state: str) -> list[str] | None:
        """The norms that a passage multiplies by."""
        inner = [] if passage.source in self.states else [self.reach[passage.source].get(state)]
        if None in inner or (not inner and self.states[passage.source] != state):
            return None
        known = [text for text in inner if text is not None]
        weight = passage.weight
        if weight.coefficient == 1 and weight.target.feature_indices == weight.source.feature_indices:
            return known
        return [*self._operator_norm(name, passage), *known]

    def _operator_norm(self, name: str, passage: Passage) -> list[str]:
        """The norm of a weight: of a matrix between two diagonals, or of the matrix of all magnitudes."""
        row, column = self.scope.variables[name].element.feature_indices, passage.weight.source.feature_indices
        matrices, scalars = [], []
        for factor in sp.Mul.make_args(passage.weight.coefficient):
            indices = {i for e in elements(factor) for i in e.feature_indices}
            if isinstance(factor, Element) and self._is_given(factor) and set(factor.indices) == {*row, *column}:
                matrices.append(self.scope[factor.name] + (".T" if factor.indices == (*column, *row) else ""))
            elif indices <= set(row) or indices <= set(column):
                scalars.append(factor)
            else:
                matrices.append("")
        if len(row) == len(column) == len(matrices) == 1 and row != column and matrices[0]:
            peaks = [f"{self.intervals.scalar(m)}.max()" for f in scalars for m in self._magnitude(f) if elements(f)]
            numbers = [f"abs({self.intervals.scalar(f)})" for f in scalars if not elements(f)]
            return [f"measure({matrices[0]}.upper, norm)", *peaks, *numbers]
        return [f"measure({self._dense(passage, row, column)}, norm)"]

    def _is_given(self, element: Element) -> bool:
        return self.scope.variables[element.name].role == "param"

    def _dense(self, passage: Passage, row: Goal, column: Goal) -> str:
        """The magnitudes of a weight as a matrix from the source's elements to the target's."""
        free = self.scope.free(passage.source)
        pairs = list(zip(column, free, strict=True))
        renamed = {i: j for i, j in pairs if i in passage.weight.over}
        fixed = [(i, j) for i, j in pairs if i not in passage.weight.over]
        magnitude = [m.xreplace(renamed) for m in self._magnitude(passage.weight.coefficient)]
        over = tuple(i for i in passage.weight.over if i not in renamed)
        body = sp.Mul(*magnitude, *self.scope.identity(fixed))
        text = self.scope.total(Term(body, over), (*row, *free))
        target = self.scope.variables[passage.weight.target.name]
        return f"flat({text}, {self.scope.sizes(target)}, {self.intervals.shape_of(passage.weight.source)})"

    # -- normalisation

    def _times(self, normaliser: Normaliser) -> str:
        return f"normalised({self.scope.axes[normaliser.length.name]}, norm)"

    def _reached(self, normaliser: Normaliser, state: str) -> list[str]:
        return [self.reach[o][state] for o in normaliser.operands if state in self.reach[o]]

    # -- what a differential is made of

    def _sources(self, differential: Differential) -> list[str]:
        """The states that a variable follows."""
        found = {self.states[d.delay] for d in differential.directs}
        for passage in differential.passages:
            known = self.reach[passage.source]
            found |= {self.states[passage.source]} if passage.source in self.states else set(known)
        return [state for state in self.flow.states if state in found]

    def _direct_ways(self, differential: Differential, state: str) -> list[tuple[Product, ...]]:
        """All that comes directly is one diagonal: its ways are summed before absolute values are taken."""
        ways = [way for d in differential.directs if self.states[d.delay] == state for way in d.ways]
        return [tuple(ways)] if ways else []
