"""One row of the tables: all contenders at one point. In: a `Point`, contenders. Out: an `Outcome`.

Whose results differ from the first one's is left out before anything is timed. Then all are timed in turn, round by
round, so that a slow moment of the machine meets everyone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.contenders import Contender
from bench.pool import LeftOut, Pool, missing
from bench.task import Point, Problem

TOLERANCE = 1e-3
"""Of max |a − b| / max |b|, array by array."""

FLOOR = 1e-2
"""Of the largest gradient: what smaller ones are measured by."""

PAUSE = 0.02
"""Seconds before a turn: threads of the one before wait in a loop for a while, and would take a processor."""


@dataclass(frozen=True)
class Settings:
    """How long to measure: turns for each contender, seconds a turn, and seconds to get ready."""

    rounds: int = 8
    seconds: float = 0.15
    limit: float = 150.0


@dataclass
class Outcome:
    """Seconds a call by contender, in the order of measurement; who was left out, and why."""

    point: Point
    times: dict[str, list[float]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


class Memory:
    """Who took too long to get ready is not asked again for the same task at as many steps."""

    def __init__(self) -> None:
        self._slow: dict[tuple[str, str, str], tuple[int, str]] = {}

    def check(self, contender: Contender, point: Point) -> None:
        steps, reason = self._slow.get(self._key(contender, point), (point.size.T + 1, ""))
        if steps <= point.size.T:
            raise LeftOut(f"{reason} with {steps} steps")

    def note(self, contender: Contender, point: Point, reason: str) -> None:
        if reason.startswith("not ready"):
            self._slow[self._key(contender, point)] = point.size.T, reason

    @staticmethod
    def _key(contender: Contender, point: Point) -> tuple[str, str, str]:
        return contender.name, point.task.cell, point.task.mode


def contest(
    point: Point, problem: Problem, contenders: Sequence[Contender], pool: Pool, settings: Settings, memory: Memory,
    folder: Path,
) -> Outcome:  # fmt: skip
    """Compare, then time."""
    outcome = Outcome(point)
    given = folder / "problem.npz"
    problem.save(given)
    results: dict[str, Path] = {}
    for number, contender in enumerate(c for c in contenders if c.takes(point.task)):
        path = folder / f"results{number}.npz"
        try:
            if lacking := missing(contender):
                raise LeftOut(f"not installed: {', '.join(lacking)}")
            memory.check(contender, point)
            pool.process(contender).ask(
                settings.limit, do="prepare", cell=point.task.cell, mode=point.task.mode,
                problem=str(given), results=str(path),
            )  # fmt: skip
            compare(path, next(iter(results.values()), path))
            results[contender.name] = path
        except LeftOut as reason:
            memory.note(contender, point, str(reason))
            outcome.left_out[contender.name] = str(reason)
    competing = [contender for contender in contenders if contender.name in results]
    outcome.times = {contender.name: [] for contender in competing}
    for _ in range(settings.rounds):
        for contender in list(competing):
            time.sleep(PAUSE)
            try:
                reply = pool.process(contender).ask(settings.limit, do="time", seconds=settings.seconds)
                outcome.times[contender.name] += reply["times"]
            except LeftOut as reason:
                competing.remove(contender)
                del outcome.times[contender.name]
                outcome.left_out[contender.name] = str(reason)
    return outcome


def compare(path: Path, reference: Path) -> None:
    """Raise `LeftOut` where results are not those of the reference."""
    with np.load(path) as found, np.load(reference) as expected:
        if set(found) != set(expected):
            raise LeftOut(f"has other results: {', '.join(sorted(set(found) ^ set(expected)))}")
        errors = deviations(found, expected)
    worst = max(errors, key=lambda name: errors[name])
    if not errors[worst] <= TOLERANCE:
        raise LeftOut(f"computes something else: {worst} differs by {errors[worst]:.1e}")


def deviations(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> dict[str, float]:
    """max |a − b| / max |b| of every array; infinite where the shapes differ or a number is none.

    A gradient that is zero in exact arithmetic (of the sLSTM's input bias, which cancels in c / n) is rounding alone
    in float32: no gradient is measured by less than a hundredth of the largest.
    """
    sizes = {name: float(np.abs(expected[name].astype(np.float64)).max()) for name in expected}
    floor = FLOOR * max((size for name, size in sizes.items() if name.startswith("d")), default=0.0)
    errors = {}
    for name, size in sizes.items():
        a, b = found[name].astype(np.float64), expected[name].astype(np.float64)
        scale = max(size, floor) if name.startswith("d") else size
        error = float(np.abs(a - b).max()) if a.shape == b.shape else np.inf
        errors[name] = error / scale if scale > 0 and np.isfinite(error) else (0.0 if error == 0 else np.inf)
    return errors
