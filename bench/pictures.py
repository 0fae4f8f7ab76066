"""Pictures of a report: how near to the machine's limits, how far from the peers. In: a `Report`. Out: figures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from bench.contenders import CLASSIC, CUSTOM
from bench.limits import LEVELS
from bench.problem import weights
from bench.report import Report, Row, geomean
from derive.figures.style import INK, SOFT, legend, look, panels

# Told apart by lightness and by shape, as well as by colour.
OURS: dict[str, Any] = {"color": "#0072B2", "marker": "o", "markersize": 6, "linestyle": "", "zorder": 4}
BEST: dict[str, Any] = {
    "color": SOFT,
    "marker": "o",
    "markersize": 6,
    "fillstyle": "none",
    "linestyle": "",
    "zorder": 3,
}
LIMIT: dict[str, Any] = {
    "color": INK,
    "marker": "_",
    "markersize": 14,
    "markeredgewidth": 1.6,
    "linestyle": "",
    "zorder": 3,
}
PEERS: dict[str, dict[str, Any]] = {
    "PyTorch": {"color": "#D55E00", "marker": "o"},
    "JAX": {"color": "#009E73", "marker": "^"},
    "ONNX Runtime": {"color": "#CC79A7", "marker": "s"},
    "OpenVINO": {"color": "#444444", "marker": "D"},
}


def pictures(report: Report) -> Iterator[tuple[str, Figure]]:
    """Name and figure of each picture of which something was measured."""
    groups = report.groups()
    modes = [(mode, n) for mode in ("training", "inference") for n in (1, 2) if groups.get(("lstm", mode, n))]
    if modes:
        yield "ratios", ratios([(title("LSTM", *each), groups["lstm", *each]) for each in modes])
    known = report.limits.measured if report.limits else ()
    drawn = [
        (title("LSTM", mode, n), groups["lstm", mode, n]) for mode, n in modes if mode == "training" and n in known
    ]
    if drawn:
        yield "roofline", rooflines(report, drawn)
    trained = [row for row in report.rows if row.mode == "training"]
    if any(row.cell != "lstm" for row in trained):
        yield "cells", cells(trained)


def title(what: str, mode: str, threads: int) -> str:
    return f"{what} {mode}, {threads} thread{'s' * (threads > 1)}"


def ratios(groups: Sequence[tuple[str, Sequence[Row]]]) -> Figure:
    """A panel a group: for each size, how many times as long every peer takes."""
    with look():
        figure, axes = panels(len(groups), 3.1 * len(groups) + 1.4, 4.4, sharex=True, sharey=True)
        sizes = list(dict.fromkeys(row.size for _, rows in groups for row in rows))
        for each, (heading, rows) in zip(axes, groups, strict=True):
            places = [-sizes.index(row.size) for row in rows]
            for peer, style in PEERS.items():
                _marks(each, [row.ratio([peer]) for row in rows], places, label=peer, **style)
            each.set_title(heading)
        axes[0].set_yticks(-np.arange(len(sizes)), [str(size).replace(",", ", ") for size in sizes])
        axes[0].set_ylabel("T, B, d_x, d_h")
        _ratio_axes(axes)
        legend(figure, axes, len(PEERS))
        return figure


def cells(rows: Sequence[Row]) -> Figure:
    """For each cell, the geometric mean over the sizes of how many times as long the best way of a peer takes."""
    counts = sorted({row.threads for row in rows})
    names = [cell for cell in (*CLASSIC, *CUSTOM) if any(row.cell == cell for row in rows)]
    with look():
        figure, axes = panels(len(counts), 4.2 * len(counts) + 1.0, 3.9, sharex=True, sharey=True)
        for each, threads in zip(axes, counts, strict=True):
            places = -np.arange(len(names))
            for peer in ("PyTorch", "JAX"):
                of = [[row for row in rows if row.cell == cell and row.threads == threads] for cell in names]
                _marks(each, [_mean(group, [peer]) for group in of], places, label=f"best way of {peer}", **PEERS[peer])
            each.set_title(f"training, {threads} thread{'s' * (threads > 1)}")
        axes[0].set_yticks(-np.arange(len(names)), names)
        _ratio_axes(axes)
        legend(figure, axes, 2)
        return figure


def rooflines(report: Report, groups: Sequence[tuple[str, Sequence[Row]]]) -> Figure:
    """A panel a group: rate over intensity, under the lines that the machine's limits draw."""
    assert report.limits is not None
    with look():
        figure, axes = panels(len(groups), 4.6 * len(groups), 4.2, sharey=True)
        for each, (heading, rows) in zip(axes, groups, strict=True):
            threads = rows[0].threads
            peak = report.limits.peak(threads) / 1e9
            intensity = np.geomspace(0.3, 300, 400)
            for name, dash in (("L2", "-"), ("L3", (0, (5, 2))), ("DRAM", (0, (1, 1)))):
                slope = report.limits.bandwidth(threads, LEVELS[name]) / 1e9
                label = f"{name}, {slope:.0f} GB/s" if len(groups) == 1 else name
                each.plot(
                    intensity,
                    np.minimum(peak, slope * intensity),
                    color=SOFT,
                    linewidth=1.2,
                    linestyle=dash,
                    label=label,
                )
            at = [_intensity(row) for row in rows]
            each.plot(at, [_giga(row.roof) for row in rows], label="limit, phase by phase", **LIMIT)
            each.plot(
                at, [_giga((best := row.best()) and row.flop / best[1]) for row in rows], label="best peer", **BEST
            )
            each.plot(at, [_giga(row.rate()) for row in rows], label="derive", **OURS)
            each.set_xscale("log")
            each.set_yscale("log")
            each.set_ylim(1.5, 2 * max(report.limits.peak(n) / 1e9 for n in report.limits.measured))
            each.set_xlabel("FLOP for each byte of recurrent weights read")
            each.set_title(heading)
        axes[0].set_ylabel("GFLOP/s")
        legend(figure, axes, 3)
        return figure


def _marks(axes: Axes, values: Sequence[float | None], places: Any, **style: Any) -> None:
    known = [(value, place) for value, place in zip(values, places, strict=True) if value is not None]
    if known:
        axes.plot(*zip(*known, strict=True), linestyle="", markersize=6, **style)


def _ratio_axes(panels: Sequence[Axes]) -> None:
    """A logarithmic scale around 1 for all panels."""
    for axes in panels:
        axes.set_xscale("log")
        axes.axvline(1, color=INK, linewidth=1.2)
        axes.set_xlabel("its time ÷ ours")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    lowest, highest = panels[0].get_xlim()
    marked = (1, 1.5, 2, 3, 5) if highest < 12 * lowest else (1, 3)
    for axes in panels:
        axes.xaxis.set_major_locator(LogLocator(subs=marked, numticks=99))


def _mean(rows: Sequence[Row], peers: Collection[str]) -> float | None:
    values = [value for row in rows if (value := row.ratio(peers)) is not None]
    return geomean(values) if values else None


def _intensity(row: Row) -> float:
    return row.flop / weights(row.cell).recurrent_bytes(row.size, row.mode)


def _giga(value: float | None) -> float:
    return np.nan if value is None else value / 1e9
