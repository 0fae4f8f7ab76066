"""What a candidate is given and what it must give back.

In: a cell, sizes and a source of values. Out: a `Problem` over any arithmetic. A `Candidate` is
whatever claims to compute outputs and gradients of the cell (the adjoint system, the scheduled
program); it is handed the arithmetic and the problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from derive.functions.ring import Element, Ring
from derive.language.syntax import Cell, Variable
from derive.proof.oracle import Array, Arrays, Sizes, extents


@dataclass(frozen=True, eq=False)
class Problem:
    """Sizes of all atomic axes and of "T" and "B", the values of the leaves, and the loss
    L = sum(doutputs * outputs) + sum(dfinal * final). Shapes are those of the oracle."""

    sizes: Sizes
    params: Arrays
    inputs: Arrays
    initial: Arrays
    doutputs: Arrays
    dfinal: Arrays

    def leaves(self) -> dict[str, Array]:
        """All that the loss is differentiated by."""
        return {**self.params, **self.inputs, **self.initial}


@dataclass(frozen=True, eq=False)
class Result:
    """Outputs, final states and the gradients of the loss, in the shapes of what they belong to."""

    outputs: Arrays
    final: Arrays
    dparams: Arrays
    dinputs: Arrays
    dinitial: Arrays

    def gradients(self) -> dict[str, Array]:
        """The gradient of every leaf, by the leaf's name."""
        return {**self.dparams, **self.dinputs, **self.dinitial}


Candidate = Callable[[Ring, Problem], Result]


def pose(cell: Cell, sizes: Sizes, value: Callable[[str], Element]) -> Problem:
    """A problem whose every number is `value(label)`, where labels read `W_f[0, 2]`."""
    states = {variable.name: variable for variable in cell.of_role("state")}
    outputs = {name: cell.variables[name] for name in cell.outputs}
    per_step, per_example = (sizes["T"], sizes["B"]), (sizes["B"],)

    def arrays(variables: Mapping[str, Variable], leading: tuple[int, ...], prefix: str) -> dict[str, Array]:
        return {
            name: labelled(prefix + name, (*leading, *extents(variable.shape, sizes)), value)
            for name, variable in variables.items()
        }

    return Problem(
        sizes=dict(sizes),
        params=arrays({variable.name: variable for variable in cell.of_role("param")}, (), ""),
        inputs=arrays({variable.name: variable for variable in cell.of_role("input")}, per_step, ""),
        initial=arrays(states, per_example, ""),
        doutputs=arrays(outputs, per_step, "doutput "),
        dfinal=arrays(states, per_example, "dfinal "),
    )


def labelled(name: str, shape: tuple[int, ...], value: Callable[[str], Element]) -> Array:
    """An array of values drawn by label."""
    array = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        array[index] = value(f"{name}{list(index)}")
    return array
