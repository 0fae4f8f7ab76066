"""The proof of a cell: candidates against the equations as written.

In: a cell and candidates. Out: a `Proof`, or `ProofError`. The identity test over GF(p) always runs;
exact rationals and `sympy.diff` of the unrolled loss run where their estimated cost allows, and the
proof says which did. What is *not* established here: other sizes, and the rows of the function table,
which both sides use (its own tests do that).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sympy

from derive.language.remarks import marked, plain
from derive.language.syntax import Cell
from derive.proof import cost
from derive.proof.expressions import Expressions, value_of
from derive.proof.identity import (
    ProofError,
    answer,
    chances,
    compare,
    consult,
    describe,
    dividing,
    exponent,
    unrolled_loss,
)
from derive.proof.oracle import Arrays, Sizes
from derive.proof.problem import Candidate, Problem, pose
from derive.proof.rings import PRIME, ProofRing, Rationals, Residues


@dataclass(frozen=True)
class Check:
    """A further check: what it compares with, the sizes, its estimated cost, and whether it ran."""

    against: str
    sizes: tuple[tuple[str, int], ...]
    cost: int
    ran: bool

    def sentence(self) -> str:
        """The check in a sentence, which is a remark."""
        at = _described(self.sizes)
        if self.ran:
            return f"Also compared with {self.against}, at {at}: equal."
        return (
            f"Not compared with {self.against}: at {at} the estimated cost of {self.cost} "
            f"exceeds the limit of {cost.LIMIT}."
        )


@dataclass(frozen=True)
class Proof:
    """What was established: a wrong candidate passes with probability at most 2**-exponent."""

    cell: str
    candidates: tuple[str, ...]
    sizes: tuple[tuple[str, int], ...]
    prime: int
    seeds: tuple[int, ...]
    exponent: int
    leaves: tuple[str, ...]
    coordinates: int
    checks: tuple[Check, ...]

    def summary(self) -> tuple[str, ...]:
        """Finished sentences for a reader."""
        return tuple(map(plain, self.remarks()))

    def remarks(self) -> tuple[str, ...]:
        """The same for generated files, their mathematics marked."""
        proven = (
            f"Proven by identity test modulo {marked('p = 2^61 - 1')} at {_described(self.sizes)}: "
            f"at {len(self.seeds)} pseudo-random points the outputs, the final states and the gradients with respect "
            f"to {', '.join(map(marked, self.leaves))} ({self.coordinates} numbers) of {_listed(self.candidates)} "
            f"agree with the equations as written, differentiated forward; "
            f"a wrong result passes with probability at most {marked(f'2^-{self.exponent}')}."
        )
        assumed = (
            "That bound holds at these sizes, with hashed values taken as random and away from ties of relu, "
            "abs and max; a function other than recip is a free value, its derivative that of the function "
            "table, which is tested by itself."
        )
        return proven, assumed, *(check.sentence() for check in self.checks)


def prove(cell: Cell, candidates: Mapping[str, Candidate], seeds: Sequence[int] = (1, 2)) -> Proof:
    """Compares every candidate with the oracle; raises `ProofError` where one differs."""
    sizes = cost.identity_sizes(cell)
    with dividing(cell, sizes):
        for seed in seeds:
            _test(cell, candidates, Residues(seed), sizes)
    leaves = pose(cell, sizes, Residues(seeds[0]).variable).leaves()
    return Proof(
        cell=cell.name,
        candidates=tuple(candidates),
        sizes=tuple(sizes.items()),
        prime=PRIME,
        seeds=tuple(seeds),
        exponent=len(seeds) * exponent(cell, chances(cell, candidates, sizes), sizes),
        leaves=tuple(leaves),
        coordinates=sum(leaf.size for leaf in leaves.values()),
        checks=(_exact_rationals(cell, candidates, seeds[0]), _brute_force(cell, candidates, seeds[0])),
    )


def _test(cell: Cell, candidates: Mapping[str, Candidate], ring: ProofRing, sizes: Sizes) -> None:
    problem = pose(cell, sizes, ring.variable)
    reference = consult(cell, ring, problem)
    for name, candidate in candidates.items():
        compare(cell, ring, problem, reference, name, candidate)


def _exact_rationals(cell: Cell, candidates: Mapping[str, Candidate], seed: int) -> Check:
    sizes = cost.rational_sizes(cell)
    with dividing(cell, sizes):
        estimate = cost.rational_cost(cell, sizes)
        if estimate <= cost.LIMIT:
            _test(cell, candidates, Rationals(seed), sizes)
    return Check(
        "the equations in exact rational arithmetic", tuple(sizes.items()), estimate, estimate <= cost.LIMIT
    )


def _brute_force(cell: Cell, candidates: Mapping[str, Candidate], seed: int) -> Check:
    possible = cost.brute_force_sizes(cell)
    with dividing(cell, possible[0]):
        choices = [(cost.brute_force_cost(cell, sizes), sizes) for sizes in possible]
        estimate, sizes = next((choice for choice in choices if choice[0] <= cost.LIMIT), choices[-1])
        if estimate <= cost.LIMIT:
            ring = Residues(seed)
            problem = pose(cell, sizes, ring.variable)
            gradients = _differentiated(cell, sizes, ring)
            for name, candidate in candidates.items():
                _compare_gradients(f"cell {cell.name}, candidate {name!r}", gradients, candidate, ring, problem)
    against = "sympy.diff of the whole unrolled loss"
    return Check(against, tuple(sizes.items()), estimate, estimate <= cost.LIMIT)


def _differentiated(cell: Cell, sizes: Sizes, ring: ProofRing) -> Arrays:
    """The gradients in `ring`, of the loss as one nested expression, by `sympy.diff`."""
    expressions = Expressions()
    problem = pose(cell, sizes, expressions.variable)
    loss = unrolled_loss(cell, expressions, problem)
    known: dict[sympy.Expr, object] = {}
    gradients = {name: np.empty(leaf.shape, dtype=object) for name, leaf in problem.leaves().items()}
    for name, leaf in problem.leaves().items():
        for index, symbol in np.ndenumerate(leaf):
            gradients[name][index] = value_of(sympy.diff(loss, symbol), ring, known)
    return gradients


def _compare_gradients(
    where: str, gradients: Arrays, candidate: Candidate, ring: ProofRing, problem: Problem
) -> None:
    result = answer(where, candidate, ring, problem)
    for name, got in result.gradients().items():
        for index, expected in np.ndenumerate(gradients[name]):
            if got[index] != expected:
                raise ProofError(
                    f"{where}: gradient of {name} differs from sympy.diff of the unrolled loss, "
                    f"first at {list(index)}, at {describe(problem.sizes)}"
                )


def _described(sizes: Sequence[tuple[str, int]]) -> str:
    return ", ".join(marked(f"{axis}={size}") for axis, size in sizes)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
