"""Time any cell, in training, beside NumPy and JAX. In: .cell files or names, and sizes. Out: a table.

    python bench/any_cell.py my.cell --sizes T=50,B=16,d_x=64,d_h=128

JAX is given the equations as they are written, see `contenders/jax_equations.py`, with its scan unrolled by 1 and by 4;
the better counts. Its results are compared first. All run in one process, in turn, on one processor.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

import derive
from bench import machine, tables
from bench.contest import TOLERANCE, deviations
from bench.pool import environment
from derive.language import Cell
from derive.proof.oracle import extents

Call = Callable[[], Any]

UNROLLED = (1, 4)


def ours(kernel: Any, params: Any, x: Any, dy: Any, **options: int) -> Any:
    """Outputs, and the gradients of the parameters and the inputs."""
    y, _, tape = kernel.forward(params, x, **options)
    dparams, dx, _ = kernel.backward(params, tape, dy, **options)
    return y, dparams, dx


def measure(cell: Cell, sizes: Mapping[str, int], rounds: int, seconds: float) -> list[str]:
    """The row of one cell, by libraries that have one thread."""
    kernel, in_numpy = (derive.build(cell, backend=backend, dtype="float32") for backend in ("c", "numpy"))
    rng = np.random.default_rng(0)
    params = kernel.init({axis: sizes[axis] for axis in cell.axes}, rng)
    inputs, dy = (
        {v.name: rng.normal(size=(sizes["T"], sizes["B"], *extents(v.shape, sizes))).astype(np.float32) for v in group}
        for group in (cell.of_role("input"), [cell.variables[name] for name in cell.outputs])
    )
    given = _bare(kernel.Inputs, inputs), _bare(kernel.Output, dy)
    training = import_module("bench.contenders.jax_equations").training
    peers = {f"JAX {n}": partial(training(cell, sizes, n), params._asdict(), inputs, dy) for n in UNROLLED}
    calls: dict[str, Call] = {
        "derive": partial(ours, kernel, params, *given, threads=1),
        "NumPy": partial(ours, in_numpy, in_numpy.Params(*params), *given),
        **peers,
    }
    kinds = kernel.Output, kernel.Params, kernel.Inputs
    found = zip(kinds, calls["derive"](), strict=True)
    wanted = _named(dict(zip(kind._fields, _listed(each), strict=True)) for kind, each in found)
    agree = all(max(deviations(_named(peer()), wanted).values()) <= TOLERANCE for peer in peers.values())
    times = _in_turn(calls, rounds, seconds)
    best = min(times[name] for name in peers)
    told = ", ".join(f"{name} {sizes[name]}" for name in ("T", "B", *cell.axes))
    ratios = [tables.times(times["NumPy"] / times["derive"]), tables.times(best / times["derive"] if agree else None)]
    return [cell.name, told, tables.microseconds(times["derive"]), *ratios]


def _bare(kind: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """As a kernel takes them: one array alone, several in a tuple of its own."""
    return kind(**arrays) if len(arrays) > 1 else next(iter(arrays.values()))


def _listed(arrays: Any) -> Sequence[np.ndarray]:
    """The other way around."""
    return [arrays] if isinstance(arrays, np.ndarray) else arrays


def _named(results: Iterable[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Outputs, and gradients under names that tell them apart."""
    prefixed = zip(("y ", "d ", "d "), results, strict=True)
    return {f"{prefix}{name}": np.asarray(array) for prefix, part in prefixed for name, array in part.items()}


def _in_turn(calls: Mapping[str, Call], rounds: int, seconds: float) -> dict[str, float]:
    """The median time of each call."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            end = time.perf_counter() + seconds
            while True:
                begun = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - begun)
                if time.perf_counter() > end:
                    break
    return {name: statistics.median(found) for name, found in times.items()}


def _sizes(_: click.Context, __: click.Parameter, text: str) -> dict[str, int]:
    found = {}
    for each in text.split(","):
        name, _, number = each.partition("=")
        if not name or not number.isdecimal() or not int(number):
            raise click.BadParameter(f"{each!r}: expected sizes such as T=50,B=16,d_x=64,d_h=128")
        found[name] = int(number)
    return {"T": 50, "B": 16} | found


def _cell(name: str, sizes: Mapping[str, int]) -> Cell:
    try:
        cell = derive.load(name) if Path(name).suffix == ".cell" else derive.cell(name)
    except derive.CellError as error:
        raise click.ClickException(str(error)) from None
    if lacking := [axis for axis in cell.axes if axis not in sizes]:
        raise click.BadParameter(f"{cell.name} has also {', '.join(lacking)}", param_hint="--sizes")
    return cell


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
    chosen = [_cell(name, sizes) for name in cells]
    if not find_spec("jax"):
        raise click.ClickException("JAX is not installed: run this with .venv-bench, which make bench-quick makes")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    # Libraries read it when they are loaded, so it is a fresh process that measures.
    told = environment(1)
    os.environ.clear()
    os.environ.update(told)
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        rows = [process.submit(measure, cell, sizes, rounds, seconds).result() for cell in chosen]
    made = tables.Table(machine.processor(), ["cell", "sizes", "µs", "NumPy ÷ derive", "JAX ÷ derive"], rows)
    if markdown:
        click.echo(tables.markdown(made), nl=False)
    else:
        Console(highlight=False, markup=False, width=160).print(tables.console(made))


if __name__ == "__main__":
    main()
