"""Which equation needs which, and where that forces a loop over time.

In: equations. Out: regions in order of evaluation, each a loop or not. Loops are found, not
declared: they are the strongly connected components of the dependence graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sympy as sp
from sympy.utilities.iterables import strongly_connected_components, topological_sort

from derive.system import Equation, elements


@dataclass
class Region:
    """Equations to carry out together: once over the whole sequence, or in a loop."""

    equations: list[Equation]
    loop: bool
    backward: bool = False


def reads(equation: Equation) -> tuple[str, ...]:
    """The variables that an equation reads, once each, in a fixed order."""
    found = [e.name for term in equation.terms for e in elements(term.body)]
    return tuple(dict.fromkeys(found))


def needed(equations: Sequence[Equation], results: Iterable[str]) -> list[Equation]:
    """The equations on which some results depend, in their order."""
    by_name = {e.name: e for e in equations}
    wanted: set[str] = set()
    frontier = [r for r in results if r in by_name]
    while frontier:
        name = frontier.pop()
        if name not in wanted:
            wanted.add(name)
            frontier += [r for r in reads(by_name[name]) if r in by_name]
    return [e for e in equations if e.name in wanted]


def regions(equations: Sequence[Equation]) -> list[Region]:
    """The equations as loops and straight stretches, each behind what it needs."""
    found: list[Region] = []
    for component in _components(equations):
        names = {e.name for e in component}
        loop = any(r in names for e in component for r in reads(e))
        if loop:
            found.append(Region(_in_order(component, loop=True), True, _runs_backward(component, names)))
        elif found and not found[-1].loop:
            found[-1].equations += component
        else:
            found.append(Region(list(component), False))
    ordered = {e.name: k for k, e in enumerate(equations)}
    result = _merged(found)
    for region in result:
        if not region.loop:
            straight = sorted(region.equations, key=lambda e: ordered[e.name])
            region.equations = _in_order(straight, loop=False)
    return result


def _components(equations: Sequence[Equation]) -> list[list[Equation]]:
    by_name = {e.name: e for e in equations}
    edges = [(e.name, r) for e in equations for r in reads(e) if r in by_name]
    order = {name: k for k, name in enumerate(by_name)}
    components = strongly_connected_components((list(by_name), edges))
    return [[by_name[n] for n in sorted(c, key=order.__getitem__)] for c in components]


def _in_order(equations: Sequence[Equation], *, loop: bool) -> list[Equation]:
    """The equations, each behind those it reads (in a loop: at the same time), else in the order given."""
    by_name = {e.name: e for e in equations}
    place = {name: k for k, name in enumerate(by_name)}
    edges = [
        (read.name, equation.name)
        for equation in equations
        for term in equation.terms
        for read in elements(term.body)
        if read.name in by_name and not (loop and read.shift)
    ]
    return [by_name[n] for n in topological_sort((list(by_name), edges), key=place.__getitem__)]


def _runs_backward(equations: Sequence[Equation], names: set[str]) -> bool:
    shifts = {
        e.shift
        for eq in equations
        for term in eq.terms
        for e in elements(term.body)
        if e.name in names and e.shift
    }
    if len(shifts) != 1:
        raise ValueError(
            f"a loop over {sorted(names)} looks at times {sorted(shifts)}; expected one direction"
        )
    return shifts == {1}


def _merged(found: list[Region]) -> list[Region]:
    """Straight stretches gathered: as much as possible in front of the loops, the rest behind."""
    result: list[Region] = []
    for region in found:
        if region.loop:
            result.append(region)
            continue
        for equation in region.equations:
            place = _earliest(equation, result)
            if place < len(result) and not result[place].loop:
                result[place].equations.append(equation)
            else:
                result.insert(place, Region([equation], False))
    return result


def _earliest(equation: Equation, done: Sequence[Region]) -> int:
    """The first region behind everything the equation reads (straight ones can take it themselves)."""
    wanted = set(reads(equation))
    place = 0
    for k, region in enumerate(done):
        if wanted & {e.name for e in region.equations}:
            place = k if not region.loop else k + 1
    return place


def addends(body: sp.Expr) -> tuple[sp.Expr, ...]:
    """The summands of a sum-free body."""
    return tuple(sp.Add.make_args(body))
