"""A derivation to look at: its equations, as a document, as text."""

from __future__ import annotations

from dataclasses import dataclass

from derive.backends import Derived, latex, text
from derive.backends.c import Cost, cost_of
from derive.language.syntax import Cell
from derive.pipeline.derivation import derive, verify
from derive.pipeline.files import render_pages
from derive.system import Equation


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

    @property
    def cost(self) -> Cost:
        """What the C takes of operations and of memory, as formulas."""
        return cost_of(self.derived.cell, self.derived.schedule)

    def latex(self) -> str:
        """The derivation as a LaTeX document; it is proven first."""
        return render_pages(verify(self.derived), [latex])["derivation.tex"]

    def show(self) -> str:
        """The equations and their adjoint, for a terminal."""
        return text.show(self.derived)


def derivation(cell: Cell) -> Derivation:
    """The derivation of a cell."""
    return Derivation(derive(cell))
