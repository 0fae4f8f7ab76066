"""JAX, given a cell's equations as written: a step of one sequence in `lax.scan`, mapped over the batch, gradients
by `vjp`, all of it compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax, nn

from bench.equations import step
from derive.language import Cell
from derive.proof.oracle import extents

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "sigmoid": nn.sigmoid, "tanh": jnp.tanh, "exp": jnp.exp, "log": jnp.log, "sqrt": jnp.sqrt, "rsqrt": lax.rsqrt,
    "recip": jnp.reciprocal, "relu": nn.relu, "abs": jnp.abs, "sign": jnp.sign, "softplus": nn.softplus,
    "silu": nn.silu, "gelu": partial(nn.gelu, approximate=False), "elu": nn.elu, "selu": nn.selu,
    "softsign": nn.soft_sign, "leaky_relu": nn.leaky_relu, "hard_sigmoid": nn.hard_sigmoid, "hard_tanh": nn.hard_tanh,
    "mish": nn.mish, "log_sigmoid": nn.log_sigmoid, "erf": lax.erf, "sin": jnp.sin, "cos": jnp.cos,
    "expm1": jnp.expm1, "log1p": jnp.log1p, "square": jnp.square, "maximum": jnp.maximum, "minimum": jnp.minimum,
    "stop_gradient": lax.stop_gradient,
}  # fmt: skip


def training(cell: Cell, sizes: Mapping[str, int], unroll: int) -> Callable[..., Any]:
    """From parameters, inputs and gradients of the outputs to the outputs and the gradients of the two; all by name."""
    states = {state.name: jnp.zeros(extents(state.shape, sizes)) for state in cell.of_role("state")}

    def of_one(params: Any, inputs: Any) -> Any:
        def advance(before: Any, x_t: Any) -> Any:
            now = step(cell, sizes, jnp, FUNCTIONS, {**params, **x_t}, before)
            return {name: now[name] for name in states}, {name: now[name] for name in cell.outputs}

        return lax.scan(advance, states, inputs, unroll=unroll)[1]

    @jax.jit
    def trained(params: Any, inputs: Any, dy: Any) -> Any:
        y, pull = jax.vjp(jax.vmap(of_one, (None, 1), 1), params, inputs)
        return y, *pull(dy)

    return lambda *given: jax.block_until_ready(trained(*given))
