"""Time any cell, in training, beside NumPy and JAX. In: .cell files or names, and sizes. Out: a table.

    python bench/any_cell.py my.cell --sizes T=50,B=16,d_x=64,d_h=128

JAX is given the equations as they are written, see `contenders/jax_equations.py`. Its results are compared first. All
run on one processor, in turn.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

import derive
from bench import machine, tables
from bench.contest import deviations
from bench.equations import extents
from derive.language import Cell

Call = Callable[[], Any]

TOLERANCE = 1e-3
"""Of max |a - b| / max |b|, array by array."""


def alone() -> None:
    """One processor, and one thread for every library; before any of them is loaded."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"


def ours(kernel: Any, params: Any, x: Any, dy: Any, **options: int) -> Any:
    """Outputs, and the gradients of the parameters and the inputs."""
    y, _, tape = kernel.forward(params, x, **options)
    dparams, dx, _ = kernel.backward(params, tape, dy, **options)
    return y, dparams, dx


def measure(cell: Cell, sizes: Mapping[str, int], rounds: int, seconds: float) -> list[str]:
    """The row of one cell."""
    kernels = {backend: derive.build(cell, backend=backend, dtype="float32") for backend in ("c", "numpy")}
    rng = np.random.default_rng(0)
    kernel = kernels["c"]
    params = kernel.init({axis: size for axis, size in sizes.items() if axis not in ("T", "B")}, rng)
    inputs = {v.name: _normal(rng, sizes["T"], sizes["B"], *extents(v, sizes)) for v in cell.of_role("input")}
    outputs = [cell.variables[name] for name in cell.outputs]
    dy = {v.name: _normal(rng, sizes["T"], sizes["B"], *extents(v, sizes)) for v in outputs}
    given = _bare(kernel.Inputs, inputs), _bare(kernel.Output, dy)
    calls: dict[str, Call] = {
        "derive": partial(ours, kernel, params, *given, threads=1),
        "NumPy": partial(ours, kernels["numpy"], kernels["numpy"].Params(*params), *given),
        "JAX": partial(_with_jax(cell, sizes), params._asdict(), inputs, dy),
    }
    kinds = kernel.Output, kernel.Params, kernel.Inputs
    results = zip(kinds, calls["derive"](), strict=True)
    wanted = _named(dict(zip(kind._fields, _many(kind, each), strict=True)) for kind, each in results)
    worst = max(deviations(_named(calls["JAX"]()), wanted).values())
    times = _in_turn(calls, rounds, seconds)
    ratios = {name: tables.times(times[name] / times["derive"]) for name in ("NumPy", "JAX")}
    if worst > TOLERANCE:
        ratios["JAX"] = "differs"
    told = ", ".join(f"{name} {sizes[name]}" for name in ("T", "B", *cell.axes))
    return [cell.name, told, tables.microseconds(times["derive"]), *ratios.values()]


def _with_jax(cell: Cell, sizes: Mapping[str, int]) -> Callable[..., Any]:
    """Imported late, when it has been told how many threads it may use."""
    function: Callable[..., Any] = import_module("bench.contenders.jax_equations").training(cell, sizes)
    return function


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


def _bare(kind: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """As a kernel takes them: one array alone, several in a tuple of its own."""
    return kind(**arrays) if len(arrays) > 1 else next(iter(arrays.values()))


def _many(kind: Any, arrays: Any) -> Any:
    """The other way around."""
    return arrays if len(kind._fields) > 1 else [arrays] if isinstance(arrays, np.ndarray) else arrays


def _named(results: Iterable[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Outputs, and gradients under names that tell them apart."""
    prefixed = zip(("y ", "d ", "d "), results, strict=True)
    return {f"{prefix}{name}": np.asarray(array) for prefix, part in prefixed for name, array in part.items()}


def _in_turn(calls: Mapping[str, Call], rounds: int, seconds: float) -> dict[str, float]:
    """The median time of each call."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            end = time.perf_counter() + seconds
            call()
            while time.perf_counter() < end or not times[name]:
                begun = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(found) for name, found in times.items()}


def _sizes(_: click.Context, __: click.Parameter, text: str) -> dict[str, int]:
    found = {}
    for each in text.split(","):
        name, _, number = each.partition("=")
        if not name or not number.isdecimal() or not int(number):
            raise click.BadParameter(f"{each!r}: expected sizes such as T=50,B=16,d_x=64,d_h=128")
        found[name] = int(number)
    return {"T": 50, "B": 16} | found


def _cell(name: str) -> Cell:
    return derive.load(name) if Path(name).suffix == ".cell" else derive.cell(name)


@click.command(context_settings={"max_content_width": 120})
@click.argument("cells", nargs=-1, required=True)
@click.option(
    "--sizes", callback=_sizes, required=True, help="T=50,B=16 and those of the cells' axes, such as d_x=64,d_h=128."
)
@click.option("--rounds", type=click.IntRange(1), default=6, show_default=True, help="Turns for each.")
@click.option("--seconds", type=click.FloatRange(0), default=0.2, show_default=True, help="Length of a turn.")
@click.option("--markdown", is_flag=True, help="Print the table as a page holds it.")
def main(cells: Sequence[str], sizes: dict[str, int], rounds: int, seconds: float, markdown: bool) -> None:
    """Time training steps of CELLS, names of shipped ones or .cell files, beside NumPy and JAX."""
    alone()
    rows = []
    for name in cells:
        cell = _cell(name)
        if lacking := [axis for axis in cell.axes if axis not in sizes]:
            raise click.BadParameter(f"{cell.name} has also {', '.join(lacking)}", param_hint="--sizes")
        rows.append(measure(cell, sizes, rounds, seconds))
    made = tables.Table(machine.processor(), ["cell", "sizes", "µs", "NumPy ÷ derive", "JAX ÷ derive"], rows)
    if markdown:
        click.echo(tables.markdown(made), nl=False)
    else:
        Console(highlight=False, markup=False, width=160).print(tables.console(made))


if __name__ == "__main__":
    main()
