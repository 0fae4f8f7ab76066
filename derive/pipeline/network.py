"""A trained network from its files, ready to be examined.

In: a cell, the path of its weights, perhaps that of its input. Out: a `Network` in float64, which holds every
floating-point number exactly. Raises `NetworkError`, which says what file, what array and what was expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from derive.language.syntax import Cell
from derive.pipeline.kernels import build
from derive.pipeline.parameters import read_arrays, read_params

Path = str | PathLike[str]

_STEPS = 100


class NetworkError(ValueError):
    """A network that cannot be examined, and why."""


@dataclass(frozen=True, eq=False)
class Network:
    """`source`: where the input is from, in words. `x`: (T, B, …), a tuple where there are several inputs."""

    kernel: Any
    params: Any
    x: Any
    source: str


def load_network(cell: Cell, weights: Path, inputs: Path | None = None) -> Network:
    """A network as `save_params` wrote it, with the input from a file or, without one, drawn."""
    if cell.untold:
        state = cell.untold[0].name
        raise NetworkError(
            f"{cell.name}: neither weights nor inputs tell the shape of {state}, so an initial state has to;"
            " give it from Python: derive.diagnose(kernel, params, x, initial)"
        )
    kernel = build(cell)
    try:
        params = kernel.Params(*_widened(weights, read_params(weights, kernel)))
    except NetworkError:
        raise
    except ValueError as error:
        raise NetworkError(str(error)) from error
    try:
        kernel.prepare(params)
    except (TypeError, ValueError) as error:
        raise NetworkError(f"{weights}: {error}") from error
    if inputs is None:
        x = _drawn(cell, kernel, params)
        source = f"standard normal input, {_STEPS} steps, seed 0 (--input gives your own)"
    else:
        x, source = _read(cell, kernel, params, inputs), f"the first sequence of {inputs}"
    return Network(kernel, params, x if len(kernel.Inputs._fields) > 1 else x[0], source)


def _widened(path: Path, arrays: Any) -> list[Any]:
    found = []
    for name, array in arrays._asdict().items():
        if not np.issubdtype(array.dtype, np.floating):
            raise NetworkError(f"{path}: {name}: got {array.dtype}, expected floating-point numbers")
        if not np.all(np.isfinite(array)):
            number = int(array.size - np.isfinite(array).sum())
            raise NetworkError(f"{path}: {name}: {number} of its {array.size} elements are not finite")
        found.append(np.asarray(array, np.float64))
    return found


def _read(cell: Cell, kernel: Any, params: Any, path: Path) -> Any:
    expected = "an array (T, …) or (T, B, …) for each input"
    try:
        arrays = read_arrays(path, kernel.Inputs, expected, f"the inputs of {cell.name}")
    except ValueError as error:
        raise NetworkError(str(error)) from error
    widened = _widened(path, arrays)
    for k, variable in enumerate(cell.of_role("input")):
        if widened[k].ndim == len(variable.shape) + 1:
            widened[k] = widened[k][:, None]
    x = kernel.Inputs(*widened)
    if any(not a.size for a in x):
        raise NetworkError(f"{path}: holds no steps; expected {expected}")
    try:
        kernel.forward(params, x if len(x) > 1 else x[0], tape=False)
    except (TypeError, ValueError) as error:
        raise NetworkError(f"{path}: {error}") from error
    return x


def _drawn(cell: Cell, kernel: Any, params: Any) -> Any:
    sizes = _sizes(cell, params)
    shapes = [[sum(sizes[p] for p in axis.parts) for axis in v.shape] for v in cell.of_role("input")]
    rng = np.random.default_rng(0)
    return kernel.Inputs(*(rng.normal(size=(_STEPS, 1, *shape)) for shape in shapes))


def _sizes(cell: Cell, params: Any) -> dict[str, int]:
    """The length of every axis that the parameters tell."""
    told = [
        (axis.parts, length)
        for variable in cell.of_role("param")
        for axis, length in zip(variable.shape, np.shape(getattr(params, variable.name)), strict=True)
    ]
    sizes: dict[str, int] = {}
    for parts, length in sorted(told * len(told), key=lambda pair: len(pair[0])):
        unknown = [part for part in parts if part not in sizes]
        if len(set(unknown)) == 1:
            sizes[unknown[0]] = (length - sum(sizes[p] for p in parts if p in sizes)) // len(unknown)
    missing = [p for v in cell.of_role("input") for axis in v.shape for p in axis.parts if p not in sizes]
    if missing:
        raise NetworkError(f"the weights of {cell.name} do not tell the size of {missing[0]}; give an input")
    return sizes
