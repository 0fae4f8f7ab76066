"""Formulas as a person writes them: matrices, vectors and scalars instead of indices.

In: nothing. Out: the node types that the LaTeX and the text printer spell. A formula has a rank: 0 a
scalar, 1 a column vector, 2 a matrix, 3 a tensor. Conventions that the types do not show: in a `Total` a
number is added to every element; `Product` is a matrix product, of a row where a factor is a transposed
vector; a power and a function act element by element. Where no such form exists, indices are written:
an `Entry` is one element, a `Summed` the sum over some indices; both are scalars.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import sympy as sp

from derive.system import Index


@dataclass(frozen=True, kw_only=True)
class Formula:
    rank: int


@dataclass(frozen=True, kw_only=True)
class Constant(Formula):
    """A number, or an expression of numbers and lengths of axes."""

    value: sp.Expr
    rank: int = 0


@dataclass(frozen=True, kw_only=True)
class Name(Formula):
    """A variable, `shift` steps after `t` where it has time (`shift` None where it has none)."""

    name: str
    shift: int | None = None


@dataclass(frozen=True, kw_only=True)
class Differential(Formula):
    """How a variable changes."""

    of: Name


@dataclass(frozen=True, kw_only=True)
class Ones(Formula):
    """A vector of ones."""

    axis: str
    rank: int = 1


@dataclass(frozen=True, kw_only=True)
class Negative(Formula):
    operand: Formula


@dataclass(frozen=True, kw_only=True)
class Total(Formula):
    """A sum; what is subtracted is a `Negative`."""

    terms: tuple[Formula, ...]


@dataclass(frozen=True, kw_only=True)
class Scaled(Formula):
    """Scalars in front of a formula (of any rank)."""

    scalars: tuple[Formula, ...]
    operand: Formula


@dataclass(frozen=True, kw_only=True)
class Elementwise(Formula):
    """The element-by-element product of vectors or of matrices."""

    factors: tuple[Formula, ...]


@dataclass(frozen=True, kw_only=True)
class Product(Formula):
    """The matrix product; a tensor's last axis meets the first of what follows."""

    factors: tuple[Formula, ...]


@dataclass(frozen=True, kw_only=True)
class Transposed(Formula):
    """The transpose of a matrix, or the row that a column vector makes (rank 1 then)."""

    operand: Formula


@dataclass(frozen=True, kw_only=True)
class Diagonal(Formula):
    """The diagonal matrix of a vector."""

    operand: Formula
    rank: int = 2


@dataclass(frozen=True, kw_only=True)
class Frobenius(Formula):
    """The sum of the products of all elements of two matrices."""

    left: Formula
    right: Formula
    rank: int = 0


@dataclass(frozen=True, kw_only=True)
class Quotient(Formula):
    above: Formula
    below: Formula


@dataclass(frozen=True, kw_only=True)
class Power(Formula):
    base: Formula
    exponent: int


@dataclass(frozen=True, kw_only=True)
class Applied(Formula):
    """A function of the table (or the derivative of one), element by element."""

    function: str
    operands: tuple[Formula, ...]


@dataclass(frozen=True, kw_only=True)
class Called(Formula):
    """A macro, by its name; `body` is what it stands for."""

    macro: str
    operands: tuple[Formula, ...]
    body: Formula


@dataclass(frozen=True, kw_only=True)
class Reduced(Formula):
    """Sum, mean or largest element, along one axis or over all; `first` marks the first largest."""

    kind: Literal["sum", "mean", "max", "first"]
    operand: Formula
    axis: int | None


@dataclass(frozen=True, kw_only=True)
class Joined(Formula):
    """Vectors end to end."""

    operands: tuple[Formula, ...]
    rank: int = 1


@dataclass(frozen=True, kw_only=True)
class Stopped(Formula):
    """A value that lets no gradient through."""

    operand: Formula


@dataclass(frozen=True, kw_only=True)
class OverTime(Formula):
    """The sum over all time steps."""

    operand: Formula


@dataclass(frozen=True, kw_only=True)
class Entry(Formula):
    """One element of a variable."""

    of: Formula
    indices: tuple[Index, ...]
    rank: int = 0


@dataclass(frozen=True, kw_only=True)
class Summed(Formula):
    """The sum of a scalar over some indices."""

    over: tuple[Index, ...]
    operand: Formula
    rank: int = 0


@dataclass(frozen=True, kw_only=True)
class Partial(Formula):
    """The Jacobian of a variable with respect to another, or one entry of it where both are an `Entry`."""

    of: Formula
    by: Formula


@dataclass(frozen=True, kw_only=True)
class Identity(Formula):
    """The identity matrix, as large as its place asks."""

    axis: str
    rank: int = 2


@dataclass(frozen=True, kw_only=True)
class Normalising(Formula):
    """`P - y yᵀ/n`: the Jacobian of a normalised vector y of length n, its scale apart; P is a projector."""

    axis: str
    rank: int = 2


@dataclass(frozen=True, kw_only=True)
class Equal(Formula):
    """One where two indices are the same, otherwise zero."""

    left: Index
    right: Index
    rank: int = 0


@dataclass(frozen=True, kw_only=True)
class Norm(Formula):
    """The norm of a matrix or a vector, or of the linear map that a scalar with indices is."""

    operand: Formula
    rank: int = 0


@dataclass(frozen=True, kw_only=True)
class Largest(Formula):
    """The largest absolute value of any element, over all states and inputs that are meant."""

    operand: Formula
    rank: int = 0


@dataclass(frozen=True, kw_only=True)
class Times(Formula):
    """A product of numbers, with a sign between them."""

    factors: tuple[Formula, ...]
    rank: int = 0


def mapped(formula: Formula, change: Callable[[Formula], Formula]) -> Formula:
    """A formula with each of its parts changed."""
    changes: dict[str, Any] = {}
    for field in fields(formula):
        value = getattr(formula, field.name)
        if isinstance(value, Formula):
            changes[field.name] = change(value)
        elif isinstance(value, tuple):
            changes[field.name] = tuple(change(v) if isinstance(v, Formula) else v for v in value)
    return replace(formula, **changes)


@dataclass(frozen=True)
class Line:
    """One equation: `left = right`. `number` is what others refer to it by."""

    left: Formula
    right: Formula
    number: int | None = None
    remark: str = ""


def negative(formula: Formula) -> Formula:
    """Minus a formula, without two signs in a row."""
    if isinstance(formula, Negative):
        return formula.operand
    return Negative(rank=formula.rank, operand=formula)


def total(terms: list[Formula], rank: int) -> Formula:
    """The sum of some terms, none of which is a sum."""
    flat = [t for term in terms for t in (term.terms if isinstance(term, Total) else (term,))]
    if not flat:
        return Constant(value=sp.S.Zero)
    return flat[0] if len(flat) == 1 else Total(rank=rank, terms=tuple(flat))


def scaled(scalars: list[Formula], operand: Formula) -> Formula:
    """A formula with scalars in front, the sign in front of all."""
    sign = 1
    kept: list[Formula] = []
    for factor in [*scalars, operand]:
        inner = factor
        if isinstance(inner, Negative):
            sign, inner = -sign, inner.operand
        if isinstance(inner, Constant) and inner.value.could_extract_minus_sign():
            sign, inner = -sign, Constant(value=-inner.value)
        if isinstance(inner, Scaled):
            kept += [*inner.scalars, inner.operand]
        else:
            kept.append(inner)
    ones = [f for f in kept[:-1] if not (isinstance(f, Constant) and f.value == 1)]
    last = kept[-1]
    if isinstance(last, Constant) and ones:
        ones, last = ([last, *ones[:-1]] if last.value != 1 else ones[:-1]), ones[-1]
    formula = Scaled(rank=last.rank, scalars=tuple(ones), operand=last) if ones else last
    return negative(formula) if sign < 0 else formula
