"""Everything that the page of a cell shows, derived, proven and measured once.

In: a cell. Out: its `Material`. Raises `ProofError` for a cell whose derivation does not agree with its equations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.backends import Derived
from derive.backends.c import Cost, cost_of
from derive.language.syntax import Cell
from derive.pipeline import Diagnosis, NetworkError, Verified, derivation, diagnose, kernel_of, verify

Told = Callable[[str], None]
"""Is told what is being done."""

_STEPS, _INPUTS, _OTHERS = 50, 8, 16


@dataclass(frozen=True)
class Measured:
    """A network as the cell initialises it, on normal input. `diagnosis`: None where it `failed`, and why."""

    sizes: Mapping[str, int]
    steps: int
    diagnosis: Diagnosis | None
    failed: str


@dataclass(frozen=True)
class Material:
    """What was derived from a cell, what was proven of it, what it costs, and what was measured."""

    verified: Verified
    cost: Cost
    measured: Measured

    @property
    def derived(self) -> Derived:
        """What was derived."""
        return self.verified.derived

    @property
    def cell(self) -> Cell:
        """The cell itself."""
        return self.derived.cell


def material(cell: Cell, told: Told = lambda _: None) -> Material:
    """All of it. `told` is told of each stage before it begins."""
    told("deriving")
    derived = derivation(cell).derived
    told("proving")
    verified = verify(derived)
    told("measuring")
    return Material(verified, cost_of(cell, derived.schedule), _measured(verified))


def _measured(verified: Verified) -> Measured:
    cell, kernel, rng = verified.derived.cell, kernel_of(verified, "numpy", "float64"), np.random.default_rng(0)
    read = {part for variable in cell.of_role("input") for axis in variable.shape for part in axis.parts}
    sizes = {axis: _INPUTS if axis in read else _OTHERS for axis in cell.axes}
    params = kernel.init(sizes, rng)
    x = kernel.Inputs(*(rng.normal(size=(_STEPS, 1, *_shape(v, sizes))) for v in cell.of_role("input")))
    initial = kernel.State(*(np.zeros((1, *_shape(v, sizes))) for v in cell.of_role("state")))
    try:
        with np.errstate(all="ignore"):
            found = diagnose(kernel, params, x if len(x) > 1 else x[0], initial)
    except NetworkError as error:
        return Measured(sizes, _STEPS, None, str(error))
    return Measured(sizes, _STEPS, found, "")


def _shape(variable: Any, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(sum(sizes[part] for part in axis.parts) for axis in variable.shape)
