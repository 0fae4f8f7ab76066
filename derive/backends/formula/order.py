"""Where the variables of an equation stand in the line that the author wrote.

In: a cell and its system. Out: for an equation, a function from a variable's name to a number that sorts
factors and terms as the author has them. A variable made up by the toolkit stands where the last of
what it is made of stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from derive.backends.formula.contract import Place
from derive.language import syntax as tree
from derive.language.expanded import walk_expanded
from derive.language.syntax import Cell
from derive.system import System, elements

_NOWHERE = 10**6


def places(cell: Cell, system: System) -> Mapping[str, Place]:
    """For every author's equation, how its variables are ordered."""
    return {e.target: _place(system, e) for e in cell.equations}


def place_of(system: System, every: Mapping[str, Place], equation: str) -> Place:
    """The order for any equation of the system, that of the author's line it came from."""
    return every.get(system.variables[equation].about, lambda name: _NOWHERE)


def _place(system: System, equation: tree.Equation) -> Place:
    first: dict[str, int] = {}
    for number, node in enumerate(walk_expanded(equation.value)):
        if isinstance(node, tree.Reference):
            blocks = [system.delays[node.name]] if node.lag else system.stored[node.name].blocks.values()
            for block in blocks:
                first.setdefault(block, number)

    @cache
    def place(name: str) -> int:
        if name in first:
            return first[name]
        definition = system.equation(name)
        if definition is None or system.variables[name].role in ("delay", "state"):
            return _NOWHERE
        read = [e.name for term in definition.terms for e in elements(term.body)]
        return max((p for n in read if (p := place(n)) < _NOWHERE), default=_NOWHERE)

    return place
