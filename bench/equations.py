"""A cell's equations as a framework's user writes them down. In: a cell, a namespace of arrays. Out: one step.

The namespace is NumPy's or one that is like it; arrays have no axis for the batch.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from derive.language import Cell, syntax
from derive.proof.oracle import extents

Arrays = Mapping[str, Any]
Functions = Mapping[str, Callable[..., Any]]


def step(
    cell: Cell, sizes: Mapping[str, int], xp: Any, functions: Functions, given: Arrays, before: Arrays
) -> dict[str, Any]:
    """All variables at one time. `given`: parameters and inputs; `before`: the states at the time before; `functions`:
    by the names that cells call them, and `stop_gradient`."""
    now = dict(given)
    reader = _Reader(sizes, xp, functions, now, before)
    for equation in cell.equations:
        now[equation.target] = reader.value(equation.value)
    return now


class _Reader:
    def __init__(
        self, sizes: Mapping[str, int], xp: Any, functions: Functions, now: Arrays, before: Arrays
    ) -> None:
        self.sizes, self.xp, self.functions, self.now, self.before = sizes, xp, functions, now, before

    def value(self, node: syntax.Node) -> Any:
        """What an expression is worth."""
        xp, value = self.xp, self.value
        match node:
            case syntax.Number():
                return float(node.value)
            case syntax.Size():
                return float(self.sizes[node.axis])
            case syntax.Reference():
                return (self.before if node.lag else self.now)[node.name]
            case syntax.Negative():
                return -value(node.operand)
            case syntax.Binary():
                return _OPERATORS[node.operator](value(node.left), value(node.right))
            case syntax.Power():
                return value(node.base) ** node.exponent
            case syntax.Contraction():
                return xp.tensordot(value(node.left), value(node.right), axes=1)
            case syntax.Concatenation():
                return xp.concatenate([value(operand) for operand in node.operands])
            case syntax.Apply():
                return self.functions[node.function](*map(value, node.operands))
            case syntax.Reduction():
                return getattr(xp, node.kind)(value(node.operand), axis=node.axis)
            case syntax.Outer():
                return xp.outer(value(node.left), value(node.right))
            case syntax.Spread():
                vector = xp.expand_dims(value(node.operand), 1 - node.along)
                return xp.broadcast_to(vector, extents(node.shape, self.sizes))
            case syntax.Transpose():
                return value(node.operand).T
            case syntax.Stop():
                return self.functions["stop_gradient"](value(node.operand))
            case syntax.Macro():
                return value(node.body)
        raise TypeError(f"no value for {type(node).__name__}: add one to bench/equations.py")


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip
