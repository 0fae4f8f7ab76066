"""Matrices packed for products: transposed, and side by side where they share an operand.

In: groups of matrices, as the programs need them. Out: where each group lies, and how it is packed.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from derive.backends.c.places import Outside, width
from derive.system import Length, Var


class Panels:
    """The groups of matrices of a whole cell. `outside`: where the parameters lie."""

    def __init__(self, variables: Mapping[str, Var], outside: Mapping[str, Outside]) -> None:
        self.variables, self.outside = variables, outside
        self._groups: dict[tuple[str, ...], int] = {}

    def pointer(self, matrices: tuple[str, ...], leading: int) -> str:
        """A pointer to a group; `leading`: how many axes of each matrix its rows have."""
        self._groups.setdefault(matrices, leading)
        return f"panels + panels_at[{list(self._groups).index(matrices)}]"

    def regions(self) -> list[tuple[str, sp.Expr]]:
        """The groups in order: what each holds, and how many elements."""
        return [(", ".join(group), sp.Add(*(width(self.variables[m]) for m in group))) for group in self._groups]

    def copies(self) -> list[tuple[int, str, sp.Expr, sp.Expr, sp.Expr, sp.Expr, sp.Expr]]:
        """One entry a matrix: its group, its name, rows and columns, the distance between its rows, where in
        the group's rows it starts, and their length."""
        found = []
        for number, (group, leading) in enumerate(self._groups.items()):
            heights = [self._length(m, 0, leading) for m in group]
            for k, matrix in enumerate(group):
                columns = self._length(matrix, leading, None)
                row = self.outside[matrix].place.strides[leading - 1]
                found.append((number, matrix, heights[k], columns, row, sp.Add(*heights[:k]), sp.Add(*heights)))
        return found

    def _length(self, matrix: str, start: int, end: int | None) -> sp.Expr:
        return sp.Mul(*(Length(a) for a in self.variables[matrix].axes[start:end]))
