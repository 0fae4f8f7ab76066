"""Which way gradients go back: a map of each cell, states by ways, dark where most of the gradient passes.

In: flows. Out: a panel for each cell. Every square has its number too, so nothing hangs on the shade.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from derive.figures.style import GRID, INK, look
from derive.pipeline import GradientFlow

_SMALLEST = 0.0005
_WIDTH, _SQUARE = 9.4, 0.46
_MAP = "Blues"


def paths(rows: Sequence[Sequence[GradientFlow]]) -> Figure:
    """Rows of panels, one for each flow, as wide as its pairs of states."""
    with look():
        heights = [max(len(_ways(flow)) for flow in row) for row in rows]
        figure = Figure(figsize=(_WIDTH, _SQUARE * sum(heights) + 0.75 * len(rows)), layout="constrained")
        parts = figure.subfigures(len(rows), 1, squeeze=False, height_ratios=[h + 1.2 for h in heights])
        for (part,), row, height in zip(parts, rows, heights, strict=True):
            axes = part.subplots(1, len(row), squeeze=False, width_ratios=[1.2 + len(_pairs(flow)) for flow in row])
            for each, flow in zip(axes[0], row, strict=True):
                _panel(each, flow, height)
        return figure


def _pairs(flow: GradientFlow) -> list[tuple[str, str]]:
    return list(dict.fromkeys((a, b) for a, b, _ in flow.paths))


def _ways(flow: GradientFlow) -> list[tuple[str, ...]]:
    return sorted({gates for *_, gates in flow.paths}, key=lambda gates: (len(gates), gates))


def _panel(axes: Axes, flow: GradientFlow, height: int) -> None:
    pairs, ways = _pairs(flow), _ways(flow)
    values = np.array([[flow.paths.get((a, b, gates), 0.0) for a, b in pairs] for gates in ways])
    for row, column in np.argwhere(values >= _SMALLEST):
        value = float(values[row, column])
        axes.text(
            column, row, f"{value:.0%}" if value >= 0.005 else "<½%",
            ha="center", va="center", fontsize=11, color="white" if value > 0.5 else INK,
        )  # fmt: skip
    axes.imshow(np.where(values >= _SMALLEST, values, np.nan), cmap=_MAP, vmin=-0.06, vmax=1, aspect="auto")
    axes.set_title(flow.cell, fontweight="bold")
    axes.set_xticks(range(len(pairs)), [f"{a}→{b}" for a, b in pairs])
    axes.set_yticks(range(len(ways)), ["direct" if not gates else "·".join(gates) for gates in ways])
    axes.set_ylim(height - 0.5, -0.5)
    axes.grid(visible=False)
    for at in range(len(pairs) + 1):
        axes.plot([at - 0.5] * 2, [-0.5, len(ways) - 0.5], color=GRID, linewidth=0.8)
    for at in range(len(ways) + 1):
        axes.plot([-0.5, len(pairs) - 0.5], [at - 0.5] * 2, color=GRID, linewidth=0.8)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, which="both")
