"""ONNX Runtime on the recurrent operators of ONNX. Inference by `run`; streaming by io-binding."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
import onnx
import onnxruntime

from bench.contenders.onnx_models import model, states
from bench.task import Problem, Run, Task


def versions() -> dict[str, str]:
    return {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__}


def prepare(variant: str, task: Task, problem: Problem) -> Run:
    """A session; `variant` has one value, `session`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = task.threads
    options.inter_op_num_threads = 1
    made = model(task.cell, problem, streaming=task.mode == "streaming").SerializeToString()
    session = onnxruntime.InferenceSession(made, options, providers=["CPUExecutionProvider"])
    if task.mode == "streaming":
        return _stream(session, task.cell, problem)
    given = {"x": problem.x}
    return Run(lambda: session.run(["y"], given), lambda returned: {"y": returned[0][:, 0]})


def _stream(session: Any, cell: str, problem: Problem) -> Run:
    """Two bindings in turn: what one call writes as its state, the next one reads. Nothing is allocated."""
    shape = (1, 1, problem.d_h)
    x = onnxruntime.OrtValue.ortvalue_from_numpy(problem.x)
    y = np.zeros((1, *shape), np.float32)
    y_out = onnxruntime.OrtValue.ortvalue_from_numpy(y)
    sides = [
        {name: onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32)) for name in states(cell)}
        for _ in range(2)
    ]

    def binding(old: dict[str, Any], new: dict[str, Any]) -> Any:
        bound = session.io_binding()
        bound.bind_ortvalue_input("x", x)
        bound.bind_ortvalue_output("y", y_out)
        for name in states(cell):
            bound.bind_ortvalue_input(f"{name}0", old[name])
            bound.bind_ortvalue_output(f"{name}1", new[name])
        return bound

    there, back = sides
    run = partial(_run_next, session.run_with_iobinding, cycle([binding(there, back), binding(back, there)]))
    return Run(run, lambda _: {"y": y_out.numpy()[:, 0].copy()})


def _run_next(run: Callable[[Any], None], bindings: Any) -> None:
    run(next(bindings))
