"""The recurrent operators of ONNX with a problem's weights as constants. In: a cell, a problem. Out: a model."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bench.layouts import stacked
from bench.task import Problem

OPERATORS = {"rnn": "RNN", "gru": "GRU", "gru_reset_after": "GRU", "lstm": "LSTM"}
# ONNX has its gates in the order i o f c, and z r h; a layout has them in PyTorch's.
ORDER = {"rnn": [0], "gru": [0, 1, 2], "gru_reset_after": [1, 0, 2], "lstm": [0, 3, 1, 2]}


def states(cell: str) -> list[str]:
    return ["h", "c"] if cell == "lstm" else ["h"]


def model(cell: str, problem: Problem, *, streaming: bool = False) -> onnx.ModelProto:
    """x (T, B, d_x) → y (T, 1, B, d_h); a streaming one reads states `h0`, `c0` and writes `h1`, `c1`."""
    T, B, d_x = problem.x.shape
    d_h = problem.d_h
    arrays = stacked_for_onnx(cell, problem)
    constants = [numpy_helper.from_array(value, name) for name, value in arrays.items()]
    old = [f"{name}0" if streaming else "" for name in states(cell)]
    new = [f"{name}1" if streaming else "" for name in states(cell)]

    def info(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    reset = {"linear_before_reset": int(cell == "gru_reset_after")} if OPERATORS[cell] == "GRU" else {}
    node = helper.make_node(OPERATORS[cell], ["x", "W", "R", "B", "", *old], ["y", *new], hidden_size=d_h, **reset)
    carried = streaming * [(a, b) for a, b in zip(old, new, strict=True)]
    graph = helper.make_graph(
        [node],
        cell,
        [info("x", T, B, d_x), *(info(a, 1, B, d_h) for a, _ in carried)],
        [info("y", T, 1, B, d_h), *(info(b, 1, B, d_h) for _, b in carried)],
        constants,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(made)
    return made


def stacked_for_onnx(cell: str, problem: Problem) -> dict[str, np.ndarray]:
    """W, R and B, which holds the biases of both products."""
    arrays = stacked(cell, problem.params)

    def ordered(value: np.ndarray) -> np.ndarray:
        gates = np.split(value, len(ORDER[cell]))
        return np.concatenate([gates[k] for k in ORDER[cell]])

    recurrent = np.concatenate([arrays["W_h"], arrays["W_g"]]) if cell == "gru" else arrays["W_h"]
    second = np.zeros_like(arrays["b"])
    if "b_hn" in arrays:
        second[-problem.d_h :] = arrays["b_hn"]
    biases = np.concatenate([ordered(arrays["b"]), ordered(second)])
    return {"W": ordered(arrays["W_x"])[None], "R": ordered(recurrent)[None], "B": biases[None]}
