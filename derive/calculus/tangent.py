"""The forward reading: how a change of the given variables changes all others (JVP)."""

from __future__ import annotations

from dataclasses import replace

from derive.calculus.applications import lifted
from derive.calculus.linear import Linear, linearize
from derive.system import Element, Equation, Names, System, Term, Var, check


def forward(system: System) -> System:
    """The system together with the tangent of each of its variables.

    The tangent of a given variable is given. The result is a system again, so that it can be
    differentiated once more; applied to equations ∪ adjoint it gives Hessian-vector products.
    """
    names = Names((*system.variables, *system.stored, *system.axes))
    tangents = {v: names.fresh(f"{v}_dot") for v in system.variables}
    variables: dict[str, Var] = dict(system.variables)
    for name, tangent in tangents.items():
        variables[tangent] = replace(
            system.variables[name], name=tangent, role="tangent", about=name, held=False
        )
    by_target: dict[str, list[Linear]] = {}
    for term in linearize(system):
        by_target.setdefault(term.target.name, []).append(term)
    equations = list(system.equations)
    for equation in system.equations:
        terms = [
            Term(term.coefficient * Element(tangents[term.source.name], *term.source.indices), term.over)
            for term in by_target.get(equation.name, [])
        ]
        target = Element(tangents[equation.name], *equation.target.indices)
        equations.append(Equation(target, tuple(terms)))
    return check(lifted(replace(system, variables=variables, equations=tuple(equations)), names))
