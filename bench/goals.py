"""What is aimed at, beside what was measured. In: a `Report`. Out: a `Verdict` for every goal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.contenders import CUSTOM, OURS, RENAMED
from bench.report import Report, Row, geomean

Value = Callable[[Row], float | None]
Fold = Callable[[Sequence[float]], float]


@dataclass(frozen=True)
class Goal:
    """At least `target` for the fold over the rows of some cells in a mode, with this number of threads or any."""

    what: str
    target: float
    cells: Collection[str]
    mode: str
    value: Value
    fold: Fold
    threads: int | None = None
    where: Callable[[Row], bool] = lambda row: True

    def rows(self, report: Report) -> list[Row]:
        return [
            row
            for row in report.rows
            if row.cell in self.cells and row.mode == self.mode and self.threads in (None, row.threads)
            if self.where(row)
        ]


@dataclass(frozen=True)
class Verdict:
    """A goal, what was measured over how many points (None: nothing was), and whether it is reached."""

    goal: Goal
    measured: float | None
    points: int

    @property
    def reached(self) -> bool | None:
        return None if self.measured is None else self.measured >= self.goal.target


def against(*peers: str) -> Value:
    """The time of the best of these peers over ours; without names, of all."""
    return lambda row: row.ratio(peers or None)


def over(name: str) -> Value:
    """The time of this way alone over ours."""

    def value(row: Row) -> float | None:
        theirs, ours = row.seconds(name), row.seconds(row.ours)
        return None if theirs is None or ours is None else theirs / ours

    return value


def renamed(row: Row) -> float | None:
    """The rate of the renamed cell over the lstm's."""
    theirs, ours = row.seconds(RENAMED), row.seconds(OURS)
    return None if theirs is None or ours is None else ours / theirs


def share(row: Row) -> float | None:
    return row.share()


def single(row: Row) -> bool:
    return row.size.B == 1


def _goals() -> Iterator[Goal]:
    lstm = ("lstm",)
    for threads, target in ((1, 1.7), (2, 1.9)):
        told = f"{threads} thread{'s' * (threads > 1)}"
        training = f"LSTM training, {told}"
        yield Goal(f"{training}: PyTorch, mean", target, lstm, "training", against("PyTorch"), geomean, threads)
        yield Goal(
            f"{training}: PyTorch, B = 1, lowest", 1.5, lstm, "training", against("PyTorch"), min, threads, single
        )
        yield Goal(f"{training}: PyTorch, lowest", 1.05, lstm, "training", against("PyTorch"), min, threads)
        yield Goal(f"{training}: best peer, mean", 1.5, lstm, "training", against(), geomean, threads)
        yield Goal(f"{training}: best peer, lowest", 1.03, lstm, "training", against(), min, threads)
        inference = f"LSTM inference, {told}"
        yield Goal(f"{inference}: PyTorch, mean", 1.45, lstm, "inference", against("PyTorch"), geomean, threads)
        yield Goal(f"{inference}: best peer, mean", 1.07, lstm, "inference", against(), geomean, threads)
        yield Goal(f"{inference}: best peer, lowest", 0.97, lstm, "inference", against(), min, threads)
        gated = ("gru", "gru_reset_after", "rnn")
        for cell in gated:
            yield Goal(
                f"{cell} training, {told}: best peer, mean", 1.4, (cell,), "training", against(), geomean, threads
            )
        yield Goal(
            f"gru, gru_reset_after, rnn training, {told}: best peer, lowest",
            1.0,
            gated,
            "training",
            against(),
            min,
            threads,
        )
        custom = f"custom cells training, {told}"
        yield Goal(f"{custom}: best way of PyTorch, mean", 6, CUSTOM, "training", against("PyTorch"), geomean, threads)
        yield Goal(f"{custom}: JAX, mean", 2, CUSTOM, "training", against("JAX"), geomean, threads)
        yield Goal(f"{custom}: best peer, lowest", 1.3, CUSTOM, "training", against(), min, threads)
        yield Goal(f"renamed cell over lstm, {told}, lowest", 0.9, lstm, "training", renamed, min, threads)
        for mode in ("training", "inference"):
            yield Goal(
                f"LSTM {mode}, {told}: of the multiply-add peak, B ≥ 32, mean", 0.85, lstm, mode, share, geomean,
                threads, lambda row: row.size.B >= 32,
            )  # fmt: skip
            yield Goal(
                f"LSTM {mode}, {told}: of the roofline, B = 1, d_h ≥ 128, lowest", 0.85, lstm, mode, share, min,
                threads, lambda row: row.size.B == 1 and row.size.d_h >= 128,
            )  # fmt: skip
    yield Goal("streaming: ONNX Runtime, mean", 10, lstm, "streaming", against("ONNX Runtime"), geomean)
    yield Goal("streaming: PyTorch nn.LSTM as it comes, mean", 100, lstm, "streaming", over("PyTorch nn"), geomean)
    yield Goal("streaming: fastest way of PyTorch, mean", 100, lstm, "streaming", against("PyTorch"), geomean)
    yield Goal("NumPy backend: NumPy per step, mean", 2.5, lstm, "numpy", against(), geomean)


GOALS = tuple(_goals())


def judge(report: Report, goals: Iterable[Goal] = GOALS) -> Iterator[Verdict]:
    """Every goal, those of which nothing was measured too."""
    for goal in goals:
        values = [value for row in goal.rows(report) if (value := goal.value(row)) is not None]
        yield Verdict(goal, goal.fold(values) if values else None, len(values))
