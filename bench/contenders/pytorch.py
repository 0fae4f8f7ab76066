"""PyTorch's own layers: nn.LSTM, nn.GRU, nn.RNN. Variants: with `onednn`; `plain`, without; `cell`, nn.LSTMCell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.layouts import parameters, stacked
from bench.task import MODES_WITH_GRADIENTS, Problem, Run, Task

LAYERS = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru_reset_after": torch.nn.GRU}


def versions() -> dict[str, str]:
    return {"torch": torch.__version__}


def prepare(variant: str, task: Task, problem: Problem) -> Run:
    """The layer with the problem's parameters."""
    settle(task.threads)
    # For good, not for a while as `torch.backends.mkldnn.flags` does: a process has one variant.
    torch.backends.mkldnn.set_flags(variant != "plain")
    layer = _layer(task.cell, problem)
    x, dy = torch.from_numpy(problem.x), torch.from_numpy(problem.dy)
    if task.mode == "streaming":
        return _stream_cell(layer, x) if variant == "cell" else _stream(layer, x)
    if task.mode not in MODES_WITH_GRADIENTS:
        return output(lambda: layer(x)[0])
    weights = {"W_x": layer.weight_ih_l0, "W_h": layer.weight_hh_l0, "b": layer.bias_ih_l0}
    if task.cell == "gru_reset_after":
        weights["b_hn"] = layer.bias_hh_l0
    else:
        # The cell has one bias a gate; PyTorch is spared the gradient of its second.
        layer.bias_hh_l0.requires_grad_(False)
    return gradients(task.cell, lambda leaf: layer(leaf)[0], x, dy, weights)


def settle(threads: int) -> None:
    """The number of threads, as far as PyTorch does not take it from the environment."""
    torch.set_num_threads(threads)


def output(forward: Callable[[], Tensor]) -> Run:
    """Outputs alone."""
    return Run(torch.inference_mode()(forward), lambda y: {"y": y.numpy()})


def gradients(cell: str, forward: Callable[[Tensor], Tensor], x: Tensor, dy: Tensor, weights: dict[str, Tensor]) -> Run:
    """Outputs and gradients; `weights` are leaves, named as in the cell's layout."""
    leaf = x.clone().requires_grad_()
    leaves = [leaf, *weights.values()]

    def call() -> tuple[Tensor, tuple[Tensor, ...]]:
        y = forward(leaf)
        return y, torch.autograd.grad(y, leaves, dy)

    def read(returned: tuple[Tensor, tuple[Tensor, ...]]) -> dict[str, np.ndarray]:
        y, (dx, *found) = returned
        arrays = {name: value.numpy() for name, value in zip(weights, found, strict=True)}
        if cell == "gru_reset_after":
            arrays["b_hn"] = np.split(arrays["b_hn"], 3)[2]
        named = {f"d{name}": value for name, value in parameters(cell, arrays).items()}
        return {"y": y.detach().numpy(), "dx": dx.numpy(), **named}

    return Run(call, read)


def _layer(cell: str, problem: Problem) -> Any:
    arrays = {name: torch.from_numpy(value) for name, value in stacked(cell, problem.params).items()}
    layer = LAYERS[cell](problem.x.shape[-1], problem.d_h)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(arrays["W_x"])
        layer.weight_hh_l0.copy_(arrays["W_h"])
        layer.bias_ih_l0.copy_(arrays["b"])
        layer.bias_hh_l0.zero_()
        if "b_hn" in arrays:
            layer.bias_hh_l0[-problem.d_h :] = arrays["b_hn"]
    return layer


def _stream(layer: Any, x: Tensor) -> Run:
    """One step a call; the layer's result is the next call's state."""
    state: list[Any] = [None]

    @torch.inference_mode()
    def call() -> Tensor:
        y, state[0] = layer(x, state[0])
        return y

    return Run(call, lambda y: {"y": y.numpy().copy()})


def _stream_cell(layer: torch.nn.LSTM, x: Tensor) -> Run:
    """The same by nn.LSTMCell, which is made for single steps."""
    cell = torch.nn.LSTMCell(layer.input_size, layer.hidden_size)
    with torch.no_grad():
        for name, value in cell.named_parameters():
            value.copy_(getattr(layer, f"{name}_l0"))
    x_t = x[0]
    state: list[Any] = [None]

    @torch.inference_mode()
    def call() -> Tensor:
        state[0] = cell(x_t, state[0])
        return state[0][0]

    return Run(call, lambda h: {"y": h[None].numpy().copy()})
