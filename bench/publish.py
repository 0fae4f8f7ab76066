"""What was measured, as a page. In: files of bench/results. Out: docs/benchmarks.md filled, docs/benchmarks/ drawn.

    python bench/publish.py bench/results/A.json [bench/results/B.json …]

Of a point in several files the last holds. Tables stand between markers, `<!-- measured: goals -->` and
`<!-- end -->`, in docs/benchmarks.md and, where it has some, in README.md; the text around them is written by hand.
What was measured on another machine, in `docs/benchmarks/NAME.json`, stands behind `<!-- measured: goals of NAME -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path

import click

from bench import tables
from bench.contenders import CLASSIC, CUSTOM
from bench.goals import judge, over
from bench.machine import BUSY
from bench.report import Report, Row, merged

DOCS = Path(__file__).parents[1] / "docs"
PAGES = (DOCS / "benchmarks.md", DOCS.parent / "README.md")
PICTURES = DOCS / "benchmarks"


def conditions(report: Report) -> str:
    """When, where, and of what."""
    busy = " Other work was running: ratios of two threads mean little." if report.machine["load"] > BUSY else ""
    timed = "; ".join(dict.fromkeys(name for row in report.rows for name in row.times))
    machine, versions = report.machine, ", ".join(f"{name} {v}" for name, v in sorted(report.versions.items()))
    return (
        f"{report.date[:10]}; {machine['processor']}, {machine['processors']} processors, {machine['caches']};"
        f" {machine['system']}; {machine['compiler']}. Load before the first measurement: {machine['load']:.1f}.{busy}"
        f" {report.settings['rounds']} rounds of {report.settings['seconds']:g} s. Timed: {timed}.\n"
        f"\nVersions: {versions}.\n"
    )


def summary(report: Report) -> str:
    """A line for each cell, mode and number of threads."""
    groups = report.groups().items()
    return _means({(f"{cell}, {mode}", threads): rows for (cell, mode, threads), rows in groups}, report)


WORDS = {
    "training": "training",
    "inference": "inference",
    "streaming": "a step at a time, from Python",
    "numpy": "NumPy kernel against NumPy step by step, training",
}
"""What a mode is called where there is room."""


def overview(report: Report) -> str:
    """A line for each kind of cell, mode and number of threads."""
    found: dict[tuple[str, int], list[Row]] = {}
    for kind, mode in product((CLASSIC[:1], CLASSIC[1:], CUSTOM), WORDS):
        for row in sorted(report.rows, key=lambda row: row.threads):
            if row.cell in kind and row.mode == mode:
                what = f"{', '.join(f'`{cell}`' for cell in kind)}: {WORDS[mode]}"
                found.setdefault((what, row.threads), []).append(row)
    return _means(found, report)


def _means(groups: Mapping[tuple[str, int], Sequence[Row]], report: Report) -> str:
    """The geometric means of some groups of rows, each with its threads; when and where."""
    lines = []
    for (what, threads), rows in groups.items():
        columns = [tables.mean([row.ratio(peers) for row in rows]) for peers in (["PyTorch"], ["JAX"], None)]
        ratios = [value for row in rows if (value := row.ratio()) is not None]
        worst = tables.times(min(ratios)) if ratios else tables.NONE
        lines.append([what, str(threads), str(len(rows)), *columns, worst])
    headings = ["", "threads", "points", "PyTorch ÷ derive", "JAX ÷ derive", "best peer ÷ derive", "lowest"]
    machine = report.machine
    where = f"{report.date[:10]}; {machine['processor']}, {machine['processors']} processors."
    return f"{tables.markdown(tables.Table('means', headings, lines))}\n{where}\n"


def details(*cells: str) -> Callable[[Report], str]:
    """The tables of some cells, each under its title."""

    def made(report: Report) -> str:
        chosen = Report(**{**vars(report), "rows": [row for row in report.rows if row.cell in cells]})
        return "\n".join(f"**{each.title}**\n\n{tables.markdown(each)}" for each in tables.results(chosen))

    return made


def ways(report: Report) -> str:
    """Of each way of PyTorch to compute the custom cells with one thread, the mean of its time over ours."""
    rows = [row for row in report.rows if row.cell in CUSTOM and row.threads == 1]
    names = dict.fromkeys(name for row in rows for name in row.times if name.startswith("PyTorch"))
    lines = []
    for name in names:
        known = [ratio for row in rows if (ratio := over(name)(row)) is not None]
        lines.append([name, str(len(known)), tables.mean(known)])
    return tables.markdown(tables.Table("ways", ["one thread", "points", "÷ derive"], lines))


MEASURED: dict[str, Callable[[Report], str]] = {
    "conditions": conditions,
    "overview": overview,
    "summary": summary,
    "goals": lambda report: tables.markdown(tables.goals(list(judge(report)))),
    "limits": lambda report: tables.markdown(tables.limits(report.limits)),
    "lstm": details("lstm"),
    "other layers": details(*CLASSIC[1:]),
    "custom cells": details(*CUSTOM),
    "ways": ways,
    "left out": lambda report: tables.markdown(found) if (found := tables.left_out(report)).lines else "None.\n",
}


MARKED = r"(<!-- measured: ([a-z ]+?)(?: of ([a-z]+))? -->)\n.*?(<!-- end -->)"


def filled(page: str, report: Report) -> str:
    """A page with what stands between its markers made anew."""

    def made(match: re.Match[str]) -> str:
        here = Report.load(PICTURES / f"{match[3]}.json") if match[3] else report
        return f"{match[1]}\n{MEASURED[match[2]](here)}{match[4]}"

    return re.sub(MARKED, made, page, flags=re.DOTALL)


def publish(report: Report) -> None:
    """Fill the pages, draw the pictures, keep the numbers beside them."""
    from bench.pictures import pictures  # noqa: PLC0415 - matplotlib is an extra
    from derive.figures.style import save  # noqa: PLC0415

    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8"), report), encoding="utf-8")
    report.save(PICTURES / "results.json")
    for name, picture in pictures(report):
        for kind in ("svg", "png"):
            save(picture, PICTURES / f"{name}.{kind}")


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(results: tuple[Path, ...]) -> None:
    """Fill docs/benchmarks.md from files of bench/results; of a point in several, the last holds."""
    publish(merged(Report.load(path) for path in results))


if __name__ == "__main__":
    main()
