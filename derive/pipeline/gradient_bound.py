"""Bounds of a cell's gradients: what was derived, to look at, and certificates for given weights.

In: a cell. Out: a `GradientBound` over the text that `generate` writes as `bounds.py`, the step Jacobian proven.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from derive.backends import Derived, latex, text
from derive.emit import render
from derive.language.syntax import Cell
from derive.pipeline.derivation import derive
from derive.pipeline.files import render_bounds
from derive.pipeline.kernels import loaded

Array = np.ndarray[Any, Any]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Word:
    """What a block of the step Jacobian gets through some gates, the cell's own variables; `str` is its formula."""

    gates: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Bound:
    """What the norm of a block cannot exceed; `str` is its formula.

    max|v| is the largest absolute value of an element, over all states and inputs that are meant; numbers are suprema
    that the ranges of functions settle; ‖W‖ is the norm of a weight, in the 1-, the 2- or the ∞-norm throughout.
    """

    text: str

    def __str__(self) -> str:
        return self.text


class GradientBound:
    """The step Jacobian of a cell and bounds of it; `source` is the text that it runs."""

    def __init__(self, derived: Derived, module: ModuleType, source: str) -> None:
        self.derived, self.source = derived, source
        self._module = module
        self.states: tuple[str, ...] = derived.flow.states
        self.Inputs, self.State = module.Inputs, module.State

    @property
    def direct(self) -> tuple[str, ...]:
        """The states that keep a part of their old value element by element, with no gate's change in between."""
        differentials, delays = self.derived.flow.differentials, self.derived.flow.delays
        return tuple(
            state
            for state in self.states
            if any(d.gate == state and d.delay == delays[state] for d in differentials[state].directs)
        )

    @property
    def step_jacobian(self) -> Mapping[Pair, tuple[Word, ...]]:
        """(state, source) → the words that ∂state[t]/∂source[t-1] is the sum of, one for each sequence of gates."""
        found = text.step_words(self.derived)
        return {pair: tuple(Word(gates, word) for gates, word in words) for pair, words in found.items()}

    @property
    def block_bounds(self) -> Mapping[Pair, Bound]:
        """(state, source) → a bound of ‖∂state[t]/∂source[t-1]‖ for any weights."""
        return {pair: Bound(bound) for pair, bound in text.block_bounds(self.derived).items()}

    def latex(self) -> str:
        """The section on gradient flow; its macros are those of the preamble of the derivation."""
        page = latex.section(self.derived)
        return render(page.template, page.context)

    def certify(
        self,
        params: Any,
        x_max: Any = 1.0,
        initial_max: Any = 1.0,
        norm: float = np.inf,
        steps: int | None = None,
    ) -> Any:
        """A `Certificate` for given weights; see the generated module.

        params: `Params` of a kernel of this cell. x_max, initial_max: bounds of the absolute values of inputs and
        initial states, numbers or mappings from names. norm: 1, 2 or np.inf. steps: how many steps it holds for,
        None for any number.
        """
        return self._module.certify(params, x_max, initial_max, norm, steps)

    def jacobian(self, params: Any, x_t: Any, state: Any) -> Mapping[tuple[str, str, tuple[str, ...]], Array]:
        """The blocks of the step Jacobian of one sequence, kept apart by gates; see the generated module."""
        return self._module.jacobian(params, x_t, state)  # type: ignore[no-any-return]

    def visited(self, params: Any, lower: Any, upper: Any, norm: float) -> Array:
        """The matrix of block bounds between two ends, each Inputs and State; see the generated module."""
        return self._module.visited(params, lower, upper, norm)  # type: ignore[no-any-return]

    def measure(self, matrix: Array, norm: float) -> float:
        """An upper bound of a matrix's norm, tight to a few per cent at worst."""
        return float(self._module.measure(matrix, norm))


def gradient_bound(cell: Cell) -> GradientBound:
    """The bounds of a cell's gradients; raises `ProofError` where the step Jacobian is not proven."""
    derived = derive(cell)
    source = render_bounds(derived)
    return GradientBound(derived, loaded(f"{cell.name}_bounds", source), source)
