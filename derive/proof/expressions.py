"""SymPy expressions as a ring, for differentiation by brute force.

In: nothing. Out: `Expressions`, in which the oracle builds the whole unrolled loss as one nested
expression for `sympy.diff`; `value_of` takes an expression back to numbers of another ring.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sympy

from derive import functions
from derive.functions.ring import Element
from derive.proof.rings import ProofRing, first_of_each


class Constant(sympy.Function):  # type: ignore[misc]
    """The value of the argument, with derivative zero."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.S.Zero


class Indicator(sympy.Function):  # type: ignore[misc]
    """`Indicator(k, *elements)`: one where element k is the first of the largest; derivative zero."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.S.Zero


class Applied(sympy.Function):  # type: ignore[misc]
    """A function of the table, left as it stands; the subclass for a row knows its derivative."""

    row_name: str

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        row = functions.derivative(self.row_name)
        return row.xreplace({functions.Y: self, functions.Z: self.args[0]})


@functools.cache
def _class_of(function: str) -> type[Applied]:
    return type(function, (Applied,), {"row_name": function})


class Expressions:
    """Variables are symbols, functions of the table stay applied, and `recip` is a power of -1."""

    def number(self, value: Fraction) -> sympy.Expr:
        return sympy.Rational(value.numerator, value.denominator)

    def apply(self, function: str, argument: sympy.Expr) -> sympy.Expr:
        return 1 / argument if function == "recip" else _class_of(function)(argument)

    def first_maximum(self, elements: Sequence[sympy.Expr]) -> list[sympy.Expr]:
        def indicator(position: int, distinct: Sequence[sympy.Expr]) -> sympy.Expr:
            return Indicator(position, *distinct)

        return first_of_each(elements, indicator, sympy.S.Zero, sympy.S.One)

    def constant(self, element: sympy.Expr) -> sympy.Expr:
        return Constant(element)

    def variable(self, name: str) -> sympy.Expr:
        return sympy.Symbol(name)


def value_of(expression: sympy.Expr, ring: ProofRing, known: dict[sympy.Expr, Element]) -> Element:
    """The expression in a ring, where a symbol is `ring.variable` of its name; `known` is the memory."""
    value = known.get(expression)
    if value is None:
        value = known[expression] = _value_of(expression, ring, known)
    return value


def _value_of(expression: Any, ring: ProofRing, known: dict[sympy.Expr, Element]) -> Element:
    match expression:
        case sympy.Rational():
            return ring.number(Fraction(int(expression.p), int(expression.q)))
        case sympy.Symbol():
            return ring.variable(expression.name)
        case Indicator():
            elements = [value_of(argument, ring, known) for argument in expression.args[1:]]
            return ring.first_maximum(elements)[int(expression.args[0])]
        case sympy.Pow():
            base = value_of(expression.base, ring, known)
            exponent = int(expression.exp)
            return (base if exponent > 0 else ring.apply("recip", base)) ** abs(exponent)
    operands = [value_of(argument, ring, known) for argument in expression.args]
    match expression:
        case sympy.Add():
            return functools.reduce(lambda a, b: a + b, operands)
        case sympy.Mul():
            return functools.reduce(lambda a, b: a * b, operands)
        case Constant():
            return ring.constant(operands[0])
        case Applied() | functions.ScalarFunction():
            return ring.apply(expression.row_name, operands[0])
    raise TypeError(
        f"no value is known for {type(expression).__name__}: the brute-force check cannot read it"
    )
