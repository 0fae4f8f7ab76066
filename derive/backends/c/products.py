"""Which terms are matrix products. In: a term and its target. Out: the product, or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import sympy as sp

from derive.backends.c.phases import Kind, Product
from derive.system import BATCH, TIME, Element, Index, Term, Var

Dense = Callable[[str], bool]


def product_of(term: Term, target: Var, variables: Mapping[str, Var], dense: Dense) -> Product | None:
    """The product that a term is, if it is one; several axes may count as one where they lie densely."""
    factors = sp.Mul.make_args(term.body)
    if len(factors) > 2 or not all(isinstance(f, Element) and not f.shift for f in factors):
        return None
    for pair in (factors, factors[::-1]):
        found = _applied(term, pair, target, variables) if target.time else _outer(term, pair, target)
        if found and all(dense(n) for n in _wide(found, variables)):
            return found
    return None


def _wide(product: Product, variables: Mapping[str, Var]) -> list[str]:
    """The variables of which several axes count as one."""
    two = set(product.operands) if product.kind in ("panel", "matrix") else set(product.targets)
    return [n for n in product.names if len(variables[n].axes) > (2 if n in two else 1)]


def _outer(term: Term, factors: Sequence[Element], target: Var) -> Product | None:
    free = target.indices
    timed = all(f.indices[:2] == (TIME, BATCH) for f in factors)
    joined = tuple(i for f in factors for i in f.indices[2:])
    if set(term.over) != {TIME, BATCH} or not timed or joined != free:
        return None
    kind: Kind = "outer" if len(factors) == 2 else "sum"
    return Product(kind, (target.name,), (factors[0].name,), tuple(f.name for f in factors[1:]), target.name)


def _applied(term: Term, factors: Sequence[Element], target: Var, variables: Mapping[str, Var]) -> Product | None:
    if len(factors) != 2 or not term.over or {TIME, BATCH} & set(term.over):
        return None
    left, matrix = factors
    summed: tuple[Index, ...] = left.indices[2:]
    if left.indices[:2] != (TIME, BATCH) or set(summed) != set(term.over) or len(set(summed)) < len(summed):
        return None
    free = target.indices[2:]
    found = Product("matrix", (target.name,), (left.name,), (matrix.name,), target.name)
    if matrix.indices == (*summed, *free):
        return found
    if matrix.indices == (*free, *summed):
        return replace(found, kind="panel")
    return None
