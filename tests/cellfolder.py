"""Every cell there is, shipped or written for the tests, and what is derived from each, once a session.

A test that holds for any cell is parametrised over `EVERY`; a new file in either folder joins in.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from derive import emit
from derive.backends import Derived
from derive.backends import numpy as numpy_backend
from derive.language import Cell, load
from derive.pipeline.derivation import derive
from derive.proof import Problem, Result, complex_step, pose

ROOT = Path(__file__).parents[1]
FILES = {
    path.stem: path
    for folder in (ROOT / "derive" / "cells", ROOT / "tests" / "cells")
    for path in sorted(folder.glob("*.cell"))
}
SHIPPED = tuple(name for name, path in FILES.items() if path.parent.parent.name == "derive")
STRANGERS = tuple(name for name in FILES if name not in SHIPPED)
EVERY = (*SHIPPED, *STRANGERS)
FULL = bool(os.environ.get("DERIVE_FULL"))


def sample(step: int) -> tuple[str, ...]:
    """For what takes long: the shipped cells and each so many-th of the others; with DERIVE_FULL=1 every cell."""
    return EVERY if FULL else (*SHIPPED, *STRANGERS[::step])


@cache
def cell(name: str) -> Cell:
    return load(FILES[name])


@cache
def derived(name: str) -> Derived:
    return derive(cell(name))


@cache
def source(name: str) -> str:
    return numpy_source(derived(name))


@cache
def module(name: str) -> ModuleType:
    return run_source(name, source(name))


def numpy_source(of: Derived) -> str:
    """The text of the generated NumPy module, under a fixed header."""
    return emit.render("numpy/module.py.j2", numpy_backend.module(of.cell, of.schedule, ["Derived in a test."]))


def run_source(name: str, text: str) -> ModuleType:
    made = ModuleType(f"generated_{name}")
    exec(compile(text, f"<{name}>", "exec"), made.__dict__)  # noqa: S102 - the text under test
    return made


# -- sizes: T, B and one for each axis

SIZES = {
    "distinct": lambda axes: {"T": 3, "B": 2} | {axis: 3 + k for k, axis in enumerate(axes)},
    "one step": lambda axes: {"T": 1, "B": 1} | {axis: 4 - k % 3 for k, axis in enumerate(axes)},
    "ones": lambda axes: {"T": 2, "B": 3} | dict.fromkeys(axes, 1),
    "first one": lambda axes: {"T": 2, "B": 1} | {axis: 1 if k == 0 else 3 for k, axis in enumerate(axes)},
    "alike": lambda axes: {"T": 3, "B": 3} | dict.fromkeys(axes, 3),
    "long": lambda axes: {"T": 9, "B": 1} | {axis: 1 + 2 * (k % 2) for k, axis in enumerate(axes)},
}


def numbers(of: Cell, sizes: dict[str, int], seed: int = 0) -> Problem:
    """A problem of real numbers of either sign, none of them near zero."""
    rng = np.random.default_rng(seed)
    return pose(of, sizes, lambda _: float(rng.choice((-1, 1)) * rng.uniform(0.1, 0.9)))


@cache
def example(name: str, kind: str) -> tuple[Problem, Result]:
    """Numbers of the sizes called `kind`, and what the oracle makes of them by the complex step."""
    problem = numbers(cell(name), SIZES[kind](cell(name).axes))
    return problem, complex_step(cell(name), problem)


# -- a generated module, called with the arrays of a problem


class Arguments:
    """The arguments of a generated module's functions, in one dtype."""

    def __init__(self, made: ModuleType, problem: Problem, dtype: Any = np.float64) -> None:
        self.sizes = {axis: size for axis, size in problem.sizes.items() if axis not in ("T", "B")}

        def filled(kind: Any, arrays: Any) -> Any:
            return kind(**{name: np.array(array, dtype) for name, array in arrays.items()})

        self.params = filled(made.Params, problem.params)
        self.inputs = filled(made.Inputs, problem.inputs)
        self.initial = filled(made.State, problem.initial)
        self.doutputs = filled(made.Output, problem.doutputs)
        self.dfinal = filled(made.State, problem.dfinal)

    @property
    def x(self) -> Any:
        return bare(self.inputs)

    @property
    def dy(self) -> Any:
        return bare(self.doutputs)


def bare(arrays: Any) -> Any:
    """What a caller hands over or gets: the array itself where there is one only."""
    return arrays[0] if len(arrays) == 1 else arrays


def named(kind: Any, arrays: Any) -> dict[str, np.ndarray]:
    """The reverse: arrays by name."""
    return (arrays if isinstance(arrays, tuple) else kind(arrays))._asdict()


def results(made: ModuleType, given: Arguments, **how: int) -> dict[str, np.ndarray]:
    """All that forward and backward give, by kind and name; `how` forward is to go about it."""
    y, final, tape = made.forward(given.params, given.x, given.initial, **how)
    dparams, dx, dinitial = made.backward(given.params, tape, given.dy, given.dfinal)
    groups = {
        "output": named(made.Output, y),
        "final": final._asdict(),
        "gradient of": {**dparams._asdict(), **named(made.Inputs, dx), **dinitial._asdict()},
    }
    return {f"{kind} {name}": array for kind, group in groups.items() for name, array in group.items()}


def expected(result: Result) -> dict[str, np.ndarray]:
    """The same of the oracle."""
    groups = {"output": result.outputs, "final": result.final, "gradient of": result.gradients()}
    return {
        f"{kind} {name}": np.asarray(array, float) for kind, group in groups.items() for name, array in group.items()
    }


def assert_close(got: dict[str, np.ndarray], wanted: dict[str, np.ndarray], bound: float) -> None:
    """Every array: the largest difference over the largest number expected in it.

    A gradient that cancels to nothing is held against the largest of all gradients.
    """
    assert got.keys() == wanted.keys()
    largest = max(float(np.abs(array).max()) for array in wanted.values())
    for name, array in wanted.items():
        assert got[name].shape == array.shape, name
        assert np.isfinite(got[name]).all(), name
        scale = float(np.abs(array).max())
        error = float(np.abs(got[name] - array).max())
        assert error <= bound * (scale if scale > 1e-6 * largest else largest), (name, error, scale)
