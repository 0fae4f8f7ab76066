"""Arrays at the border to C: checked, never cast. In: what a caller passed. Out: arrays that C can read.

Every refusal reads `argument: got …, expected …`, as in the generated NumPy kernels. An array that is not
C-contiguous is copied once; a wrong type, number of axes or size is an error.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from derive.native.interface import ALIGNMENT, AxisSum, Field

Array = npt.NDArray[Any]
Match = tuple[str, tuple[int, ...], tuple[AxisSum, ...]]

# How many continuations a `Sizes` keeps: lengths vary from call to call, and memory is not to grow with them.
REMEMBERED = 32


def refusal(argument: str, got: object, expected: object) -> str:
    """The wording of every message about an argument."""
    return f"{argument}: got {got}, expected {expected}"


def parts(axis: AxisSum) -> tuple[str, ...]:
    """The named sizes that one stored axis is made of."""
    return (axis,) if isinstance(axis, str) else axis


def shape_of(field: Field, leading: Sequence[str], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of a field where every size is known."""
    axes = (*leading, *field.shape)
    return tuple([sizes[axis] if isinstance(axis, str) else sum([sizes[part] for part in axis]) for axis in axes])


def as_array(argument: str, value: object, dtype: np.dtype[Any]) -> Array:
    """The value itself, or a contiguous copy of it; a NumPy scalar counts as an array without axes."""
    if type(value) is np.ndarray and value.dtype == dtype and value.flags.carray:
        return value
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        raise TypeError(refusal(argument, type(value).__name__, f"an array of {dtype}"))
    if value.dtype != dtype:
        raise TypeError(refusal(argument, value.dtype, dtype))
    return np.require(value, requirements=["C", "A"])


class Sizes:
    """The sizes of the axes: found from the first array that has them, held against every further one.

    It does not change: what is learnt is a further `Sizes`, and that is remembered, so a call with the shapes of
    an earlier one costs look-ups.
    """

    def __init__(self, known: Mapping[str, int] | None = None, undecided: Sequence[Match] = ()) -> None:
        self.known = dict(known or {})
        self._undecided = tuple(undecided)
        self._remembered: dict[tuple[object, ...], Sizes] = {}

    def knowing(self, **further: int) -> Sizes:
        """The same knowledge, and these sizes."""
        key = tuple(further.items())
        return self._remembered.get(key) or self._remember(key, Sizes({**self.known, **further}, self._undecided))

    def match(self, argument: str, got: tuple[int, ...], axes: tuple[AxisSum, ...]) -> Sizes:
        """What one array's shape tells, compared with the rest; a sum of several unknown sizes waits for
        `complete`."""
        key = (argument, got, axes)
        return self._remembered.get(key) or self._remember(key, self._matched(*key))

    def complete(self, axes: tuple[str, ...], remedy: str = "one") -> Sizes:
        """Every size, once all arrays were seen; `remedy` is what is expected where one is unknown."""
        key = (axes, remedy)
        return self._remembered.get(key) or self._remember(key, self._completed(*key))

    def _remember(self, key: tuple[object, ...], sizes: Sizes) -> Sizes:
        if len(self._remembered) >= REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = sizes
        return sizes

    def _matched(self, argument: str, got: tuple[int, ...], axes: tuple[AxisSum, ...]) -> Sizes:
        after = Sizes(self.known)
        if len(got) == len(axes):
            for size, axis in zip(got, axes, strict=True):
                if len(parts(axis)) == 1:
                    after.known.setdefault(parts(axis)[0], size)
            for size, axis in zip(got, axes, strict=True):
                after._learn_from_sum(size, parts(axis))
        expected = [after._length(axis) for axis in axes]
        if len(got) != len(axes) or any(e not in (None, size) for size, e in zip(got, expected, strict=True)):
            raise ValueError(refusal(argument, f"shape {got}", f"({', '.join(map(after._show, axes))})"))
        waits = [(argument, got, axes)] if None in expected else []
        after._undecided = (*self._undecided, *waits)
        return after

    def _completed(self, axes: tuple[str, ...], remedy: str) -> Sizes:
        whole = Sizes(self.known)
        for undecided in self._undecided:
            whole = whole._matched(*undecided)
        for axis in axes:
            if axis not in whole.known:
                raise ValueError(refusal(axis, "no array that tells this size", remedy))
        return whole

    def _learn_from_sum(self, size: int, names: tuple[str, ...]) -> None:
        unknown = sorted({name for name in names if name not in self.known})
        if len(unknown) == 1:
            times = names.count(unknown[0])
            rest = size - sum(self.known[name] for name in names if name in self.known)
            if rest >= 0 and rest % times == 0:
                self.known[unknown[0]] = rest // times

    def _length(self, axis: AxisSum) -> int | None:
        sizes = [self.known.get(name) for name in parts(axis)]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def _show(self, axis: AxisSum) -> str:
        length = self._length(axis)
        return " + ".join(parts(axis)) + ("" if length is None else f" = {length}")


def members(
    argument: str, value: object, fields: Sequence[Field], *, alone: bool
) -> list[tuple[str, object]]:
    """The arrays that an argument holds, each with its name for messages.

    With `alone`, a single field may be passed as the array itself.
    """
    if alone and len(fields) == 1 and not isinstance(value, tuple):
        return [(argument, value)]
    names = tuple(field.name for field in fields)
    if not isinstance(value, tuple) or getattr(value, "_fields", None) != names:
        got = getattr(value, "_fields", None)
        shown = type(value).__name__ if got is None else f"a NamedTuple of {', '.join(got)}"
        raise TypeError(refusal(argument, shown, f"a NamedTuple of {', '.join(names)}"))
    return [(f"{argument}.{name}", item) for name, item in zip(names, value, strict=True)]


def checked(
    arguments: Sequence[tuple[str, object]],
    fields: Sequence[Field],
    leading: Sequence[str],
    dtype: np.dtype[Any],
    sizes: Sizes,
) -> tuple[list[Array], Sizes]:
    """The arrays of these arguments, ready for C, and the sizes with what they tell."""
    arrays, prefix = [], tuple(leading)
    for (argument, value), field in zip(arguments, fields, strict=True):
        array = as_array(argument, value, dtype)
        sizes = sizes.match(argument, array.shape, prefix + field.shape)
        arrays.append(array)
    return arrays, sizes


def address(buffer: Array) -> int:
    """Where a buffer of bytes is that can be written to: a third of the time that `.ctypes.data` takes."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer.data))


def room(size: int) -> int:
    """The length of a buffer in which so many bytes can be aligned for the widest vectors."""
    return max(size, 1) + ALIGNMENT


def within(buffer: Array) -> Array:
    """Those aligned bytes of it."""
    start = -address(buffer) % ALIGNMENT
    return buffer[start : start + buffer.size - ALIGNMENT]


def aligned(size: int) -> Array:
    """A fresh buffer of so many bytes, aligned for the widest vectors."""
    return within(np.empty(room(size), np.uint8))
