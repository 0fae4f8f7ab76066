"""What phases mean: carried out in order over any ring.

In: a `Tiled` program, a ring, sizes, arrays of ring elements. Out: arrays of ring elements. A nest goes through its
space place by place, a product takes what lies side by side as one, and a value is gone when another takes its place in
memory. So a product that starts too late, an operation in the wrong nest or a life too short shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import product as cartesian
from typing import Any

import numpy as np

from derive.backends.arithmetic import without_selects
from derive.backends.c.phases import Apply, Factor, Gather, Nest, Once, Product, Rows, Turns
from derive.backends.c.storage import Tiled
from derive.functions.ring import Element as Value
from derive.functions.ring import Ring
from derive.system import BATCH, TIME, Index, Term
from derive.system.interpret import Body, term_value

Array = np.ndarray[Any, Any]

_CHUNK = 2  # of times; in C about as many as make a few hundred rows


def run_tiled(
    tiled: Tiled, ring: Ring, sizes: Mapping[str, int], given: Mapping[str, Array], boundary: Mapping[str, Array]
) -> dict[str, Array]:
    """All that is computed and lasts. `given`: what is not computed here; `boundary`: for a variable that is read just
    before the first or just after the last step, its value there, `(B, …)`."""
    return _Run(tiled, ring, sizes, given, boundary).arrays


class _Run:
    def __init__(
        self,
        tiled: Tiled,
        ring: Ring,
        sizes: Mapping[str, int],
        given: Mapping[str, Array],
        boundary: Mapping[str, Array],
    ) -> None:
        self.tiled, self.variables, self.ring, self.sizes, self.boundary = tiled, tiled.variables, ring, sizes, boundary
        self.steps, self.batch = sizes["T"], sizes["B"]
        self.zero = ring.number(Fraction(0))
        self.arrays: dict[str, Array] = dict(given)
        self.bodies: dict[Term, Body] = {}
        for phase in tiled.phases:
            if isinstance(phase, Turns):
                self._turns(phase)
            elif isinstance(phase, Once):
                self._nests(phase.nests, {})
            else:
                self._product(phase, range(self.steps))

    # -- time

    def _turns(self, turns: Turns) -> None:
        times = range(self.steps)
        for t in reversed(times) if turns.backward else times:
            first = t // _CHUNK * _CHUNK
            if t == (min(first + _CHUNK, self.steps) - 1 if turns.backward else first):
                for product in turns.ahead:
                    self._product(product, times[first : first + _CHUNK])
            for item in turns.items:
                if isinstance(item, Rows):
                    for n in range(self.batch):
                        self._nests(item.nests, {TIME: t, BATCH: n})
                else:
                    self._product(item, (t,))

    # -- element by element

    def _nests(self, nests: Iterable[Nest], at: Mapping[Index, int]) -> None:
        for nest in nests:
            for place in self._places(nest.space):
                self._place(nest, {**at, **dict(zip(nest.space, place, strict=True))})

    def _place(self, nest: Nest, at: dict[Index, int]) -> None:
        sums = {term: self._value(term, at) for op in nest.ops for term in op.terms if term.over}
        positions = [tuple(at[i] for i in op.target.indices) for op in nest.ops]
        for op, position in zip(nest.ops, positions, strict=True):
            total = self._read(op.target.name, position) if op.add else self.zero
            for term in op.terms:
                total = total + (sums[term] if term in sums else self._value(term, at))
            self._store(op.target.name, position, total)
        for op, position in zip(nest.ops, positions, strict=True):
            if self.tiled.scope(op.target.name) == "local":
                self._array(op.target.name)[position] = None

    def _value(self, term: Term, at: dict[Index, int]) -> Value:
        if term not in self.bodies:
            self.bodies[term] = term_value(Term(without_selects(term.body), term.over), self.ring, self.sizes)
        return self.bodies[term](self._read, at)

    # -- products

    def _product(self, product: Product, times: Iterable[int]) -> None:
        rows = list(cartesian(times, range(self.batch)))
        if isinstance(product, Apply):
            for row in rows:
                self._apply(product, row)
        else:
            self._gather(product, rows)

    def _apply(self, product: Apply, row: tuple[int, int]) -> None:
        targets = [(name, (*row, *place)) for name in product.targets for place in self._features(name)]
        totals = [self._read(*target) if product.add else self.zero for target in targets]
        for factor in product.factors:
            left = self._flat(factor.left, row)
            for j, column in enumerate(self._columns(factor)):
                for a, b in zip(left, column, strict=True):
                    totals[j] = totals[j] + a * b
        for (name, position), total in zip(targets, totals, strict=True):
            self._store(name, position, total, product=True)

    def _columns(self, factor: Factor) -> list[list[Value]]:
        """The columns of a factor's matrices, as they meet its operand."""
        depth = len(self._features(factor.left))
        found = []
        for name in factor.matrices:
            flat = self._flat(name)
            columns = len(flat) // depth
            found += [
                flat[j * depth : (j + 1) * depth] if factor.turned else flat[j::columns] for j in range(columns)
            ]
        return found

    def _gather(self, product: Gather, rows: Sequence[tuple[int, int]]) -> None:
        for each in product.sums:
            for place in self._features(each.target) if not product.add else ():
                self._store(each.target, place, self.zero, product=True)
            for row in rows:
                left = self._flat(each.left, row)
                shares = [a * b for a in left for b in self._flat(each.right, row)] if each.right else left
                for place, share in zip(self._features(each.target), shares, strict=True):
                    self._store(each.target, place, self._read(each.target, place) + share, product=True)

    # -- arrays

    def _places(self, indices: Iterable[Index]) -> list[tuple[int, ...]]:
        return list(np.ndindex(*(self.sizes[i.axis] for i in indices)))

    def _features(self, name: str) -> list[tuple[int, ...]]:
        return self._places(self.variables[name].element.feature_indices)

    def _flat(self, name: str, row: tuple[int, ...] = ()) -> list[Value]:
        """What a variable holds, for one time and sequence if it has them, its axes as one."""
        return [self._read(name, (*row, *place)) for place in self._features(name)]

    def _array(self, name: str) -> Array:
        if name not in self.arrays:
            shape = tuple(self.sizes[i.axis] for i in self.variables[name].indices)
            self.arrays[name] = np.full(shape, None, dtype=object)
        return self.arrays[name]

    def _store(self, name: str, position: tuple[int, ...], value: Value, *, product: bool = False) -> None:
        array, scope = self._array(name), self.tiled.scope(name)
        if product and scope in ("local", "row"):
            raise LookupError(f"{name} is computed by a product, which needs more room than its life has")
        if scope == "row":
            here = np.array(array[position[:2]], dtype=object)
            array.fill(None)
            array[position[:2]] = here
        elif scope in ("turn", "chunk"):
            slots = _CHUNK if scope == "chunk" else self.tiled.lives[name].slots
            place: tuple[Any, ...] = (slice(position[0] % slots, None, slots), *position[1:])
            array[place] = None
        array[position] = value

    def _read(self, name: str, position: tuple[int, ...]) -> Value:
        if name in self.tiled.owners:
            name, position = self.tiled.owners[name], (position[0] - 1, *position[1:])
        if self.variables[name].time and not 0 <= position[0] < self.steps:
            return self.boundary[name][position[1:]]
        value = self._array(name)[position]
        if value is None:
            raise LookupError(f"{name} is read at {position} but is not there: not computed yet, or its life is over")
        return value
