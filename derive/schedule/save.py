"""What the forward pass must keep for the backward pass: found from what the adjoint reads.

In: the forward equations and the variables that the adjoint's equations read. Out: the save set; the rest follows
from it, element by element.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from derive.schedule.graph import reads
from derive.system import Equation, System, elementwise


def save_set(system: System, forward: Sequence[Equation], wanted: Iterable[str]) -> tuple[str, ...]:
    """The variables to save, in the order of their equations.

    Every state counts as wanted, so that the tape can offer every intermediate. A wanted variable is
    not saved where it follows, element by element and at one time, from what is.
    """
    states = {delay: state for state, delay in system.delays.items()}
    kept = {states.get(w, w) for w in wanted} & {e.name for e in forward} | set(system.delays)
    kept = {k for k in kept if system.variables[k].time}
    pinned: set[str] = set()
    for equation in reversed(forward):
        name = equation.name
        if name not in kept or name in pinned or not all(map(elementwise, equation.terms)):
            continue
        sources = _sources(equation, system)
        owners = {states.get(s, s) for s in sources}
        if name not in owners and owners <= kept:
            kept.discard(name)
            pinned |= {states[s] for s in sources if s in states}
    return tuple(e.name for e in forward if e.name in kept)


def _sources(equation: Equation, system: System) -> set[str]:
    """The computed variables with time that an equation reads."""
    variables = system.variables
    return {r for r in reads(equation) if variables[r].time and variables[r].role != "input"}
