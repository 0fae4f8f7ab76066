"""The pipeline itself: cell → normal form → adjoint → schedule, and → flow; and the proof of the last three."""

from __future__ import annotations

from dataclasses import dataclass

from derive.backends import Derived, Proven, c
from derive.backends.numpy import for_numpy
from derive.bounds import flow
from derive.calculus import adjoint
from derive.language.syntax import Cell
from derive.pipeline.candidates import (
    adjoint_candidate,
    jacobian_candidate,
    schedule_candidate,
    tiled_candidate,
)
from derive.pipeline.constants import require_numbers
from derive.proof import JacobianProof, Proof, prove_jacobian
from derive.proof import prove as prove_candidates
from derive.schedule import schedule
from derive.system import normalize


def derive(cell: Cell) -> Derived:
    """Everything that is derived from a cell."""
    if not isinstance(cell, Cell):
        raise TypeError(f"cell: got {cell!r:.60}, expected a Cell: what derive.cell, load or parse returns")
    system = normalize(cell)
    require_numbers(cell, system)
    bars = adjoint(system)
    return Derived(cell, system, bars, schedule(bars), flow(system))


def prove(cell: Cell) -> Proof:
    """Compare the adjoint equations and the scheduled programs with the cell as written.

    Raises `ProofError` where they differ; what was compared, and how sure that is, is in the `Proof`.
    """
    return prove_derived(derive(cell))


def prove_derived(derived: Derived) -> Proof:
    """The proof of what was derived already."""
    candidates = {
        "adjoint": adjoint_candidate(derived.adjoint),
        "schedule": schedule_candidate(derived.schedule, derived.system),
        "NumPy's schedule": schedule_candidate(for_numpy(derived.schedule), derived.system),
        "C's schedule": tiled_candidate(*c.tiled(derived.cell, derived.schedule), derived.schedule, derived.system),
    }
    return prove_candidates(derived.cell, candidates)


def prove_flow(derived: Derived) -> JacobianProof:
    """The proof of the step Jacobian; raises `ProofError`."""
    return prove_jacobian(derived.cell, jacobian_candidate(derived.flow))


@dataclass(frozen=True)
class Verified:
    """What was derived from a cell, with the proofs of its gradients and of its step Jacobian: what may be emitted."""

    derived: Derived
    gradients: Proof
    step: JacobianProof

    @property
    def remarks(self) -> Proven:
        """What generated files say of the proofs."""
        return Proven(self.gradients.remarks(), self.step.remarks())

    def summary(self) -> tuple[str, ...]:
        """Finished sentences for a reader."""
        return *self.gradients.summary(), *self.step.summary()


def verify(derived: Derived) -> Verified:
    """Both proofs; raises `ProofError`."""
    return Verified(derived, prove_derived(derived), prove_flow(derived))
