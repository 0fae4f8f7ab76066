"""The check that runs after every pass: a system either is in normal form or is refused."""

from __future__ import annotations

import sympy as sp

from derive.functions import ScalarFunction
from derive.system.model import BATCH, TIME, Element, Equation, FirstMaximum, Index, System, elements


class NormalFormError(Exception):
    """A pass broke the normal form: a fault of this toolkit, not of the cell."""


def check(system: System) -> System:
    """Return the system; raise `NormalFormError` naming the equation and the rule it breaks."""
    for equation in system.equations:
        fault = _fault(system, equation)
        if fault:
            raise NormalFormError(f"{system.name}: the equation of {equation.name} {fault}: {equation}")
    return system


def _fault(system: System, equation: Equation) -> str | None:
    variable = system.variables.get(equation.name)
    if variable is None:
        return "defines a variable that is not declared"
    if equation.target != variable.element:
        return "has indices that are not canonical"
    free = set(variable.indices)
    for term in equation.terms:
        known = free | set(term.over)
        used = {s for s in term.body.free_symbols if isinstance(s, Index)}
        if not used <= known:
            return f"leaves the indices {sorted(map(str, used - known))} open"
        if _has_function(term.body) and (len(equation.terms) > 1 or not _is_application(term.body)):
            return "applies a function inside a larger expression"
        for element in elements(term.body):
            fault = _element_fault(system, element)
            if fault:
                return fault
    return None


def _element_fault(system: System, element: Element) -> str | None:
    variable = system.variables.get(element.name)
    if variable is None:
        return f"reads {element.name}, which is not declared"
    if len(element.indices) != len(variable.indices):
        return f"reads {element.name} with {len(element.indices)} indices, not {len(variable.indices)}"
    axes = [i.axis for i in element.indices[2 * variable.time :]]
    if tuple(axes) != variable.axes:
        return f"reads {element.name} along {axes}, not {variable.axes}"
    if variable.time and (element.indices[0] - TIME not in (-1, 0, 1) or element.indices[1] != BATCH):
        return f"reads {element.name} at another time than t-1, t, t+1"
    return None


def _has_function(body: sp.Expr) -> bool:
    return bool(body.has(ScalarFunction) or body.has(FirstMaximum))


def _is_application(body: sp.Expr) -> bool:
    if not isinstance(body, ScalarFunction | FirstMaximum):
        return False
    return isinstance(body.args[0], Element) or not elements(body.args[0])
