"""What was measured. In: outcomes of contests. Out: a `Report`, kept as JSON, that all tables and pictures read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.contenders import OURS, Contender
from bench.contest import Outcome
from bench.counts import overlapped, roofline
from bench.limits import Limits
from bench.problem import weights
from bench.task import Size


@dataclass(frozen=True)
class Row:
    """One point: FLOP, what the machine allows (FLOP/s, phase by phase and with all overlapped; None if not
    measured), and by contender its peer, the median and the minimum of seconds a call, and how many were timed."""

    cell: str
    mode: str
    threads: int
    size: Size
    flop: float
    roof: float | None
    overlapped: float | None
    times: Mapping[str, Mapping[str, Any]]
    left_out: Mapping[str, str]

    @property
    def ours(self) -> str:
        return "derive, NumPy" if self.mode == "numpy" else OURS

    def seconds(self, name: str, of: str = "median") -> float | None:
        return self.times[name][of] if name in self.times else None

    def best(self, peers: Collection[str] | None = None, of: str = "median") -> tuple[str, float] | None:
        """The fastest way of these peers, or of all, with its time."""
        found = {
            name: time[of]
            for name, time in self.times.items()
            if (time["peer"] in peers if peers else not name.startswith(OURS))
        }
        name = min(found, key=lambda each: found[each], default=None)
        return None if name is None else (name, found[name])

    def ratio(self, peers: Collection[str] | None = None, of: str = "median") -> float | None:
        """How many times as long the best of these peers takes as we do."""
        ours, best = self.seconds(self.ours, of), self.best(peers, of)
        return None if ours is None or best is None else best[1] / ours

    def rate(self, name: str | None = None, of: str = "median") -> float | None:
        """FLOP/s of a contender, without a name ours."""
        seconds = self.seconds(name or self.ours, of)
        return None if seconds is None else self.flop / seconds

    def share(self) -> float | None:
        """Our part of what the machine allows, both at their best: neither is to suffer from other work."""
        rate = self.rate(of="minimum")
        return None if rate is None or self.roof is None else rate / self.roof


@dataclass
class Report:
    """A run: when, where, of what, and its rows."""

    date: str
    machine: Mapping[str, Any]
    settings: Mapping[str, Any]
    limits: Limits | None
    versions: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def save(self, path: Path) -> None:
        held = {**asdict(self), "limits": self.limits.measured if self.limits else None}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Report:
        held = json.loads(path.read_text(encoding="utf-8"))
        limits = held["limits"] and Limits({int(threads): found for threads, found in held["limits"].items()})
        rows = [Row(**{**row, "size": Size(*row["size"])}) for row in held["rows"]]
        return cls(**{**held, "limits": limits, "rows": rows})

    def groups(self) -> dict[tuple[str, str, int], list[Row]]:
        """Rows by cell, mode and threads, in the order of measurement."""
        found: dict[tuple[str, str, int], list[Row]] = {}
        for row in self.rows:
            found.setdefault((row.cell, row.mode, row.threads), []).append(row)
        return found


def row_of(outcome: Outcome, contenders: Iterable[Contender], limits: Limits | None) -> Row:
    """The row of a contest."""
    task, size = outcome.point.task, outcome.point.size
    counted = weights(task.cell)
    peers = {contender.name: contender.peer for contender in contenders}

    def allowed(by: Callable[..., float]) -> float | None:
        known = limits is not None and task.threads in limits.measured
        return by(counted, size, task.mode, task.threads, limits) if known else None

    times = {
        name: {"peer": peers[name], "median": median(found), "minimum": min(found), "timed": len(found)}
        for name, found in outcome.times.items()
    }
    return Row(
        task.cell, task.mode, task.threads, size, counted.flop(size, task.mode),
        allowed(roofline), allowed(overlapped), times, dict(outcome.left_out),
    )  # fmt: skip


def merged(reports: Iterable[Report]) -> Report:
    """Several runs on one machine as one: of a point that was measured twice, the later holds."""
    first, *others = reports
    rows = {_key(row): row for row in first.rows}
    versions = dict(first.versions)
    found = dict(first.limits.measured) if first.limits else {}
    for other in others:
        if other.machine["processor"] != first.machine["processor"]:
            raise ValueError(f"measured on {first.machine['processor']} and on {other.machine['processor']}")
        rows |= {_key(row): row for row in other.rows}
        versions |= other.versions
        found |= other.limits.measured if other.limits else {}
    last = others[-1] if others else first
    return Report(
        last.date, last.machine, last.settings, Limits(found) if found else None, versions, list(rows.values())
    )


def geomean(values: Iterable[float]) -> float:
    """The geometric mean of one or more positive numbers."""
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms))


def _key(row: Row) -> tuple[str, str, int, Size]:
    return row.cell, row.mode, row.threads, row.size
