"""How every picture looks, and how it is written.

In: a figure. Out: its file, without a date and without what differs between two runs. The colours are those of
Okabe & Ito (2008), told apart by people with any colour vision; lines differ in dash and in lightness too, so
that they are told apart in grey.
"""

from __future__ import annotations

from io import StringIO
from os import PathLike
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]

INK, SOFT, LEVEL, GRID = "#222222", "#6b6b6b", "#999999", "#dddddd"
MEASURED: dict[str, Any] = {"color": "#0072B2", "linewidth": 2.2, "zorder": 4}
DIRECT: dict[str, Any] = {"color": "#009E73", "linewidth": 1.8, "linestyle": (0, (1, 1)), "zorder": 3}
TRAJECTORY: dict[str, Any] = {"color": "#D55E00", "linewidth": 1.8, "linestyle": (0, (5, 2)), "zorder": 3}
BLOCK: dict[str, Any] = {"color": "#CC79A7", "linewidth": 1.6, "linestyle": (0, (3, 1.5, 1, 1.5)), "zorder": 2}
STATIC: dict[str, Any] = {"color": "#444444", "linewidth": 1.4, "linestyle": (0, (7, 2, 1, 2, 1, 2)), "zorder": 2}
OTHERS = "#56B4E9"

_LOOK: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.dpi": 160,
    "svg.fonttype": "path",
    "svg.hashsalt": "derive",
    "path.simplify": True,
}


_LABEL = 2.4
"""Inches for the widest label of a legend."""
_METADATA: dict[str, dict[str, None]] = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


def look() -> Any:
    """The context that figures are made and written in, whatever the user's own settings are."""
    defaults: dict[Any, Any] = dict(mpl.rcParamsDefault)
    return mpl.rc_context({**defaults, **_LOOK, "backend": mpl.rcParams["backend"]})


def panels(columns: int, width: float, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False, **options)
    return figure, list(axes[0])


def powers(values: Array) -> Array:
    """Numbers from their decimal logarithms; what no float holds is left out of the line."""
    values = np.asarray(values, np.float64)
    return np.where(abs(values) < 300, 10.0 ** np.clip(values, -300, 300), np.nan)


def legend(figure: Figure, axes: list[Axes], width: float) -> None:
    """One for all panels, below them, in `width` inches: every label once, in the order in which it was drawn first."""
    entries: dict[str, Any] = {}
    for each in axes:
        for handle, label in zip(*each.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    columns = max(1, int(width / _LABEL))
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=columns, handlelength=3.2)


def svg(figure: Figure) -> str:
    """A figure as the text of an SVG file."""
    file = StringIO()
    with look():
        figure.savefig(file, format="svg", metadata=_METADATA["svg"])
    return file.getvalue()


def save(figure: Figure, path: str | PathLike[str]) -> None:
    """Write a figure as .svg or .png, by the name's ending."""
    kind = Path(path).suffix.removeprefix(".")
    with look():
        figure.savefig(path, format=kind, metadata=_METADATA[kind])
