"""OpenVINO on the recurrent operators of ONNX; inference. Results stay in the request's own tensors, its usual way."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import openvino

from bench.contenders.onnx_models import model
from bench.task import Problem, Run, Task


def versions() -> dict[str, str]:
    return {"openvino": openvino.__version__, "onnx": onnx.__version__}


def prepare(variant: str, task: Task, problem: Problem) -> Run:
    """An infer request; `variant` has one value, `request`."""
    core = openvino.Core()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model(task.cell, problem), path)
        read = core.read_model(path)
    settings = {
        "INFERENCE_NUM_THREADS": task.threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
    }
    compiled = core.compile_model(read, "CPU", settings)
    request = compiled.create_infer_request()
    x = openvino.Tensor(problem.x, shared_memory=True)
    request.set_tensor("x", x)
    held = (problem, x, compiled)
    return Run(request.infer, lambda _: {"y": request.get_tensor("y").data[:, 0].copy()}, held)
