"""Proof that derived gradients are those of the equations as written; see `prove`."""

from derive.proof.identity import ProofError
from derive.proof.jacobian import JacobianCandidate, JacobianProof, prove_jacobian
from derive.proof.numeric import complex_step, relative_error
from derive.proof.problem import Candidate, Problem, Result, pose
from derive.proof.prove import Check, Proof, prove

__all__ = [
    "Candidate",
    "Check",
    "JacobianCandidate",
    "JacobianProof",
    "Problem",
    "Proof",
    "ProofError",
    "Result",
    "complex_step",
    "pose",
    "prove",
    "prove_jacobian",
    "relative_error",
]
