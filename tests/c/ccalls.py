"""One cell's functions in C called directly, with buffers of the test's own."""

import ctypes
import re
from functools import cache

import numpy as np
from cellfolder import Arguments, cell, example, module, numbers, results
from ckernels import kernel, table, texts

from derive.native.functions import pointer
from derive.proof import pose

OK, NULL, EMPTY, OVERFLOW, MISALIGNED, UNSUPPORTED, MISPACKED = range(7)


class Call:
    """The arguments of one cell's functions, each to be changed by a test; `options` by name."""

    def __init__(self, name, kind="distinct", dtype=np.float64, problem=None, **options):
        problem = problem or example(name, kind)[0]
        self.of = kernel(name)
        self.functions = self.of._functions[np.dtype(dtype)]
        given = Arguments(self.of, problem, dtype)
        self.sizes = dict(problem.sizes)
        self.params, self.inputs, self.initial = (list(g) for g in (given.params, given.inputs, given.initial))
        self.doutputs, self.dfinal = list(given.doutputs), list(given.dfinal)
        self.outputs = [np.full_like(a, np.nan) for a in self.doutputs]
        self.final = [np.full_like(a, np.nan) for a in self.initial]
        self.dparams, self.dinputs, self.dinitial = (
            [np.full_like(a, np.nan) for a in group] for group in (self.params, self.inputs, self.initial)
        )
        self.options = self.functions.options(**options) if options else None
        self.packed = None
        self.tape = self.functions.buffer("tape", self.dims, self.options)
        self.work = self.functions.buffer("work", self.dims, self.options)

    @property
    def dims(self):
        return self.functions.dims(self.sizes)

    def run(self, function, *arguments, **options):
        """Call with these options, or else with those that the buffers are for."""
        chosen = self.functions.options(**options) if options else self.options
        return self.functions._calls[function](*arguments, chosen)

    def pack(self, **options):
        if self.packed is None:
            self.packed = self.functions.buffer("packed", self.dims, self.options)
        return self.run("pack", self.dims, members(self.params), pointer(self.packed), **options)

    def step(self, **options):
        """The first step of the inputs."""
        return self.run(
            "step", self.dims, members(self.params), pointer(self.packed), members(self.inputs), members(self.initial),
            members(self.outputs), members(self.final), pointer(self.work), **options,
        )  # fmt: skip

    def forward(self, function="forward", **options):
        return self.run(
            function, self.dims, members(self.params), pointer(self.packed), members(self.inputs),
            members(self.initial), members(self.outputs), members(self.final), pointer(self.tape), pointer(self.work),
            **options,
        )  # fmt: skip

    def backward(self, function="backward", **options):
        return self.run(
            function, self.dims, members(self.params), pointer(self.packed), members(self.inputs),
            members(self.initial), pointer(self.tape), members(self.doutputs), members(self.dfinal),
            members(self.dparams), members(self.dinputs), members(self.dinitial), pointer(self.work), **options,
        )  # fmt: skip

    def gradients(self):
        groups = {"dparams": self.dparams, "dinputs": self.dinputs, "dinitial": self.dinitial}
        return {f"{k} {n}": a for k, group in groups.items() for n, a in enumerate(group or ()) if a is not None}

    def results(self):
        """All that is written for the caller to keep, by kind and place."""
        groups = {"output": self.outputs, "final": self.final}
        return self.gradients() | {f"{k} {n}": a for k, group in groups.items() for n, a in enumerate(group)}


def members(arrays):
    """A struct of pointers, None standing for NULL in it or for the whole of it."""
    if arrays is None:
        return None
    return (ctypes.c_void_p * len(arrays))(*(a.ctypes.data if a is not None else None for a in arrays))


def stages(name, function):
    """How many stages a function has, as the header says."""
    prefix = table(name).prefix
    return int(re.search(rf"{prefix}_{function}_stages = (\d+)", texts(name)[f"{prefix}.h"])[1])


@cache
def problem_of(name, steps, batch, *axes):
    """A problem of these sizes, given in turn to the cell's axes; its numbers of either sign unless the cell
    divides by what may be zero."""
    sizes = {"T": steps, "B": batch} | {axis: axes[k % len(axes)] for k, axis in enumerate(cell(name).axes)}
    problem = numbers(cell(name), sizes)
    with np.errstate(all="ignore"):
        tried = results(module(name), Arguments(module(name), problem, np.float32))
    if all(np.isfinite(array).all() for array in tried.values()):
        return problem
    rng = np.random.default_rng(1)
    return pose(cell(name), sizes, lambda _: float(rng.uniform(0.05, 0.3)))
