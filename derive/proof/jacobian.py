"""The identity test of the step Jacobian.

In: a cell and a candidate that claims its blocks. Out: a `JacobianProof`, or `ProofError`. The oracle runs one
step of the equations as written in dual numbers, with one old state moving along a random direction; the
candidate's blocks, applied to the direction, must give how the new states move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from derive.functions.ring import Ring
from derive.language.remarks import marked, plain
from derive.language.syntax import Cell
from derive.proof import cost
from derive.proof.degrees import Degrees
from derive.proof.duals import Duals, paired
from derive.proof.identity import ProofError, describe, dividing, exponent, inner
from derive.proof.oracle import Array, Arrays, Sizes, run
from derive.proof.problem import Problem, labelled, pose
from derive.proof.rings import ProofRing, Residues

Blocks = Mapping[tuple[str, str], Array]
JacobianCandidate = Callable[[Ring, Problem], Blocks]


@dataclass(frozen=True)
class JacobianProof:
    """What was established: wrong blocks pass with probability at most 2**-exponent."""

    sizes: tuple[tuple[str, int], ...]
    seeds: tuple[int, ...]
    exponent: int

    def summary(self) -> tuple[str, ...]:
        """A finished sentence for a reader."""
        return tuple(map(plain, self.remarks()))

    def remarks(self) -> tuple[str, ...]:
        """A finished sentence for generated files, its mathematics marked."""
        at = ", ".join(marked(f"{axis}={size}") for axis, size in self.sizes)
        sentence = (
            f"Step Jacobian proven by identity test modulo {marked('p = 2^61 - 1')} at {at}: at {len(self.seeds)} "
            "pseudo-random points it maps a change of each old state to the change of the new states that the "
            "equations as written give, differentiated forward; a wrong one passes with probability at most "
            f"{marked(f'2^-{self.exponent}')}, functions being free values with derivatives of the function table."
        )
        return (sentence,)


def prove_jacobian(cell: Cell, candidate: JacobianCandidate, seeds: Sequence[int] = (1, 2)) -> JacobianProof:
    """Compares the blocks with the oracle; raises `ProofError` where one differs."""
    sizes = {**cost.identity_sizes(cell), "T": 1, "B": 1}
    for seed in seeds:
        ring = Residues(seed)
        problem = pose(cell, sizes, ring.variable)
        with dividing(cell, sizes):
            compared = _compared(cell, ring, problem, candidate)
        for state, source, expected, got in compared:
            for index, element in np.ndenumerate(expected):
                if element != got[index]:
                    raise ProofError(
                        f"cell {cell.name}: the step Jacobian of {state} by the old {source} differs from the "
                        f"derivative of the equations, first in row {list(index)}, at {describe(sizes)}"
                    )
    found = exponent(cell, _chances(cell, candidate, sizes), sizes)
    return JacobianProof(tuple(sizes.items()), tuple(seeds), len(seeds) * found)


def _compared(
    cell: Cell, ring: ProofRing, problem: Problem, candidate: JacobianCandidate
) -> list[tuple[str, str, Array, Array]]:
    """(state, source, how the state moves along a direction of the source, what the block makes of it)."""
    blocks, found = candidate(ring, problem), []
    for source, old in problem.initial.items():
        direction = labelled(f"direction {source}", old.shape, ring.variable)
        moved = _moved(cell, ring, problem, source, direction)
        for state, tangent in moved.items():
            got = np.full(tangent.shape, ring.number(Fraction(0)), dtype=object)
            if (state, source) in blocks:
                for index in np.ndindex(tangent.shape):
                    got[index] = inner(ring, blocks[state, source][index], direction)
            found.append((state, source, tangent, got))
    return found


def _moved(cell: Cell, ring: ProofRing, problem: Problem, source: str, direction: Array) -> dict[str, Array]:
    """The tangent of every new state where one old state moves."""
    zero = ring.number(Fraction(0))

    def still(arrays: Arrays) -> dict[str, Array]:
        return {name: paired(a, np.full(a.shape, zero, dtype=object)) for name, a in arrays.items()}

    initial = still(problem.initial) | {source: paired(problem.initial[source], direction)}
    groups = still(problem.params), still(problem.inputs), initial
    _, final = run(cell, Duals(ring), problem.sizes, *groups)
    tangents = {}
    for name, duals in final.items():
        tangents[name] = np.empty(duals.shape[1:], dtype=object)
        for index, dual in np.ndenumerate(duals[0]):
            tangents[name][index] = dual.tangent
    return tangents


def _chances(cell: Cell, candidate: JacobianCandidate, sizes: Sizes) -> int:
    """As `identity.chances` has them."""
    ring = Degrees()
    problem = pose(cell, sizes, ring.variable)
    worst = 1
    for _, _, expected, got in _compared(cell, ring, problem, candidate):
        differences = np.asarray(expected - got, dtype=object)
        worst = max(worst, *(difference.numerator for difference in differences.flat))
    return worst + ring.collisions()
