"""The error carried back through one matrix, in norm: a bound that is exponential in the number of steps.

In: a cell's Jacobian formulas, its single recurrence. Out: a `Chain`: the supremum of the slope, and where the bound is
attained.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from derive.backends.formula.bound import BoundFormulas, times, untimed
from derive.backends.formula.flow import JacobianFormulas
from derive.backends.formula.nodes import Formula
from derive.backends.formula.single import Recurrence
from derive.bounds.steepest import steepest
from derive.functions import ScalarFunction, SlopeBound, slope_bound
from derive.system import Element

RADIUS = sp.Symbol("r", positive=True)


@dataclass(frozen=True)
class Chain:
    """`function`: what the state is of its net input, by name; empty where it is more than one function.

    `slope`: what |∂state/∂net| cannot exceed, for any function. `bound`: the same where it is one function, and
    `local`: on an interval from -`RADIUS` to `RADIUS` where it has no finite one. `steepest`: where the bound is
    attained, and the function's value there.
    """

    recurrence: Recurrence
    function: str
    slope: Formula
    bound: SlopeBound | None
    local: sp.Expr | None
    steepest: tuple[sp.Expr, sp.Expr] | None


def chain(formulas: JacobianFormulas, recurrence: Recurrence) -> Chain:
    """The chain of a cell with a single recurrence."""
    state = recurrence.state.name
    differential = formulas.flow.differentials[state]
    bounds, rows = BoundFormulas(formulas, lambda name: False), formulas.flow.system.variables[state].element
    ways = [way for passage in differential.passages for way in passage.ways]
    slope = untimed(times(bounds.suprema(formulas.reader(state), rows.feature_indices, ways)))
    name = _function(formulas, recurrence)
    if not name:
        return Chain(recurrence, "", slope, None, None, None)
    bound = slope_bound(name)
    return Chain(recurrence, name, slope, bound, None if bound.upper.is_finite else _local(name), steepest(name))


def _function(formulas: JacobianFormulas, recurrence: Recurrence) -> str:
    """The function whose value the state is at the net input."""
    equation = formulas.system.equation(recurrence.state.name)
    body = equation.terms[0].body if equation is not None and len(equation.terms) == 1 else None
    if isinstance(body, ScalarFunction) and isinstance(body.args[0], Element):
        return str(body.row_name) if body.args[0].name == recurrence.net.name else ""
    return ""


def _local(name: str) -> sp.Expr | None:
    try:
        return slope_bound(name, -RADIUS, RADIUS).exact
    except ValueError:
        return None
