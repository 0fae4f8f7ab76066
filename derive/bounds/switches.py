"""The switches on a state: what keeps its old value, what writes into it, what reads it out.

In: a `Flow`. Out: for each state with a direct path its `Switches`. A switch is a variable of the cell between 0 and 1
that multiplies something; nothing here knows one by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sympy as sp

from derive.bounds.flow import Flow
from derive.bounds.memory import memories
from derive.bounds.suprema import range_of
from derive.functions import ScalarFunction
from derive.system import Equation, elements

Names = tuple[str, ...]


@dataclass(frozen=True)
class Switches:
    """The cell's variables: `keep` multiply the state's old value, `write` what is `written` into it, `read` the state
    where a variable in `readers` reads it."""

    state: str
    keep: Names
    write: Names
    written: Names
    read: Names
    readers: Names


def switches(flow: Flow) -> tuple[Switches, ...]:
    """Of every state that is carried on element by element, in order."""
    return tuple(_Search(flow).of(memory.state, memory.factor) for memory in memories(flow))


class _Search:
    def __init__(self, flow: Flow) -> None:
        self.flow, self.system = flow, flow.system
        self.own = {block for stored in self.system.stored.values() for block in stored.blocks.values()}

    def of(self, state: str, factor: sp.Expr) -> Switches:
        keep = tuple(e.name for e in elements(factor) if self._is_switch(e.name))
        write, written = self._writing(state)
        found = list(self._reading(state))
        return Switches(state, keep, write, written, _unique(s for s, _ in found), _unique(r for _, r in found))

    def _is_switch(self, name: str) -> bool:
        """Whether a variable of the cell's own lies between 0 and 1."""
        variable = self.system.variables[name]
        if variable.role != "local" or name not in self.own:
            return False
        lower, upper = range_of(self.flow, name)
        return bool(lower >= 0) and bool(upper <= 1)

    def _writing(self, state: str) -> tuple[Names, Names]:
        """Of the state's new value what does not read its old one: switches, and what they let in."""
        equation, delay = self.system.equation(state), self.flow.delays[state]
        products = [p for p in _products(equation) if delay not in {e.name for e in elements(p)}]
        read = [e.name for p in products for e in elements(p)]
        write = _unique(name for name in read if self._is_switch(name))
        rest = (n for n in read if n not in write and self.system.variables[n].role in ("local", "input"))
        return write, _unique(n for n in rest if n in self.own)

    def _reading(self, state: str) -> Iterator[tuple[str, str]]:
        """(switch, reader) wherever a product has both a switch and the state, new or old, or a function of the state;
        a made-up variable reads for the author's that it belongs to."""
        of_state = {e.name for e in self.system.equations if self._is_function_of(e, state)}
        seen = {state, self.flow.delays[state], *of_state}
        for equation in self.system.equations:
            reader = equation.name if equation.name in self.own else self.system.variables[equation.name].about
            for product in _products(equation) if reader not in (state, *of_state, "") else ():
                names = [e.name for e in elements(product)]
                if seen & set(names):
                    yield from ((name, reader) for name in names if self._is_switch(name))

    def _is_function_of(self, equation: Equation, state: str) -> bool:
        body = equation.terms[0].body if len(equation.terms) == 1 else sp.S.Zero
        return isinstance(body, ScalarFunction) and [e.name for e in elements(body)] == [state]


def _products(equation: Equation | None) -> Iterator[sp.Expr]:
    for term in equation.terms if equation else ():
        yield from sp.Add.make_args(term.body)


def _unique(names: Iterable[str]) -> Names:
    return tuple(dict.fromkeys(names))
