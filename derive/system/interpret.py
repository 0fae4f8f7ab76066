"""What a system means: its value over any ring, scalar by scalar.

In: a `System`, a ring, sizes, the given variables. Out: every element asked for. No arrays, no
contraction routine, no order of evaluation: an element's value is its equation's right side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product as cartesian
from typing import Any

import numpy as np
import sympy as sp

from derive.functions import ScalarFunction
from derive.functions.ring import Element as Value
from derive.functions.ring import Ring
from derive.system.model import BATCH, TIME, Element, FirstMaximum, Index, Length, System, Term

Arrays = Mapping[str, np.ndarray[Any, Any]]
Position = dict[Index, int]
Read = Callable[[str, tuple[int, ...]], Value]
Body = Callable[[Read, Position], Value]


def evaluate(
    system: System, ring: Ring, sizes: Mapping[str, int], given: Arrays, boundary: Arrays
) -> Callable[[str], np.ndarray[Any, Any]]:
    """A function from a variable's name to its array of ring elements.

    `sizes`: every axis, `T` and `B`. `given`: the variables without an equation, `(T, B, …)` where
    they have time. `boundary`: for a variable that is read just before the first or just after the
    last step, its value there, `(B, …)`.
    """
    return _Evaluation(system, ring, sizes, given, boundary).array


_DEPTH = 25  # elements being evaluated, each for the one before: Python can nest so many calls and no more


class _TooDeep(Exception):
    """Which element has to be evaluated first."""

    def __init__(self, name: str, position: tuple[int, ...]) -> None:
        self.element = name, position


class _Evaluation:
    def __init__(
        self, system: System, ring: Ring, sizes: Mapping[str, int], given: Arrays, boundary: Arrays
    ) -> None:
        self.system, self.sizes, self.given, self.boundary = system, sizes, given, boundary
        self.terms = {e.name: [term_value(t, ring, sizes) for t in e.terms] for e in system.equations}
        self.zero = ring.number(Fraction(0))
        self.known: dict[tuple[str, tuple[int, ...]], Value] = {}
        self.depth = 0

    def array(self, name: str) -> np.ndarray[Any, Any]:
        variable = self.system.variables[name]
        shape = tuple(self.sizes[i.axis] for i in variable.indices)
        values = np.empty(shape, dtype=object)
        for position in np.ndindex(*shape):
            values[position] = self.element(name, position)
        return values

    def element(self, name: str, position: tuple[int, ...]) -> Value:
        waiting = [(name, position)]
        while True:
            self.depth = 0
            try:
                value = self.read(*waiting[-1])
            except _TooDeep as deeper:
                if deeper.element in waiting:
                    raise RecursionError(f"{deeper.element[0]} is made of itself") from None
                waiting.append(deeper.element)
            else:
                waiting.pop()
                if not waiting:
                    return value

    def read(self, name: str, position: tuple[int, ...]) -> Value:
        variable = self.system.variables[name]
        if variable.time and not 0 <= position[0] < self.sizes["T"]:
            return self.boundary[name][position[1:]] if name in self.boundary else self.zero
        if name in self.given:
            return self.given[name][position]
        key = (name, position)
        if key not in self.known:
            if self.depth == _DEPTH:
                raise _TooDeep(name, position)
            self.depth += 1
            indices = dict(zip(variable.indices, position, strict=True))
            value = self.zero
            for term in self.terms[name]:
                value = value + term(self.read, indices)
            self.known[key] = value
            self.depth -= 1
        return self.known[key]


def term_value(term: Term, ring: Ring, sizes: Mapping[str, int]) -> Body:
    """The value of a term as a function of how elements are read and where its free indices stand."""
    body = _compile(term.body, ring, sizes)
    if not term.over:
        return body
    ranges = [range(sizes[i.axis]) for i in term.over]
    zero = ring.number(Fraction(0))

    def summed(read: Read, at: Position) -> Value:
        total = zero
        for position in cartesian(*ranges):
            total = total + body(read, {**at, **dict(zip(term.over, position, strict=True))})
        return total

    return summed


def constant_value(expression: sp.Expr, sizes: Mapping[str, int]) -> Fraction:
    """The exact value of a constant: numbers and lengths of axes."""
    lengths = {s: sizes[s.name] for s in expression.atoms(Length)}
    value = sp.Rational(expression.xreplace(lengths))
    return Fraction(int(value.p), int(value.q))


def _compile(expression: sp.Expr, ring: Ring, sizes: Mapping[str, int]) -> Body:
    if isinstance(expression, Element):
        return _element(expression)
    if isinstance(expression, FirstMaximum):
        return _first_maximum(expression, ring, sizes)
    if isinstance(expression, ScalarFunction):
        name = expression.row_name
        argument = _compile(expression.args[0], ring, sizes)
        return lambda read, at: ring.apply(name, argument(read, at))
    if not expression.has(Element):
        constant = ring.number(constant_value(expression, sizes))
        return lambda read, at: constant
    if isinstance(expression, sp.Pow) and expression.exp.is_Integer and expression.exp > 0:
        base, exponent = _compile(expression.base, ring, sizes), int(expression.exp)
        return lambda read, at: base(read, at) ** exponent
    if isinstance(expression, sp.Add | sp.Mul):
        return _fold([_compile(a, ring, sizes) for a in expression.args], isinstance(expression, sp.Add))
    kind = type(expression).__name__
    raise TypeError(f"cannot evaluate {kind} in {expression}; a pass left the normal form")


def _element(element: Element) -> Body:
    name, shift, indices = element.name, element.shift, element.indices
    if not shift:
        return lambda read, at: read(name, tuple(at[i] for i in indices))
    features = indices[2:]
    return lambda read, at: read(name, (at[TIME] + shift, at[BATCH], *(at[i] for i in features)))


def _first_maximum(expression: FirstMaximum, ring: Ring, sizes: Mapping[str, int]) -> Body:
    operand, axes = _compile(expression.args[0], ring, sizes), expression.args[1:]
    places = list(cartesian(*(range(sizes[i.axis]) for i in axes)))

    def value(read: Read, at: Position) -> Value:
        candidates = [operand(read, {**at, **dict(zip(axes, place, strict=True))}) for place in places]
        return ring.first_maximum(candidates)[places.index(tuple(at[i] for i in axes))]

    return value


def _fold(parts: list[Body], add: bool) -> Body:
    def value(read: Read, at: Position) -> Value:
        result = parts[0](read, at)
        for part in parts[1:]:
            result = result + part(read, at) if add else result * part(read, at)
        return result

    return value
