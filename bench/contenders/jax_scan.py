"""JAX: lax.scan over a step, jitted; training by jax.vjp inside jit. Variants: `unroll 1`, `unroll 4`.

The input's product stands before the scan, gates are stacked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax.nn import log_sigmoid, sigmoid

from bench.layouts import parameters, stacked
from bench.task import MODES_WITH_GRADIENTS, Problem, Run, Task

Array = jax.Array
Weights = dict[str, Array]
States = tuple[Array, ...]


def versions() -> dict[str, str]:
    return {"jax": jax.__version__, "jaxlib": jaxlib.__version__}


def lstm(w: Weights, u: Array, state: States) -> States:
    h, c = state
    i, f, g, o = jnp.split(u + h @ w["W_h"].T, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    return sigmoid(o) * jnp.tanh(c), c


def lstm_peephole(w: Weights, u: Array, state: States) -> States:
    h, c = state
    i, f, g, o = jnp.split(u + h @ w["W_h"].T, 4, axis=1)
    c = sigmoid(f + w["p_f"] * c) * c + sigmoid(i + w["p_i"] * c) * jnp.tanh(g)
    return sigmoid(o + w["p_o"] * c) * jnp.tanh(c), c


def lstm_layernorm(w: Weights, u: Array, state: States) -> States:
    h, c = state
    size = h.shape[1]
    net = (u + h @ w["W_h"].T).reshape(-1, 4, size)
    net = normed(net) * w["g"].reshape(4, size) + w["b"].reshape(4, size)
    i, f, g, o = jnp.moveaxis(net, 1, 0)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    return sigmoid(o) * jnp.tanh(normed(c) * w["g_h"] + w["b_h"]), c


def normed(values: Array) -> Array:
    centred = values - values.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5)


def slstm(w: Weights, u: Array, state: States) -> States:
    h, c, n, m = state
    a, f, z, o = jnp.split(u + h @ w["W_h"].T, 4, axis=1)
    kept = log_sigmoid(f) + m
    m = jnp.maximum(kept, a)
    i, f = jnp.exp(a - m), jnp.exp(kept - m)
    c, n = f * c + i * jnp.tanh(z), f * n + i
    return sigmoid(o) * c / n, c, n, m


def gru(w: Weights, u: Array, state: States) -> States:
    (h,) = state
    gates, candidate = jnp.split(u, [2 * h.shape[1]], axis=1)
    z, r = jnp.split(sigmoid(gates + h @ w["W_h"].T), 2, axis=1)
    return (z * h + (1 - z) * jnp.tanh(candidate + (r * h) @ w["W_g"].T),)


def mgu(w: Weights, u: Array, state: States) -> States:
    (h,) = state
    gate, candidate = jnp.split(u, 2, axis=1)
    f = sigmoid(gate + h @ w["W_h"].T)
    return ((1 - f) * h + f * jnp.tanh(candidate + (f * h) @ w["W_g"].T),)


def gru_reset_after(w: Weights, u: Array, state: States) -> States:
    (h,) = state
    u_r, u_z, u_n = jnp.split(u, 3, axis=1)
    h_r, h_z, h_n = jnp.split(h @ w["W_h"].T, 3, axis=1)
    z = sigmoid(u_z + h_z)
    return ((1 - z) * jnp.tanh(u_n + sigmoid(u_r + h_r) * (h_n + w["b_hn"])) + z * h,)


def rnn(w: Weights, u: Array, state: States) -> States:
    (h,) = state
    return (jnp.tanh(u + h @ w["W_h"].T),)


STEPS: dict[str, tuple[Callable[..., States], int]] = {
    "rnn": (rnn, 1),
    "gru": (gru, 1),
    "gru_reset_after": (gru_reset_after, 1),
    "mgu": (mgu, 1),
    "lstm": (lstm, 2),
    "lstm_peephole": (lstm_peephole, 2),
    "lstm_layernorm": (lstm_layernorm, 2),
    "slstm": (slstm, 4),
}
"""Cell → its step and how many states it has."""


def prepare(variant: str, task: Task, problem: Problem) -> Run:
    """The compiled scan. Inference has its weights as constants of the program."""
    step, states = STEPS[task.cell]
    weights = {name: jnp.asarray(value) for name, value in stacked(task.cell, problem.params).items()}
    x, dy = jnp.asarray(problem.x), jnp.asarray(problem.dy)
    unroll = int(variant.removeprefix("unroll "))

    def forward(w: Weights, x: Array) -> Array:
        u = x @ w["W_x"].T
        if task.cell != "lstm_layernorm":
            u = u + w["b"]

        def advance(state: States, u_t: Array) -> tuple[States, Array]:
            new = step(w, u_t, state)
            return new, new[0]

        zero = jnp.zeros(dy.shape[1:], jnp.float32)
        return jax.lax.scan(advance, (zero,) * states, u, unroll=unroll)[1]

    if task.mode not in MODES_WITH_GRADIENTS:
        constant = jax.jit(lambda x: forward(weights, x))
        return Run(lambda: jax.block_until_ready(constant(x)), lambda y: {"y": np.asarray(y)})

    @jax.jit
    def trained(w: Weights, x: Array, dy: Array) -> tuple[Array, tuple[Weights, Array]]:
        y, pull = jax.vjp(forward, w, x)
        return y, pull(dy)

    def read(returned: Any) -> dict[str, np.ndarray]:
        y, (dw, dx) = returned
        named = {f"d{name}": value for name, value in parameters(task.cell, dw).items()}
        return {"y": np.asarray(y), "dx": np.asarray(dx), **named}

    return Run(lambda: jax.block_until_ready(trained(weights, x, dy)), read)
