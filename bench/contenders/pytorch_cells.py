"""PyTorch on cells that it has no layer for, written as one writes them there.

The input's product stands before the loop, gates are stacked. Ways to run the same code, of which the best counts:
`eager`; `script`, torch.jit.script; `compile step`, torch.compile of one step under a Python loop; `compile all`,
torch.compile of the whole loop, which unrolls it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.contenders.pytorch import gradients, output, settle, versions
from bench.layouts import stacked
from bench.task import MODES_WITH_GRADIENTS, Problem, Run, Task

__all__ = ["prepare", "versions"]


class Cell(nn.Module):
    """One step: from the input's part of the net input and the old states to the new states, h first."""

    states = 1

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        for name, value in weights.items():
            setattr(self, name, nn.Parameter(value))

    def project(self, x: Tensor) -> Tensor:
        return F.linear(x, self.W_x, self.b)


class PeepholeLSTM(Cell):
    states = 2

    def forward(self, u: Tensor, state: list[Tensor]) -> list[Tensor]:
        h, c = state
        i, f, g, o = (u + F.linear(h, self.W_h)).chunk(4, 1)
        c = torch.sigmoid(f + self.p_f * c) * c + torch.sigmoid(i + self.p_i * c) * torch.tanh(g)
        h = torch.sigmoid(o + self.p_o * c) * torch.tanh(c)
        return [h, c]


class LayerNormLSTM(Cell):
    states = 2

    def project(self, x: Tensor) -> Tensor:
        return F.linear(x, self.W_x)

    def forward(self, u: Tensor, state: list[Tensor]) -> list[Tensor]:
        h, c = state
        size = h.shape[1]
        net = (u + F.linear(h, self.W_h)).view(-1, 4, size)
        net = F.layer_norm(net, [size]) * self.g.view(4, size) + self.b.view(4, size)
        i, f, g, o = net.unbind(1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(F.layer_norm(c, [size], self.g_h, self.b_h))
        return [h, c]


class SLSTM(Cell):
    states = 4

    def forward(self, u: Tensor, state: list[Tensor]) -> list[Tensor]:
        h, c, n, m = state
        a, f, z, o = (u + F.linear(h, self.W_h)).chunk(4, 1)
        kept = F.logsigmoid(f) + m
        m = torch.maximum(kept, a)
        i, f = torch.exp(a - m), torch.exp(kept - m)
        c = f * c + i * torch.tanh(z)
        n = f * n + i
        h = torch.sigmoid(o) * c / n
        return [h, c, n, m]


class GRU(Cell):
    def forward(self, u: Tensor, state: list[Tensor]) -> list[Tensor]:
        h = state[0]
        size = h.shape[1]
        gates, candidate = u.split([2 * size, size], 1)
        z, r = torch.sigmoid(gates + F.linear(h, self.W_h)).chunk(2, 1)
        g = torch.tanh(candidate + F.linear(r * h, self.W_g))
        return [z * h + (1 - z) * g]


class MGU(Cell):
    def forward(self, u: Tensor, state: list[Tensor]) -> list[Tensor]:
        h = state[0]
        gate, candidate = u.chunk(2, 1)
        f = torch.sigmoid(gate + F.linear(h, self.W_h))
        g = torch.tanh(candidate + F.linear(f * h, self.W_g))
        return [(1 - f) * h + f * g]


class Layer(nn.Module):
    """The loop over time."""

    def __init__(self, cell: Cell, states: int, size: int) -> None:
        super().__init__()
        self.cell, self.states, self.size = cell, states, size

    def forward(self, x: Tensor) -> Tensor:
        state = [x.new_zeros(x.shape[1], self.size) for _ in range(self.states)]
        outputs: list[Tensor] = []
        for u in self.cell.project(x).unbind(0):
            state = self.cell(u, state)
            outputs.append(state[0])
        return torch.stack(outputs)


CELLS: dict[str, type[Cell]] = {
    "gru": GRU,
    "mgu": MGU,
    "slstm": SLSTM,
    "lstm_peephole": PeepholeLSTM,
    "lstm_layernorm": LayerNormLSTM,
}


def _script(layer: Layer) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(layer)


def _compile_step(layer: Layer) -> Layer:
    layer.cell.compile(dynamic=False)
    return layer


WAYS: dict[str, Callable[[Layer], Any]] = {
    "eager": lambda layer: layer,
    "script": _script,
    "compile step": _compile_step,
    "compile all": lambda layer: torch.compile(layer, dynamic=False),
}


def prepare(variant: str, task: Task, problem: Problem) -> Run:
    """The loop, made ready in one of the ways."""
    settle(task.threads)
    # One process compiles at a time here; by default inductor starts as many helpers as there are processors.
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    torch._dynamo.reset()
    weights = {name: torch.from_numpy(value) for name, value in stacked(task.cell, problem.params).items()}
    kind = CELLS[task.cell]
    plain = Layer(kind(weights), kind.states, problem.d_h)
    layer = WAYS[variant](plain)
    x = torch.from_numpy(problem.x)
    if task.mode not in MODES_WITH_GRADIENTS:
        return output(lambda: layer(x))
    names, values = zip(*plain.cell.named_parameters(), strict=True)
    return gradients(task.cell, layer, x, torch.from_numpy(problem.dy), dict(zip(names, values, strict=True)))
