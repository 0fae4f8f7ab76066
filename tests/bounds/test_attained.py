"""The bound of a simple recurrent network is attained: a network in which no inequality loses anything."""

import numpy as np
import pytest
from boundcells import bounds_of
from cellfolder import cell, module

from derive import gradient_flow
from derive.functions import slope_bound
from derive.pipeline.kernels import NumPyKernel


def constructed(norm, weight, size=5):
    """h = 0, x = 0, b = 0, where tanh is steepest, and a matrix that scales every vector alike in the norm."""
    made, rng = bounds_of("rnn"), np.random.default_rng(0)
    matrix = np.linalg.qr(rng.normal(size=(size, size)))[0] if norm == 2 else np.eye(size)[rng.permutation(size)]
    return made.Params(weight * matrix, rng.normal(size=(size, 3)), np.zeros(size))


@pytest.mark.parametrize("norm", [1, 2, np.inf])
@pytest.mark.parametrize("weight", [0.5, 1.0, 1.5])
def test_equality(norm, weight):
    params, steps = constructed(norm, weight), 30
    kernel = NumPyKernel(cell("rnn"), module("rnn"), "", np.dtype(np.float64))
    flow = gradient_flow(kernel, module("rnn").Params(*params), np.zeros((steps, 1, 3)), norm=norm)
    measured = 10 ** flow.measured["h", "h"]
    bound = (float(slope_bound("tanh").exact) * weight) ** np.arange(steps + 1)
    assert np.abs(measured / bound - 1).max() <= 1e-12
    certificate = bounds_of("rnn").certify(params, np.zeros(3), np.zeros(5), norm)
    assert certificate.rate == pytest.approx(weight, rel=1e-12)
    assert certificate.contracts == (weight < 1)


def test_a_smaller_factor_would_not_bound_it():
    params = constructed(2, 0.9)
    x, state = np.zeros(3), np.zeros(5)
    jacobian = bounds_of("rnn").step_jacobian(params, x, bounds_of("rnn").State(state))["h", "h"]
    assert np.linalg.norm(jacobian, 2) > (1 - 1e-9) * 0.9
