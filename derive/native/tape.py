"""What a forward call keeps for backward. In: a buffer that C wrote, the call's arrays. Out: named arrays."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from derive.native.arrays import Array, Sizes, shape_of, within
from derive.native.functions import Functions
from derive.native.interface import Field


class Tape:
    """Every named intermediate of the forward pass is an attribute: what C saved is a read-only view of it,
    the rest is computed from that when asked for, by `whole(saved)`. With `checkpoint` it keeps states alone,
    and has nothing to offer but what backward needs.

    It refers to the parameters, `x` and `initial` of that call, which must not change before its last use. What the
    binding itself needs begins with an underscore, as no variable of a cell does.
    """

    def __init__(
        self,
        functions: Functions,
        sizes: Sizes,
        dims: ctypes.Array[Any],
        inputs: tuple[Array, ...],
        initial: tuple[Array, ...] | None,
        room: Array,
        whole: Callable[[Mapping[str, Array]], Any],
        checkpoint: int = 0,
    ) -> None:
        self._functions = functions
        self._sizes = sizes
        self._dims = dims
        self._inputs = inputs
        self._initial = initial
        self._room = room
        self._make_whole = whole
        self._checkpoint = checkpoint

    def __getattr__(self, name: str) -> Array:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._checkpoint:
            raise AttributeError(f"tape.{name}: not kept with checkpoint={self._checkpoint}; call forward without it")
        array: Array = self._saved[name] if name in self._saved else getattr(self._whole, name)
        return array

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *([] if self._checkpoint else dir(self._whole))})

    @cached_property
    def _buffer(self) -> Array:
        return within(self._room)

    @cached_property
    def _saved(self) -> dict[str, Array]:
        fields = self._functions.interface.tape
        return {field.name: self._view(index, field) for index, field in enumerate(fields)}

    @cached_property
    def _whole(self) -> Any:
        return self._make_whole(self._saved)

    def _view(self, index: int, field: Field) -> Array:
        shape = shape_of(field, (), self._sizes.known)
        dtype = self._functions.dtype
        start = self._functions.tape_offset(self._dims, index)
        view = self._buffer[start : start + math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape)
        view.flags.writeable = False
        return view
