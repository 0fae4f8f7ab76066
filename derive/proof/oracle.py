"""The oracle: evaluates the cell as its author wrote it, forward in time, one example after the other.

In: the syntax tree, a ring, sizes and the values of all leaves. Out: outputs and final states. It is
the meaning of the language in executable form, and shares nothing with the normal form or the adjoint.

Arrays have elements of the ring (dtype object): `params[name]` in stored shape, concatenated axes end
to end; `inputs[name]` (T, B, *axes); `initial[name]` (B, *axes); outputs (T, B, *axes); final (B, *axes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import singledispatch
from itertools import accumulate, pairwise, product, starmap
from typing import Any

import numpy as np
import numpy.typing as npt

from derive.functions.ring import Element
from derive.language import syntax
from derive.proof.rings import OracleRing

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
Sizes = Mapping[str, int]


def extents(shape: syntax.Shape, sizes: Sizes) -> tuple[int, ...]:
    """The lengths of the axes of a shape; a concatenated axis has the sum of its parts."""
    return tuple(sum(sizes[part] for part in axis.parts) for axis in shape)


def run(
    cell: syntax.Cell, ring: OracleRing, sizes: Sizes, params: Arrays, inputs: Arrays, initial: Arrays
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Outputs at every step and the states after the last one."""
    steps, batch = sizes["T"], sizes["B"]
    states = [state.name for state in cell.of_role("state")]
    weights = {name: np.asarray(array, dtype=object) for name, array in params.items()}
    outputs = {
        name: np.empty((steps, batch, *extents(cell.variables[name].shape, sizes)), dtype=object)
        for name in cell.outputs
    }
    final = {name: np.array(initial[name], dtype=object) for name in states}
    for t in range(steps):
        for n in range(batch):
            now = weights | {name: _array(array[t, n]) for name, array in inputs.items()}
            values = _Evaluation(ring, sizes, now, {name: _array(final[name][n]) for name in states})
            for equation in cell.equations:
                now[equation.target] = values.of(equation.value)
            for name in states:
                final[name][n, ...] = now[name]
            for name in cell.outputs:
                outputs[name][t, n, ...] = now[name]
    return outputs, final


class _Evaluation:
    """One time step of one example: the values `now`, and those of the states `before`."""

    def __init__(self, ring: OracleRing, sizes: Sizes, now: Arrays, before: Arrays) -> None:
        self.ring = ring
        self.sizes = sizes
        self.now = now
        self.before = before

    def of(self, node: syntax.Node) -> Array:
        """The value of a node, as an array of its shape."""
        return _array(_evaluate(node, self))

    def number(self, value: Fraction | int) -> Element:
        return self.ring.number(Fraction(value))

    def apply(self, function: str, argument: Array) -> Array:
        return _each(lambda element: self.ring.apply(function, element), argument)


def _array(value: Any) -> Array:
    """NumPy returns an element instead of an array without axes; here everything is an array."""
    if isinstance(value, np.ndarray):
        return value.astype(object)
    wrapped = np.empty((), dtype=object)
    wrapped[()] = value
    return wrapped


def _each(function: Callable[[Element], Element], array: Array) -> Array:
    result = np.empty(array.shape, dtype=object)
    for index, element in np.ndenumerate(array):
        result[index] = function(element)
    return result


@singledispatch
def _evaluate(node: syntax.Node, at: _Evaluation) -> Any:
    raise TypeError(f"the oracle does not know the syntax node {type(node).__name__}: give it a meaning here")


@_evaluate.register
def _(node: syntax.Number, at: _Evaluation) -> Any:
    return at.number(node.value)


@_evaluate.register
def _(node: syntax.Size, at: _Evaluation) -> Any:
    return at.number(at.sizes[node.axis])


@_evaluate.register
def _(node: syntax.Reference, at: _Evaluation) -> Any:
    return (at.before if node.lag else at.now)[node.name]


@_evaluate.register
def _(node: syntax.Negative, at: _Evaluation) -> Any:
    return np.negative(at.of(node.operand))


@_evaluate.register
def _(node: syntax.Binary, at: _Evaluation) -> Any:
    left = at.of(node.left)
    if node.operator == "/":
        return np.multiply(left, _reciprocal(node.right, at))
    combine = {"+": np.add, "-": np.subtract, "*": np.multiply}[node.operator]
    return combine(left, at.of(node.right))


@_evaluate.register
def _(node: syntax.Power, at: _Evaluation) -> Any:
    base = at.of(node.base) if node.exponent > 0 else _reciprocal(node.base, at)
    return _each(lambda element: element ** abs(node.exponent), base)


@_evaluate.register
def _(node: syntax.Contraction, at: _Evaluation) -> Any:
    return np.tensordot(at.of(node.left), at.of(node.right), axes=1)


@_evaluate.register
def _(node: syntax.Concatenation, at: _Evaluation) -> Any:
    return np.concatenate([at.of(operand) for operand in node.operands])


@_evaluate.register
def _(node: syntax.Apply, at: _Evaluation) -> Any:
    if node.function not in ("maximum", "minimum"):
        (operand,) = node.operands
        return at.apply(node.function, at.of(operand))
    first, second = (at.of(operand) for operand in node.operands)
    above = np.subtract(first, second) if node.function == "maximum" else np.subtract(second, first)
    return _choice(above, first, second, at)


@_evaluate.register
def _(node: syntax.Reduction, at: _Evaluation) -> Any:
    operand = at.of(node.operand)
    if node.kind == "max":
        return _maximum(node, operand, at)
    total = np.add.reduce(operand, axis=node.axis)
    if node.kind == "sum":
        return total
    terms = operand.size if node.axis is None else operand.shape[node.axis]
    return np.multiply(_array(total), _array(at.number(Fraction(1, terms))))


@_evaluate.register
def _(node: syntax.Outer, at: _Evaluation) -> Any:
    return np.multiply.outer(at.of(node.left), at.of(node.right))


@_evaluate.register
def _(node: syntax.Spread, at: _Evaluation) -> Any:
    vector = at.of(node.operand)
    column_or_row = vector[:, None] if node.along == 0 else vector[None, :]
    return np.broadcast_to(column_or_row, extents(node.shape, at.sizes))


@_evaluate.register
def _(node: syntax.Transpose, at: _Evaluation) -> Any:
    return at.of(node.operand).T


@_evaluate.register
def _(node: syntax.Stop, at: _Evaluation) -> Any:
    return _each(at.ring.constant, at.of(node.operand))


@_evaluate.register
def _(node: syntax.Macro, at: _Evaluation) -> Any:
    return at.of(node.body)


def _choice(above: Any, first: Any, second: Any, at: _Evaluation) -> Any:
    """The first where `above` is not negative, otherwise the second."""
    takes_first = at.apply("nonnegative", _array(above))
    takes_second = np.subtract(_array(at.number(1)), takes_first)
    return np.add(np.multiply(takes_first, first), np.multiply(takes_second, second))


def _maximum(node: syntax.Reduction, operand: Array, at: _Evaluation) -> Any:
    """The largest element; over a concatenation, the maximum of those of its parts, in order."""
    best: Any = None
    for stretch in _stretches(node, at.sizes):
        largest = _largest(operand[stretch], node.axis, at.ring)
        best = largest if best is None else _choice(np.subtract(best, largest), best, largest, at)
    return best


def _stretches(node: syntax.Reduction, sizes: Sizes) -> Iterator[tuple[slice, ...]]:
    """For each combination of parts of the axes reduced, where it stands in the operand."""
    choices = []
    for number, axis in enumerate(node.operand.shape):
        ends = list(accumulate((sizes[part] for part in axis.parts), initial=0))
        reduced = node.axis is None or node.axis == number
        choices.append(list(starmap(slice, pairwise(ends))) if reduced else [slice(None)])
    return product(*choices)


def _largest(operand: Array, axis: int | None, ring: OracleRing) -> Array:
    rows = operand.reshape(1, -1) if axis is None else np.moveaxis(operand, axis, -1)
    result = np.empty(rows.shape[:-1], dtype=object)
    for index in np.ndindex(result.shape):
        elements = list(rows[index])
        indicators = np.array(ring.first_maximum(elements), dtype=object)
        result[index] = np.dot(indicators, rows[index])
    return result.reshape(()) if axis is None else result


def _reciprocal(divisor: syntax.Node, at: _Evaluation) -> Array:
    """One over a node: exact for an expression of numbers and sizes, otherwise the function `recip`."""
    value = exact(divisor, at.sizes)
    return at.apply("recip", at.of(divisor)) if value is None else _array(at.number(1 / value))


def exact(node: syntax.Node, sizes: Sizes) -> Fraction | None:
    """The value of an expression of numbers and sizes; None for any other."""
    match node:
        case syntax.Number():
            return node.value
        case syntax.Size():
            return Fraction(sizes[node.axis])
        case syntax.Negative():
            value = exact(node.operand, sizes)
            return None if value is None else -value
        case syntax.Power():
            value = exact(node.base, sizes)
            return None if value is None else Fraction(value**node.exponent)
        case syntax.Binary():
            left, right = exact(node.left, sizes), exact(node.right, sizes)
            if left is None or right is None:
                return None
            operations = {"+": Fraction.__add__, "-": Fraction.__sub__, "*": Fraction.__mul__}
            return left / right if node.operator == "/" else operations[node.operator](left, right)
    return None
