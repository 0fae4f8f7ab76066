"""The tables of a report, for the console and for Markdown. In: a `Report`. Out: `Table`s of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box, table

from bench.contenders import CONTENDERS, OURS, RENAMED
from bench.goals import Verdict
from bench.limits import LEVELS, Limits
from bench.report import Report, Row, geomean

NONE = "–"


@dataclass(frozen=True)
class Table:
    """Headings, lines of as many cells; a line of the means may stand last."""

    title: str
    headings: Sequence[str]
    lines: Sequence[Sequence[str]]


def results(report: Report) -> Iterator[Table]:
    """One table for each cell, mode and number of threads."""
    for (cell, mode, threads), rows in report.groups().items():
        yield _group(f"{cell}, {mode}, {threads} thread{'s' * (threads > 1)}", rows)


def _group(title: str, rows: Sequence[Row]) -> Table:
    peers = [peer for peer in _peers() if any(row.ratio([peer]) for row in rows)]
    renamed = any(RENAMED in row.times for row in rows)
    headings = ["T, B, d_x, d_h", "µs", "GFLOP/s", "of limit", *peers, "best peer", "by minima"]
    lines = [
        [
            str(row.size).replace(",", ", "),
            microseconds(row.seconds(row.ours)),
            number(row.rate(), 1e9),
            percent(row.share()),
            *(times(row.ratio([peer])) for peer in peers),
            best(row),
            times(row.ratio(of="minimum")),
            *([times(row.seconds(RENAMED) and row.seconds(OURS, "median") / row.seconds(RENAMED))] * renamed),
        ]
        for row in rows
    ]
    if len(rows) > 1:
        means = [mean([row.ratio([peer]) for row in rows]) for peer in peers]
        overall = mean([row.ratio() for row in rows]), mean([row.ratio(of="minimum") for row in rows])
        lines.append(["geometric mean", "", "", "", *means, *overall, *([""] * renamed)])
    return Table(title, [*headings, *(["renamed"] * renamed)], lines)


def goals(verdicts: Sequence[Verdict]) -> Table:
    """Goal, target, what was measured, and whether that is enough."""
    marks = {True: "yes", False: "no", None: "not measured"}
    lines = [
        [
            verdict.goal.what,
            f"≥ {verdict.goal.target:g}",
            number(verdict.measured, digits=2),
            str(verdict.points),
            marks[verdict.reached],
        ]
        for verdict in verdicts
    ]
    return Table("goals", ["goal", "aimed at", "measured", "points", "reached"], lines)


def limits(found: Limits | None) -> Table:
    """The machine's limits, the best that was seen."""
    headings = ["threads", "multiply-adds, GFLOP/s", *(f"{name}, GB/s" for name in LEVELS)]
    lines = [
        [str(n), number(found.peak(n), 1e9), *(number(found.bandwidth(n, size), 1e9) for size in LEVELS.values())]
        for n in (found.measured if found else ())
        if found
    ]
    return Table("limits of the machine", headings, lines)


def left_out(report: Report) -> Table:
    """Who did not compete where, and why."""
    places: dict[tuple[str, str], list[str]] = {}
    for row in report.rows:
        for name, reason in row.left_out.items():
            where = f"{row.cell} {row.mode} {row.size!s} ({row.threads})"
            places.setdefault((name, reason), []).append(where)
    lines = [[name, reason, places_of(where)] for (name, reason), where in places.items()]
    return Table("left out", ["contender", "why", "where (threads)"], lines)


def places_of(where: Sequence[str]) -> str:
    return "; ".join(where) if len(where) <= 3 else f"{'; '.join(where[:2])} and {len(where) - 2} more"


def line(row: Row) -> str:
    """A row as one line, for whoever waits."""
    parts = [f"{row.cell} {row.mode} {row.threads}T {row.size}"]
    if row.ours in row.times:
        rate, limit = number(row.rate(), 1e9), percent(row.share())
        parts.append(f"{row.ours} {microseconds(row.seconds(row.ours))} µs, {rate} GFLOP/s, {limit} of limit")
    ours = row.seconds(row.ours)
    for name, found in row.times.items():
        if name != row.ours:
            taken = f"×{found['median'] / ours:.2f} (min ×{found['minimum'] / row.times[row.ours]['minimum']:.2f})"
            parts.append(f"{name} {taken if ours else microseconds(found['median']) + ' µs'}")
    parts += [f"{name}: {reason}" for name, reason in row.left_out.items()]
    return " | ".join(parts)


def console(made: Table) -> table.Table:
    """As rich prints it."""
    shown = table.Table(title=made.title, title_justify="left", box=box.SIMPLE)
    for number_, heading in enumerate(made.headings):
        shown.add_column(heading, justify="right" if number_ else "left")
    for each in made.lines:
        shown.add_row(*each)
    return shown


def markdown(made: Table) -> str:
    """As a page holds it."""
    lines = [made.headings, ["---", *["---:"] * (len(made.headings) - 1)], *made.lines]
    return "".join(f"| {' | '.join(each)} |\n" for each in lines)


def number(value: float | None, unit: float = 1.0, digits: int = 1) -> str:
    return NONE if value is None else f"{value / unit:.{digits}f}"


def microseconds(value: float | None) -> str:
    return NONE if value is None else f"{value * 1e6:.{max(0, 2 - int(value >= 1e-5) - int(value >= 1e-3))}f}"


def percent(value: float | None) -> str:
    return NONE if value is None else f"{value:.0%}"


def times(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def best(row: Row) -> str:
    """The ratio to the best peer, and who that is."""
    found = row.best()
    return NONE if found is None else f"{times(row.ratio())} ({found[0]})"


def mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return times(geomean(known)) if known else NONE


def _peers() -> list[str]:
    return [peer for peer in dict.fromkeys(each.peer for each in CONTENDERS) if not peer.startswith(OURS)]
