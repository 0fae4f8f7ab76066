"""What programs use: the functions that they apply, and the variables that they read."""

from __future__ import annotations

from collections.abc import Iterable

from derive.functions import ScalarFunction
from derive.schedule import Program, Stack
from derive.schedule.graph import reads
from derive.system import Equation, elements


def functions_used(programs: Iterable[Program]) -> list[str]:
    """The functions of the table that some programs apply, in a fixed order."""
    terms = (term for program in programs for equation in program.equations for term in equation.terms)
    return sorted({found.row_name for term in terms for found in term.body.atoms(ScalarFunction)})


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
    return {name for equation in equations for name in reads(equation)}
