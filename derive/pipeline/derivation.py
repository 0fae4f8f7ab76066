"""The pipeline itself: cell → normal form → adjoint → schedule, and the proof of the last two."""

from __future__ import annotations

from dataclasses import dataclass

from derive.backends import Derived, latex
from derive.calculus import adjoint
from derive.language.syntax import Cell
from derive.pipeline.candidates import adjoint_candidate, schedule_candidate
from derive.proof import Proof
from derive.proof import prove as prove_candidates
from derive.schedule import schedule
from derive.system import Equation, normalize


@dataclass(frozen=True)
class Derivation:
    """What was derived from a cell, to look at."""

    derived: Derived

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The cell's equations in normal form."""
        return self.derived.system.equations

    @property
    def adjoint(self) -> tuple[Equation, ...]:
        """The equations of backpropagation through time."""
        return self.derived.adjoint.equations

    def latex(self) -> str:
        """The derivation as a LaTeX document; it is proven first."""
        from derive.pipeline.files import render_pages

        return render_pages(self.derived, [latex])["derivation.tex"]

    def show(self) -> str:
        """The equations and their adjoint, for a terminal."""
        return latex.show(self.derived)


def derive(cell: Cell) -> Derived:
    """Everything that is derived from a cell."""
    system = normalize(cell)
    bars = adjoint(system)
    return Derived(cell, system, bars, schedule(bars))


def derivation(cell: Cell) -> Derivation:
    """The derivation of a cell."""
    return Derivation(derive(cell))


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
    }
    return prove_candidates(derived.cell, candidates)
