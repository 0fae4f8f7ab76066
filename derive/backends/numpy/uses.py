"""What programs use: the functions that they apply, and the variables that they read."""

from __future__ import annotations

from collections.abc import Iterable

from derive.schedule import Program, Stack
from derive.system import Equation, elements


def functions_used(programs: Iterable[Program]) -> list[str]:
    """The functions of the table that some programs apply, in a fixed order."""
    names = {
        application.row_name
        for program in programs
        for equation in program.equations
        for term in equation.terms
        for application in term.body.atoms()
        if hasattr(application, "row_name")
    }
    names |= {
        term.body.row_name
        for program in programs
        for equation in program.equations
        for term in equation.terms
        if hasattr(term.body, "row_name")
    }
    return sorted(names)


def direct_reads(program: Program) -> set[str]:
    """The variables read otherwise than as a matrix of a stack."""
    found: set[str] = set()
    for step, _ in program.simple_steps():
        if isinstance(step, Stack):
            found |= {e.name for rest in step.rests for term in rest for e in elements(term.body)}
            found |= {step.shared.name} if step.shared else set()
        else:
            found |= reads_of(step.equations)
    return found


def reads_of(equations: Iterable[Equation]) -> set[str]:
    """Every variable that some equations read."""
    return {e.name for equation in equations for term in equation.terms for e in elements(term.body)}
