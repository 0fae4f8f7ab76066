"""Gradients in floating point, from the oracle alone, by the complex step.

In: a cell and a problem of real numbers. Out: outputs, final states and gradients in float64, right to
rounding: the imaginary part of f(x + ih) is h f'(x), with nothing cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from derive.language.syntax import Cell
from derive.proof.oracle import Array, Arrays, run
from derive.proof.problem import Problem, Result
from derive.proof.rings import Complexes

STEP = 1e-30


def complex_step(cell: Cell, problem: Problem) -> Result:
    """The oracle runs once for every coordinate of every leaf: for small sizes."""
    leaves = {name: np.asarray(array, dtype=complex) for name, array in problem.leaves().items()}
    outputs, final = _forward(cell, problem, leaves)
    gradients = {name: np.empty(leaf.shape) for name, leaf in leaves.items()}
    for name, leaf in leaves.items():
        for index in np.ndindex(leaf.shape):
            moved = leaf.copy()
            moved[index] += 1j * STEP
            moved_outputs, moved_final = _forward(cell, problem, leaves | {name: moved})
            loss = _inner(problem.doutputs, moved_outputs) + _inner(problem.dfinal, moved_final)
            gradients[name][index] = loss.imag / STEP
    return Result(
        outputs={name: array.real for name, array in outputs.items()},
        final={name: array.real for name, array in final.items()},
        dparams={name: gradients[name] for name in problem.params},
        dinputs={name: gradients[name] for name in problem.inputs},
        dinitial={name: gradients[name] for name in problem.initial},
    )


def relative_error(got: Array, expected: Array) -> float:
    """The largest difference over the largest expected magnitude; 0 if both are zero everywhere."""
    if np.shape(got) != np.shape(expected):
        raise ValueError(f"shapes differ: got {np.shape(got)}, expected {np.shape(expected)}")
    difference = float(np.max(np.abs(np.subtract(got, expected)), initial=0.0))
    scale = float(np.max(np.abs(expected), initial=0.0))
    return 0.0 if difference == 0.0 else float(np.divide(difference, scale)) if scale else float("inf")


def _forward(cell: Cell, problem: Problem, leaves: Mapping[str, Array]) -> tuple[Arrays, Arrays]:
    groups = (problem.params, problem.inputs, problem.initial)
    params, inputs, initial = ({name: leaves[name] for name in group} for group in groups)
    outputs, final = run(cell, Complexes(), problem.sizes, params, inputs, initial)
    return (
        {name: array.astype(complex) for name, array in outputs.items()},
        {name: array.astype(complex) for name, array in final.items()},
    )


def _inner(weights: Arrays, values: Arrays) -> complex:
    return complex(sum(np.sum(np.asarray(weights[name], dtype=float) * values[name]) for name in weights))
