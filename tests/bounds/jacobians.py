"""The true Jacobian of one step of any cell, from the oracle of the proof.

In: the cell's syntax tree, parameters, an input and the states before. Out: for each pair of states a matrix, by
the complex step: exact to rounding, and sharing nothing with the derivatives that derive makes. For small sizes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from derive.language import Cell
from derive.proof.numeric import STEP
from derive.proof.oracle import run
from derive.proof.rings import Complexes

Arrays = Mapping[str, np.ndarray]


def step_jacobian(cell: Cell, params: Any, x: Any, state: Any) -> dict[tuple[str, str], np.ndarray]:
    """`blocks[state, source][i, j]` is the derivative of element i of the new state by element j of the old source.

    All arrays are those of one example, without axes of time and batch: mappings or NamedTuples, or an array alone
    where there is one input or one state only. The elements of a matrix state count row by row.
    """
    weights, inputs, before = _named(cell, "param", params), _named(cell, "input", x), _named(cell, "state", state)
    extents = {name: array.size for name, array in before.items()}
    columns = sum(extents.values())  # each is an example of its own, moved in one element

    def repeated(arrays: Arrays) -> dict[str, np.ndarray]:
        return {name: np.repeat(array[None].astype(complex), columns, axis=0) for name, array in arrays.items()}

    initial, sources, first = repeated(before), {}, 0
    for name, extent in extents.items():
        sources[name] = slice(first, first + extent)
        initial[name][sources[name]] += (1j * STEP * np.eye(extent)).reshape(extent, *before[name].shape)
        first += extent
    _, final = run(
        cell,
        Complexes(),
        {"T": 1, "B": columns} | sizes(cell, weights | inputs | before),
        {name: array.astype(complex) for name, array in weights.items()},
        {name: array[None] for name, array in repeated(inputs).items()},
        initial,
    )
    moved = {name: final[name].astype(complex).imag.reshape(columns, -1) / STEP for name in extents}
    return {(name, source): moved[name][sources[source]].T for name in extents for source in extents}


def sizes(cell: Cell, arrays: Arrays) -> dict[str, int]:
    """The extent of each axis, read off the arrays; a concatenated one gives its last unknown part."""
    known: dict[str, int] = {}
    axes = [
        (axis.parts, length)
        for name, array in arrays.items()
        for axis, length in zip(cell.variables[name].shape, array.shape, strict=True)
    ]
    while True:
        fresh = {}
        for parts, length in axes:
            unknown = [part for part in parts if part not in known]
            if unknown and len(set(unknown)) == 1:
                rest = length - sum(known[part] for part in parts if part in known)
                fresh[unknown[0]] = rest // len(unknown)
        if not fresh:
            break
        known |= fresh
    for parts, length in axes:
        if any(part not in known for part in parts) or sum(known[part] for part in parts) != length:
            raise ValueError(f"axes {', '.join(parts)}: no sizes make the {length} that the arrays have")
    return known


def _named(cell: Cell, role: str, arrays: Any) -> dict[str, np.ndarray]:
    names = [variable.name for variable in cell.of_role(role)]
    if hasattr(arrays, "_asdict"):
        arrays = arrays._asdict()
    elif not isinstance(arrays, Mapping):
        (only,) = names
        arrays = {only: arrays}
    return {name: np.asarray(arrays[name], dtype=float) for name in names}
