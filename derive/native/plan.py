"""What a checked call found, for later calls like it. In: sizes, what each argument was. Out: a `Plan`.

A plan says nothing that checking would not say again: it only serves where the extension finds that type, dtype,
shape and layout of every array are those of the checked call. Else the call is checked, and that words the refusal.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from derive.native import fastcall
from derive.native.arrays import Array, Sizes, room, shape_of
from derive.native.crew import crew_of
from derive.native.extension import extension
from derive.native.fastcall import Argument, Kind
from derive.native.functions import Functions

NOTHING: Argument = (Kind.NOTHING, (), ())
MEMORY: Argument = (Kind.MEMORY, (), ())
# How many a kernel keeps: 1 to 5 kB each, two for each length of a sequence.
MOST_PLANS = 256
# What a kernel keeps at most of the memory for work, and as much of that for tapes. At 32 sequences of 1024 units,
# fresh pages for them took 2 % and 1 % of training.
MOST_BYTES = 256 << 20
# Less is cheap to have afresh.
LEAST_LENT = 1 << 20
BYTE = np.dtype(np.uint8)


class Plan:
    """It does not change, so several threads may use it at once."""

    def __init__(
        self,
        functions: Functions,
        name: str,
        sizes: Sizes,
        arguments: Sequence[Argument],
        options: Mapping[str, int],
        *,
        keeps: bool = False,
    ) -> None:
        known = sizes.known
        self.functions, self.sizes, self.dims = functions, sizes, functions.dims(known)
        threads = options.get("parts", 1)
        self.options = functions.options(**options, crew=crew_of(functions, threads) if threads > 1 else None)
        self._dtype, self._name, self._arguments = functions.dtype, name, arguments
        self._tape = room(functions.size("tape", self.dims, self.options)) if keeps else 0
        self._work = room(functions.size("work", self.dims, self.options))
        self._results = [
            [shape_of(field, leading, known) for field in fields]
            for kind, fields, leading in arguments
            if kind is Kind.RESULT
        ]

    @cached_property
    def call(self) -> fastcall.Call:
        """It takes one argument for each pointer of the function, and tells whether the call was made. Only made
        when it is first wanted: many a plan is never met again."""
        told = self.functions, self._name, self.sizes.known, self.dims, self.options, self._arguments
        return fastcall.plan(*told) or _declines

    def fresh(self) -> list[tuple[Array, ...]]:
        """Fresh arrays for what the function writes."""
        empty, dtype = np.empty, self._dtype
        return [tuple([empty(shape, dtype) for shape in shapes]) for shapes in self._results]

    def room(self, memory: Memory) -> Array | None:
        """Room for the tape, if the function writes one."""
        return memory.lend(self._tape) if self._tape else None

    def run(self, memory: Memory, *arguments: object) -> bool:
        """`call` with the last of its arguments, which is memory to work in, from there."""
        work = memory.take(self._work)
        made = self.call(*arguments, work)
        memory.give_back(work)
        return made


class Memory:
    """What the calls of one kernel work in, or write their tapes to: kept from one call to the next, because the system
    takes longer to hand out fresh pages than many a kernel to run. Calls at the same time have their own."""

    def __init__(self) -> None:
        self._kept: list[Array] = []

    def take(self, size: int) -> Array:
        """So many bytes or more, for nobody else until they are given back."""
        try:
            kept = self._kept.pop()
        except IndexError:
            return np.empty(size, BYTE)
        return kept if kept.size >= size else np.empty(size, BYTE)

    def give_back(self, memory: Array) -> None:
        if memory.size <= MOST_BYTES:
            self._kept = [memory]

    def lend(self, size: int) -> Array:
        """The same, until nobody refers to it or to a part of it."""
        if size < LEAST_LENT:
            return np.empty(size, BYTE)
        memory = self.take(size)
        # Made from what is no array: the base of its own views is then itself, not `memory`.
        lent = np.frombuffer(memory.data, BYTE)
        weakref.finalize(lent, self.give_back, memory).atexit = False
        return lent


class Plans:
    """The plans of one kernel. Their keys are what tells calls apart beside the arrays themselves."""

    def __init__(self) -> None:
        self._plans: dict[object, Plan] = {}
        self.get = self._plans.get

    def agreed(self, key: object, functions: Functions, sizes: Sizes, make: Callable[[], Plan]) -> Plan:
        """The plan of this key if it is one for these sizes, else a new one; it stays if an extension can use it."""
        plan = self._plans.get(key)
        if plan is None or plan.functions is not functions or plan.sizes is not sizes:
            plan = make()
            if key is not None and extension() is not None:
                if len(self._plans) >= MOST_PLANS:
                    self._plans.clear()
                self._plans[key] = plan
        return plan


def _declines(*_: object) -> bool:
    return False
