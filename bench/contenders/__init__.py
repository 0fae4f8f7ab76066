"""Who computes. In: nothing. Out: `CONTENDERS`, a row each, and what a module behind a row offers.

A module has `prepare(variant, task, problem) -> Run` and `versions() -> dict`; only a worker process imports it. The
first contender that is chosen is the one the others' results are compared with.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bench.task import Task

OURS, RENAMED, NUMPY = "derive", "derive, renamed", "derive, NumPy"


@dataclass(frozen=True)
class Contender:
    """One way to compute. `peer` says whose: of the ways of one peer the best counts, at every point.

    `tasks` are the cells for each mode; `packages` have to be installed. `slow` ways are left out of the quick run.
    """

    name: str
    peer: str
    module: str
    variant: str
    packages: tuple[str, ...]
    tasks: Mapping[str, Collection[str]] = field(repr=False)
    slow: bool = False

    def takes(self, task: Task) -> bool:
        return task.cell in self.tasks.get(task.mode, ())


CLASSIC = ("lstm", "gru", "gru_reset_after", "rnn")
CUSTOM = ("lstm_peephole", "lstm_layernorm", "slstm", "mgu")
LAYERS = ("lstm", "gru_reset_after", "rnn")
ALL = CLASSIC + CUSTOM


def _here(name: str) -> str:
    return f"bench.contenders.{name}"


def _torch_loop(way: str, slow: bool = False) -> Contender:
    tasks = {"training": ("gru", *CUSTOM), "inference": ("gru", *CUSTOM)}
    return Contender(f"PyTorch {way}", "PyTorch", _here("pytorch_cells"), way, ("torch",), tasks, slow)


_LAYERS = {"training": LAYERS, "inference": LAYERS, "streaming": ("lstm",)}
_SCANS = {"training": ALL, "inference": ALL}
_MODELS = {"inference": CLASSIC}

CONTENDERS = (
    Contender(OURS, OURS, _here("ours"), "c", (), {"training": ALL, "inference": ALL, "streaming": ("lstm",)}),
    Contender(RENAMED, RENAMED, _here("ours"), "renamed", (), {"training": ("lstm",)}),
    Contender("PyTorch nn", "PyTorch", _here("pytorch"), "onednn", ("torch",), _LAYERS),
    Contender("PyTorch nn, oneDNN off", "PyTorch", _here("pytorch"), "plain", ("torch",), _LAYERS),
    Contender("PyTorch LSTMCell", "PyTorch", _here("pytorch"), "cell", ("torch",), {"streaming": ("lstm",)}),
    _torch_loop("eager"),
    _torch_loop("script"),
    _torch_loop("compile step", slow=True),
    _torch_loop("compile all", slow=True),
    Contender("JAX scan", "JAX", _here("jax_scan"), "unroll 1", ("jax",), _SCANS),
    Contender("JAX scan, unroll 4", "JAX", _here("jax_scan"), "unroll 4", ("jax",), _SCANS, slow=True),
    Contender(
        "ONNX Runtime", "ONNX Runtime", _here("onnx_runtime"), "session", ("onnxruntime", "onnx"),
        {**_MODELS, "streaming": ("lstm",)},
    ),
    Contender("OpenVINO", "OpenVINO", _here("openvino_onnx"), "request", ("openvino", "onnx"), _MODELS),
    Contender(NUMPY, NUMPY, _here("ours"), "numpy", (), {"numpy": ("lstm",)}),
    Contender("NumPy per step", "NumPy per step", _here("naive"), "per step", (), {"numpy": ("lstm",)}),
)  # fmt: skip
