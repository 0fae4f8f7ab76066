"""Matrices packed for products: in panels, side by side where they share an operand, one below the other where their
operands lie side by side.

In: groups of matrices, as the programs need them. Out: how large each group is, and how it is packed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from derive.backends.c.phases import Apply, Factor
from derive.backends.c.sizes import Whole
from derive.system import Length, Var


@dataclass(frozen=True)
class Group:
    """Matrices that are applied as one: rows of them one below the other, in each several side by side. `leading`: how
    many axes of each count as rows; `turned`: whether what is summed over lies along a matrix's columns, so that it is
    packed turned over."""

    rows: tuple[tuple[str, ...], ...]
    leading: int
    turned: bool

    @property
    def matrices(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(matrix for row in self.rows for matrix in row)


def group_of(product: Apply, factors: Sequence[Factor], variables: Mapping[str, Var]) -> Group:
    """The matrices of some factors of a product, whose operands lie side by side."""
    turned = factors[0].turned
    first = variables[product.targets[0] if turned else factors[0].left]
    return Group(tuple(factor.matrices for factor in factors), len(first.axes), turned)


class Panels:
    """The groups of one packed buffer, each with its users, the functions that apply it."""

    def __init__(self, variables: Mapping[str, Var]) -> None:
        self.variables = variables
        self.groups: dict[Group, set[str]] = {}

    def number(self, group: Group, user: str) -> int:
        """Which part of the buffer holds a group, which `user` applies; it is given one where it has none yet."""
        self.groups.setdefault(group, set()).add(user)
        return list(self.groups).index(group)

    def count(self, user: str) -> int:
        """How many groups `user` applies; those of forward come first, as it is built first."""
        return sum(user in users for users in self.groups.values())

    def shape(self, group: Group) -> tuple[sp.Expr, sp.Expr]:
        """Rows and columns of a group as it is applied."""
        depth = sp.Add(*(self.lengths(group, row[0])[0] for row in group.rows))
        return depth, sp.Add(*(self.lengths(group, matrix)[1] for matrix in group.rows[0]))

    def lengths(self, group: Group, matrix: str) -> tuple[sp.Expr, sp.Expr]:
        """Rows and columns of one matrix as it is applied."""
        axes = self.variables[matrix].axes
        rows = sp.Mul(*(Length(a) for a in axes[: group.leading]))
        columns = sp.Mul(*(Length(a) for a in axes[group.leading :]))
        return (columns, rows) if group.turned else (rows, columns)

    def size(self, group: Group) -> sp.Expr:
        """How many numbers a packed group takes."""
        rows, columns = self.shape(group)
        return rows * Whole(columns)
