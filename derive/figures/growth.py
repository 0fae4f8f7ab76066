"""How the Jacobian over many steps grows with the lag: measured, and what bounds it.

In: flows. Out: a panel for each, on one scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from derive.figures.style import BLOCK, DIRECT, LEVEL, MEASURED, STATIC, TRAJECTORY, legend, look, panels, powers
from derive.pipeline import GradientFlow


def growth(flows: Mapping[str, GradientFlow], breadth: float = 1.7) -> Figure:
    """Title → flow; `breadth`: that of a panel in inches."""
    with look():
        width = breadth * len(flows) + 0.9
        figure, axes = panels(len(flows), width, 4.4, sharey=True)
        for each, (title, flow) in zip(axes, flows.items(), strict=True):
            panel(each, flow)
            each.set_title(title)
            each.set_xlabel("lag in steps")
        axes[0].set_ylabel("norm of the Jacobian over the lag")
        legend(figure, axes, width)
        return figure


def panel(axes: Axes, flow: GradientFlow) -> None:
    """One flow."""
    axes.axhline(1, color=LEVEL, linewidth=0.8)
    axes.plot(flow.lags, powers(flow.static), label="static bound", **STATIC)
    axes.plot(flow.lags, powers(flow.block), label="bound by blocks", **BLOCK)
    axes.plot(flow.lags, powers(flow.trajectory), label="bound along the trajectory", **TRAJECTORY)
    for k, values in enumerate(flow.direct.values()):
        label: dict[str, Any] = {"label": "direct path alone"} if k == 0 else {}
        axes.plot(flow.lags, powers(values), **label, **DIRECT)
    axes.plot(flow.lags, powers(flow.whole), label="measured", **MEASURED)
    axes.set_yscale("log")
    axes.set_ylim(1e-10, 1e6)
    axes.set_xlim(0, len(flow.lags) - 1)
