"""What functions of derive refuse, and that they say which argument, what it got, what it expected."""

import numpy as np
import pytest

import derive


@pytest.fixture(scope="module")
def network():
    kernel = derive.build(derive.cell("rnn"))
    rng = np.random.default_rng(0)
    return kernel, kernel.init({"d_x": 3, "d_h": 4}, rng), rng.normal(size=(6, 2, 3))


@pytest.mark.parametrize("function", [derive.prove, derive.build, derive.derivation, derive.gradient_bound])
@pytest.mark.parametrize("cell", ["lstm", None, 3])
def test_a_cell_is_one(function, cell):
    with pytest.raises(TypeError, match=r"^cell: got .*, expected a Cell: what derive\.cell, load or parse"):
        function(cell)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sequence": 2}, "sequence: got 2, expected 0 to 1, one of the batch"),
        ({"sequence": -1}, "sequence: got -1, expected 0 to 1, one of the batch"),
        ({"norm": 3}, "norm: got 3, expected 1, 2 or np.inf"),
    ],
)
def test_gradient_flow(network, options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        derive.gradient_flow(*network, **options)


def test_bounds_of_shares(network):
    flow = derive.gradient_flow(*network)
    for arguments, message in (
        (("W", "block"), "bound: got 'block', expected 'trajectory' or 'static'"),
        (("V", "static"), "parameter: got 'V', expected one of W, U, b"),
    ):
        with pytest.raises(ValueError, match=f"^{message}$"):
            flow.share_bound(*arguments)


def test_diagnose(network):
    kernel, params, x = network
    with pytest.raises(TypeError, match=r"^kernel: got Cell, expected what derive\.build returns$"):
        derive.diagnose(derive.cell("rnn"), params, x)
    with pytest.raises(TypeError, match=r"^params: got list, expected the kernel's Params$"):
        derive.diagnose(kernel, list(params), x)
    for lag in (0, 2.5, "7"):
        with pytest.raises(ValueError, match=rf"^lag: got {lag!r}, expected a whole number of at least 1$"):
            derive.diagnose(kernel, params, x, lag=lag)
    with pytest.raises(derive.pipeline.NetworkError, match=r"^x: the network's states are no longer finite .* step 1"):
        derive.diagnose(kernel, params, np.full_like(x, np.nan))


@pytest.mark.parametrize("backend", ["numpy", pytest.param("c", marks=pytest.mark.needs("cc"))])
def test_sizes_and_generators(backend):
    kernel = derive.build(derive.cell("rnn"), backend=backend)
    with pytest.raises(ValueError, match=r"^sizes: got \{'d_x': 3\}, expected also d_h$"):
        kernel.unflatten(np.zeros(10), {"d_x": 3})
    with pytest.raises(ValueError, match=r"^sizes: got d_h = -1, expected a whole number of at least 1$"):
        kernel.init({"d_x": 3, "d_h": -1}, np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"^rng: got int, expected a numpy\.random\.Generator$"):
        kernel.init({"d_x": 3, "d_h": 4}, 0)


def test_what_a_state_keeps_is_told_in_the_authors_words():
    cell = derive.parse("input x : d\nstate h : d\nh[t] = tanh(1 / (2 + h[t-1] + W @ x))", "inverse")
    kernel = derive.build(cell)
    rng = np.random.default_rng(0)
    told = derive.diagnose(kernel, kernel.init({"d": 3}, rng), rng.normal(size=(30, 1, 3))).sentences
    assert any(s.startswith("h keeps a part of its old value at each step: a time scale of ") for s in told)
