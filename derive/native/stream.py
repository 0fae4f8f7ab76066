"""One step after the other, in real time. In: parameters, a state. Out: a call without allocation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from derive.native.arrays import Array, Sizes, checked, members, refusal
from derive.native.functions import Functions, pointer, pointers
from derive.native.interface import Field


class Stream:
    """`stream(x_t, out)` advances the state in place. Not for two threads at once."""

    def __init__(
        self,
        functions: Functions,
        packed: tuple[Sequence[Array], Array | None],
        state: Sequence[Array],
        sizes: Mapping[str, int],
        make_state: Callable[..., Any],
    ) -> None:
        self._functions = functions
        self._params, self._packed = packed
        self._now = [array.copy() for array in state]
        self._next = [np.empty_like(array) for array in self._now]
        self._sizes = Sizes(sizes)
        self._dims = functions.dims(sizes)
        self._work = functions.buffer("work", self._dims)
        self._make_state = make_state

    @property
    def state(self) -> Any:
        """A copy of the present state."""
        return self._make_state(*(array.copy() for array in self._now))

    def __call__(self, x_t: Any, out: Any) -> Any:
        """Read `x_t`, advance the state, write the output into `out` and return it."""
        interface = self._functions.interface
        inputs = self._in_place("x_t", x_t, interface.inputs)
        outputs = self._in_place("out", out, interface.outputs, written=True)
        self._functions.call(
            "step", self._dims, pointers(self._params), pointer(self._packed), pointers(inputs),
            pointers(self._now), pointers(outputs), pointers(self._next), pointer(self._work),
        )  # fmt: skip
        self._now, self._next = self._next, self._now
        return out

    def _in_place(
        self, argument: str, value: object, fields: Sequence[Field], *, written: bool = False
    ) -> list[Array]:
        batch = (self._functions.interface.batch,)
        given = members(argument, value, fields, alone=True)
        arrays = checked(given, fields, batch, self._functions.dtype, self._sizes)
        for (name, item), array in zip(given, arrays, strict=True):
            if item is not array:
                raise ValueError(refusal(name, "an array that has to be copied", "a C-contiguous one"))
            if written and not array.flags.writeable:
                raise ValueError(refusal(name, "a read-only array", "one to write into"))
        return arrays
