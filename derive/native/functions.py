"""The functions of one library in one precision. In: a library, its table. Out: calls that raise on errors.

Every struct of the C interface is a run of equal members, so an array of pointers, sizes or ints lies in
memory exactly as it does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from derive.native.arrays import Array, address, aligned
from derive.native.errors import NativeError
from derive.native.extension import extension
from derive.native.interface import Interface

OVERFLOW = ctypes.c_size_t(-1).value
DTYPES: dict[str, np.dtype[Any]] = {"f32": np.dtype(np.float32), "f64": np.dtype(np.float64)}

_CALLS = (
    ("pack", 4), ("forward", 10), ("backward", 13), ("step", 9), ("forward_threads", 10), ("backward_threads", 13),
)  # fmt: skip
"""What is called, with how many pointers."""


class Functions:
    """What the library exports for one precision."""

    def __init__(self, library: ctypes.CDLL, interface: Interface, precision: str) -> None:
        self.interface = interface
        self._library = library
        members = [*((name, ctypes.c_int) for name in interface.options), ("crew", ctypes.c_void_p)]
        self._struct: type[ctypes.Structure] = type("Options", (ctypes.Structure,), {"_fields_": members})
        self._options = self.options()
        self.dtype: np.dtype[Any] = DTYPES[precision]

        def get(name: str, arguments: int, result: type[Any], *last: type[Any]) -> Any:
            return self._get(f"{precision}_{name}", arguments, result, *last)

        self._sizes = {name: get(f"{name}_bytes", 2, ctypes.c_size_t) for name in ("packed", "tape", "work")}
        self._tape_offset = get("tape_offset", 2, ctypes.c_size_t, ctypes.c_int)
        self._calls = {
            name: get(name, arguments, ctypes.c_int)
            for name, arguments in _CALLS
        }

    def _get(self, name: str, arguments: int, result: type[Any], *last: type[Any]) -> Any:
        """A function that takes so many pointers, then what is last."""
        symbol = f"{self.interface.prefix}_{name}"
        try:
            function = self._library[symbol]
        except AttributeError as error:
            raise NativeError(f"the library has no function {symbol}") from error
        function.argtypes = [ctypes.c_void_p] * arguments + list(last)
        function.restype = result
        return function

    def options(self, **chosen: int | None) -> ctypes.Array[Any]:
        """The struct of options, alone in an array; all others are zero, which asks for nothing."""
        alone: ctypes.Array[Any] = (self._struct * 1)(self._struct(**chosen))
        return alone

    def crew(self, threads: int) -> Array:
        """Memory in which so many threads wait, the caller's among them; it must not be freed."""
        memory = aligned(self._get("crew_bytes", 0, ctypes.c_size_t)())
        code = self._get("crew_start", 1, ctypes.c_int, ctypes.c_int)(pointer(memory), threads)
        if code:
            raise NativeError(f"{self.interface.prefix}: {self.interface.errors[code]} (threads = {threads})")
        return memory

    def dims(self, sizes: Mapping[str, int]) -> ctypes.Array[Any]:
        """The struct of sizes."""
        return (ctypes.c_size_t * len(self.interface.axes))(*[sizes[axis] for axis in self.interface.axes])

    def size(self, name: str, dims: ctypes.Array[Any], options: ctypes.Array[Any] | None = None) -> int:
        """How many bytes a `packed`, `tape` or `work` of these sizes has."""
        size: int = self._sizes[name](dims, options or self._options)
        if size == OVERFLOW:
            described = self._describe(dims)
            raise OverflowError(f"{self.interface.prefix}: sizes that cannot be addressed ({described})")
        return size

    def buffer(self, name: str, dims: ctypes.Array[Any], options: ctypes.Array[Any] | None = None) -> Array:
        """A fresh `packed`, `tape` or `work` for these sizes."""
        return aligned(self.size(name, dims, options))

    def tape_offset(self, dims: ctypes.Array[Any], index: int) -> int:
        """Where an entry of the tape starts, in bytes."""
        return int(self._tape_offset(dims, self._options, index))

    def call(
        self, name: str, dims: ctypes.Array[Any], *arguments: object, options: ctypes.Array[Any] | None = None
    ) -> None:
        """Call, and raise what the error code means."""
        code = self._calls[name](dims, *arguments, options or self._options)
        if code:
            text = self.interface.errors[code]
            told = name.removesuffix("_threads")
            raise ValueError(f"{self.interface.prefix}.{told}: {text} ({self._describe(dims)})")

    def address(self, name: str) -> int | None:
        """Where the function of this name is."""
        return ctypes.cast(self._calls[name], ctypes.c_void_p).value

    @property
    def options_address(self) -> int:
        """Where the options are, as long as this object lives."""
        return ctypes.addressof(self._options)

    def _describe(self, dims: ctypes.Array[Any]) -> str:
        return ", ".join(f"{axis} = {size}" for axis, size in zip(self.interface.axes, dims, strict=True))


def pointers(arrays: Sequence[Array] | None) -> bytes | None:
    """A struct of pointers to these arrays, which have to outlive its use; NULL for None."""
    if arrays is None:
        return None
    module = extension()
    found: bytes = module.addresses(list(arrays)) if module else bytes(struct_of(arrays))
    return found


def struct_of(arrays: Sequence[Array]) -> ctypes.Array[Any]:
    """The same as an object that has an address."""
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


def pointer(buffer: Array | None) -> int | None:
    """The address of a buffer, which has to outlive its use; NULL for None."""
    return None if buffer is None else address(buffer)
