"""Steps without the cost of ctypes. In: what a stream has bound. Out: a function that makes a step, or None.

The function is that of `fastcall.c`, which reads all it knows of a cell from a `Table`.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from derive.native.arrays import shape_of
from derive.native.extension import extension
from derive.native.functions import Functions
from derive.native.interface import Field

# The most arrays of one argument: MOST in fastcall.c.
MOST = 16
# Giving up the GIL may cost a switch interval of another thread (5 ms), so only steps of that order do it: those
# that read so many bytes of parameters, counted for each sequence of the batch.
LONG = 1 << 24

Step = Callable[[Any, Any], bool]


class Side(ctypes.Structure):
    """`struct side` of fastcall.c: the arrays of one argument."""

    _fields_: ClassVar = [("names", ctypes.py_object), ("shapes", ctypes.c_void_p)]


class Table(ctypes.Structure):
    """`struct table` of fastcall.c, which says what each member is."""

    _fields_: ClassVar = [
        *((name, ctypes.c_void_p) for name in ("step", "dims", "params", "packed", "options", "work")),
        ("states", ctypes.c_void_p * 2),
        ("turn", ctypes.c_void_p),
        *((name, ctypes.py_object) for name in ("array", "dtype", "_dtype", "_fields")),
        *((name, Side) for name in ("inputs", "outputs")),
        ("owner", ctypes.py_object),
        ("itemsize", ctypes.c_ssize_t),
        ("gives_up_gil", ctypes.c_int),
    ]


def bind(
    functions: Functions,
    sizes: Mapping[str, int],
    addresses: Mapping[str, int | None],
    states: Sequence[int],
    owner: object,
) -> Step | None:
    """The step of these functions on bound memory, kept alive by `owner`: step(x_t, out) tells whether it was
    made, and if not, nothing happened. `addresses` are the members of that name in `Table`, `states` likewise."""
    interface, module = functions.interface, extension()
    if module is None or max(len(interface.inputs), len(interface.outputs)) > MOST:
        return None
    inputs, outputs = (_shapes(fields, interface.batch, sizes) for fields in (interface.inputs, interface.outputs))
    table = Table(
        step=functions.address("step"),
        options=functions.options_address,
        states=(ctypes.c_void_p * 2)(*states),
        array=np.ndarray,
        dtype=functions.dtype,
        _dtype="dtype",
        _fields="_fields",
        inputs=Side(_names(interface.inputs), ctypes.addressof(inputs)),
        outputs=Side(_names(interface.outputs), ctypes.addressof(outputs)),
        owner=(owner, inputs, outputs),
        itemsize=functions.dtype.itemsize,
        gives_up_gil=_is_long(functions, sizes),
        **addresses,
    )
    step: Step = module.bind(table)
    return step


def _names(fields: Sequence[Field]) -> tuple[str, ...]:
    return tuple(field.name for field in fields)


def _shapes(fields: Sequence[Field], batch: str, sizes: Mapping[str, int]) -> ctypes.Array[Any]:
    """For each array the number of its axes, then their lengths."""
    shapes = [shape_of(field, (batch,), sizes) for field in fields]
    numbers = [number for shape in shapes for number in (len(shape), *shape)]
    return (ctypes.c_ssize_t * len(numbers))(*numbers)


def _is_long(functions: Functions, sizes: Mapping[str, int]) -> bool:
    interface = functions.interface
    count = sum(math.prod(shape_of(field, (), sizes)) for field in interface.params)
    return count * functions.dtype.itemsize * sizes[interface.batch] >= LONG
