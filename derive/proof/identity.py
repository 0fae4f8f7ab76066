"""The identity test: does a candidate agree with the oracle at a point, in some arithmetic?

In: a cell, an arithmetic, a problem in it, a candidate. Out: nothing, or a `ProofError` that says what
differs. Outputs and final states are compared element by element. Gradients are compared along a random
direction for each leaf: the oracle's dual numbers give dL along it, the candidate's gradient is
multiplied with it. Only when that fails is the oracle asked for one coordinate after the other, to name
the first that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from derive.functions.ring import Element, Ring
from derive.language.syntax import Cell
from derive.proof.degrees import Degrees
from derive.proof.duals import Duals, paired
from derive.proof.oracle import Array, Arrays, Sizes, run
from derive.proof.problem import Candidate, Problem, Result, labelled, pose
from derive.proof.rings import PRIME, ProofRing


class ProofError(Exception):
    """A candidate does not compute what the cell says, or could not be compared with it."""


@dataclass(frozen=True)
class Reference:
    """What the oracle says: values, and the derivative of the loss along a direction for every leaf."""

    outputs: Arrays
    final: Arrays
    directions: Arrays
    derivatives: Mapping[str, Element]


def differentiate(
    cell: Cell, ring: ProofRing, problem: Problem, directions: Arrays
) -> tuple[Arrays, Arrays, Element]:
    """Outputs, final states and dL where the leaves named in `directions` move along these."""
    zero = ring.number(Fraction(0))

    def moving(leaves: Arrays) -> dict[str, Array]:
        return {
            name: paired(leaf, directions.get(name, np.full(leaf.shape, zero, dtype=object)))
            for name, leaf in leaves.items()
        }

    groups = (problem.params, problem.inputs, problem.initial)
    outputs, final = run(cell, Duals(ring), problem.sizes, *map(moving, groups))
    derivative = zero
    for weights, values in ((problem.doutputs, outputs), (problem.dfinal, final)):
        for name, array in values.items():
            derivative = derivative + inner(ring, weights[name], _part("tangent", array))
    return _values(outputs), _values(final), derivative


def unrolled_loss(cell: Cell, ring: ProofRing, problem: Problem) -> Element:
    """The loss over all steps, as one element of the ring."""
    outputs, final = run(cell, ring, problem.sizes, problem.params, problem.inputs, problem.initial)
    total = ring.number(Fraction(0))
    for weights, values in ((problem.doutputs, outputs), (problem.dfinal, final)):
        for name, array in values.items():
            total = total + inner(ring, weights[name], array)
    return total


def consult(cell: Cell, ring: ProofRing, problem: Problem) -> Reference:
    """The oracle's answers: one run for each leaf, so that a failure can name the leaf."""
    directions = draw_directions(ring, problem)
    outputs: Arrays = {}
    final: Arrays = {}
    derivatives = {}
    for name, direction in directions.items():
        outputs, final, derivatives[name] = differentiate(cell, ring, problem, {name: direction})
    return Reference(outputs, final, directions, derivatives)


def draw_directions(ring: ProofRing, problem: Problem) -> dict[str, Array]:
    """A random direction for every leaf."""
    return {
        name: labelled("direction " + name, leaf.shape, ring.variable)
        for name, leaf in problem.leaves().items()
    }


def compare(
    cell: Cell, ring: ProofRing, problem: Problem, reference: Reference, name: str, candidate: Candidate
) -> None:
    """Raises `ProofError` where the candidate departs from the reference."""
    where = f"cell {cell.name}, candidate {name!r}"
    at = "at " + describe(problem.sizes)
    result = answer(where, candidate, ring, problem)
    for kind, expected, got in (
        ("output", reference.outputs, result.outputs),
        ("final state", reference.final, result.final),
    ):
        for variable, array in expected.items():
            for index, element in np.ndenumerate(array):
                if element != got[variable][index]:
                    raise ProofError(
                        f"{where}: {kind} {variable} differs from the equations, first at {list(index)}, {at}"
                    )
    for variable, gradient in result.gradients().items():
        if inner(ring, gradient, reference.directions[variable]) != reference.derivatives[variable]:
            index = _first_difference(cell, ring, problem, variable, gradient)
            raise ProofError(
                f"{where}: gradient of {variable} differs from the derivative of the equations, "
                f"first at {list(index)}, {at}"
            )


def chances(cell: Cell, candidates: Mapping[str, Candidate], sizes: Sizes) -> int:
    """Bounds the number of chances, out of the field's size, that one point passes a wrong candidate.

    A wrong value and its reference differ by a rational function that is not zero; at a random point
    its numerator vanishes with probability at most degree / p (Schwartz and Zippel). Its unknowns are
    the leaves, the loss's weights, the direction, and a generator for every application of a function;
    a generator is independent of the others unless two different arguments meet in one value, whose
    chances are added for all pairs. All degrees, the candidates' too, are found by running in `Degrees`.
    """
    ring = Degrees()
    problem = pose(cell, sizes, ring.variable)
    directions = draw_directions(ring, problem)
    outputs, final, derivative = differentiate(cell, ring, problem, directions)
    worst = 0
    for name, candidate in candidates.items():
        result = answer(f"cell {cell.name}, candidate {name!r}", candidate, ring, problem)
        for expected, got in ((outputs, result.outputs), (final, result.final)):
            for variable, array in expected.items():
                differences = (array - np.asarray(got[variable], dtype=object)).flat
                worst = max(worst, *(difference.numerator for difference in differences))
        for variable, gradient in result.gradients().items():
            difference = derivative - inner(ring, gradient, directions[variable])
            worst = max(worst, difference.numerator)
    return worst + ring.collisions()


def exponent(cell: Cell, bad: int, sizes: Sizes) -> int:
    """The largest k such that so many chances out of the field's size are at most 2**-k."""
    if bad >= PRIME:
        raise ProofError(
            f"cell {cell.name}: its degree is too high for a test modulo 2^61 - 1 at {describe(sizes)}; "
            "name an intermediate value that passes through a function, or lower the powers"
        )
    return (PRIME // bad).bit_length() - 1


@contextmanager
def dividing(cell: Cell, sizes: Sizes) -> Iterator[None]:
    """Reports a division by zero within, which arbitrary values do not bring about, as a `ProofError`."""
    try:
        yield
    except ZeroDivisionError as error:
        raise ProofError(
            f"cell {cell.name}: it divides by zero at {describe(sizes)} for arbitrary values; "
            "look for a divisor that is always zero"
        ) from error


def answer(where: str, candidate: Candidate, ring: ProofRing, problem: Problem) -> Result:
    """What a candidate gives, of the right names and shapes; `ProofError` where it reads what is not there, too."""
    try:
        result = candidate(ring, problem)
    except LookupError as error:
        raise ProofError(f"{where}: {error}, at {describe(problem.sizes)}") from error
    _check_shapes(where, problem, result)
    return result


def _check_shapes(where: str, problem: Problem, result: Result) -> None:
    """Names and shapes of all that a candidate gives back."""
    for kind, wanted, got in (
        ("outputs", problem.doutputs, result.outputs),
        ("final", problem.dfinal, result.final),
        ("dparams", problem.params, result.dparams),
        ("dinputs", problem.inputs, result.dinputs),
        ("dinitial", problem.initial, result.dinitial),
    ):
        if sorted(wanted) != sorted(got):
            raise ProofError(f"{where}: {kind} has {sorted(got)}, expected {sorted(wanted)}")
        for name, array in wanted.items():
            if np.shape(got[name]) != array.shape:
                raise ProofError(
                    f"{where}: {kind}[{name!r}] has shape {np.shape(got[name])}, expected {array.shape}"
                )


def describe(sizes: Sizes) -> str:
    """`T=3, B=2, d_x=3, d_h=4`."""
    return ", ".join(f"{axis}={size}" for axis, size in sizes.items())


def inner(ring: Ring, left: Array, right: Array) -> Element:
    """The sum of all products of elements that belong together."""
    total = ring.number(Fraction(0))
    for a, b in zip(np.asarray(left, dtype=object).flat, right.flat, strict=True):
        total = total + a * b
    return total


def _first_difference(
    cell: Cell, ring: ProofRing, problem: Problem, variable: str, gradient: Array
) -> tuple[int, ...]:
    zero, one = ring.number(Fraction(0)), ring.number(Fraction(1))
    for index in np.ndindex(gradient.shape):
        unit = np.full(gradient.shape, zero, dtype=object)
        unit[index] = one
        if differentiate(cell, ring, problem, {variable: unit})[2] != gradient[index]:
            return index
    raise AssertionError(f"the gradient of {variable} differs along a direction but in no coordinate")


def _part(part: str, duals: Array) -> Array:
    elements = np.empty(duals.shape, dtype=object)
    for index, dual in np.ndenumerate(duals):
        elements[index] = getattr(dual, part)
    return elements


def _values(duals: Arrays) -> dict[str, Array]:
    return {name: _part("value", array) for name, array in duals.items()}
