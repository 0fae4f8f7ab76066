"""The value of a printed formula in NumPy, with the shapes checked as a reader would check them.

A scalar has no axes, a column vector is (n, 1), a row (1, n), a matrix (n, m). Nothing is broadcast, but a
number along a sum; so a formula that does not fit raises.
"""

import numpy as np

from derive.backends.formula import nodes as f
from derive.functions import evaluate
from derive.system.interpret import constant_value


class Values:
    """`arrays`: (T, …) for what has time; `before`: what a state is at t = -1; `sizes`: of every axis.

    `ended`: what is zero after the last step, the adjoints. `loose`: a scalar may be added to each
    element, as authors do. `blocks`: (variable, state) → the Jacobian, for formulas that refer to one.
    """

    def __init__(self, arrays, before, sizes, ended, changes=None, *, loose=False):
        self.arrays, self.before, self.sizes, self.ended = arrays, before, sizes, ended
        self.changes, self.loose = changes or {}, loose
        self.blocks = {}

    def but(self, changes=None, *, loose=False):
        """The same with changes of some variables, or read loosely."""
        return Values(self.arrays, self.before, self.sizes, self.ended, changes, loose=loose)

    def of(self, formula, t=0):
        """The value at time t."""
        match formula:
            case f.Constant():
                return np.float64(float(constant_value(formula.value, self.sizes)))
            case f.Name():
                return shaped(self.read(self.arrays, formula, t), formula.rank)
            case f.Differential():
                return shaped(self.read(self.changes, formula.of, t), formula.rank)
            case f.Ones():
                return np.ones((sum(self.sizes[part] for part in formula.axis.split(" + ")), 1))
            case f.Negative():
                return -self.of(formula.operand, t)
            case f.Total():
                return self.total(formula, t)
            case f.Scaled():
                scalars = [self.of(s, t) for s in formula.scalars]
                assert all(s.ndim == 0 for s in scalars)
                return np.prod(scalars) * self.of(formula.operand, t)
            case f.Elementwise():
                return same([self.of(g, t) for g in formula.factors])
            case f.Product():
                return self.product(formula, t)
            case f.Transposed():
                value = self.of(formula.operand, t)
                assert value.ndim == 2
                return value.T
            case f.Diagonal():
                value = self.of(formula.operand, t)
                assert value.shape[1:] == (1,)
                return np.diag(value[:, 0])
            case f.Frobenius():
                return np.sum(same([self.of(formula.left, t), self.of(formula.right, t)]))
            case f.Quotient():
                above, below = self.of(formula.above, t), self.of(formula.below, t)
                assert below.ndim == 0 or below.shape == above.shape
                return above / below
            case f.Power():
                return self.of(formula.base, t) ** float(formula.exponent)
            case f.Applied():
                return self.applied(formula, t)
            case f.Called():
                return self.of(formula.body, t)
            case f.Stopped():
                return self.of(formula.operand, t)
            case f.Joined():
                return np.concatenate([self.of(o, t) for o in formula.operands])
            case f.Reduced():
                return self.reduced(formula, t)
            case f.OverTime():
                return sum(self.of(formula.operand, s) for s in range(self.sizes["T"]))
            case f.Partial():
                return shaped(self.blocks[formula.of.name, formula.by.name], formula.rank, row=not formula.of.rank)
            case f.Identity():
                return np.eye(self.sizes[formula.axis])
        return self.entries(formula, t, {})

    def read(self, arrays, name, t):
        array = arrays[name.name]
        if name.shift is None:
            return array
        at = t + name.shift
        if at < 0:
            return self.before[name.name]
        if at < len(array):
            return array[at]
        return np.zeros(array.shape[1:]) if name.name in self.ended else array[-1]

    def total(self, formula, t):
        values = [(term, self.of(term, t)) for term in formula.terms]
        assert len({v.shape for term, v in values if not (is_number(term) or (self.loose and v.ndim == 0))}) <= 1
        return sum(v for _, v in values)

    def product(self, formula, t):
        value, *rest = [self.of(g, t) for g in formula.factors]
        for factor in rest:
            if max(value.ndim, factor.ndim) > 2:
                value = contracted(value, factor)
            else:
                assert value.ndim == factor.ndim == 2
                value = value @ factor
        if formula.rank == 0:
            assert value.shape == (1, 1)
            return value[0, 0]
        return value

    def applied(self, formula, t):
        operands = [self.of(o, t) for o in formula.operands]
        if formula.function in ("maximum", "minimum"):
            return (np.maximum if formula.function == "maximum" else np.minimum)(*operands)
        return np.vectorize(lambda z: float(evaluate(formula.function, float(z))))(operands[0]) + 0.0

    def reduced(self, formula, t):
        value = self.of(formula.operand, t)
        if formula.kind == "first":
            return first_largest(value, formula.axis)
        function = {"sum": np.sum, "mean": np.mean, "max": np.max}[formula.kind]
        if formula.axis is None or formula.operand.rank == 1:
            return function(value)
        return function(value, axis=formula.axis)[:, None]

    def entries(self, formula, t, at):
        """Index notation: with every index in `at`, a scalar."""
        match formula:
            case f.Entry():
                value = self.whole(formula.of, t)
                return value[tuple(at[i] for i in formula.indices)]
            case f.Equal():
                return float(at[formula.left] == at[formula.right])
            case f.Summed():
                ranges = [range(self.sizes[i.axis]) for i in formula.over]
                places = np.array(np.meshgrid(*ranges, indexing="ij")).reshape(len(ranges), -1).T
                found = [dict(zip(formula.over, map(int, place), strict=True)) for place in places]
                return sum(self.entries(formula.operand, t, {**at, **more}) for more in found)
            case f.OverTime():
                return sum(self.entries(formula.operand, s, at) for s in range(self.sizes["T"]))
            case f.Negative():
                return -self.entries(formula.operand, t, at)
            case f.Total():
                return sum(self.entries(term, t, at) for term in formula.terms)
            case f.Scaled():
                parts = [self.entries(s, t, at) for s in (*formula.scalars, formula.operand)]
                return np.prod(parts)
            case f.Power():
                return self.entries(formula.base, t, at) ** float(formula.exponent)
            case f.Applied():
                return float(evaluate(formula.function, float(self.entries(formula.operands[0], t, at))))
        assert formula.rank == 0
        return self.of(formula, t)

    def whole(self, formula, t):
        """A variable or a Jacobian with an axis for each of its indices."""
        if isinstance(formula, f.Partial):
            return self.blocks[formula.of.name, formula.by.name]
        value = self.of(formula, t)
        return value[:, 0] if formula.rank == 1 else value

    def line(self, line, t=0):
        """Both sides of an equation as arrays without empty axes."""
        left, right = line.left, line.right
        if not isinstance(left, f.Entry):
            return self.of(left, t), self.of(right, t)
        whole = self.of(left.of, t)
        whole = whole[:, 0] if left.of.rank == 1 else whole
        value = np.empty(whole.shape)
        for place in np.ndindex(*whole.shape):
            value[place] = self.entries(right, t, dict(zip(left.indices, place, strict=True)))
        return whole, value


def shaped(value, rank, row=False):
    value = np.asarray(value, dtype=float)
    assert value.ndim == rank
    if rank == 1:
        return value[None, :] if row else value[:, None]
    return value


def contracted(left, right):
    """The last axis of one with the first of the other, where one is a tensor."""
    left, right = (v.reshape(-1) if 1 in v.shape else v for v in (left, right))
    value = np.tensordot(left, right, 1)
    return value[:, None] if value.ndim == 1 else value


def same(values):
    assert len({v.shape for v in values}) == 1
    return np.prod(np.stack(values), axis=0)


def is_number(formula):
    return isinstance(formula, f.Constant) or (isinstance(formula, f.Negative) and is_number(formula.operand))


def first_largest(value, axis):
    found = np.zeros(value.shape)
    if axis is None:
        found.flat[np.argmax(value)] = 1.0
        return found
    np.put_along_axis(found, np.expand_dims(np.argmax(value, axis=axis), axis), 1.0, axis=axis)
    return found
