"""The oracle's Jacobian of a step against Jacobians written by hand, and against the articles' cells."""

from types import SimpleNamespace

import articlecells
import numpy as np
import pytest
from articlecells import sigmoid
from cellfolder import EVERY, Arguments, bare, cell, module, numbers
from jacobians import sizes, step_jacobian
from published import PARAMETERS, blank

from derive.language import parse
from derive.proof import relative_error


def random_network(name: str, d_h: int = 4, d_x: int = 3, seed: int = 0):
    rng = np.random.default_rng(seed)
    p = blank(name, d_h, d_x)
    for array in vars(p).values():
        array[...] = rng.normal(size=array.shape)
    states = [variable.name for variable in cell(name).of_role("state")]
    return p, rng.normal(size=d_x), {state: rng.normal(size=d_h) for state in states}


def test_rnn_by_hand() -> None:
    p, x, state = random_network("rnn")
    blocks = step_jacobian(cell("rnn"), vars(p), x, state["h"])
    slope = 1 - np.tanh(p.W @ state["h"] + p.U @ x + p.b) ** 2
    assert list(blocks) == [("h", "h")]
    assert relative_error(blocks["h", "h"], np.diag(slope) @ p.W) < 1e-14


def test_lstm_by_hand() -> None:
    p, x, state = random_network("lstm")
    hx = np.concatenate([state["h"], x])
    f, i, o = (sigmoid(getattr(p, f"W_{gate}") @ hx + getattr(p, f"b_{gate}")) for gate in "fio")
    g = np.tanh(p.W_c @ hx + p.b_c)
    U_f, U_i, U_c, U_o = (getattr(p, f"W_{gate}")[:, :4] for gate in "fico")
    c_by_h = np.diag(state["c"] * f * (1 - f)) @ U_f + np.diag(g * i * (1 - i)) @ U_i + np.diag(i * (1 - g**2)) @ U_c
    c = np.tanh(f * state["c"] + i * g)
    expected = {
        ("c", "c"): np.diag(f),
        ("c", "h"): c_by_h,
        ("h", "c"): np.diag(o * (1 - c**2) * f),
        ("h", "h"): np.diag(c * o * (1 - o)) @ U_o + np.diag(o * (1 - c**2)) @ c_by_h,
    }
    blocks = step_jacobian(cell("lstm"), vars(p), x, state)
    assert blocks.keys() == expected.keys()
    for key, block in expected.items():
        assert relative_error(blocks[key], block) < 1e-14


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize(("d_h", "d_x"), [(1, 1), (2, 3), (5, 1)])
def test_the_cells_of_the_articles(name: str, d_h: int, d_x: int) -> None:
    p, x, state = random_network(name, d_h, d_x, seed=1)
    expected = articlecells.step_jacobian(name, p, x, state)
    for key, block in step_jacobian(cell(name), vars(p), x, state).items():
        assert relative_error(block, expected[key]) < 1e-14


def test_elements_of_a_matrix_state_count_row_by_row() -> None:
    decay = parse("input x : d_x\nstate C : d_v, d_k\nC[t] = rows(w) * C[t-1] + outer(V @ x, K @ x)", name="decay")
    p = SimpleNamespace(w=np.array([2.0, 3.0]), V=np.ones((2, 4)), K=np.ones((3, 4)))
    (block,) = step_jacobian(decay, vars(p), np.ones(4), np.ones((2, 3))).values()
    assert np.array_equal(block, np.diag([2.0, 2, 2, 3, 3, 3]))


@pytest.mark.parametrize("name", EVERY)
def test_any_cell_by_the_generated_gradients(name: str) -> None:
    """Each row is the gradient of one element of a final state; kinks and `stop` count alike in both."""
    of, made = cell(name), module(name)
    extents = {axis: 2 + k for k, axis in enumerate(of.axes)}
    given = Arguments(made, numbers(of, {"T": 1, "B": 1} | extents, seed=2))
    params = given.params._asdict()
    x = {key: array[0, 0] for key, array in given.inputs._asdict().items()}
    state = {key: array[0] for key, array in given.initial._asdict().items()}
    assert sizes(of, params | x | state) == extents
    blocks = step_jacobian(of, params, bare(tuple(x.values())) if len(x) == 1 else x, state)
    assert blocks.keys() == {(target, source) for target in state for source in state}
    _, _, tape = made.forward(given.params, given.x, given.initial)
    nothing = bare(made.Output(*(np.zeros_like(array) for array in given.doutputs)))
    for target, after in state.items():
        rows: dict[str, list[np.ndarray]] = {source: [] for source in state}
        for index in np.ndindex(after.shape):
            weights = made.State(**{key: np.zeros((1, *array.shape)) for key, array in state.items()})
            getattr(weights, target)[(0, *index)] = 1
            _, _, dinitial = made.backward(given.params, tape, nothing, weights)
            for source, gradient in dinitial._asdict().items():
                rows[source].append(gradient.ravel())
        for source in state:
            assert relative_error(blocks[target, source], np.array(rows[source])) < 1e-12, (target, source)
