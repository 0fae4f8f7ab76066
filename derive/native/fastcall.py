"""Calls without the cost of ctypes. In: what a stream or a plan has bound. Out: a function that calls, or None.

The function is one of `fastcall.c`, which reads all it knows of a cell from a `Table` or a `Planned`.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np

from derive.native.arrays import shape_of
from derive.native.extension import extension
from derive.native.functions import Functions
from derive.native.interface import Field

# The most arrays of one argument: MOST in fastcall.c.
MOST = 16
# The most arguments of a planned call, and the most arrays of all of them: names in fastcall.c too.
MOST_ARGUMENTS, MOST_PLANNED = 11, 128
# Giving up the GIL may cost a switch interval of another thread (5 ms), so only steps of that order do it: those
# that read so many bytes of parameters, counted for each sequence of the batch.
LONG = 1 << 24

Step = Callable[[Any, Any], bool]
Call = Callable[..., bool]

Kind = IntEnum("Kind", ["NOTHING", "MEMORY", "POINTERS", "CHECKED", "RESULT", "NAMED", "ALONE"], start=0)
"""`enum kind` of fastcall.c, which says what each is."""

Argument = tuple[Kind, Sequence[Field], Sequence[str]]
"""What one argument of a planned call has to be: its kind, its fields, and the axes that lead their shapes."""


class Side(ctypes.Structure):
    """`struct side` of fastcall.c: the arrays of one argument."""

    _fields_: ClassVar = [("names", ctypes.py_object), ("shapes", ctypes.c_void_p)]


class Exact(ctypes.Structure):
    """`struct exact` of fastcall.c: what every array has to be."""

    _fields_: ClassVar = [
        *((name, ctypes.py_object) for name in ("array", "dtype", "_dtype", "_fields")),
        ("itemsize", ctypes.c_ssize_t),
    ]


class Table(ctypes.Structure):
    """`struct table` of fastcall.c, which says what each member is."""

    _fields_: ClassVar = [
        *((name, ctypes.c_void_p) for name in ("step", "dims", "params", "packed", "options", "work")),
        ("states", ctypes.c_void_p * 2),
        ("turn", ctypes.c_void_p),
        ("exact", Exact),
        *((name, Side) for name in ("inputs", "outputs")),
        ("owner", ctypes.py_object),
        ("gives_up_gil", ctypes.c_int),
    ]


class Expected(ctypes.Structure):
    """`struct argument` of fastcall.c."""

    _fields_: ClassVar = [("kind", ctypes.c_ssize_t), ("side", Side)]


class Planned(ctypes.Structure):
    """`struct plan` of fastcall.c."""

    _fields_: ClassVar = [
        *((name, ctypes.c_void_p) for name in ("function", "dims", "options")),
        ("exact", Exact),
        ("owner", ctypes.py_object),
        ("count", ctypes.c_ssize_t),
        ("arguments", Expected * MOST_ARGUMENTS),
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
    batch = (interface.batch,)
    inputs, outputs = (_shapes(fields, batch, sizes) for fields in (interface.inputs, interface.outputs))
    table = Table(
        step=functions.address("step"),
        options=functions.options_address,
        states=(ctypes.c_void_p * 2)(*states),
        exact=_exact(functions.dtype),
        inputs=Side(_names(interface.inputs), ctypes.addressof(inputs)),
        outputs=Side(_names(interface.outputs), ctypes.addressof(outputs)),
        owner=(owner, inputs, outputs),
        gives_up_gil=_is_long(functions, sizes),
        **addresses,
    )
    step: Step = module.bind(table)
    return step


def plan(
    functions: Functions,
    name: str,
    sizes: Mapping[str, int],
    dims: ctypes.Array[Any],
    options: ctypes.Array[Any],
    arguments: Sequence[Argument],
) -> Call | None:
    """The function of this name for arrays of these sizes. It takes what lies between dims and options, and tells
    whether the call was made; if not, nothing happened."""
    module = extension()
    if module is None or sum(len(fields) for _, fields, _ in arguments) > MOST_PLANNED:
        return None
    shapes = [_shapes(fields, leading, sizes) for _, fields, leading in arguments]
    expected = [
        Expected(kind, Side(_names(fields), ctypes.addressof(shape)))
        for (kind, fields, _), shape in zip(arguments, shapes, strict=True)
    ]
    call: Call = module.bind_plan(
        Planned(
            function=functions.address(name),
            dims=ctypes.addressof(dims),
            options=ctypes.addressof(options),
            exact=_exact(functions.dtype),
            owner=(functions, dims, options, shapes),
            count=len(arguments),
            arguments=(Expected * MOST_ARGUMENTS)(*expected),
        )
    )
    return call


def _exact(dtype: np.dtype[Any]) -> Exact:
    return Exact(np.ndarray, dtype, "dtype", "_fields", dtype.itemsize)


def _names(fields: Sequence[Field]) -> tuple[str, ...]:
    return tuple(field.name for field in fields)


def _shapes(fields: Sequence[Field], leading: Sequence[str], sizes: Mapping[str, int]) -> ctypes.Array[Any]:
    """For each array the number of its axes, then their lengths."""
    shapes = [shape_of(field, leading, sizes) for field in fields]
    numbers = [number for shape in shapes for number in (len(shape), *shape)]
    return (ctypes.c_ssize_t * len(numbers))(*numbers)


def _is_long(functions: Functions, sizes: Mapping[str, int]) -> bool:
    interface = functions.interface
    count = sum(math.prod(shape_of(field, (), sizes)) for field in interface.params)
    return count * functions.dtype.itemsize * sizes[interface.batch] >= LONG
