"""A cell's expressions as its author wrote them, as formulas.

In: a node of the syntax tree. Out: a `Formula` with the author's order of factors and terms. Macros stay
calls. A scalar that meets a vector stays bare: it acts on every element.
"""

from __future__ import annotations

import sympy as sp

from derive.backends.formula.network import product, transposed
from derive.backends.formula.nodes import (
    Applied,
    Called,
    Constant,
    Elementwise,
    Formula,
    Joined,
    Name,
    Negative,
    Ones,
    Power,
    Product,
    Quotient,
    Reduced,
    Scaled,
    Stopped,
    Total,
)
from derive.language import syntax as tree
from derive.language.syntax import Node
from derive.system import Length, System


def written(system: System, node: Node) -> Formula:
    """An expression of a cell as a formula."""
    return _Author(system).formula(node)


class _Author:
    def __init__(self, system: System) -> None:
        self.timed = {
            name: any(system.variables[block].time for block in stored.blocks.values())
            for name, stored in system.stored.items()
        }

    def formula(self, node: Node) -> Formula:
        rank = len(node.shape)
        match node:
            case tree.Number():
                return Constant(value=sp.Rational(node.value.numerator, node.value.denominator))
            case tree.Size():
                return Constant(value=Length(node.axis))
            case tree.Reference():
                return Name(name=node.name, shift=-node.lag if self.timed[node.name] else None, rank=rank)
            case tree.Negative():
                return Negative(rank=rank, operand=self.formula(node.operand))
            case tree.Binary():
                return self._binary(node, rank)
            case tree.Power():
                return Power(rank=rank, base=self.formula(node.base), exponent=node.exponent)
            case tree.Contraction():
                return self._contraction(node, rank)
            case tree.Concatenation():
                return Joined(operands=tuple(map(self.formula, node.operands)))
            case tree.Apply():
                return Applied(rank=rank, function=node.function, operands=tuple(map(self.formula, node.operands)))
            case tree.Reduction():
                return Reduced(rank=rank, kind=node.kind, operand=self.formula(node.operand), axis=node.axis)
            case tree.Outer():
                return product([self.formula(node.left), transposed(self.formula(node.right))], rank=rank)
            case tree.Spread():
                return self._spread(node)
            case tree.Transpose():
                return transposed(self.formula(node.operand))
            case tree.Stop():
                return Stopped(rank=rank, operand=self.formula(node.operand))
            case tree.Macro():
                operands = tuple(map(self.formula, node.operands))
                return Called(rank=rank, macro=node.name, operands=operands, body=self.formula(node.body))
        raise TypeError(
            f"no formula for the node {type(node).__name__}; add a case to derive/backends/formula/author.py"
        )

    def _binary(self, node: tree.Binary, rank: int) -> Formula:
        left, right = self.formula(node.left), self.formula(node.right)
        match node.operator:
            case "+":
                return Total(rank=rank, terms=(*_terms(left), *_terms(right)))
            case "-":
                return Total(rank=rank, terms=(*_terms(left), Negative(rank=right.rank, operand=right)))
            case "/":
                return Quotient(rank=rank, above=left, below=right)
        if left.rank == right.rank > 0:
            return Elementwise(rank=rank, factors=(*_factors(left), *_factors(right)))
        if right.rank == 0 < left.rank:
            return Scaled(rank=rank, scalars=(right,), operand=left)
        return Scaled(rank=rank, scalars=(left,), operand=right)

    def _contraction(self, node: tree.Contraction, rank: int) -> Formula:
        left, right = self.formula(node.left), self.formula(node.right)
        if left.rank == 1 and right.rank >= 1:
            left = transposed(left)
        if max(left.rank, right.rank) > 2:
            return Product(rank=rank, factors=(left, right))
        if left.rank == 1 and right.rank == 2:
            return product([transposed(right), transposed(left)], rank=rank)
        return Product(rank=rank, factors=(left, right))

    def _spread(self, node: tree.Spread) -> Formula:
        vector = self.formula(node.operand)
        if node.along == 0:
            return Product(rank=2, factors=(vector, transposed(Ones(axis=str(node.shape[1])))))
        return Product(rank=2, factors=(Ones(axis=str(node.shape[0])), transposed(vector)))


def _terms(formula: Formula) -> tuple[Formula, ...]:
    return formula.terms if isinstance(formula, Total) else (formula,)


def _factors(formula: Formula) -> tuple[Formula, ...]:
    return formula.factors if isinstance(formula, Elementwise) else (formula,)
