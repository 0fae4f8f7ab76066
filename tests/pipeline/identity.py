"""The identity test alone, at one point of GF(2^61 - 1): the cheapest form of the proof."""

from derive.backends import Derived, c
from derive.backends.numpy import for_numpy
from derive.language import Cell
from derive.pipeline.candidates import adjoint_candidate, schedule_candidate, tiled_candidate
from derive.proof import Candidate, Problem, pose
from derive.proof.cost import identity_sizes
from derive.proof.identity import Reference, compare, consult
from derive.proof.rings import Residues

RING = Residues(11)
Question = tuple[Cell, Problem, Reference]


def small(cell: Cell) -> dict[str, int]:
    """Sizes at which the oracle is quick, neighbouring axes being told apart."""
    return {"T": 3, "B": 1} | {axis: 2 + k % 2 for k, axis in enumerate(cell.axes)}


def question(cell: Cell, sizes: dict[str, int] | None = None) -> Question:
    """A problem, and what the oracle says to it; it can be put to many candidates."""
    problem = pose(cell, sizes or identity_sizes(cell), RING.variable)
    return cell, problem, consult(cell, RING, problem)


def hold(asked: Question, candidate: Candidate) -> None:
    """Raises where the candidate differs from the oracle."""
    cell, problem, reference = asked
    compare(cell, RING, problem, reference, "candidate", candidate)


def prove(derived: Derived) -> None:
    """The adjoint, the schedules and what C is printed from against the oracle, at small sizes."""
    asked = question(derived.cell, small(derived.cell))
    hold(asked, adjoint_candidate(derived.adjoint))
    for schedule in (derived.schedule, for_numpy(derived.schedule)):
        hold(asked, schedule_candidate(schedule, derived.system))
    hold(asked, tiled_candidate(*c.tiled(derived.cell, derived.schedule), derived.schedule, derived.system))
