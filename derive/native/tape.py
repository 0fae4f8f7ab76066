"""What a forward call keeps for backward. In: a buffer that C wrote, the call's arrays. Out: named views."""

from __future__ import annotations

import math
from collections.abc import Mapping

from derive.native.arrays import Array, refusal, shape_of
from derive.native.functions import Functions


class Tape:
    """The saved variables of the cell are its attributes, as read-only views.

    It refers to the arrays `x` and `initial` of that call, which must not change before backward. What the
    binding itself needs begins with an underscore, as no variable of a cell does.
    """

    def __init__(
        self, functions: Functions, sizes: Mapping[str, int], inputs: list[Array], initial: list[Array] | None
    ) -> None:
        self._functions = functions
        self._sizes = sizes
        self._inputs = inputs
        self._initial = initial
        self._dims = functions.dims(sizes)
        self._buffer = functions.buffer("tape", self._dims)

    def __getattr__(self, name: str) -> Array:
        fields = self._functions.interface.tape
        names = [field.name for field in fields]
        if name not in names:
            raise AttributeError(refusal(f"tape.{name}", "a name that was not saved", " or ".join(names)))
        index = names.index(name)
        shape = shape_of(fields[index], (), self._sizes)
        dtype = self._functions.dtype
        start = self._functions.tape_offset(self._dims, index)
        view = self._buffer[start : start + math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape)
        view.flags.writeable = False
        return view

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(field.name for field in self._functions.interface.tape)})
