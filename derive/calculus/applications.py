"""Coefficients may hold functions of the table; here they become equations of their own."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from derive.functions import ScalarFunction
from derive.system import Element, Equation, Names, System, Term, Var


def lifted(system: System, names: Names) -> System:
    """The system with every function inside a larger expression named; one that has a name keeps it."""
    known = {
        e.terms[0].body: e.name
        for e in system.equations
        if len(e.terms) == 1 and isinstance(e.terms[0].body, ScalarFunction)
    }
    variables, equations = dict(system.variables), []
    for equation in system.equations:
        terms = []
        for term in equation.terms:
            if isinstance(term.body, ScalarFunction) and len(equation.terms) == 1:
                terms.append(term)
                continue
            replacement = {}
            applications = sorted(term.body.atoms(ScalarFunction), key=lambda a: _key(a, system))
            for application in applications:
                name, found = _named(application, known, variables, names)
                replacement[application] = Element(name, *_place(application))
                if found is not None:
                    equations.append(found)
            terms.append(Term(term.body.xreplace(replacement), term.over))
        equations.append(Equation(equation.target, tuple(terms)))
    return replace(system, variables=variables, equations=tuple(equations))


def _key(application: sp.Expr, system: System) -> tuple[object, ...]:
    argument = application.args[0]
    place = system.place(argument) if isinstance(argument, Element) else (-1,)
    return (*place, application.row_name)


def _place(application: sp.Expr) -> tuple[sp.Expr, ...]:
    argument = application.args[0]
    return argument.indices if isinstance(argument, Element) else ()


def _named(
    application: sp.Expr, known: dict[sp.Expr, str], variables: dict[str, Var], names: Names
) -> tuple[str, Equation | None]:
    """The variable that holds an application, and its equation where it is new."""
    argument = application.args[0]
    source = variables[argument.name]
    canonical = application.func(source.element)
    if canonical in known:
        return known[canonical], None
    name = names.fresh(f"{application.row_name}_{source.name}")
    variables[name] = Var(name, "local", source.axes, source.time, about=source.about)
    known[canonical] = name
    return name, Equation(variables[name].element, (Term(canonical),))
