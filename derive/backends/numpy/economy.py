"""A schedule as NumPy carries it out fastest: with few calls at every step.

In: a `Schedule`. Out: one that means the same, with loops that do less.
"""

from __future__ import annotations

from dataclasses import replace

from derive.backends.numpy.coefficients import with_coefficients
from derive.backends.numpy.neighbours import arranged, kinds_of
from derive.schedule import Schedule
from derive.system import Names, Var


def for_numpy(schedule: Schedule) -> Schedule:
    """Coefficients in front of the loops, and what one function is applied to side by side."""
    variables = dict(schedule.variables)
    names = Names((*variables, *schedule.stored, *schedule.axes))

    def fresh(hint: str, axes: tuple[str, ...], time: bool) -> Var:
        variable = Var(names.fresh(hint), "local", axes, time)
        variables[variable.name] = variable
        return variable

    forward, backward = schedule.forward, schedule.backward
    kinds = kinds_of((forward, backward), schedule.bars)
    forward, backward = (arranged(with_coefficients(p, fresh), kinds) for p in (forward, backward))
    return replace(schedule, variables=variables, forward=forward, backward=backward)
