"""The adding problem (Hochreiter & Schmidhuber 1997): what does a cell remember over 100 steps?

Each sequence has T pairs: a random number in [0, 1], and a mark that is one at two places and zero elsewhere.
The answer is the sum of the two marked numbers. Always answering 1 costs a mean squared error of 1/6, about 0.167.

The default run ends with the LSTM at 0.004 and the simple network where it began, at 0.165: a minute and a half.

    python examples/adding_problem.py             # rnn against lstm
    python examples/adding_problem.py gru mgu     # any cells with one input x and one output
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
from optim import Adam, clip
from rich.console import Console
from rich.progress import track
from rich.table import Table

import derive

T, BATCH, HIDDEN = 100, 64, 64


def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (T, batch, 2) and their answers (batch,)."""
    numbers = rng.random((T, BATCH), dtype=np.float32)
    marks = np.zeros((T, BATCH), np.float32)
    every = np.arange(BATCH)
    marks[rng.integers(0, T // 2, BATCH), every] = 1
    marks[rng.integers(T // 2, T, BATCH), every] = 1
    return np.stack((numbers, marks), axis=-1), (numbers * marks).sum(axis=0)


def losses(name: str, steps: int, rate: float = 0.002) -> Iterator[float]:
    """Train a cell with a linear readout of its last output; yields the error of each step."""
    rng = np.random.default_rng(0)
    cell = derive.cell(name)
    kernel = derive.build(cell, backend="c", dtype="float32")
    params = kernel.init(dict.fromkeys(cell.axes, HIDDEN) | {"d_x": 2}, rng)
    weights, bias = rng.normal(0, HIDDEN**-0.5, HIDDEN).astype(np.float32), np.ones(1, np.float32)
    adam = Adam([*params, weights, bias], rate)
    for _ in range(steps):
        x, answer = batch(rng)
        y, _, tape = kernel.forward(params, x)
        error = y[-1] @ weights + bias - answer
        derror = 2 * error / BATCH
        dy = np.zeros_like(y)
        dy[-1] = np.outer(derror, weights)
        dparams, _, _ = kernel.backward(params, tape, dy)
        adam.update(clip([*dparams, derror @ y[-1], derror.sum(keepdims=True)], 1.0))
        yield float(np.mean(error**2))


def table(names: list[str], steps: int, rows: int = 8) -> Any:
    """The mean error of each stretch of the training, a column a cell."""
    columns = {name: np.array(list(track(losses(name, steps), f"{name:>6}", steps))) for name in names}
    result = Table("steps", *names, title=f"adding problem, T = {T}: mean squared error (answering 1: 0.167)")
    for stretch in np.array_split(np.arange(steps), min(rows, steps)):
        result.add_row(f"{stretch[-1] + 1}", *(f"{columns[name][stretch].mean():.4f}" for name in names))
    return result


def main() -> None:
    """Train each cell, and print how far it came."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("cells", nargs="*", default=["rnn", "lstm"])
    arguments.add_argument("--steps", type=int, default=2000)
    given = arguments.parse_args()
    if given.steps < 1:
        arguments.error(f"--steps: got {given.steps}, expected at least 1")
    Console().print(table(given.cells, given.steps))


if __name__ == "__main__":
    main()
