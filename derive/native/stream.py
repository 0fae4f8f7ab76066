"""One step after the other, in real time. In: parameters, a state. Out: a call without allocation."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from derive.native import fastcall
from derive.native.arrays import Array, Sizes, checked, members, refusal
from derive.native.functions import Functions, pointer, pointers, struct_of
from derive.native.interface import Field


class Stream:
    """`stream(x_t, out)` advances the state. Not for two threads at once; other threads of Python wait for a step,
    unless it is a long one.

    A call tries the C extension first, which accepts what needs no thought; all else, and every refusal, is
    for `_checked_call`. The two share the state: its present arrays are `_states[_turn]`.
    """

    def __init__(
        self,
        functions: Functions,
        packed: tuple[Sequence[Array], Array | None],
        state: Sequence[Array],
        sizes: Mapping[str, int],
        make_state: Callable[..., Any],
    ) -> None:
        params, self._packed = packed
        now = [array.copy() for array in state]
        self._states = (now, [np.empty_like(array) for array in now])
        self._turn = ctypes.c_int(0)
        self._functions, self._sizes, self._make_state = functions, Sizes(sizes), make_state
        self._dims = functions.dims(sizes)
        self._work = functions.buffer("work", self._dims)
        self._params = (params, struct_of(params))
        self._pointers = tuple(struct_of(arrays) for arrays in self._states)
        self._step = self._bind(sizes)

    @property
    def state(self) -> Any:
        """A copy of the present state."""
        return self._make_state(*(array.copy() for array in self._states[self._turn.value]))

    def __call__(self, x_t: Any, out: Any) -> Any:
        """Read `x_t`, advance the state, write the output into `out` and return it."""
        if self._step is None or not self._step(x_t, out):
            self._checked_call(x_t, out)
        return out

    def _checked_call(self, x_t: Any, out: Any) -> None:
        interface, now = self._functions.interface, self._turn.value
        inputs = self._in_place("x_t", x_t, interface.inputs)
        outputs = self._in_place("out", out, interface.outputs, written=True)
        self._functions.call(
            "step", self._dims, self._params[1], pointer(self._packed), pointers(inputs),
            self._pointers[now], pointers(outputs), self._pointers[1 - now], pointer(self._work),
        )  # fmt: skip
        self._turn.value = 1 - now

    def _bind(self, sizes: Mapping[str, int]) -> fastcall.Step | None:
        addresses = {
            "dims": ctypes.addressof(self._dims),
            "params": ctypes.addressof(self._params[1]),
            "packed": pointer(self._packed),
            "work": pointer(self._work),
            "turn": ctypes.addressof(self._turn),
        }
        states = [ctypes.addressof(each) for each in self._pointers]
        owner = tuple(vars(self).values())
        return fastcall.bind(self._functions, sizes, addresses, states, owner)

    def _in_place(
        self, argument: str, value: object, fields: Sequence[Field], *, written: bool = False
    ) -> list[Array]:
        batch = (self._functions.interface.batch,)
        given = members(argument, value, fields, alone=True)
        arrays, _ = checked(given, fields, batch, self._functions.dtype, self._sizes)
        for (name, item), array in zip(given, arrays, strict=True):
            if item is not array:
                raise ValueError(refusal(name, "an array that has to be copied", "a C-contiguous one"))
            if written and not array.flags.writeable:
                raise ValueError(refusal(name, "a read-only array", "one to write into"))
        return arrays
