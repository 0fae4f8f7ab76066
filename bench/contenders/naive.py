"""An LSTM in NumPy as textbooks write it: a product for every gate and step, forward and backward."""

from __future__ import annotations

import numpy as np

from bench.task import Problem, Run, Task

GATES = "ifco"


def versions() -> dict[str, str]:
    return {"numpy": np.__version__}


def prepare(variant: str, task: Task, problem: Problem) -> Run:
    """Training; `variant` has one value, `per step`."""
    network = NaiveLSTM(problem)

    def call() -> dict[str, np.ndarray]:
        y, saved = network.forward()
        return {"y": y, **network.backward(saved)}

    return Run(call, lambda returned: returned)


def sigmoid(net: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-net))


class NaiveLSTM:
    def __init__(self, problem: Problem) -> None:
        self.x, self.dy, self.d_h = problem.x, problem.dy, problem.d_h
        self.W = {gate: problem.params[f"W_{gate}"] for gate in GATES}
        self.b = {gate: problem.params[f"b_{gate}"] for gate in GATES}

    def forward(self) -> tuple[np.ndarray, list[tuple[np.ndarray, ...]]]:
        h = c = np.zeros(self.dy.shape[1:], np.float32)
        outputs, saved = [], []
        for x in self.x:
            hx = np.concatenate([h, x], axis=1)
            i, f, o = (sigmoid(hx @ self.W[gate].T + self.b[gate]) for gate in "ifo")
            g = np.tanh(hx @ self.W["c"].T + self.b["c"])
            old, c = c, f * c + i * g
            h = o * np.tanh(c)
            outputs.append(h)
            saved.append((hx, i, f, g, o, old, c))
        return np.stack(outputs), saved

    def backward(self, saved: list[tuple[np.ndarray, ...]]) -> dict[str, np.ndarray]:
        dW = {gate: np.zeros_like(self.W[gate]) for gate in GATES}
        db = {gate: np.zeros_like(self.b[gate]) for gate in GATES}
        dx = np.zeros_like(self.x)
        dh = dc = np.zeros(self.dy.shape[1:], np.float32)
        for t in reversed(range(len(saved))):
            hx, i, f, g, o, old, c = saved[t]
            dh = dh + self.dy[t]
            tanh_c = np.tanh(c)
            dc = dc + dh * o * (1 - tanh_c**2)
            net = {
                "i": dc * g * i * (1 - i),
                "f": dc * old * f * (1 - f),
                "c": dc * i * (1 - g**2),
                "o": dh * tanh_c * o * (1 - o),
            }
            dhx = np.zeros_like(hx)
            for gate, dnet in net.items():
                dW[gate] += dnet.T @ hx
                db[gate] += dnet.sum(axis=0)
                dhx += dnet @ self.W[gate]
            dh, dx[t] = dhx[:, : self.d_h], dhx[:, self.d_h :]
            dc = dc * f
        gradients = {f"dW_{gate}": dW[gate] for gate in GATES} | {f"db_{gate}": db[gate] for gate in GATES}
        return {"dx": dx, **gradients}
