"""Plots of gradient flow to stand in a page: in its colours, light and dark, with what they show told in words.

In: measured gradient flows. Out: figures of the template. Drawn by `derive.figures`, which needs matplotlib.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from derive.pages.rows import Row
from derive.pages.svg import inlined, size
from derive.pipeline import GradientFlow
from derive.pipeline.diagnosis import power
from derive.pipeline.flow_products import Array

_BREADTH = {False: 4.6, True: 3.3}
"""Of a panel in inches: alone, beside another one."""
_LAGS = (1, 2, 5, 10, 20, 50)


def plots(flows: Sequence[GradientFlow]) -> list[Row]:
    """How much each step adds to a weight's gradient, and how the Jacobian grows over lags; a panel for each flow.

    None where matplotlib is missing.
    """
    try:
        from derive import figures  # noqa: PLC0415 - matplotlib is an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        return []
    with np.errstate(over="ignore"):  # bounds that no float holds are left out of the lines
        return list(_plots(figures, flows))


def _plots(figures: Any, flows: Sequence[GradientFlow]) -> Iterator[Row]:
    shared = [flow for flow in flows if flow.shares]
    if shared:
        weights = {
            f"{title}: {_steadiest(flow)}": (flow, [_steadiest(flow), *_others(flow)])
            for title, flow in _titled(shared).items()
        }
        figure = figures.shares(weights, len(flows[0].lags) - 1, _BREADTH[len(weights) > 1])
        alt = " ".join(map(_shares_in_words, shared))
        title = "Share of each time step in the gradient with respect to a weight"
        yield _plot("shares", figures.svg(figure), title, alt, _SHARES)
    growing = [flow for flow in flows if flow.states]
    if growing:
        figure = figures.growth(_titled(growing), _BREADTH[len(growing) > 1])
        alt = " ".join(map(_growth_in_words, growing))
        title = "Norm of the Jacobian over the lag"
        yield _plot("growth", figures.svg(figure), title, alt, _GROWTH)


def _colours() -> dict[str, str]:
    """What the page calls the colours of the figures."""
    from derive.figures import style  # noqa: PLC0415 - matplotlib is an extra

    lines = {
        "measured": style.MEASURED, "trajectory": style.TRAJECTORY, "direct": style.DIRECT, "block": style.BLOCK,
        "static": style.STATIC,
    }  # fmt: skip
    plain = {"ink": style.INK, "soft": style.SOFT, "line": style.GRID, "others": style.OTHERS}
    called = plain | {name: look["color"] for name, look in lines.items()}
    own = {colour.lower(): f"var(--{name})" for name, colour in called.items()}
    return own | {style.LEVEL: "var(--soft)", "#ffffff": "none"}


def _titled(flows: Sequence[GradientFlow]) -> dict[str, GradientFlow]:
    """By the names of their cells; the second of two that are called alike is marked."""
    found: dict[str, GradientFlow] = {}
    for flow in flows:
        found[flow.cell if flow.cell not in found else f"the other {flow.cell}"] = flow
    return found


_SHARES = (
    "What each time step adds to a weight’s gradient, as a share of all steps, on a logarithmic scale; the loss is "
    "read at the last step only. The thin lines are the other parameters."
)
_GROWTH = "How much of a change of the states there is so many steps later: measured, and what bounds it."


def _plot(identifier: str, text: str, title: str, alt: str, caption: str) -> Row:
    root = ET.fromstring(text)
    svg = inlined(root, f"{identifier}-", title, alt, _colours())
    return {"id": identifier, "label": title, "svg": svg, "caption": caption, "natural": round(size(root)[0])}


def _steadiest(flow: GradientFlow) -> str:
    """The parameter whose gradient comes from the steps most evenly."""
    return min(flow.shares, key=lambda name: float((flow.shares[name] ** 2).sum()))


def _others(flow: GradientFlow) -> list[str]:
    return [name for name in flow.shares if name != _steadiest(flow)]


def _shares_in_words(flow: GradientFlow) -> str:
    name = _steadiest(flow)
    back = flow.shares[name][::-1]
    told = [f"{lag} back {back[lag]:.2%}" for lag in _LAGS if lag < len(back)]
    return f"{flow.cell}, {name}: last step {back[0]:.2%}, {', '.join(told)}."


def _growth_in_words(flow: GradientFlow) -> str:
    lags = [lag for lag in _LAGS if lag < len(flow.lags)]
    told = [f"{lag}: {power(float(flow.whole[lag]))}" for lag in lags]
    return f"{flow.cell}, measured norm over so many steps, {', '.join(told)}."


def table(flow: GradientFlow) -> list[Mapping[str, str]]:
    """The measured norms and their bounds as rows."""
    columns: dict[str, Array] = {
        "measured": flow.whole,
        "along the trajectory": flow.trajectory,
        "by blocks": flow.block,
        "static": flow.static,
    }
    lags = [lag for lag in _LAGS if lag < len(flow.lags)]
    return [{"lag": str(lag)} | {name: power(float(values[lag])) for name, values in columns.items()} for lag in lags]
