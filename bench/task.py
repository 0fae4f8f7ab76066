"""What is computed and timed. In: nothing. Out: `Task`, `Problem`, and a contender's `Run`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Arrays = dict[str, np.ndarray]

MODES = ("training", "inference", "streaming", "numpy")
"""`training`: the outputs, and the gradients of all parameters and of the input, dy given. `inference`: the outputs
alone, parameters prepared. `streaming`: one step a call, the state carried on. `numpy`: training by NumPy alone."""

MODES_WITH_GRADIENTS = ("training", "numpy")


class Size(NamedTuple):
    """Time steps, batch, inputs, hidden units."""

    T: int
    B: int
    d_x: int
    d_h: int

    def __str__(self) -> str:
        return ",".join(map(str, self))


@dataclass(frozen=True)
class Task:
    """What a contender is to compute, whatever the numbers."""

    cell: str
    mode: str
    threads: int


@dataclass(frozen=True)
class Point:
    """One row of the tables: a task at a size."""

    task: Task
    size: Size


@dataclass(frozen=True)
class Problem:
    """The numbers, float32: parameters by name as the cell spells them, x (T, B, d_x) and dy (T, B, d_h).

    The initial state is zero, and the loss depends on the outputs alone.
    """

    params: Arrays
    x: np.ndarray
    dy: np.ndarray

    @property
    def d_h(self) -> int:
        return self.dy.shape[-1]

    def save(self, path: Path) -> None:
        np.savez(path, x=self.x, dy=self.dy, **{f"params.{name}": value for name, value in self.params.items()})

    @classmethod
    def load(cls, path: Path) -> Problem:
        with np.load(path) as held:
            params = {name.removeprefix("params."): held[name] for name in held if name.startswith("params.")}
            return cls(params, held["x"], held["dy"])


@dataclass(frozen=True)
class Run:
    """A contender made ready: `call()` is what is timed, `read(what it returned)` its results as arrays, to compare.

    Names of results: `y`; with gradients `dx` and `d` before every parameter's name. `held` is what has to live as
    long, where a library does not see to it.
    """

    call: Callable[[], Any]
    read: Callable[[Any], Arrays]
    held: Any = None
