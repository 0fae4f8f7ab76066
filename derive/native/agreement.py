"""Compiled C held against the NumPy kernel of the same cell, at sizes that take milliseconds.

In: a library, its table, the NumPy module. Out: nothing, or `KernelsDiffer`. The proof ends where printers begin; what
they or a compiler got wrong behind it shows here, before anybody uses the library.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from derive.native.arrays import Array, shape_of
from derive.native.bind import Kernel
from derive.native.errors import KernelsDiffer
from derive.native.functions import DTYPES
from derive.native.interface import Field, Interface

# What two kernels may differ by that sum in another order: so many units in the last place of an array's largest
# number, as many of a hundredth of the largest there is, for what cancels, and so many times what single precision is
# off, for cells that amplify rounding; in double precision that is 2^29 times less.
UNITS, CANCELLED, AMPLIFIED = 1000, 0.01, 30
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]
# Time, batch, the cell's first axis, and how much longer each further one is: none fills whole vectors or tiles.
SIZES = ((5, 1, 67, 2), (2, 19, 5, 16))


class Model(Protocol):
    """The NumPy module of a cell, as far as its compiled kernel needs it."""

    init: Any
    tape_of: Any
    forward: Any
    backward: Any
    step: Any


class _Arguments(NamedTuple):
    params: Any
    x: Any
    initial: Any
    dy: Any
    dfinal: Any


def require_agreement(library: ctypes.CDLL, table: Interface, model: Model) -> None:
    """Raise `KernelsDiffer` where the two do not give the same outputs, states and gradients.

    Of what is not all finite in NumPy nothing is compared; then smaller, positive numbers are tried as well.
    """
    kernels = {p: Kernel(library, table, model.init, model.tape_of, DTYPES[p]) for p in table.precisions}
    for time, batch, first, longer in SIZES:
        own = {axis: first + k * longer for k, axis in enumerate(table.axes[2:])}
        sizes = {table.time: time, table.batch: batch, **own}
        for draw in (_around_zero, _small_and_positive):
            given = _arguments(kernels["f32"], model, sizes, draw)
            if _compared(kernels, {"f32": given, "f64": _widened(given)}, model, sizes):
                break


def _compared(
    kernels: Mapping[str, Kernel], given: Mapping[str, _Arguments], model: Model, sizes: Mapping[str, int]
) -> bool:
    """Whether all numbers were finite, and so compared."""
    with np.errstate(all="ignore"):
        wanted = {precision: _results(model, arguments) for precision, arguments in given.items()}
        errors = {name: np.abs(array - wanted["f64"][name]).max() for name, array in wanted["f32"].items()}
    for (precision, kernel), how in itertools.product(kernels.items(), ({}, {"checkpoint": 2})):
        unit = float(np.finfo(DTYPES[precision]).eps)
        amplified = {name: _amplified(error, unit, wanted[precision][name]) for name, error in errors.items()}
        got = _results(kernel, given[precision], **how)
        difference = _difference(got, wanted[precision], UNITS * unit, amplified)
        if difference:
            at = ", ".join(f"{name}={size}" for name, size in {**sizes, **how}.items())
            raise KernelsDiffer(
                f"{kernel.interface.prefix}: the compiled C and the NumPy kernel differ in {difference} ({precision}, "
                f"{at}), so the C is refused: use the NumPy kernel, or name another compiler in the environment "
                "variable CC; and please report the cell and the compiler"
            )
    return all(np.isfinite(array).all() for results in wanted.values() for array in results.values())


def _amplified(error: float, unit: float, array: Array) -> float:
    """What rounding may come to in an array that is off by `error` in single precision; where that overflows, so that
    it cannot be measured, half of the digits have to agree."""
    if np.isfinite(error):
        return AMPLIFIED * float(error) * unit / 2.0**-23
    return float(np.abs(array).max() * np.sqrt(unit))


def _around_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(size=shape)


def _small_and_positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """For cells that take logarithms or roots, or grow too large."""
    return rng.uniform(0.05, 0.3, size=shape)


def _arguments(kernel: Kernel, model: Model, sizes: Mapping[str, int], draw: Draw) -> _Arguments:
    """Numbers as they are drawn; parameters of either sign near those that the cell begins with."""
    table, rng = kernel.interface, np.random.default_rng(0)

    def drawn(fields: Sequence[Field], *leading: str) -> Iterator[Array]:
        return (np.asarray(draw(rng, shape_of(field, leading, sizes)), np.float32) for field in fields)

    params = drawn(table.params)
    if draw is _around_zero:
        start = model.init({axis: sizes[axis] for axis in table.axes[2:]}, rng, np.float32)
        params = (np.asarray(a + 0.1 * b, np.float32) for a, b in zip(start, drawn(table.params), strict=True))
    return _Arguments(
        kernel.Params(*params),
        kernel.Inputs(*drawn(table.inputs, table.time, table.batch)),
        kernel.State(*drawn(table.states, table.batch)),
        kernel.Output(*drawn(table.outputs, table.time, table.batch)),
        kernel.State(*drawn(table.states, table.batch)),
    )


def _widened(given: _Arguments) -> _Arguments:
    """The same numbers in double precision."""
    return _Arguments(*(arrays._make(array.astype(np.float64) for array in arrays) for arrays in given))


def _results(of: Any, given: _Arguments, **how: Any) -> dict[str, Array]:
    """All that forward, backward and a step give, by name."""
    y, final, tape = of.forward(given.params, given.x, given.initial, **how)
    dparams, dx, dinitial = of.backward(given.params, tape, given.dy, given.dfinal)
    y_1, new = of.step(given.params, given.x._make(sequence[0] for sequence in given.x), given.initial)
    groups = [
        ("output", given.dy, y), ("final", given.initial, final),
        ("gradient of", given.params, dparams), ("gradient of", given.x, dx), ("gradient of", given.initial, dinitial),
        ("a step\'s output", given.dy, y_1), ("a step\'s", given.initial, new),
    ]  # fmt: skip
    return {
        f"{kind} {name}": array
        for kind, like, arrays in groups
        for name, array in zip(like._fields, arrays if isinstance(arrays, tuple) else (arrays,), strict=True)
    }


def _difference(
    got: Mapping[str, Array], wanted: Mapping[str, Array], tolerance: float, amplified: Mapping[str, float]
) -> str:
    """The first array that differs by more than it may, with by how much."""
    finite = {name: array for name, array in wanted.items() if np.isfinite(array).all()}  # rounding moves overflows
    largest = max((float(np.abs(array).max()) for array in finite.values()), default=0.0)
    for name, array in finite.items():
        scale = max(float(np.abs(array).max()), CANCELLED * largest)
        error = float(np.abs(got[name] - array).max())
        if not error <= max(tolerance * scale, amplified[name]):
            return f"{name} by {error:.1e} of {scale:.1e}"
    return ""
