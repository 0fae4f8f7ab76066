"""The oracle against cells written by hand in NumPy, and each construct of the language by itself."""

import numpy as np
import pytest

from derive.language import Cell, parse
from derive.proof import Problem, complex_step, pose, relative_error
from derive.proof.oracle import run
from derive.proof.rings import Complexes

LSTM = """
input x : d_x
state h, c : d_h
f = sigmoid(W_f @ [h[t-1], x] + b_f)
i = sigmoid(W_i @ [h[t-1], x] + b_i)
g = tanh(W_c @ [h[t-1], x] + b_c)
o = sigmoid(W_o @ [h[t-1], x] + b_o)
c[t] = f * c[t-1] + i * g
h[t] = o * tanh(c[t])
"""

MATRIX_MEMORY = """
input x : d_x
state C : d_v, d_k
state n : d_k
output y
q = W_q @ x
k = (W_k @ x) / sqrt(d_k)
v = W_v @ x
f = sigmoid(dot(w_f, x) + b_f)
i = exp(dot(w_i, x))
C[t] = f * C[t-1] + i * outer(v, k)
n[t] = f * n[t-1] + i * k
y = C[t] @ q / maximum(abs(dot(n[t], q)), 1)
"""


def numbers(cell: Cell, sizes: dict[str, int], seed: int = 0) -> Problem:
    rng = np.random.default_rng(seed)
    return pose(cell, sizes, lambda _: float(rng.normal()))


def forward(cell: Cell, problem: Problem) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    groups = (problem.params, problem.inputs, problem.initial)
    results = run(cell, Complexes(), problem.sizes, *groups)
    return tuple({name: array.astype(complex) for name, array in result.items()} for result in results)


def floats(arrays) -> dict[str, np.ndarray]:
    return {name: array.astype(complex) for name, array in arrays.items()}


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("offset", [0, 0.1j], ids=["real", "complex"])
def test_lstm(offset: complex) -> None:
    cell, rng = parse(LSTM, name="lstm"), np.random.default_rng(5)
    problem = pose(cell, {"T": 4, "B": 2, "d_x": 3, "d_h": 5}, lambda _: float(rng.normal()) + offset)
    p, x, state = floats(problem.params), floats(problem.inputs)["x"], floats(problem.initial)
    h, c, expected = state["h"], state["c"], []
    for t in range(4):
        hx = np.concatenate([h, x[t]], axis=1)
        f, i, o = (sigmoid(hx @ p["W_" + gate].T + p["b_" + gate]) for gate in "fio")
        c = f * c + i * np.tanh(hx @ p["W_c"].T + p["b_c"])
        h = o * np.tanh(c)
        expected.append(h)
    outputs, final = forward(cell, problem)
    assert relative_error(outputs["h"], np.array(expected)) < 1e-14
    assert relative_error(final["c"], c) < 1e-14
    assert relative_error(final["h"], h) < 1e-14


def test_matrix_memory() -> None:
    cell = parse(MATRIX_MEMORY, name="memory")
    problem = numbers(cell, {"T": 3, "B": 2, "d_x": 4, "d_v": 3, "d_k": 5})
    p, x, state = floats(problem.params), floats(problem.inputs)["x"], floats(problem.initial)
    C, n, expected = state["C"], state["n"], []
    for t in range(3):
        q, k, v = x[t] @ p["W_q"].T, x[t] @ p["W_k"].T / np.sqrt(5), x[t] @ p["W_v"].T
        f, i = sigmoid(x[t] @ p["w_f"] + p["b_f"]), np.exp(x[t] @ p["w_i"])
        C = f[:, None, None] * C + i[:, None, None] * np.einsum("nv,nk->nvk", v, k)
        n = f[:, None] * n + i[:, None] * k
        below = np.maximum(np.abs(np.einsum("nk,nk->n", n, q)), 1)
        expected.append(np.einsum("nvk,nk->nv", C, q) / below[:, None])
    outputs, final = forward(cell, problem)
    assert relative_error(outputs["y"], np.array(expected)) < 1e-14
    assert relative_error(final["C"], C) < 1e-14


CONSTRUCTS = {
    "maximum(x, y)": np.maximum,
    "minimum(x, y)": np.minimum,
    "max(x) * y": lambda x, y: x.max() * y,
    "sum(x) - y": lambda x, y: x.sum() - y,
    "mean(x) * -y": lambda x, y: x.mean() * -y,
    "sum(outer(x, y), axis=0)": lambda x, y: x.sum() * y,
    "mean(outer(x, y), axis=1)": lambda x, y: x * y.mean(),
    "max(outer(x, y), axis=1)": lambda x, y: np.outer(x, y).max(axis=1),
    "max(outer(x, y), axis=0)": lambda x, y: np.outer(x, y).max(axis=0),
    "sum(outer(x, y)) * x": lambda x, y: np.outer(x, y).sum() * x,
    "transpose(outer(x, y)) @ x": lambda x, y: np.outer(y, x) @ x,
    "x @ outer(y, x)": lambda x, y: x @ np.outer(y, x),
    "(rows(x) * outer(y, x)) @ y": lambda x, y: (x[:, None] * np.outer(y, x)) @ y,
    "(cols(x) * outer(y, x)) @ y": lambda x, y: (x[None, :] * np.outer(y, x)) @ y,
    "x / y": lambda x, y: x / y,
    "x / (d + 1)": lambda x, y: x / 4,
    "x**2 * y**(-3)": lambda x, y: x**2 / y**3,
    "stop(x) * y": lambda x, y: x * y,
    "softmax(x) * y": lambda x, y: np.exp(x) / np.exp(x).sum() * y,
}


@pytest.mark.parametrize("written", CONSTRUCTS)
def test_construct(written: str) -> None:
    cell = parse(f"input x, y : d\nstate h : d\nh[t] = h[t-1] + {written}", name="construct")
    problem = numbers(cell, {"T": 1, "B": 1, "d": 3})
    x, y, h = (problem.leaves()[name].astype(float).reshape(3) for name in "xyh")
    outputs, _ = forward(cell, problem)
    assert relative_error(outputs["h"][0, 0], h + CONSTRUCTS[written](x, y)) < 1e-14


def test_concatenated_axes_lie_end_to_end() -> None:
    cell = parse("input x : d_x\nstate h : d_h\nh[t] = W @ [x, h[t-1], x]", name="columns")
    problem = numbers(cell, {"T": 1, "B": 1, "d_x": 2, "d_h": 3})
    x, h = problem.inputs["x"][0, 0].astype(float), problem.initial["h"][0].astype(float)
    expected = problem.params["W"].astype(float) @ np.concatenate([x, h, x])
    assert relative_error(forward(cell, problem)[0]["h"][0, 0], expected) < 1e-14


def test_scalar_states_and_outputs() -> None:
    cell = parse("input x : d_x\nstate s\noutput s\ns[t] = s[t-1] / 2 + sum(x)", name="scalar")
    problem = numbers(cell, {"T": 2, "B": 3, "d_x": 2})
    x, s = problem.inputs["x"].astype(float), problem.initial["s"].astype(float)
    first = s / 2 + x[0].sum(axis=1)
    outputs, final = forward(cell, problem)
    assert relative_error(outputs["s"], np.array([first, first / 2 + x[1].sum(axis=1)])) < 1e-14
    assert relative_error(final["s"], outputs["s"][1]) == 0


@pytest.mark.parametrize(
    ("written", "slope_x", "slope_y"),
    [
        ("maximum(x, y)", 1, 0),
        ("minimum(x, y)", 1, 0),
        ("relu(x - y)", 0, 0),
        ("abs(x - y)", 0, 0),
        ("max([x, y])", 1, 0),
        ("x * stop(y)", 1, 0),
        ("x**(-2) + y / 4", -2, 0.25),
    ],
)
def test_slopes_at_ties(written: str, slope_x: float, slope_y: float) -> None:
    """Everything is 1: the first operand, the lowest index, and no slope at a kink."""
    cell = parse(f"input x, y : d\nstate h : d\nh[t] = 0 * h[t-1] + {written}", name="tie")
    result = complex_step(cell, pose(cell, {"T": 1, "B": 1, "d": 1}, lambda _: 1.0))
    # The loss weighs the output and the final state by one each.
    assert result.dinputs["x"].item() == 2 * slope_x
    assert result.dinputs["y"].item() == 2 * slope_y


def test_relative_error() -> None:
    zero, one = np.zeros(2), np.array([1.0, -4.0])
    assert relative_error(zero, zero) == 0
    assert relative_error(one, zero) == float("inf")
    assert relative_error(one + np.array([0, 1]), one) == 0.25
    with pytest.raises(ValueError, match=r"got \(2,\), expected \(1,\)"):
        relative_error(one, one[:1])
