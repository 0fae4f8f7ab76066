"""The loss's gradient on its way back: what each step adds to a weight's, and which way it takes.

In: a kernel, the states before each step; then step by step, the last first, the Jacobian's blocks. Out: norms
by their decimal logarithms, shares, and how much each path carries. The adjoint is rescaled at each step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from derive.pipeline.flow_products import Array, Path, log10

_DUAL = {1: np.inf, 2: 2, np.inf: 1}


class Adjoints:
    """The gradient of E = ½‖y[T]‖², read at the last step only."""

    def __init__(self, kernel: Any, prepared: Any, inputs: Any, states: Sequence[Any], norm: float) -> None:
        self.kernel, self.params, self.inputs, self.states = kernel, prepared, inputs, states
        self.steps, self.norm = len(inputs[0]), _DUAL[norm]
        self.state: Any = None
        self.scale = 0.0
        self.norms = np.full(self.steps, -np.inf)
        self.logs = {name: np.full(self.steps, -np.inf) for name in kernel.Params._fields}
        self.carried: list[dict[Path, float]] = []

    def push(self, k: int, blocks: Mapping[Path, Array]) -> None:
        """Backward through step k, by the kernel."""
        x = self.kernel.Inputs(*(a[k : k + 1] for a in self.inputs))
        y, _, tape = self.kernel.forward(self.params, x, self.kernel.State(*self.states[k]))
        outputs = y if isinstance(y, tuple) else (y,)
        dy = self.kernel.Output(*(a if k == self.steps - 1 else np.zeros_like(a) for a in outputs))
        if self.state is not None:
            self.carried.append(dict(self._carried(blocks)))
        dparams, _, dinitial = self.kernel.backward(self.params, tape, dy, self.state)
        for name, gradient in zip(dparams._fields, dparams, strict=True):
            self.logs[name][k] = self.scale + log10(float(np.linalg.norm(np.asarray(gradient, np.float64))))
        row = np.concatenate([np.asarray(d, np.float64).reshape(-1) for d in dinitial])
        self.norms[k] = self.scale + log10(float(np.linalg.norm(row, self.norm)))
        largest = float(abs(row).max(initial=0))
        factor = largest if 0 < largest < np.inf else 1.0
        self.state = type(dinitial)(*(d / d.dtype.type(factor) for d in dinitial))
        self.scale += log10(factor)

    def _carried(self, blocks: Mapping[Path, Array]) -> Iterator[tuple[Path, float]]:
        """How long the part of the gradient is that each path carries."""
        for (a, b, gates), block in blocks.items():
            row = np.asarray(getattr(self.state, a), np.float64).reshape(-1)
            yield (a, b, gates), float(np.linalg.norm(row @ block))

    def shares(self) -> dict[str, Array]:
        """Each step's share in the sum of the norms of what all steps add."""
        found = {}
        for name, logs in self.logs.items():
            top = logs.max(initial=-np.inf)
            parts = 10.0 ** (logs - top) if np.isfinite(top) else np.zeros_like(logs)
            found[name] = parts / max(parts.sum(), 1.0)
        return found

    def paths(self) -> dict[Path, float]:
        """Each path's share in the sum over all paths, averaged over the steps that a gradient comes through."""
        totals: dict[Path, list[float]] = {}
        for step in self.carried:
            whole = sum(step.values())
            for path, part in step.items() if whole else ():
                totals.setdefault(path, []).append(part / whole)
        return {path: float(np.mean(parts)) for path, parts in totals.items()}
