"""Numbers at the ends of what floating point has: infinities that are not selected, reciprocals that are huge."""

import numpy as np
import pytest

import derive

LARGER = """
input x : d
state h : d
h[t] = tanh(maximum(W @ h[t-1] + U @ x, log(a * x)))
"""

pytestmark = pytest.mark.parametrize("backend", ["numpy", pytest.param("c", marks=pytest.mark.needs("cc"))])


def kernel(cell, backend):
    return derive.build(cell, backend=backend, dtype="float32")



@pytest.mark.parametrize("name", ["slstm", "mlstm"])
def test_a_running_maximum_may_start_from_nothing(backend, name):
    made, rng = kernel(derive.cell(name), backend), np.random.default_rng(0)
    sizes = dict.fromkeys(made.cell.axes, 3)
    params, x = made.init(sizes, rng), rng.normal(size=(6, 2, 3)).astype("f4")
    begun = made.forward(params, x)[1]
    nothing = type(begun)(*(np.zeros_like(a) for a in begun))._replace(m=np.full_like(begun.m, -np.inf))
    y, final, tape = made.forward(params, x, nothing)
    gradients = made.backward(params, tape, dy=y)
    assert all(np.isfinite(a).all() for a in (y, *final, *gradients[0], gradients[1], *gradients[2]))
    # whatever it starts from below what comes, the stabiliser leaves what it divides out
    low = nothing._replace(m=np.full_like(begun.m, -80))
    np.testing.assert_allclose(y, made.forward(params, x, low)[0], rtol=1e-5, atol=1e-6)


def test_an_infinity_that_is_not_the_larger_leaves_no_trace(backend):
    made, rng = kernel(derive.parse(LARGER, "larger"), backend), np.random.default_rng(0)
    params = made.init({"d": 3}, rng)
    x = np.zeros((4, 2, 3), "f4")
    with np.errstate(divide="ignore"):  # log(0) is what is asked for
        y, _, _ = made.forward(params, x, made.State(np.ones((2, 3), "f4")))
    state, expected = np.ones((2, 3), "f4"), []
    for _ in x:
        state = np.tanh(state @ params.W.T)
        expected.append(state)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-7)


def test_an_infinity_may_be_clipped(backend):
    text = LARGER.replace("maximum(W @ h[t-1] + U @ x, log(a * x))", "maximum(minimum(W @ h[t-1] + a * x, 1), -2) / 2")
    made = kernel(derive.parse(text, "clipped"), backend)
    params = made.init({"d": 3}, np.random.default_rng(0))
    params = params._replace(a=np.ones_like(params.a))
    x = np.full((2, 1, 3), np.inf, "f4")
    for sign, expected in ((1, 0.5), (-1, -1)):
        np.testing.assert_allclose(made.forward(params, sign * x)[0], np.tanh(expected), rtol=1e-6)


@pytest.mark.parametrize("bias", [-20, -44, -60, -80])
def test_gradients_of_a_quotient_of_tiny_numbers_are_finite(backend, bias):
    made, rng = kernel(derive.cell("slstm"), backend), np.random.default_rng(0)
    params, x = made.init({"d_x": 3, "d_h": 4}, rng), rng.normal(size=(5, 2, 3)).astype("f4")
    params = params._replace(b_i=np.full_like(params.b_i, bias))
    y, _, tape = made.forward(params, x)
    dparams, dx, _ = made.backward(params, tape, dy=y)
    assert np.isfinite(y).all()
    assert all(np.isfinite(a).all() for a in (*dparams, dx))
