"""The gradient flow of one network: growth over lags beside the shares of the steps.

In: a flow. Out: a figure of two panels.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from derive.figures.growth import panel as growth_panel
from derive.figures.shares import panel as shares_panel
from derive.figures.style import legend, look, panels
from derive.pipeline import GradientFlow


def network(flow: GradientFlow) -> Figure:
    """Everything that a flow says over time; the weight with the most even shares has its bounds drawn."""
    with look():
        figure, (left, right) = panels(2, 9.4, 4.6)
        growth_panel(left, flow)
        left.set_title(f"{flow.cell}: Jacobian over the lag")
        left.set_xlabel("lag in steps")
        left.set_ylabel("norm")
        names = sorted(flow.shares, key=lambda name: float((flow.shares[name] ** 2).sum()))
        shares_panel(right, flow, names, len(flow.lags))
        right.set_title(f"share of each step in the gradient by {names[0]}")
        right.set_ylabel("share")
        legend(figure, [left, right], 9.4)
        return figure
