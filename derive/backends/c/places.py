"""Where the parts of an array lie. In: stored shapes, variables. Out: `Place`s, in elements, not bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from derive.backends.c.sizes import length
from derive.schedule import Schedule
from derive.system import Length, Stored, Var


@dataclass(frozen=True)
class Place:
    """`offset` of the first element, `strides` of the features, and `row`, the distance from one sequence of
    the batch to the next. `dense`: a row holds this variable alone, without gaps."""

    offset: sp.Expr
    strides: tuple[sp.Expr, ...]
    row: sp.Expr
    dense: bool


def width(variable: Var) -> sp.Expr:
    """How many elements a variable has for one time and sequence."""
    return sp.Mul(*(Length(axis) for axis in variable.axes))


def alone(variable: Var) -> Place:
    """A variable with an array of its own."""
    return Place(sp.S.Zero, _strides([Length(a) for a in variable.axes]), width(variable), True)


def beside(variable: Var, before: sp.Expr, row: sp.Expr) -> Place:
    """A variable whose rows lie beside those of others."""
    return Place(before, alone(variable).strides, row, False)


def block(stored: Stored, parts: tuple[int, ...]) -> Place:
    """A block of a stored array."""
    totals = [length(axis) for axis in stored.shape]
    strides = _strides(totals)
    offset = sp.Add(
        *(
            stride * sp.Add(*(Length(name) for name in axis.parts[:part]))
            for axis, part, stride in zip(stored.shape, parts, strides, strict=True)
        )
    )
    return Place(offset, strides, sp.Mul(*totals), all(len(axis.parts) == 1 for axis in stored.shape))


def _strides(lengths: list[sp.Expr]) -> tuple[sp.Expr, ...]:
    return tuple(sp.Mul(*lengths[k + 1 :]) for k in range(len(lengths)))


@dataclass(frozen=True)
class Outside:
    """A variable that lives in an array of the caller: `struct->member`; `nullable`: it may be missing."""

    struct: str
    member: str
    place: Place
    nullable: bool = False


def blocks_of(schedule: Schedule, name: str) -> Mapping[str, Place]:
    """The blocks of a stored name, each with its place."""
    stored = schedule.stored[name]
    return {variable: block(stored, parts) for parts, variable in stored.blocks.items()}
