"""The numbers that a cell's constants come to when its equations and their gradients are multiplied out.

In: a cell, its normal form. Out: nothing, or a `CellError`.
"""

from __future__ import annotations

import sympy as sp

from derive import functions
from derive.calculus import linearize
from derive.language import limits
from derive.language.errors import CellError, Source
from derive.language.syntax import Cell
from derive.system import System, elements

_LEAST, _MOST = (sp.Integer(10) ** power for power in (limits.SMALLEST, limits.LARGEST))


def require_numbers(cell: Cell, system: System) -> None:
    """Refuse a cell whose constants are no numbers, or none of single precision."""
    places = {e.target: e.value.span for e in cell.equations}
    bodies = [(equation.name, term.body) for equation in system.equations for term in equation.terms]
    for name, body in (*bodies, *((linear.target.name, linear.coefficient) for linear in linearize(system))):
        found = _wrong(body)
        if found:
            raise CellError(
                "number", f"here a constant comes to {found}", places.get(system.variables[name].about or name),
                source=Source(cell.name, cell.source),
                expected=f"zero, or between 1e{limits.SMALLEST} and 1e{limits.LARGEST}, in the equation and its "
                "derivatives multiplied out",
            )  # fmt: skip


def _wrong(body: sp.Expr) -> str:
    """What a constant in a body comes to; empty where all are numbers in range."""
    if body.has(sp.zoo, sp.nan, sp.oo, -sp.oo, sp.I):
        return "no number"
    values = [abs(number) for number in body.atoms(sp.Rational)]
    for applied in body.atoms(functions.ScalarFunction):
        if not elements(applied) and applied.args[0].is_number:
            value = functions.lookup(applied.row_name).closed.subs(functions.Z, applied.args[0]).evalf()
            if not (value.is_real and value.is_finite):
                return f"no number: {applied.row_name}({applied.args[0]})"
            values.append(abs(value))
    beyond = (v for v in values if v != 0 and not _LEAST <= v <= _MOST)
    return next((str(sp.Float(v, 1)).replace(".e", "e") for v in beyond), "")
