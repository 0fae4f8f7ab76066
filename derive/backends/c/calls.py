"""Calls of the routines for matrix products. In: a `Product`. Out: the lines that carry it out."""

from __future__ import annotations

import sympy as sp

from derive.backends.c.memory import Memory
from derive.backends.c.panels import Panels
from derive.backends.c.phases import Product
from derive.backends.c.places import width
from derive.backends.c.pointers import Pointers


class Calls:
    """Prints products."""

    def __init__(self, memory: Memory, pointers: Pointers, panels: Panels) -> None:
        self.memory, self.pointers, self.panels = memory, pointers, panels
        self.variables = memory.variables

    def at_time(self, product: Product) -> list[str]:
        """A product inside a turn."""
        pointers = {n: self.pointers.at(n) for n in product.names if self.variables[n].time}
        return self._guarded(product, [self._call(product, "B", pointers, product.add)])

    def at_all_times(self, product: Product) -> list[str]:
        """A product over the whole sequence; where an operand looks back, its first step is apart."""
        if not any(n in self.pointers.owners for n in product.names):
            return self._guarded(product, [self._call(product, "T * B", self._pointers(product, 0), product.add)])
        gathers = product.kind in ("outer", "sum")
        first = self._call(product, "B", self._pointers(product, -1), product.add)
        others = self._call(product, "(T - 1) * B", self._pointers(product, 1), product.add or gathers)
        return self._guarded(product, [first, others])

    def _pointers(self, product: Product, part: int) -> dict[str, str]:
        return {n: self.pointers.all(n, part=part) for n in product.names if self.variables[n].time}

    def _guarded(self, product: Product, calls: list[str]) -> list[str]:
        target = product.targets[0]
        if not self.memory.nullable(target):
            return calls
        if len(calls) == 1:
            return [f"if ({self.memory.base(target)})", f"    {calls[0]}"]
        return [f"if ({self.memory.base(target)}) {{", *(f"    {call}" for call in calls), "}"]

    def _call(self, product: Product, rows: str, pointers: dict[str, str], add: bool) -> str:
        if product.kind in ("panel", "matrix"):
            arguments = self._applied(product, rows, pointers)
        else:
            arguments = self._gathered(product, rows, pointers)
        routine = "sum" if product.kind == "sum" else "gemm"
        return f"NAME({routine})({', '.join(arguments)}, {int(add)});"

    def _applied(self, product: Product, rows: str, pointers: dict[str, str]) -> list[str]:
        """The left operand's rows times matrices."""
        size = self.memory.size
        target, left = product.targets[0], product.left
        columns = sp.Add(*(width(self.variables[n]) for n in product.targets))
        if product.kind == "panel":
            matrix, matrix_row = (
                self.panels.pointer(product.operands, len(self.variables[target].axes)),
                columns,
            )
        else:
            [name] = product.operands
            matrix, matrix_row = (
                self.memory.base(name),
                self._matrix_row(name, len(self.variables[left].axes)),
            )
        depth = size(width(self.variables[left]))
        target_row = size(self.memory.place(target).row)
        return [
            rows, size(columns), depth, pointers[left], size(self._row(left)), "1",
            matrix, size(matrix_row), pointers[target], target_row,
        ]  # fmt: skip

    def _gathered(self, product: Product, rows: str, pointers: dict[str, str]) -> list[str]:
        """Sums over rows: of the left operand, or of its products with the right one."""
        size = self.memory.size
        [target], left = product.targets, product.left
        base, height = self.memory.base(target), size(width(self.variables[left]))
        left_row = size(self._row(left))
        if product.kind == "sum":
            return [rows, height, pointers[left], left_row, base]
        [right] = product.operands
        target_row = size(self._matrix_row(target, len(self.variables[left].axes)))
        return [
            height, size(width(self.variables[right])), rows, pointers[left], "1", left_row,
            pointers[right], size(self._row(right)), base, target_row,
        ]  # fmt: skip

    def _row(self, name: str) -> sp.Expr:
        return self.memory.place(self.pointers.owners.get(name, name)).row

    def _matrix_row(self, name: str, leading: int) -> sp.Expr:
        """The distance between a matrix's rows, its first axes counting as one."""
        return self.memory.place(name).strides[leading - 1] if leading else width(self.variables[name])
