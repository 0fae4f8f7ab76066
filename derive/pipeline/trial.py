"""A trial run: the emitted kernels in float64 against the complex step on the equations as written.

In: what was derived from a cell, and proven. Out: for each backend the largest relative error of outputs, states
and gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive import native
from derive.pipeline.derivation import Verified
from derive.pipeline.kernels import Backend, kernel_of
from derive.proof import Problem, complex_step, pose, relative_error


@dataclass(frozen=True)
class Trial:
    """`error`: the largest of max|a − b| / max|b| over all arrays; `where`: the array it is in."""

    backend: Backend
    sizes: Mapping[str, int]
    error: float
    where: str

    def summary(self) -> str:
        """One sentence."""
        sizes = ", ".join(f"{name}={size}" for name, size in self.sizes.items())
        name = {"numpy": "NumPy", "c": "C"}[self.backend]
        return (
            f"{name} kernel against the complex step, float64, {sizes}:"
            f" largest relative error {self.error:.1e} (in {self.where})."
        )


def trial(verified: Verified) -> list[Trial]:
    """Build each kernel there is a compiler for, and run it once forward and backward."""
    cell = verified.derived.cell
    sizes = {"T": 3, "B": 2} | {axis: 3 + k % 3 for k, axis in enumerate(cell.axes)}
    rng = np.random.default_rng(0)
    problem = pose(cell, sizes, lambda _: float(rng.uniform(0.1, 0.9)))
    expected = complex_step(cell, problem)
    wanted = {
        "output": expected.outputs,
        "final": expected.final,
        "gradient of": expected.gradients(),
    }
    trials = [_tried("numpy", verified, problem, wanted)]
    with suppress(native.CompilerNotFound):
        trials.append(_tried("c", verified, problem, wanted))
    return trials


def _tried(backend: Backend, verified: Verified, problem: Problem, wanted: Mapping[str, Any]) -> Trial:
    got = _run(kernel_of(verified, backend, "float64"), problem)
    errors = {
        f"{kind} {name}": relative_error(got[kind][name], np.asarray(array, float))
        for kind, arrays in wanted.items()
        for name, array in arrays.items()
    }
    where = max(errors, key=errors.__getitem__)
    return Trial(backend, problem.sizes, errors[where], where)


def _run(kernel: Any, problem: Problem) -> dict[str, dict[str, Any]]:
    def arrays(given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: np.array(array, dtype=float) for name, array in given.items()}

    params = kernel.Params(**arrays(problem.params))
    x, initial = kernel.Inputs(**arrays(problem.inputs)), kernel.State(**arrays(problem.initial))
    y, final, tape = kernel.forward(params, x, initial)
    dy, dfinal = kernel.Output(**arrays(problem.doutputs)), kernel.State(**arrays(problem.dfinal))
    dparams, dx, dinitial = kernel.backward(params, tape, dy, dfinal)
    outputs = kernel.Output(y) if len(kernel.Output._fields) == 1 else y
    dinputs = kernel.Inputs(dx) if len(kernel.Inputs._fields) == 1 else dx
    gradients = {**dparams._asdict(), **dinputs._asdict(), **dinitial._asdict()}
    return {"output": outputs._asdict(), "final": final._asdict(), "gradient of": gradients}
