"""What keeps a state: the coefficient of its own old value, and what of the cell sets it.

In: a `Flow`. Out: a `Memory` for each state with a direct path, and the parameters that mix elements, by gates.
Nothing here knows a gate by its name: a gate is a variable that one function makes, in which the coefficient is
affine; its bias the parameter that stands alone in the sum that the function is applied to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from derive.bounds.flow import Flow
from derive.functions import ScalarFunction
from derive.system import Element, System, elements


@dataclass(frozen=True)
class Gate:
    """`offset + slope · gate` is what a state keeps; `function` of a sum with `bias` in it makes the gate."""

    name: str
    function: str
    bias: str
    offset: float
    slope: float


@dataclass(frozen=True)
class Memory:
    """`factor`: what a state's old value is multiplied by, element by element; `text` the same to print, empty where
    more than the author's variables are in it.

    `gate`: the one gate that sets it; `weight`: the one parameter that it is proportional to; None where there is none.
    """

    state: str
    factor: sp.Expr
    text: str
    gate: Gate | None
    weight: str | None


def memories(flow: Flow) -> tuple[Memory, ...]:
    """For each state with a direct path, in order."""
    found = []
    for state, delay in flow.delays.items():
        for direct in flow.differentials[state].directs:
            if direct.delay == delay and direct.gate == state:
                factor = sp.Add(*(sp.Mul(*way) for way in direct.ways))
                text, weight = _text(flow.system, factor), _weight(flow.system, factor)
                found.append(Memory(state, factor, text, _gate(flow.system, factor), weight))
    return tuple(found)


def mixing(flow: Flow) -> Mapping[str, tuple[str, ...]]:
    """Gate → the parameters by which elements of old states are mixed in its equation."""
    found: dict[str, dict[str, None]] = {}
    for differential in flow.differentials.values():
        for passage in differential.passages:
            for element in elements(passage.weight.coefficient):
                if flow.system.variables[element.name].role == "param":
                    gate = passage.gate or differential.variable
                    of = next(s for s, of in flow.system.stored.items() if element.name in of.blocks.values())
                    found.setdefault(gate, {})[of] = None
    return {gate: tuple(names) for gate, names in found.items()}


def _gate(system: System, factor: sp.Expr) -> Gate | None:
    read = elements(factor)
    if len(read) != 1 or not factor.is_polynomial(*read):
        return None
    [gate] = read
    slope, offset = factor.coeff(gate, 1), factor.coeff(gate, 0)
    if not (slope.is_number and offset.is_number and sp.expand(factor - slope * gate - offset) == 0):
        return None
    made = _argument(system, gate.name)
    bias = _bias(system, made[1]) if made else None
    if made is None or bias is None:
        return None
    return Gate(_written(system, gate), made[0], bias, float(offset), float(slope))


def _argument(system: System, name: str) -> tuple[str, str] | None:
    """The function that makes a variable and what it is applied to."""
    equation = system.equation(name)
    if equation is None or len(equation.terms) != 1 or not isinstance(equation.terms[0].body, ScalarFunction):
        return None
    body = equation.terms[0].body
    [argument] = body.args
    return (body.row_name, argument.name) if isinstance(argument, Element) else None


def _bias(system: System, name: str) -> str | None:
    """The parameter that is a summand of its own."""
    equation = system.equation(name)
    if equation is None:
        return None
    summands = [s for t in equation.terms if not t.over for s in sp.Add.make_args(t.body)]
    alone = [s.name for s in summands if isinstance(s, Element) and system.variables[s.name].role == "param"]
    found = [_stored(system, name) for name in alone]
    return found[0] if len(found) == 1 else None


def _weight(system: System, factor: sp.Expr) -> str | None:
    params = [e for e in elements(factor) if system.variables[e.name].role == "param"]
    if len(params) != 1 or sp.simplify(factor / params[0]).has(params[0]):
        return None
    return _stored(system, params[0].name)


def _stored(system: System, name: str) -> str | None:
    """The parameter, as the cell has it, that a variable is all of."""
    of = next(stored for stored, of in system.stored.items() if name in of.blocks.values())
    return of if len(system.stored[of].blocks) == 1 else None


def _text(system: System, factor: sp.Expr) -> str:
    stored = {block for of in system.stored.values() for block in of.blocks.values()}
    read = elements(factor)
    if not all(e.name in stored or system.variables[e.name].role == "delay" for e in read):
        return ""
    return str(factor.xreplace({e: sp.Symbol(_written(system, e)) for e in read})).replace("**", "^")


def _written(system: System, element: Element) -> str:
    """A variable by the author's name for it, if it is one of his."""
    variable = system.variables[element.name]
    return f"{variable.about}[t-1]" if variable.role == "delay" else element.name
