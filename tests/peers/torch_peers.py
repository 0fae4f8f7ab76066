"""What PyTorch and a kernel compute for the same problem, under the same names.

In: a cell's name and a `Problem`. Out: name → array: the outputs, the final states and every gradient, those of
the parameters block by block as PyTorch stacks them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

Arrays = dict[str, np.ndarray]

MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru_reset_after": torch.nn.GRU}

# For each of PyTorch's parameters, which of the cell's it stacks; "W h" are the columns of W that meet h[t-1], "W x"
# those that meet x. A bias named in both has two places in PyTorch and one in the cell: the second is set to zero.
STACKED = {
    "rnn": {"weight_ih_l0": ["U"], "weight_hh_l0": ["W"], "bias_ih_l0": ["b"], "bias_hh_l0": ["b"]},
    "lstm": {
        "weight_ih_l0": ["W_i x", "W_f x", "W_c x", "W_o x"],
        "weight_hh_l0": ["W_i h", "W_f h", "W_c h", "W_o h"],
        "bias_ih_l0": ["b_i", "b_f", "b_c", "b_o"],
        "bias_hh_l0": ["b_i", "b_f", "b_c", "b_o"],
    },
    "gru_reset_after": {
        "weight_ih_l0": ["W_ir", "W_iz", "W_in"],
        "weight_hh_l0": ["W_hr", "W_hz", "W_hn"],
        "bias_ih_l0": ["b_r", "b_z", "b_in"],
        "bias_hh_l0": ["b_r", "b_z", "b_hn"],
    },
}


@dataclass(frozen=True)
class Problem:
    """Parameters, a sequence, where it starts, and a loss's gradient by what comes out of it."""

    params: Arrays
    x: np.ndarray
    initial: Arrays
    dy: np.ndarray
    dfinal: Arrays

    def astype(self, dtype: str) -> Problem:
        """The same problem in another precision."""

        def cast(arrays: Arrays) -> Arrays:
            return {name: array.astype(dtype) for name, array in arrays.items()}

        return Problem(
            cast(self.params), self.x.astype(dtype), cast(self.initial), self.dy.astype(dtype), cast(self.dfinal)
        )


def problem(kernel: Any, sizes: dict[str, int], rng: np.random.Generator) -> Problem:
    """A random problem whose numbers float32 holds exactly, so that both precisions solve the same one.

    Net inputs are near 1 at every size: a saturated gate has no gradient to compare but rounding.
    """
    T, B, d_x, d_h = (sizes[name] for name in ("T", "B", "d_x", "d_h"))
    scale = 1 / (2 * np.sqrt(d_x + d_h))

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32).astype(np.float64)

    def state() -> Arrays:
        return {name: normal(B, d_h) for name in kernel.State._fields}

    shapes = kernel.init({"d_x": d_x, "d_h": d_h}, rng)._asdict()
    params = {
        name: (normal(*array.shape) * scale).astype(np.float32).astype(np.float64) for name, array in shapes.items()
    }
    return Problem(params, normal(T, B, d_x), state(), normal(T, B, d_h), state())


def module(cell: str, params: Arrays, d_x: int, d_h: int) -> torch.nn.RNNBase:
    """PyTorch's layer with a cell's parameters."""
    layer = MODULES[cell](d_x, d_h, dtype=torch.from_numpy(next(iter(params.values()))).dtype)
    seen: set[str] = set()
    with torch.no_grad():
        for name, blocks in STACKED[cell].items():
            values = [block_of(params, block, d_h) * (block not in seen) for block in blocks]
            getattr(layer, name).copy_(torch.from_numpy(np.concatenate(values)))
            seen.update(blocks)
    return layer


def block_of(params: Arrays, block: str, d_h: int) -> np.ndarray:
    """A parameter, or the columns of it that a block names."""
    name, _, columns = block.partition(" ")
    return params[name][{"": ..., "h": np.s_[:, :d_h], "x": np.s_[:, d_h:]}[columns]]


def peer_results(cell: str, given: Problem) -> Arrays:
    """By PyTorch's autograd."""
    d_x, d_h = given.x.shape[-1], given.dy.shape[-1]
    layer = module(cell, given.params, d_x, d_h)
    x = torch.tensor(given.x, requires_grad=True)
    initial = {name: torch.tensor(array[None], requires_grad=True) for name, array in given.initial.items()}
    several = len(initial) > 1
    y, last = layer(x, tuple(initial.values()) if several else initial["h"])
    final = dict(zip(initial, last if several else [last], strict=True))
    seeds = [given.dy, *(given.dfinal[name][None] for name in final)]
    torch.autograd.backward([y, *final.values()], [torch.tensor(seed) for seed in seeds])
    results = {"y": y.detach().numpy(), "dx": x.grad.numpy()}
    results |= {f"final.{name}": array.detach().numpy()[0] for name, array in final.items()}
    results |= {f"dinitial.{name}": array.grad.numpy()[0] for name, array in initial.items()}
    for name, blocks in STACKED[cell].items():
        pieces = np.split(getattr(layer, name).grad.numpy(), len(blocks))
        results |= {f"{name}: {block}": piece for block, piece in zip(blocks, pieces, strict=True)}
    return results


def kernel_results(cell: str, kernel: Any, given: Problem) -> Arrays:
    """By a kernel of the cell."""
    params = kernel.Params(**given.params)
    y, final, tape = kernel.forward(params, given.x, kernel.State(**given.initial))
    dparams, dx, dinitial = kernel.backward(params, tape, given.dy, kernel.State(**given.dfinal))
    results = {"y": y, "dx": dx}
    results |= {f"final.{name}": array for name, array in final._asdict().items()}
    results |= {f"dinitial.{name}": array for name, array in dinitial._asdict().items()}
    for name, blocks in STACKED[cell].items():
        results |= {f"{name}: {b}": block_of(dparams._asdict(), b, given.dy.shape[-1]) for b in blocks}
    return results
