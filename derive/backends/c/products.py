"""Which terms are matrix products. In: a term and its target. Out: the product, or None.

Of a matrix and rows of the batch, summed over rows of the batch, or of two matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sympy as sp

from derive.backends.c.phases import Apply, Factor, Gather, Multiply, Outer, Product
from derive.system import BATCH, TIME, Element, Index, Term, Var, indices_of

Dense = Callable[[str], bool]


def product_of(term: Term, target: Var, variables: Mapping[str, Var], dense: Dense) -> Product | None:
    """The product that a term is, if it is one; several axes may count as one where they lie densely."""
    factors = sp.Mul.make_args(term.body)
    if len(factors) > 2 or not all(isinstance(f, Element) and not f.shift for f in factors):
        return None
    for pair in (factors, factors[::-1]):
        found = _applied(term, pair, target) if target.time else _outer(term, pair, target)
        if found and all(dense(n) for n in _wide(found, variables)):
            return found
    return None


def matrices_of(term: Term, target: Element) -> tuple[Multiply, sp.Expr] | None:
    """The product of two matrices in a term, and what multiplies it."""
    space = target.feature_indices
    if len(term.over) != 1 or len(set(space)) != 2:
        return None
    [k], (i, j) = term.over, space
    factors = sp.Mul.make_args(term.body)
    inside = [f for f in factors if k in indices_of(f)]
    if len(inside) != 2 or not all(isinstance(f, Element) for f in inside):
        return None
    for left, right in (inside, inside[::-1]):
        if _has(left, {i, k}) and _has(right, {k, j}):
            return Multiply(target, left, right, k), sp.Mul(*(f for f in factors if f not in inside))
    return None


def _has(matrix: Element, axes: set[Index]) -> bool:
    return len(matrix.feature_indices) == 2 and set(matrix.feature_indices) == axes


def _wide(product: Product, variables: Mapping[str, Var]) -> list[str]:
    """The variables of which several axes count as one."""
    matrices = {m for f in product.factors for m in f.matrices} if isinstance(product, Apply) else set(product.targets)
    return [n for n in product.names if len(variables[n].axes) > (2 if n in matrices else 1)]


def _outer(term: Term, factors: Sequence[Element], target: Var) -> Gather | None:
    free = target.indices
    timed = all(f.indices[:2] == (TIME, BATCH) for f in factors)
    joined = tuple(i for f in factors for i in f.indices[2:])
    if set(term.over) != {TIME, BATCH} or not timed or joined != free:
        return None
    right = factors[1].name if len(factors) == 2 else None
    return Gather((Outer(target.name, factors[0].name, right),), target.name)


def _applied(term: Term, factors: Sequence[Element], target: Var) -> Apply | None:
    if len(factors) != 2 or not term.over or {TIME, BATCH} & set(term.over):
        return None
    left, matrix = factors
    summed: tuple[Index, ...] = left.indices[2:]
    if left.indices[:2] != (TIME, BATCH) or set(summed) != set(term.over) or len(set(summed)) < len(summed):
        return None
    free = target.indices[2:]
    for turned, wanted in ((False, (*summed, *free)), (True, (*free, *summed))):
        if matrix.indices == wanted:
            return Apply((target.name,), (Factor(left.name, (matrix.name,), turned),), target.name)
    return None
