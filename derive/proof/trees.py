"""Sizes of nested expressions, as an arithmetic: what brute force costs.

In: nothing. Out: `Trees`, whose elements stand for expressions written out in full. SymPy walks a
whole derivative at every level of the recursion, so its time goes with the sum of the sizes of all
subexpressions: that is `work`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Tree:
    """An expression of `size` nodes, whose subexpressions have `work` nodes in all."""

    size: int
    work: int

    def __add__(self, other: Tree) -> Tree:
        return _node(self, other)

    __sub__ = __mul__ = __add__

    def __neg__(self) -> Tree:
        return _node(self)

    def __pow__(self, exponent: int) -> Tree:
        return _node(self)


class Trees:
    """Every unknown and number is one node."""

    def number(self, value: Fraction) -> Tree:
        return _node()

    def apply(self, function: str, argument: Tree) -> Tree:
        return _node(argument)

    def first_maximum(self, elements: Sequence[Tree]) -> list[Tree]:
        return [_node(*elements) for _ in elements]

    def constant(self, element: Tree) -> Tree:
        return _node(element)

    def variable(self, name: str) -> Tree:
        return _node()


def _node(*operands: Tree) -> Tree:
    size = 1 + sum(operand.size for operand in operands)
    return Tree(size, size + sum(operand.work for operand in operands))
