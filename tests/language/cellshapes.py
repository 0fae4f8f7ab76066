"""An oracle for shapes: the tree evaluated in NumPy with a different prime size for every axis."""

import numpy as np

from derive.language import syntax as s

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97)


def sizes_of(cell):
    """A size for each axis, no two alike."""
    return dict(zip(cell.axes, _PRIMES, strict=False))


def length(shape, sizes):
    return tuple(sum(sizes[part] for part in axis.parts) for axis in shape)


def check(cell):
    """Evaluate every equation; assert that each node has the shape that it says. Returns the values."""
    sizes = sizes_of(cell)
    assert len(sizes) == len(cell.axes)
    rng = np.random.default_rng(0)
    old = {v.name: rng.uniform(0.1, 1, length(v.shape, sizes)) for v in cell.of_role("state")}
    now = {
        v.name: rng.uniform(0.1, 1, length(v.shape, sizes))
        for v in (*cell.of_role("input"), *cell.of_role("param"))
    }
    for equation in cell.equations:
        now[equation.target] = value(equation.value, now, old, sizes)
        assert now[equation.target].shape == length(cell.variables[equation.target].shape, sizes)
    return now, old, sizes


def value(node, now, old, sizes):
    result = np.asarray(_value(node, now, old, sizes))
    assert result.shape == length(node.shape, sizes), node
    return result


def _same(a, b):
    assert () in (a.shape, b.shape) or a.shape == b.shape


def _value(node, now, old, sizes):
    def of(part):
        return value(part, now, old, sizes)

    match node:
        case s.Number():
            return float(node.value)
        case s.Size():
            return sizes[node.axis]
        case s.Reference():
            return (old if node.lag else now)[node.name]
        case s.Negative():
            return -of(node.operand)
        case s.Binary():
            left, right = of(node.left), of(node.right)
            _same(left, right)
            return {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[node.operator](
                left, right
            )
        case s.Power():
            return of(node.base) ** float(node.exponent)
        case s.Contraction():
            return np.tensordot(of(node.left), of(node.right), axes=(-1, 0))
        case s.Concatenation():
            return np.concatenate([of(part) for part in node.operands])
        case s.Apply(function="maximum" | "minimum"):
            left, right = (of(part) for part in node.operands)
            _same(left, right)
            return getattr(np, node.function)(left, right)
        case s.Apply():
            return _FUNCTIONS.get(node.function, np.tanh)(of(node.operands[0]))
        case s.Reduction():
            return getattr(np, node.kind)(of(node.operand), axis=node.axis)
        case s.Outer():
            return np.outer(of(node.left), of(node.right))
        case s.Spread():
            vector = of(node.operand)
            full = length(node.shape, sizes)
            return np.broadcast_to(vector[:, None] if node.along == 0 else vector[None, :], full)
        case s.Transpose():
            return of(node.operand).T
        case s.Stop():
            return of(node.operand)
        case s.Macro():
            for part in node.operands:
                of(part)
            return of(node.body)
    raise TypeError(node)


_FUNCTIONS = {
    "exp": np.exp,
    "sqrt": lambda v: np.sqrt(np.abs(v)),
    "abs": np.abs,
    "relu": lambda v: np.maximum(v, 0),
}
