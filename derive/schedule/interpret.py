"""What a schedule means: its programs carried out step by step over any ring.

In: a `Schedule`, a ring, sizes, arrays of ring elements. Out: arrays of ring elements. Steps run in
the order given and overwrite what they compute; a variable that is there for one turn of a loop is
gone two turns later; a stack is carried out as one product over what lies side by side. So a wrong
order, a value not saved or a wrong slice shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from derive.functions.ring import Element as Value
from derive.functions.ring import Ring
from derive.schedule.model import Loop, Program, Schedule, Stack, Statement, Step
from derive.system import TIME, Equation, Term, Var
from derive.system.interpret import Body, term_value

Array = np.ndarray[Any, Any]


def run_forward(
    schedule: Schedule,
    ring: Ring,
    sizes: Mapping[str, int],
    given: Mapping[str, Array],
    initial: Mapping[str, Array],
) -> dict[str, Array]:
    """Outputs, states and all that is saved. `given`: parameters' blocks and inputs; `initial`: states."""
    run = _Run(schedule, schedule.forward, ring, sizes, given, initial)
    return run.results(set())


def run_backward(
    schedule: Schedule,
    ring: Ring,
    sizes: Mapping[str, int],
    given: Mapping[str, Array],
    tape: Mapping[str, Array],
    initial: Mapping[str, Array],
    final: Mapping[str, Array],
) -> dict[str, Array]:
    """The adjoints. `given`: blocks, inputs and seeds; `tape`: what is saved, and nothing else;
    `final`: for a state, the gradient of its final value."""
    outside = dict(initial)
    for state, delay in schedule.delays.items():
        outside[schedule.bars[delay]] = final[state]
    saved = {name: tape[name] for name in schedule.saved}
    run = _Run(schedule, schedule.backward, ring, sizes, {**given, **saved}, outside)
    return run.results({schedule.bars[delay] for delay in schedule.delays.values()})


class _Run:
    def __init__(
        self,
        schedule: Schedule,
        program: Program,
        ring: Ring,
        sizes: Mapping[str, int],
        given: Mapping[str, Array],
        boundary: Mapping[str, Array],
    ) -> None:
        self.variables: Mapping[str, Var] = schedule.variables
        self.program, self.ring, self.sizes, self.boundary = program, ring, sizes, boundary
        self.zero = ring.number(Fraction(0))
        self.arrays: dict[str, Array] = dict(given)
        self.values: dict[tuple[int, bool], Body] = {}
        for step in program.steps:
            if isinstance(step, Loop):
                self._loop(step)
            else:
                self._step(step, None)

    def _loop(self, loop: Loop) -> None:
        times = range(self.sizes["T"])
        passing = [
            e.name
            for e in loop.equations
            if self.variables[e.name].time and e.name not in self.program.sequences
        ]
        for time in reversed(times) if loop.backward else times:
            for step in loop.body:
                self._step(step, time)
            gone = time + 1 if loop.backward else time - 1
            for name in passing:
                if gone in times:
                    self.arrays[name][gone] = None

    def results(self, carried: set[str]) -> dict[str, Array]:
        """The program's results, each complete; of what is `carried`, the last value counts."""
        for name in self.program.results:
            if name not in carried and any(value is None for value in self.arrays[name].flat):
                raise LookupError(f"{name} is a result but is not kept over time")
        return {name: self.arrays[name] for name in self.program.results}

    def _step(self, step: Step, time: int | None) -> None:
        if isinstance(step, Statement):
            self._assign(step.equation, step.equation.terms, time, add=step.accumulate)
        elif isinstance(step, Stack):
            self._stack(step, time)

    def _assign(
        self, equation: Equation, terms: Sequence[Term], time: int | None, *, add: bool = False
    ) -> None:
        variable = self.variables[equation.name]
        array = self._array(variable)
        values = [self._value(term, time) for term in terms]
        for position in self._positions(variable, time):
            indices = dict(zip(variable.indices, position, strict=True))
            if time is not None:
                indices[TIME] = time
            total = array[position] if add and array[position] is not None else self.zero
            for value in values:
                total = total + value(self._read, indices)
            array[position] = total

    def _value(self, term: Term, time: int | None) -> Body:
        over = tuple(i for i in term.over if i != TIME or time is None)
        key = (id(term), time is None)
        if key not in self.values:
            self.values[key] = term_value(Term(term.body, over), self.ring, self.sizes)
        return self.values[key]

    def _array(self, variable: Var) -> Array:
        if variable.name not in self.arrays:
            shape = tuple(self.sizes[i.axis] for i in variable.indices)
            self.arrays[variable.name] = np.full(shape, None, dtype=object)
        return self.arrays[variable.name]

    def _positions(self, variable: Var, time: int | None) -> list[tuple[int, ...]]:
        shape = tuple(self.sizes[i.axis] for i in variable.indices)
        if time is None or not variable.time:
            return list(np.ndindex(*shape))
        return [(time, *rest) for rest in np.ndindex(*shape[1:])]

    def _read(self, name: str, position: tuple[int, ...]) -> Value:
        if self.variables[name].time and not 0 <= position[0] < self.sizes["T"]:
            return self.boundary[name][position[1:]]
        value = self.arrays[name][position]
        if value is None:
            raise LookupError(
                f"{name} is read at {position} but is not there: not computed yet, or no longer kept"
            )
        return value

    # -- stacks

    def _stack(self, stack: Stack, time: int | None) -> None:
        if stack.kind == "rows":
            self._rows(stack, time)
        elif stack.kind == "columns":
            self._columns(stack, time)
        else:
            self._outer(stack)

    def _places(self, time: int | None) -> list[tuple[int, int]]:
        times = range(self.sizes["T"]) if time is None else (time,)
        return [(t, n) for t in times for n in range(self.sizes["B"])]

    def _matrix(self, stack: Stack) -> Array:
        return np.concatenate([self.arrays[m.name] for m in stack.matrices])

    def _side_by_side(self, stack: Stack, place: tuple[int, int]) -> list[Value]:
        return [self._read(name, (*place, i)) for name in stack.members for i in range(self._width(name))]

    def _width(self, name: str) -> int:
        return self.sizes[self.variables[name].axes[0]]

    def _rows(self, stack: Stack, time: int | None) -> None:
        matrix = self._matrix(stack)
        assert stack.shared is not None
        for place in self._places(time):
            operand = [self._read(stack.shared.name, (*place, k)) for k in range(matrix.shape[1])]
            products = iter([self._dot(row, operand) for row in matrix])
            for name in stack.members:
                array = self._array(self.variables[name])
                for i in range(self._width(name)):
                    array[(*place, i)] = next(products)
        for equation, rest in zip(stack.equations, stack.rests, strict=True):
            self._assign(equation, rest, time, add=True)

    def _columns(self, stack: Stack, time: int | None) -> None:
        matrix = self._matrix(stack)
        [equation], [rest] = stack.equations, stack.rests
        array = self._array(self.variables[equation.name])
        for place in self._places(time):
            operand = self._side_by_side(stack, place)
            for k in range(matrix.shape[1]):
                array[(*place, k)] = self._dot(matrix[:, k], operand)
        self._assign(equation, rest, time, add=True)

    def _outer(self, stack: Stack) -> None:
        offset = 0
        for name, target in zip(stack.members, stack.matrices, strict=True):
            array = self._array(self.variables[target.name])
            array.fill(self.zero)
            rows = slice(offset, offset + self._width(name))
            for place in self._places(None):
                left = self._side_by_side(stack, place)[rows]
                for position in np.ndindex(*array.shape):
                    right = self._read(stack.shared.name, (*place, position[1])) if stack.shared else None
                    share = left[position[0]] if right is None else left[position[0]] * right
                    array[position] = array[position] + share
            offset = rows.stop

    def _dot(self, row: Iterable[Value], column: Iterable[Value]) -> Value:
        total = self.zero
        for a, b in zip(row, column, strict=True):
            total = total + a * b
        return total
