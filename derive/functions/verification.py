"""Proves that an expression is a function's derivative.

In: a row, a candidate in `Y`, `Z` and applications of rows at these. Out: yes, or no; no as well where the
question cannot be decided. On each open interval between breakpoints both sides are closed forms without
branches, and their difference is zero by exact algebra; at each breakpoint both are numbers.
"""

from __future__ import annotations

import sympy as sp

from derive.functions.algebra import vanishes
from derive.functions.applied import ScalarFunction
from derive.functions.pieces import Interval, breakpoints, intervals, resolved, same, slope
from derive.functions.primitives import Y, Z
from derive.functions.rows import lookup
from derive.functions.table import Row


def verified(row: Row, candidate: sp.Expr) -> bool:
    """Whether the candidate is the derivative of the row's closed form, kinks included."""
    rows = [lookup(node.row_name) for node in candidate.atoms(ScalarFunction) if node.args[0] == Z]
    points = sorted({p for closed in (row.closed, *(r.closed for r in rows)) for p in breakpoints(closed)})
    return all(_holds_on(i, row, candidate) for i in intervals(points)) and all(
        _holds_at(p, row, candidate) for p in points
    )


def _holds_on(interval: Interval, row: Row, candidate: sp.Expr) -> bool:
    inside = _parametrised(interval)
    output = resolved(row.closed, interval)
    known = {Y: output.subs(Z, inside), Z: inside}
    for node in candidate.atoms(ScalarFunction):
        closed = lookup(node.row_name).closed
        if node.args[0] == Z:
            known[node] = resolved(closed, interval).subs(Z, inside)
        else:
            known[node] = closed.subs(Z, known[Y])
    difference = sp.diff(output, Z).subs(Z, inside) - candidate.xreplace(known)
    return not difference.has(sp.Piecewise, sp.Abs) and vanishes(difference)


def _parametrised(interval: Interval) -> sp.Expr:
    """Every number of the interval, by a symbol from whose sign SymPy decides comparisons."""
    positive = sp.Dummy(positive=True)
    lower, upper = interval.lower, interval.upper
    if lower.is_finite and upper.is_finite:
        return lower + (upper - lower) * positive / (1 + positive)
    if lower.is_finite:
        return lower + positive
    return upper - positive if upper.is_finite else Z


def _holds_at(point: sp.Expr, row: Row, candidate: sp.Expr) -> bool:
    known = {Y: row.closed.subs(Z, point), Z: point}
    for node in candidate.atoms(ScalarFunction):
        known[node] = lookup(node.row_name).closed.subs(Z, known[node.args[0]])
    form = slope(row.closed)
    if point in form.points:
        expected = form.at[form.points.index(point)]
    else:
        k = sum(1 for p in form.points if p < point)
        expected = form.values[k].subs(Z, point)
    return same(candidate.xreplace(known), expected)
