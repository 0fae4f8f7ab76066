"""The numbers that all contenders are given. In: a cell, a size. Out: a `Problem`, and the cell's `Weights`."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import derive
from bench.counts import PROBE, Weights
from bench.task import Problem, Size


def problem(cell: str, size: Size, seed: int = 0) -> Problem:
    """Parameters by the cell's own scheme; vectors are moved a little, so that none is all zeros or all ones."""
    rng = np.random.default_rng(seed)
    params = {}
    for name, value in _kernel(cell).init({"d_x": size.d_x, "d_h": size.d_h}, rng)._asdict().items():
        moved = value + 0.1 * rng.normal(size=value.shape) if value.ndim == 1 else value
        params[name] = np.ascontiguousarray(moved, np.float32)
    x = rng.normal(size=(size.T, size.B, size.d_x)).astype(np.float32)
    dy = rng.normal(size=(size.T, size.B, size.d_h)).astype(np.float32)
    return Problem(params, x, dy)


@cache
def weights(cell: str) -> Weights:
    """The cell's matrices, counted."""
    params = _kernel(cell).init(PROBE, np.random.default_rng(0))
    return Weights.of({name: value.shape for name, value in params._asdict().items()})


@cache
def _kernel(cell: str) -> Any:
    return derive.build(derive.cell(cell))
