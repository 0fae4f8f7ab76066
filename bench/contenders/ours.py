"""derive itself, by its public interface. Variants: `c`; `numpy`; `renamed`, the C kernel of a cell nobody ships."""

from __future__ import annotations

import inspect
import os
import platform
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

import derive
from bench.task import MODES_WITH_GRADIENTS, Problem, Run, Task

RENAMED = Path(__file__).parents[1] / "renamed.cell"
"""The lstm with all its names changed; parameters correspond by position."""


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), "numpy": np.__version__, "CC": os.environ.get("CC", "cc")}


def prepare(variant: str, task: Task, problem: Problem) -> Run:
    """The kernel with the problem's parameters: packed beforehand for inference, as given for training."""
    kernel = _kernel(variant, task.cell)
    params = kernel.Params(*problem.params.values())
    x, dy = problem.x, problem.dy
    if task.mode == "streaming":
        return _stream(kernel, params, x[0])
    forward = _threaded(kernel.forward, task.threads)
    backward = _threaded(kernel.backward, task.threads)
    if task.mode not in MODES_WITH_GRADIENTS:
        prepared = kernel.prepare(params)
        return Run(lambda: forward(prepared, x, tape=False), lambda returned: {"y": returned[0]})

    def call() -> Any:
        y, _, tape = forward(params, x)
        return y, backward(params, tape, dy)

    def read(returned: Any) -> dict[str, np.ndarray]:
        y, (dparams, dx, _) = returned
        return {"y": y, "dx": dx, **{f"d{name}": value for name, value in zip(problem.params, dparams, strict=True)}}

    return Run(call, read)


@cache
def _kernel(variant: str, cell: str) -> Any:
    made = derive.load(RENAMED) if variant == "renamed" else derive.cell(cell)
    return derive.build(made, backend="numpy" if variant == "numpy" else "c", dtype="float32")


def _threaded(function: Callable[..., Any], threads: int) -> Callable[..., Any]:
    """The one place where the number of threads is passed on; a kernel that takes none runs on one."""
    takes = "threads" in inspect.signature(function).parameters
    return partial(function, threads=threads) if takes else function


def _stream(kernel: Any, params: Any, x: np.ndarray) -> Run:
    stream = kernel.stream(params)
    out = np.empty((1, len(params[0])), np.float32)
    return Run(partial(stream, x, out), lambda y: {"y": y[None].copy()})
