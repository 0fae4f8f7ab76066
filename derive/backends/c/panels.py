"""What is prepared from the parameters once for many calls: what is made of them alone, and matrices packed for
products, in panels, side by side where they share an operand, one below the other where their operands lie side by
side.

In: variables and groups of matrices, as the programs need them. Out: how large each is, and how a group is packed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from derive.backends.c.phases import Factor
from derive.backends.c.places import width
from derive.backends.c.sizes import Whole
from derive.system import Length, Var


@dataclass(frozen=True)
class Group:
    """Matrices that are applied as one: rows of them one below the other, in each several side by side. `summed`: for
    each row, how many axes of its matrices are summed over; `turned`: whether these are a matrix's last axes, not its
    first, so that it is packed turned over."""

    rows: tuple[tuple[str, ...], ...]
    summed: tuple[int, ...]
    turned: bool

    @property
    def matrices(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(matrix for row in self.rows for matrix in row)


def group_of(factors: Sequence[Factor], variables: Mapping[str, Var]) -> Group:
    """The matrices of some factors, whose operands lie side by side."""
    summed = tuple(len(variables[factor.left].axes) for factor in factors)
    return Group(tuple(factor.matrices for factor in factors), summed, factors[0].turned)


class Panels:
    """The parts of one packed buffer: groups, and variables by name. Each has users, the functions that need it."""

    def __init__(self, variables: Mapping[str, Var]) -> None:
        self.variables = variables
        self.parts: dict[Group | str, set[str]] = {}

    def number(self, part: Group | str, *users: str) -> int:
        """Which part of the buffer this is, which some functions need; it is given one where it has none yet."""
        self.parts.setdefault(part, set()).update(users)
        return list(self.parts).index(part)

    def count(self, user: str) -> int:
        """How many parts `user` needs; those of forward come first, as it is built first."""
        return sum(user in users for users in self.parts.values())

    @property
    def made(self) -> dict[str, int]:
        """The variables, each with the number of its part."""
        return {part: number for number, part in enumerate(self.parts) if isinstance(part, str)}

    @property
    def groups(self) -> dict[int, tuple[Group, set[str]]]:
        """The groups, each with its users, by the number of its part."""
        numbered = enumerate(self.parts.items())
        return {number: (part, users) for number, (part, users) in numbered if isinstance(part, Group)}

    def shape(self, group: Group) -> tuple[sp.Expr, sp.Expr]:
        """Rows and columns of a group as it is applied."""
        depth = sp.Add(*(self.lengths(group, row[0])[0] for row in group.rows))
        return depth, sp.Add(*(self.lengths(group, matrix)[1] for matrix in group.rows[0]))

    def lengths(self, group: Group, matrix: str) -> tuple[sp.Expr, sp.Expr]:
        """Rows and columns of one matrix as it is applied."""
        axes, leading = self.variables[matrix].axes, self.leading(group, matrix)
        rows = sp.Mul(*(Length(a) for a in axes[:leading]))
        columns = sp.Mul(*(Length(a) for a in axes[leading:]))
        return (columns, rows) if group.turned else (rows, columns)

    def leading(self, group: Group, matrix: str) -> int:
        """How many axes of a matrix count as its rows, as it is stored."""
        summed = next(n for row, n in zip(group.rows, group.summed, strict=True) if matrix in row)
        return len(self.variables[matrix].axes) - summed if group.turned else summed

    def size(self, part: Group | str) -> sp.Expr:
        """How many numbers a part takes."""
        if isinstance(part, str):
            return width(self.variables[part])
        rows, columns = self.shape(part)
        return rows * Whole(columns)
