"""Normalisation, found in the equations: a vector less its mean, over the root of its mean square.

In: a system. Out: its `Normaliser`s. With u the vector less its mean, n its length, r = (Σ u²/n + ε)^(-1/2), ε ≥ 0,
and y = u r, three things hold whatever the vector is:

    |y| ≤ √n,  and √(n-1) where a mean was taken off                         (Σ y² ≤ n, Σ y = 0)
    ∂y = r (P - y yᵀ/n), P = I - 1 1ᵀ/n, or I where no mean was taken off
    ‖∂y‖ ≤ r in the 2-norm, ≤ r (2 + √n) in the 1- and the ∞-norm            (P is a projector, P y = y)

so that a bound does not fall apart into what the mean, the root and the vector itself could each do alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sympy as sp

from derive.functions import ScalarFunction
from derive.system import Element, Index, Length, System, elements

Shares = tuple[str, sp.Expr, sp.Expr]


@dataclass(frozen=True)
class Normaliser:
    """`scale` is r, `operands` the variables whose sum is the vector, `mean` its mean, `vector` u over `length`."""

    scale: str
    operands: tuple[str, ...]
    mean: str | None
    vector: sp.Expr
    length: Length


    def covers(self, passages: Sequence[Shares]) -> bool:
        """Whether some shares of a differential are together a coefficient times ∂(u r).

        Each: source, coefficient, weight. Then coefficient · r is the same for all operands, and the rest follows.
        """
        found = {source: (coefficient, weight) for source, coefficient, weight in passages}
        if set(found) != {*self.operands, self.scale, *([self.mean] if self.mean else [])}:
            return False
        first = sp.Mul(*found[self.operands[0]])
        expected = dict.fromkeys(self.operands, first) | ({self.mean: -first} if self.mean else {})
        differences = [sp.Mul(*found[name]) - value for name, value in expected.items()]
        scales = [e for e in elements(first) if e.name == self.scale]
        differences += [sp.Mul(*found[self.scale]) * scale - first * self.vector for scale in scales]
        return bool(scales) and all(sp.expand(d) == 0 for d in differences)


def normalisers(system: System) -> tuple[Normaliser, ...]:
    """Every normalisation of a vector in one piece."""
    return tuple(_found(system))


def _found(system: System) -> Iterator[Normaliser]:
    for equation in system.equations:
        square = _root_of(system, equation.name)
        vector = None if square is None else _vector(system, square)
        if vector is None or system.variables[equation.name].axes:
            continue
        read = elements(vector)
        operands = tuple(e.name for e in read if e.feature_indices)
        means = [e for e in read if not e.feature_indices]
        [index] = {i for e in read for i in e.feature_indices}
        length = Length(index.axis)
        whole = sp.Add(*(e for e in read if e.feature_indices))
        if not means and vector == whole:
            yield Normaliser(equation.name, operands, None, vector, length)
        elif len(means) == 1 and vector == whole - means[0] and _is_mean(system, means[0].name, whole, index):
            yield Normaliser(equation.name, operands, means[0].name, vector, length)


def _root_of(system: System, name: str) -> str | None:
    """The variable whose root a variable is one over."""
    inner = _argument(system, name, "rsqrt")
    if inner is not None:
        return inner
    root = _argument(system, name, "recip")
    return None if root is None else _argument(system, root, "sqrt")


def _argument(system: System, name: str, function: str) -> str | None:
    equation = system.equation(name)
    body = equation.terms[0].body if equation is not None and len(equation.terms) == 1 else None
    if not isinstance(body, ScalarFunction) or body.row_name != function:
        return None
    return body.args[0].name if isinstance(body.args[0], Element) else None


def _vector(system: System, name: str) -> sp.Expr | None:
    """u, where a variable is the mean of u² and a number of at least zero."""
    equation = system.equation(name)
    if equation is None:
        return None
    sums = [t for t in equation.terms if t.over]
    numbers = [t.body for t in equation.terms if not t.over]
    if len(sums) != 1 or len(sums[0].over) != 1 or not all(n.is_number and n >= 0 for n in numbers):
        return None
    squared = sums[0].body * Length(sums[0].over[0].axis)
    plain = isinstance(squared, sp.Pow) and squared.exp == 2
    one_index = {i for e in elements(squared) for i in e.feature_indices} == set(sums[0].over)
    return squared.base if plain and one_index else None


def _is_mean(system: System, name: str, whole: sp.Expr, index: Index) -> bool:
    equation = system.equation(name)
    if equation is None or any(term.over != (index,) for term in equation.terms):
        return False
    return bool(sp.expand(sp.Add(*(t.body for t in equation.terms)) - whole / Length(index.axis)) == 0)
