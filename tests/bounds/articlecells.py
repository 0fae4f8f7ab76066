"""The four cells of the published theorems, typed from their articles, and their true Jacobians.

In: parameters as attributes, an input (..., d_x) and the states (..., d_h). Out: the new states. Real or complex,
any leading axes. Nothing of derive is used: this is what the theorems of `published` are checked with.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
States = dict[str, Array]
STEP = 1e-30


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def rnn(p: Any, x: Array, s: States) -> States:
    return {"h": np.tanh(s["h"] @ p.W.T + x @ p.U.T + p.b)}


def lstm(p: Any, x: Array, s: States) -> States:
    d = len(p.b_f)

    def net(W: Array, b: Array) -> Array:
        return s["h"] @ W[:, :d].T + x @ W[:, d:].T + b

    c = sigmoid(net(p.W_f, p.b_f)) * s["c"] + sigmoid(net(p.W_i, p.b_i)) * np.tanh(net(p.W_c, p.b_c))
    return {"h": sigmoid(net(p.W_o, p.b_o)) * np.tanh(c), "c": c}


def gru(p: Any, x: Array, s: States) -> States:
    d, h = len(p.b_z), s["h"]
    z = sigmoid(h @ p.W_z[:, :d].T + x @ p.W_z[:, d:].T + p.b_z)
    r = sigmoid(h @ p.W_r[:, :d].T + x @ p.W_r[:, d:].T + p.b_r)
    g = np.tanh((r * h) @ p.W_h[:, :d].T + x @ p.W_h[:, d:].T + p.b_h)
    return {"h": z * h + (1 - z) * g}


def gru_reset_after(p: Any, x: Array, s: States) -> States:
    h = s["h"]
    r = sigmoid(x @ p.W_ir.T + h @ p.W_hr.T + p.b_r)
    z = sigmoid(x @ p.W_iz.T + h @ p.W_hz.T + p.b_z)
    n = np.tanh(x @ p.W_in.T + p.b_in + r * (h @ p.W_hn.T + p.b_hn))
    return {"h": (1 - z) * n + z * h}


CELLS: dict[str, Callable[[Any, Array, States], States]] = {
    "rnn": rnn,
    "lstm": lstm,
    "gru": gru,
    "gru_reset_after": gru_reset_after,
}


def step_jacobian(cell: str, p: Any, x: Array, s: States) -> dict[tuple[str, str], Array]:
    """Blocks (..., d_h, d_h) by the complex step: row of the new state, column of the old one."""
    blocks = {}
    for source, before in s.items():
        moved = {name: array[..., None, :].astype(complex) for name, array in s.items()}
        moved[source] = moved[source] + 1j * STEP * np.eye(before.shape[-1])
        after = CELLS[cell](p, x[..., None, :], moved)
        blocks |= {(state, source): np.swapaxes(array.imag, -1, -2) / STEP for state, array in after.items()}
    return blocks
