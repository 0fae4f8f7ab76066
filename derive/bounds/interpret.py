"""What a flow means: the blocks of its step Jacobian over any ring, element by element.

In: a `Flow`, a ring, sizes, how a variable is read at the one step of the one sequence. Out: for each pair
of states whose block is not zero an array over the elements of both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product as cartesian
from typing import Any

import numpy as np
import sympy as sp

from derive.bounds.flow import Differential, Direct, Flow, Passage
from derive.functions.ring import Element as Value
from derive.functions.ring import Ring
from derive.system import BATCH, TIME, Index, Term, Var
from derive.system.interpret import Body, Position, Read, term_value

Array = np.ndarray[Any, Any]
Blocks = dict[tuple[str, str], Array]
Shares = Callable[[Position], list[tuple[Value, tuple[int, ...]]]]


def step_blocks(flow: Flow, ring: Ring, sizes: Mapping[str, int], read: Read) -> Blocks:
    """(a, b) → ∂a[t]/∂b[t-1], over the axes of a, then those of b."""
    run = _Run(flow, ring, sizes, read)
    return {(a, b): run.known[a, b] for a in flow.states for b in flow.states if (a, b) in run.known}


class _Run:
    def __init__(self, flow: Flow, ring: Ring, sizes: Mapping[str, int], read: Read) -> None:
        self.flow, self.ring, self.sizes, self.read = flow, ring, sizes, read
        self.zero, self.one = ring.number(Fraction(0)), ring.number(Fraction(1))
        self.known: Blocks = {}
        for state, delay in flow.delays.items():
            shape = self._shape(flow.system.variables[delay])
            unit = np.full(shape * 2, self.zero, dtype=object)
            for place in np.ndindex(*shape):
                unit[place * 2] = self.one
            self.known[delay, state] = unit
        for differential in flow.differentials.values():
            self._differential(differential)

    def _differential(self, differential: Differential) -> None:
        for direct in differential.directs:
            self._add(differential.variable, direct.delay, self._straight(direct))
        for passage in differential.passages:
            self._add(differential.variable, passage.source, self._carried(passage))

    def _straight(self, direct: Direct) -> Shares:
        body = self._body(direct.ways)
        return lambda at: [(body(self.read, at), self._place(at))]

    def _carried(self, passage: Passage) -> Shares:
        """For a place of the target, the places of the source that it is made of and how much each counts."""
        body = self._body(passage.ways)
        weight = term_value(Term(passage.weight.coefficient), self.ring, self.sizes)
        ranges = [range(self.sizes[i.axis]) for i in passage.weight.over]
        features = passage.weight.source.feature_indices

        def shares(at: Position) -> list[tuple[Value, tuple[int, ...]]]:
            here = body(self.read, at)
            found = []
            for position in cartesian(*ranges):
                inside = {**at, **dict(zip(passage.weight.over, position, strict=True))}
                found.append((here * weight(self.read, inside), tuple(inside[i] for i in features)))
            return found

        return shares

    def _add(self, name: str, source: str, shares: Shares) -> None:
        variable = self.flow.system.variables[name]
        indices: tuple[Index, ...] = variable.indices
        for state in self.flow.states:
            inner = self.known.get((source, state))
            if inner is None:
                continue
            shape = self._shape(variable)
            columns = self._shape(self.flow.system.variables[state])
            block = self.known.setdefault((name, state), np.full(shape + columns, self.zero, dtype=object))
            for place in np.ndindex(*shape):
                at = dict(zip(indices, (0, 0, *place) if variable.time else place, strict=True))
                for share, where in shares({TIME: 0, BATCH: 0, **at}):
                    for column in np.ndindex(*columns):
                        block[place + column] = block[place + column] + share * inner[where + column]

    def _body(self, ways: tuple[tuple[sp.Expr, ...], ...]) -> Body:
        return term_value(Term(sp.Add(*(sp.Mul(*way) for way in ways))), self.ring, self.sizes)

    def _place(self, at: Position) -> tuple[int, ...]:
        return tuple(where for index, where in at.items() if index not in (TIME, BATCH))

    def _shape(self, variable: Var) -> tuple[int, ...]:
        return tuple(self.sizes[axis] for axis in variable.axes)
