"""Gradient flow as measured: against Jacobians by differences, backward, and networks solved on paper."""

from functools import cache

import numpy as np
import pytest
from cellfolder import SHIPPED, cell

import derive
from derive.pipeline.gradient_bound import gradient_bound

LINEAR = "input x : d_x\nstate h : d_h\nh[t] = W @ h[t-1] + U @ x\n"
TWO = """\
input x : d_x
input u : d_h
state h : d_h
state k : d_k
output y, k
f = sigmoid(V @ [h[t-1], x] + b)
h[t] = f * h[t-1] + (1 - f) * tanh(A @ k[t-1] + u)
k[t] = 0.5 * k[t-1] + tanh(B @ h[t])
y = h[t] * h[t]
"""
LEAKY = "input x : d_h\nstate h : d_h\nh[t] = 0.5 * h[t-1] + tanh(W @ h[t-1] + x)\n"
MATRIX = "mlstm"


@cache
def built(name, **options):
    return derive.build(named(name), **options)


def network(of, size=4, seed=0, spread=0.6, **options):
    """A kernel, every parameter N(0, spread²), inputs of seven steps and two sequences."""
    kernel = built(of.name, **options)
    rng = np.random.default_rng(seed)
    sizes = {axis: size - k % 2 for k, axis in enumerate(of.axes)}
    dtype = kernel.init(sizes, rng)[0].dtype
    params = kernel.Params(*(rng.normal(0, spread, p.shape).astype(dtype) for p in kernel.init(sizes, rng)))
    shapes = [[sum(sizes[p] for p in axis.parts) for axis in v.shape] for v in of.of_role("input")]
    x = kernel.Inputs(*(rng.normal(size=(7, 2, *shape)).astype(dtype) for shape in shapes))
    return kernel, params, x if len(x) > 1 else x[0]


def dense_rows(kernel, params, x, sequence):
    """∂s[T]/∂s[0] of one sequence, a row for each element of s[T], by the kernel's own backward."""
    y, final, tape = kernel.forward(params, x)
    silent = kernel.Output(*(np.zeros_like(a) for a in (y if isinstance(y, tuple) else (y,))))
    rows = []
    for name, array in final._asdict().items():
        for place in np.ndindex(array.shape[1:]):
            seed = {n: np.zeros_like(a) for n, a in final._asdict().items()}
            seed[name][(sequence, *place)] = 1
            _, _, dinitial = kernel.backward(params, tape, silent, kernel.State(**seed))
            rows.append(np.concatenate([d[sequence].reshape(-1) for d in dinitial]))
    return np.array(rows, np.float64)


def split_rows(final, matrix):
    """The blocks of a matrix of all states by all states."""
    ends = np.cumsum([0, *(a[0].size for a in final)])
    parts = {n: slice(a, b) for n, a, b in zip(final._fields, ends, ends[1:], strict=False)}
    return {(a, b): matrix[parts[a], parts[b]] for a in parts for b in parts}


CASES = {"lstm": {}, "gru_reset_after": {}, MATRIX: {}, "slstm": {}, "two": {}}


def named(name):
    written = {"two": TWO, "leaky": LEAKY}
    return derive.parse(written[name], name) if name in written else cell(name)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
@pytest.mark.parametrize("name", CASES)
def test_measured_norms_are_those_of_what_backward_gives(name, norm):
    kernel, params, x = network(named(name))
    flow = derive.gradient_flow(kernel, params, x, norm=norm, sequence=1)
    matrix = dense_rows(kernel, params, x, 1)
    assert 10 ** flow.whole[-1] == pytest.approx(np.linalg.norm(matrix, norm), rel=1e-9)
    for pair, block in split_rows(kernel.forward(params, x)[1], matrix).items():
        assert 10 ** flow.measured[pair][-1] == pytest.approx(np.linalg.norm(block, norm), rel=1e-9, abs=1e-14)


def test_measured_norms_are_those_of_differences():
    """At every lag, the last states as a function of earlier ones, stepped by hand."""
    kernel, params, x = network(cell("lstm"))
    flow = derive.gradient_flow(kernel, params, x)
    states = [kernel.State(h=np.zeros((1, 3)), c=np.zeros((1, 3)))]
    for x_t in x[:, :1]:
        states.append(kernel.step(params, x_t, states[-1])[1])

    def last(vector, start):
        state = kernel.State(h=vector[None, :3], c=vector[None, 3:])
        for x_t in x[start:, :1]:
            state = kernel.step(params, x_t, state)[1]
        return np.concatenate(state, axis=1)[0]

    for lag in range(8):
        at = np.concatenate(states[7 - lag], axis=1)[0]
        steps = 1e-6 * np.eye(6)
        columns = [(last(at + e, 7 - lag) - last(at - e, 7 - lag)) / 2e-6 for e in steps]
        assert 10 ** flow.whole[lag] == pytest.approx(np.linalg.norm(np.array(columns).T, 2), rel=1e-7)


@pytest.mark.needs("cc")
def test_a_compiled_kernel_in_single_precision():
    kernel, params, x = network(cell("lstm"), backend="c", dtype="float32")
    double = built("lstm")
    wide = double.Params(*(np.asarray(p, np.float64) for p in params))
    got = derive.gradient_flow(kernel, params, x)
    wanted = derive.gradient_flow(double, wide, np.asarray(x, np.float64))
    np.testing.assert_allclose(got.whole, wanted.whole, atol=1e-5)
    np.testing.assert_allclose(got.shares["W_f"], wanted.shares["W_f"], atol=1e-4)
    np.testing.assert_allclose(got.exponents, wanted.exponents, atol=1e-4)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
@pytest.mark.parametrize("name", [*SHIPPED, "two"])
def test_nothing_measured_is_above_a_bound(name, norm):
    kernel, params, x = network(named(name))
    flow = derive.gradient_flow(kernel, params, x, norm=norm)
    for bound in (flow.trajectory, flow.block, flow.static):
        assert (flow.whole <= bound + 1e-9).all()
        assert all((values <= bound + 1e-9).all() for values in flow.measured.values())
    for weight, shares in flow.shares.items():
        for kind in ("trajectory", "static"):
            above = flow.share_bound(weight, kind)
            assert (shares <= above * (1 + 1e-9)).all()
            assert above[-1] == shares[-1]
    assert (flow.share_bound(weight, "trajectory")[:-2] > shares[:-2]).any() or not shares[:-2].any()


@pytest.mark.parametrize("name", [*SHIPPED, "two"])
def test_shares_and_paths_sum_to_one(name):
    flow = derive.gradient_flow(*network(named(name)))
    assert sum(flow.paths.values()) == pytest.approx(1)
    for weight, shares in flow.shares.items():
        assert shares.sum() == pytest.approx(1) or not shares.any(), weight


def test_shares_are_those_of_a_weight_changed_at_one_step_alone():
    kernel, params, x = network(cell("lstm"))
    flow = derive.gradient_flow(kernel, params, x)

    def energy(k, change):
        state = None
        for t, x_t in enumerate(x[:, :1]):
            used = params._replace(b_f=params.b_f + change) if t == k else params
            y, state = kernel.step(used, x_t, state)
        return float((y * y).sum()) / 2

    steps = 1e-6 * np.eye(3)
    norms = np.array([np.linalg.norm([(energy(k, e) - energy(k, -e)) / 2e-6 for e in steps]) for k in range(7)])
    np.testing.assert_allclose(flow.shares["b_f"], norms / norms.sum(), rtol=1e-5, atol=1e-9)


def test_the_adjoint_is_the_gradient_by_the_first_state():
    kernel, params, x = network(named("two"))
    flow = derive.gradient_flow(kernel, params, x, norm=1)
    y, _, tape = kernel.forward(params, x)
    dy = kernel.Output(*(np.concatenate([np.zeros_like(a[:-1]), a[-1:]]) for a in y))
    _, _, dinitial = kernel.backward(params, tape, dy)
    assert 10 ** flow.adjoint[0] == pytest.approx(max(abs(d[0]).max() for d in dinitial), rel=1e-9)


# -- what is known on paper


@pytest.fixture(scope="module")
def linear():
    return derive.build(derive.parse(LINEAR))


def test_products_that_underflow_are_followed_to_the_end(linear):
    params = linear.Params(W=np.diag([0.4, 0.01]), U=np.eye(2))
    flow = derive.gradient_flow(linear, params, np.ones((2000, 1, 2)))
    np.testing.assert_allclose(flow.whole, np.arange(2001) * np.log10(0.4), atol=1e-8)
    np.testing.assert_allclose(flow.trajectory, flow.whole, atol=1e-6)
    np.testing.assert_allclose(flow.static, flow.whole, atol=1e-6)
    np.testing.assert_allclose(flow.adjoint[0] - flow.adjoint[1000], 1000 * np.log10(0.4), atol=1e-6)
    assert flow.shares["W"][-40:].sum() == pytest.approx(1)


def test_products_that_overflow_are_too(linear):
    params = linear.Params(W=np.array([[0.0, 7.0], [-7.0, 0.0]]), U=np.eye(2))
    flow = derive.gradient_flow(linear, params, np.zeros((2000, 1, 2)))
    np.testing.assert_allclose(flow.whole, np.arange(2001) * np.log10(7), atol=1e-8)
    assert flow.exponents == pytest.approx([np.log(7)] * 2)


def test_exponents_of_a_linear_network_are_those_of_its_eigenvalues(linear):
    base = np.array([[1.0, 0.5, 0.0], [0.2, 1.0, 0.3], [0.0, -0.4, 1.0]])
    params = linear.Params(W=base @ np.diag([1.1, 0.7, 0.2]) @ np.linalg.inv(base), U=np.eye(3))
    flow = derive.gradient_flow(linear, params, np.zeros((3000, 1, 3)))
    np.testing.assert_allclose(flow.exponents, np.log([1.1, 0.7, 0.2]), atol=2e-3)


def test_the_direct_path_is_the_product_of_the_forget_gates():
    kernel, params, x = network(cell("lstm"))
    flow = derive.gradient_flow(kernel, params, x)
    f = kernel.forward(params, x)[2].f[:, 0]
    np.testing.assert_allclose(flow.retained["c"], f, rtol=1e-12)
    wanted = [np.log10(f[7 - lag :].prod(axis=0).max()) for lag in range(8)]
    np.testing.assert_allclose(flow.direct["c"], wanted, atol=1e-12)
    assert "h" not in flow.direct


@pytest.mark.parametrize(("name", "state", "kept"), [("delta_rule", "S", 1), ("leaky", "h", 0.5)])
def test_what_a_states_own_equation_mixes_is_no_direct_path(name, state, kept):
    flow = derive.gradient_flow(*network(named(name)))
    assert (flow.retained[state] == kept).all()
    assert flow.direct[state][-1] == pytest.approx(7 * np.log10(kept))
    assert {(state, state, ()), (state, state, (state,))} <= set(flow.paths)


# -- arguments


def test_one_sequence_of_a_batch_is_measured():
    kernel, params, x = network(cell("gru"))
    alone = derive.gradient_flow(kernel, params, x[:, 1:])
    of_two = derive.gradient_flow(kernel, params, x, sequence=1)
    np.testing.assert_allclose(of_two.whole, alone.whole, atol=1e-12)
    assert not np.allclose(of_two.whole, derive.gradient_flow(kernel, params, x).whole)


def test_the_initial_state_counts():
    kernel, params, x = network(cell("gru"))
    initial = kernel.State(h=np.full((2, 3), 0.9))
    assert not np.allclose(
        derive.gradient_flow(kernel, params, x, initial).whole, derive.gradient_flow(kernel, params, x).whole
    )


def test_wrong_arguments_are_refused():
    kernel, params, x = network(cell("gru"))
    with pytest.raises(ValueError, match="norm: got 3, expected 1, 2 or"):
        derive.gradient_flow(kernel, params, x, norm=3)
    with pytest.raises(TypeError, match=r"expected what derive\.build returns"):
        derive.gradient_flow(object(), params, x)
    with pytest.raises(ValueError, match="x: got shape"):
        derive.gradient_flow(kernel, params, x[:0])


# -- the 2-norm's bound, which the driver leans on


@pytest.mark.parametrize("size", [3, 64, 65, 120])
def test_the_bound_of_the_spectral_norm_is_one_and_tight(size):
    measure = gradient_bound(cell("rnn")).measure
    rng = np.random.default_rng(size)
    square = rng.normal(size=(size, size))
    matrices = {
        "square": square,
        "tall": rng.normal(size=(size, 2)),
        "orthogonal": np.linalg.qr(square)[0],
        "one direction": np.outer(square[0], square[1]),
        "diagonal": np.diag(square[0]),
        "near to diagonal": np.eye(size) + 1e-9 * square,
        "two directions alike": np.linalg.qr(square)[0] @ np.diag([1, 1 - 1e-9, *[0.5] * (size - 2)]),
        "tiny": 1e-200 * square,
        "first column only": np.where(np.arange(size) == 0, square, 0),
    }
    for name, matrix in matrices.items():
        true = np.linalg.svd(matrix)[1][0]
        assert true <= measure(matrix, 2) <= true * 1.002, name
    assert measure(np.zeros((size, size)), 2) == 0
