"""A product of vectors and matrices over indices, contracted to one matrix expression.

In: factors with their indices, and which indices stay. Out: the scalars that come off, and the rest as a
formula of as many indices as stay. Indices are nodes, matrices are edges. A summed index with one edge
becomes a matrix-vector product, one with two a product of matrices, one with none an inner product.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from derive.backends.formula.nodes import (
    Diagonal,
    Elementwise,
    Formula,
    Frobenius,
    Negative,
    Ones,
    Product,
    Scaled,
    Transposed,
)
from derive.system import Index


class NoMatrixForm(Exception):
    """A product that only indices can express."""


@dataclass(frozen=True)
class Ordered:
    """A formula and what it is sorted by among its neighbours."""

    formula: Formula
    key: tuple[Any, ...]


Edge = tuple[Index, Index]


class Network:
    def __init__(self, free: Sequence[Index], over: Iterable[Index]) -> None:
        self.free, self.summed = tuple(free), list(over)
        self.scalars: list[Ordered] = []
        self.vectors: dict[Index, list[Ordered]] = {}
        self.matrices: dict[Edge, list[Ordered]] = {}

    def add(self, factor: Ordered, indices: Sequence[Index]) -> None:
        """Put a factor where its indices say."""
        match tuple(indices):
            case ():
                self.scalars.append(factor)
            case (index,):
                self.vectors.setdefault(index, []).append(factor)
            case (row, column) if (column, row) in self.matrices:
                self._connect(column, row, Ordered(transposed(factor.formula), factor.key))
            case (row, column):
                self._connect(row, column, factor)

    @property
    def occupied(self) -> bool:
        """Whether there is any factor."""
        return bool(self.scalars or self.vectors or self.matrices)

    def unused(self) -> list[Index]:
        """The summed indices that no factor has; the sum over one multiplies by its length."""
        known = {*self.vectors, *(i for edge in self.matrices for i in edge)}
        gone = [i for i in self.summed if i not in known]
        self.summed = [i for i in self.summed if i in known]
        return gone

    def contracted(self) -> tuple[list[Formula], Formula | None]:
        """The scalar factors in order, and the tensor factor, None if every factor is a scalar."""
        while self.summed:
            self._eliminate()
        scalars = [s.formula for s in _in_order(self.scalars)]
        match self.free:
            case ():
                return scalars, None
            case (index,):
                return scalars, self._vector(index)
            case (row, column) if edge := self._edge(row, column):
                return scalars, self._scaled_matrix(edge, row, column)
            case (row, column):
                return scalars, product([self._vector(row), transposed(self._vector(column))], rank=2)
        raise NoMatrixForm(f"{len(self.free)} indices")

    # -- elimination

    def _eliminate(self) -> None:
        """Sum over one index: a leaf if there is one, a leaf whose neighbour stays at the last."""
        by_degree = {i: [e for e in self.matrices if i in e] for i in self.summed}
        for index, edges in by_degree.items():
            if not edges:
                return self._close(index)
        for index, edges in by_degree.items():
            leaf_ahead = len(edges) == 1 and index == edges[0][0] and len(by_degree.get(edges[0][1], [])) == 1
            if len(edges) == 1 and not leaf_ahead:
                return self._pair(edges[0]) if self._is_pair(edges[0]) else self._fold(index, edges[0])
        for index, edges in by_degree.items():
            if len(edges) == 2:
                return self._join(index, edges[0], edges[1])
        raise NoMatrixForm(f"{self.summed[0]} belongs to more than two matrices")

    def _close(self, index: Index) -> None:
        """`Σ_i u[i] v[i]` is `uᵀ v`."""
        vectors = self.vectors.pop(index)
        self.summed.remove(index)
        self.scalars.append(Ordered(inner(vectors, index.axis), _key(vectors)))

    def _is_pair(self, edge: Edge) -> bool:
        alone = not any(i in self.vectors for i in edge)
        return alone and len(self.matrices[edge]) > 1 and all(i in self.summed for i in edge)

    def _pair(self, edge: Edge) -> None:
        """`Σ_ij A[i,j] B[i,j]` is a Frobenius product."""
        first, *rest = _in_order(self.matrices.pop(edge))
        for end in edge:
            self.summed.remove(end)
        pair = Frobenius(left=first.formula, right=_elementwise(rest, 2))
        self.scalars.append(Ordered(pair, _key([first, *rest])))

    def _fold(self, index: Index, edge: Edge) -> None:
        """`Σ_j A[i,j] v[j]` is the vector `A v`."""
        other = edge[0] if edge[1] == index else edge[1]
        key = _key([*self.matrices[edge], *self.vectors.get(index, [])])
        matrix = self._matrix(edge, other, index)
        vector = self._vector(index)
        self.summed.remove(index)
        self.vectors.setdefault(other, []).append(Ordered(product([matrix, vector], rank=1), key))

    def _join(self, index: Index, first: Edge, second: Edge) -> None:
        """`Σ_j A[i,j] v[j] B[j,k]` is the matrix `A diag(v) B`."""
        row = first[0] if first[1] == index else first[1]
        column = second[0] if second[1] == index else second[1]
        if row == column:
            raise NoMatrixForm(f"{index} and {row} are tied twice")
        key = _key([*self.matrices[first], *self.matrices[second], *self.vectors.get(index, [])])
        between = [Diagonal(operand=self._vector(index))] if index in self.vectors else []
        left, right = self._matrix(first, row, index), self._matrix(second, index, column)
        self.summed.remove(index)
        self.add(Ordered(product([left, *between, right], rank=2), key), (row, column))

    # -- what stands somewhere

    def _connect(self, row: Index, column: Index, factor: Ordered) -> None:
        self.matrices.setdefault((row, column), []).append(factor)

    def _edge(self, row: Index, column: Index) -> Edge | None:
        return next((e for e in ((row, column), (column, row)) if e in self.matrices), None)

    def _matrix(self, edge: Edge, row: Index, column: Index) -> Formula:
        """What stands on an edge, with the rows along `row`."""
        matrix = _elementwise(_in_order(self.matrices.pop(edge)), 2)
        return matrix if edge == (row, column) else transposed(matrix)

    def _vector(self, index: Index) -> Formula:
        vectors = self.vectors.pop(index, [])
        return _elementwise(_in_order(vectors), 1) if vectors else Ones(axis=index.axis)

    def _scaled_matrix(self, edge: Edge, row: Index, column: Index) -> Formula:
        rows = [Diagonal(operand=self._vector(row))] if row in self.vectors else []
        columns = [Diagonal(operand=self._vector(column))] if column in self.vectors else []
        matrix = self._matrix(edge, row, column)
        return product([*rows, matrix, *columns], rank=2) if rows or columns else matrix


def transposed(formula: Formula) -> Formula:
    """The transpose, pushed inwards as far as it reads well."""
    match formula:
        case Transposed():
            return formula.operand
        case Diagonal():
            return formula
        case Product():
            return product([transposed(f) for f in reversed(formula.factors)], rank=formula.rank)
        case Negative():
            return Negative(rank=formula.rank, operand=transposed(formula.operand))
        case Scaled():
            return Scaled(rank=formula.rank, scalars=formula.scalars, operand=transposed(formula.operand))
    return formula if formula.rank == 0 else Transposed(rank=formula.rank, operand=formula)


def product(factors: Sequence[Formula], *, rank: int) -> Formula:
    """A matrix product, of all the factors of products in it."""
    flat = [g for f in factors for g in (f.factors if isinstance(f, Product) else (f,))]
    return Product(rank=rank, factors=tuple(flat))


def inner(vectors: Sequence[Ordered], axis: str) -> Formula:
    """The sum of the products of the elements of some vectors."""
    ordered = sorted(_in_order(vectors), key=lambda v: isinstance(v.formula, Product))
    if len(ordered) == 1:
        return product([Transposed(rank=1, operand=Ones(axis=axis)), ordered[0].formula], rank=0)
    left, right = _elementwise(ordered[:-1], 1), ordered[-1].formula
    return product([transposed(left), right], rank=0)


def _elementwise(factors: Sequence[Ordered], rank: int) -> Formula:
    if len(factors) == 1:
        return factors[0].formula
    return Elementwise(rank=rank, factors=tuple(f.formula for f in factors))


def _in_order(factors: Iterable[Ordered]) -> list[Ordered]:
    return sorted(factors, key=lambda f: f.key)


def _key(factors: Sequence[Ordered]) -> tuple[Any, ...]:
    """The key of a product: last if a factor is last, else by its first factor."""
    keys = [f.key for f in factors]
    return (any(k[0] for k in keys), *min(keys)[1:])
