"""Matrices packed for products: in panels, side by side where they share an operand.

In: groups of matrices, as the programs need them. Out: how large each group is, and how it is packed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from derive.backends.c.phases import Apply
from derive.backends.c.sizes import Whole
from derive.system import Length, Var


@dataclass(frozen=True)
class Group:
    """Matrices that one product applies. `leading`: how many axes of each count as rows; `turned`: whether
    what is summed over lies along a matrix's columns, so that it is packed turned over."""

    matrices: tuple[str, ...]
    leading: int
    turned: bool


def groups_of(product: Apply, variables: Mapping[str, Var]) -> list[Group]:
    """The matrices that a product applies, factor by factor."""
    firsts = [product.targets[0] if factor.turned else factor.left for factor in product.factors]
    return [
        Group(factor.matrices, len(variables[first].axes), factor.turned)
        for factor, first in zip(product.factors, firsts, strict=True)
    ]


class Panels:
    """The groups of one packed buffer, each with its users. `user`: the function that is being printed."""

    def __init__(self, variables: Mapping[str, Var]) -> None:
        self.variables = variables
        self.groups: dict[Group, set[str]] = {}
        self.user = ""

    def number(self, group: Group) -> int:
        """Which part of the buffer holds a group; it is given one where it has none yet, and kept for `user`."""
        self.groups.setdefault(group, set()).add(self.user)
        return list(self.groups).index(group)

    def shape(self, group: Group) -> tuple[sp.Expr, sp.Expr]:
        """Rows and columns of a group as it is applied."""
        lengths = [self.lengths(group, m) for m in group.matrices]
        return lengths[0][0], sp.Add(*(columns for _, columns in lengths))

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
