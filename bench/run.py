"""Measure kernels beside their peers. In: a selection on the command line. Out: tables, and a file in bench/results.

python bench/run.py                     the full plan
python bench/run.py --quick             a few points, in three minutes
python bench/run.py --cells lstm --modes training --sizes all --threads 1
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from os import sched_getaffinity
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from rich.console import Console

from bench import limits, machine, plan, tables
from bench.contenders import Contender
from bench.contest import Memory, Settings, contest
from bench.goals import judge
from bench.pool import LeftOut, Pool
from bench.problem import problem
from bench.publish import publish
from bench.report import Report, row_of
from bench.task import Point

RESULTS = Path(__file__).with_name("results")
QUICK = Settings(rounds=4, seconds=0.1, limit=60)

out = Console(highlight=False, soft_wrap=True, markup=False)
wide = Console(highlight=False, markup=False, width=220)


def measure(
    points: Sequence[Point], contenders: Sequence[Contender], settings: Settings, cpus: Sequence[int], report: Report,
    done: Callable[[Report], Any] = lambda report: None,
) -> None:  # fmt: skip
    """Every point; the report grows by a row each, and `done` sees it after every one."""
    memory = Memory()
    with TemporaryDirectory(prefix="derive-bench-") as name:
        folder = Path(name)
        for threads in dict.fromkeys(point.task.threads for point in points):
            with Pool(cpus[-threads:], folder) as pool:
                used: set[str] = set()
                for point in (each for each in points if each.task.threads == threads):
                    given = problem(point.task.cell, point.size)
                    outcome = contest(point, given, contenders, pool, settings, memory, folder)
                    report.rows.append(row_of(outcome, contenders, report.limits))
                    for contender in (each for each in contenders if each.name in set(outcome.times) - used):
                        used.add(contender.name)
                        report.versions |= _versions(pool, contender)
                    done(report)


def _versions(pool: Pool, contender: Contender) -> dict[str, str]:
    try:
        versions: dict[str, str] = pool.process(contender).ask(10, do="versions")["versions"]
    except LeftOut:
        return {}
    return versions


def _parsed(parse: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """A parser of an option, whose complaint is told as click tells its own."""

    def callback(_: click.Context, __: click.Parameter, text: str | None) -> Any:
        try:
            return None if text is None else parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback


def _threads(text: str) -> list[int]:
    counts = [int(each) for each in text.split(",")]
    available = len(sched_getaffinity(0))
    if any(not 1 <= count <= available for count in counts):
        raise ValueError(f"{text}: this machine offers 1 to {available}")
    return counts


@click.command(context_settings={"max_content_width": 120})
@click.option("--quick", is_flag=True, help="A few points, short turns, and no way that takes long to get ready.")
@click.option("--cells", callback=_parsed(plan.cells), help="Names with commas, or all.  [default: by the plan]")
@click.option("--modes", callback=_parsed(plan.modes), help="training, inference, streaming, numpy; or all.")
@click.option(
    "--sizes",
    callback=_parsed(plan.sizes),
    help="all, quick, streams, or T x B x d_x x d_h: 64x32x256x256,100x1x32x32.",
)
@click.option("--threads", callback=_parsed(_threads), help="1 or 1,2.  [default: 1, and 2 if the machine has them]")
@click.option("--contenders", help="Beginnings of names, such as pytorch,jax; ours always compete.  [default: all]")
@click.option("--rounds", type=click.IntRange(1), help="Turns for each contender.  [default: 8]")
@click.option("--seconds", type=click.FloatRange(0), help="Length of a turn.  [default: 0.15]")
@click.option(
    "--limit", type=click.FloatRange(0), help="Seconds that a contender may take to get ready.  [default: 150]"
)
@click.option("--publish", "published", is_flag=True, help="Then fill docs/benchmarks.md and draw its pictures.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="[default: bench/results/DATE.json]")
def main(
    quick: bool, cells: list[str] | None, modes: list[str] | None, sizes: Any, threads: list[int] | None,
    contenders: str | None, rounds: int | None, seconds: float | None, limit: float | None, published: bool,
    output: Path | None,
) -> None:  # fmt: skip
    """Time kernels and their peers, each in a process of its own, in turn.

    Without a selection the plan is measured, with --quick the short one.
    """
    counts = threads or [1, 2][: len(sched_getaffinity(0))]
    if cells or modes or sizes:
        points = list(plan.selected(cells or ["lstm"], modes or ["training"], sizes, counts))
    else:
        points = list((plan.quick if quick else plan.full)(counts))
    try:
        chosen = plan.contenders(contenders, slow=not quick)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--contenders") from None
    given = {"rounds": rounds, "seconds": seconds, "limit": limit}
    base = asdict(QUICK if quick else Settings())
    settings = Settings(**(base | {name: value for name, value in given.items() if value is not None}))
    cpus = sorted(sched_getaffinity(0))[-max(counts) :]
    started = datetime.now().astimezone()
    report = Report(started.isoformat(timespec="seconds"), machine.facts(), asdict(settings), limits.measure(cpus))
    path = output or RESULTS / f"{started:%Y-%m-%d-%H%M%S}.json"

    out.print(f"{report.machine['processor']}; {report.machine['caches']}; {report.machine['compiler']}")
    if report.machine["load"] > machine.BUSY:
        out.print(
            f"other work is running (load {report.machine['load']:.1f}): read the minima, and two threads not at all"
        )
    wide.print(tables.console(tables.limits(report.limits)))
    begun = time.monotonic()

    def told(report: Report) -> None:
        out.print(
            f"[{time.monotonic() - begun:4.0f} s, {len(report.rows)} of {len(points)}] {tables.line(report.rows[-1])}"
        )
        report.save(path)

    measure(points, chosen, settings, cpus, report, told)
    show(report)
    out.print(f"written: {path}")
    if published:
        publish(report)


def show(report: Report) -> None:
    """All tables of a report on the console."""
    for made in (*tables.results(report), tables.left_out(report)):
        if made.lines:
            wide.print(tables.console(made))
    verdicts = [verdict for verdict in judge(report) if verdict.measured is not None]
    wide.print(tables.console(tables.goals(verdicts)))
    out.print(", ".join(f"{name} {version}" for name, version in sorted(report.versions.items())))


if __name__ == "__main__":
    main()
