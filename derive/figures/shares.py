"""Where a weight's gradient comes from: the share of each time step in it.

In: flows, and of each the weights to show, the first with its bounds. Out: a panel for each, on one scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from derive.figures.style import MEASURED, OTHERS, STATIC, TRAJECTORY, Array, legend, look, panels
from derive.pipeline import GradientFlow

_LOWEST = 1e-6
_SPARSE = 40
"""Up to so many steps each has a mark of its own."""


def shares(
    flows: Mapping[str, tuple[GradientFlow, Sequence[str]]], steps: int, breadth: float = 3.3
) -> Figure:
    """Title → a flow and the names of weights; `steps`: how many, from the last one back; `breadth`: of a panel."""
    with look():
        width = breadth * len(flows) + 0.6
        figure, axes = panels(len(flows), width, 4.3, sharey=True)
        for each, (title, (flow, names)) in zip(axes, flows.items(), strict=True):
            panel(each, flow, names, steps)
            each.set_title(title)
        axes[0].set_ylabel("share of the step in the weight's gradient")
        legend(figure, axes, width)
        return figure


def panel(axes: Axes, flow: GradientFlow, names: Sequence[str], steps: int) -> None:
    """One flow's shares over the steps back from the last."""
    first, *others = names
    back = np.arange(min(steps, len(flow.lags) - 1))
    marker = "o" if len(back) <= _SPARSE else ""

    def recent(values: Array) -> Array:
        return np.where(values > 0, values, np.nan)[::-1][: len(back)]

    axes.plot(back, recent(flow.share_bound(first, "static")), label="static bound", **STATIC)
    axes.plot(back, recent(flow.share_bound(first, "trajectory")), label="bound along the trajectory", **TRAJECTORY)
    for k, name in enumerate(others):
        label: dict[str, Any] = {"label": "other weights, measured"} if k == 0 else {}
        axes.plot(back, recent(flow.shares[name]), color=OTHERS, linewidth=1.0, zorder=3, **label)
    axes.plot(back, recent(flow.shares[first]), label="measured", marker=marker, markersize=4, **MEASURED)
    axes.set_yscale("log")
    axes.set_ylim(_LOWEST, 3)
    axes.set_xlim(-len(back) / 30, len(back) - 1 + len(back) / 30)
    axes.set_xlabel("steps back from the last, t − k")
