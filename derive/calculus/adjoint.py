"""The transposed reading: backpropagation through time of a whole system.

In: a `System`. Out: an `Adjoint`, whose equations give the derivative of a loss with respect to every
variable that the outputs depend on. Boundaries: equations hold for 0 ≤ t < T; the adjoint of a delay
at t = T is the gradient of the final state, and at t = 0 that of the initial state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import sympy as sp

from derive.calculus.applications import lifted
from derive.calculus.linear import Linear, linearize, transpose
from derive.system import Element, Equation, Names, System, Term, Var, check


@dataclass(frozen=True)
class Adjoint:
    """The adjoint equations, behind those of the system they belong to.

    `system`: both. `equations`: the adjoint's own. `bars`: variable → its adjoint, where it has one;
    `seeds`: block of an output → the variable that brings in the loss's gradient.
    `terms`: the transposed linear terms, each saying which term of which equation it comes from.
    """

    system: System
    equations: tuple[Equation, ...]
    bars: Mapping[str, str]
    seeds: Mapping[str, str]
    terms: Mapping[str, tuple[Linear, ...]]


def adjoint(system: System) -> Adjoint:
    """The adjoint of a system with respect to its parameters, inputs and initial states."""
    names = Names((*system.variables, *system.stored, *system.axes))
    linear = linearize(system)
    active = _active(system, linear)
    bars = {name: names.fresh(f"d{name}") for name in reversed(list(system.variables)) if name in active}
    sources = [b for output in system.outputs for b in system.stored[output].blocks.values()]
    seeds = {block: names.fresh(f"d{block}_out") for block in sources}
    variables = dict(system.variables)
    for block, seed in seeds.items():
        variables[seed] = replace(system.variables[block], name=seed, role="seed", about=block, held=False)
    for name, bar in bars.items():
        variables[bar] = replace(system.variables[name], name=bar, role="adjoint", about=name, held=False)
    terms: dict[str, list[Linear]] = {name: [] for name in bars}
    for term in transpose(linear):
        if term.target.name in bars and term.source.name in bars:
            terms[term.target.name].append(term)
    equations = tuple(_equation(name, bars, seeds, terms[name], variables) for name in _order(bars, terms))
    joined = replace(system, variables=variables, equations=system.equations + equations)
    joined = check(lifted(joined, names))
    return Adjoint(
        joined,
        joined.equations[len(system.equations) :],
        bars,
        seeds,
        {n: tuple(t) for n, t in terms.items()},
    )


def _active(system: System, linear: Iterable[Linear]) -> set[str]:
    """The variables through which a given variable changes an output."""
    linear = tuple(linear)
    outputs = {b for output in system.outputs for b in system.stored[output].blocks.values()}
    outputs |= {*system.delays, *system.delays.values()}
    given = {v.name for v in system.of_role("param", "input", "delay")}
    useful = _closure(outputs, [(t.target.name, t.source.name) for t in linear])
    moved = _closure(given, [(t.source.name, t.target.name) for t in linear])
    return useful & moved


def _closure(start: Iterable[str], edges: list[tuple[str, str]]) -> set[str]:
    reached, frontier = set(start), list(start)
    following: dict[str, list[str]] = {}
    for tail, head in edges:
        following.setdefault(tail, []).append(head)
    while frontier:
        for head in following.get(frontier.pop(), []):
            if head not in reached:
                reached.add(head)
                frontier.append(head)
    return reached


def _equation(
    name: str,
    bars: Mapping[str, str],
    seeds: Mapping[str, str],
    terms: Iterable[Linear],
    variables: Mapping[str, Var],
) -> Equation:
    target = variables[bars[name]].element
    plain = [Element(seeds[name], *target.indices)] if name in seeds else []
    sums = []
    for term in terms:
        body = term.coefficient * Element(bars[term.source.name], *term.source.indices)
        if term.over:
            sums.append(Term(body, term.over))
        else:
            plain.append(body)
    lead = (Term(sp.Add(*plain)),) if plain or not sums else ()
    return Equation(target, (*lead, *sums))


def _order(bars: Mapping[str, str], terms: Mapping[str, list[Linear]]) -> list[str]:
    """Each adjoint behind those it reads at its own time."""
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in ordered:
            return
        for term in terms[name]:
            if not term.source.shift:
                visit(term.source.name)
        ordered[name] = None

    for name in bars:
        visit(name)
    return list(ordered)
