"""Dual numbers over any ring: a value and the derivative of it along one direction.

In: a ring. Out: `Duals(ring)`, a ring in which the oracle differentiates while it runs forward. A
function's derivative is its row in the table, evaluated in the ring below.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy

from derive import functions
from derive.functions.ring import Element, Ring

Array = npt.NDArray[Any]
Slope = Callable[[Ring, Element, Element], Element]


class Dual:
    """`value + tangent * epsilon`, where epsilon squared is zero."""

    __slots__ = ("tangent", "value")

    def __init__(self, value: Element, tangent: Element) -> None:
        self.value = value
        self.tangent = tangent

    def __add__(self, other: Dual) -> Dual:
        return Dual(self.value + other.value, self.tangent + other.tangent)

    def __sub__(self, other: Dual) -> Dual:
        return Dual(self.value - other.value, self.tangent - other.tangent)

    def __mul__(self, other: Dual) -> Dual:
        return Dual(self.value * other.value, self.value * other.tangent + self.tangent * other.value)

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.tangent)

    def __pow__(self, exponent: int) -> Dual:
        one, zero = self.value**0, self.tangent - self.tangent
        return functools.reduce(Dual.__mul__, [self] * exponent, Dual(one, zero))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dual) and (self.value, self.tangent) == (other.value, other.tangent)

    def __hash__(self) -> int:
        return hash((self.value, self.tangent))

    def __repr__(self) -> str:
        return f"Dual({self.value!r}, {self.tangent!r})"


def paired(values: Array, tangents: Array) -> Array:
    """Dual numbers of some values, each with its tangent."""
    duals = np.empty(values.shape, dtype=object)
    for index in np.ndindex(values.shape):
        duals[index] = Dual(values[index], tangents[index])
    return duals


class Duals:
    """The dual numbers over `base`."""

    def __init__(self, base: Ring) -> None:
        self.base = base
        self._zero = base.number(Fraction(0))

    def number(self, value: Fraction) -> Dual:
        return Dual(self.base.number(value), self._zero)

    def apply(self, function: str, argument: Dual) -> Dual:
        value = self.base.apply(function, argument.value)
        return Dual(value, slope(self.base, function, value, argument.value) * argument.tangent)

    def first_maximum(self, elements: Sequence[Dual]) -> list[Dual]:
        chosen = self.base.first_maximum([element.value for element in elements])
        return [Dual(indicator, self._zero) for indicator in chosen]

    def constant(self, element: Dual) -> Dual:
        return Dual(element.value, self._zero)


def slope(ring: Ring, function: str, output: Element, argument: Element) -> Element:
    """The derivative of a function of the table, by its row, where it has this output and argument."""
    return _compiled(functions.derivative(function))(ring, output, argument)


@functools.cache
def _compiled(row: sympy.Expr) -> Slope:
    """A row as a chain of closures: walking the SymPy tree at every application is ten times slower."""
    if row == functions.Y:
        return lambda ring, y, z: y
    if row == functions.Z:
        return lambda ring, y, z: z
    if isinstance(row, sympy.Rational):
        value = Fraction(int(row.p), int(row.q))
        return lambda ring, y, z: ring.number(value)
    operands = [_compiled(argument) for argument in row.args if not isinstance(row, sympy.Pow)]
    if isinstance(row, sympy.Add):
        return lambda ring, y, z: functools.reduce(lambda a, b: a + b, [f(ring, y, z) for f in operands])
    if isinstance(row, sympy.Mul):
        return lambda ring, y, z: functools.reduce(lambda a, b: a * b, [f(ring, y, z) for f in operands])
    if isinstance(row, sympy.Pow) and isinstance(row.exp, sympy.Integer) and row.exp > 0:
        base, exponent = _compiled(row.base), int(row.exp)
        return lambda ring, y, z: base(ring, y, z) ** exponent
    if isinstance(row, functions.ScalarFunction):
        name, (argument,) = row.row_name, operands
        return lambda ring, y, z: ring.apply(name, argument(ring, y, z))
    raise TypeError(
        f"the derivative row has {row} of type {type(row).__name__}; expected a polynomial in the output Y, "
        "the argument Z and functions of the table at these"
    )
