"""A diagnosis on a terminal: the verdict in words, then the tables.

In: a `Diagnosis`. Out: what rich prints, one after the other. Nothing is computed here but sums to show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rich.box import SIMPLE
from rich.console import RenderableType
from rich.table import Table

from derive.pipeline.diagnosis import Diagnosis, power, way
from derive.pipeline.flow_products import Array
from derive.pipeline.gradient_flow import GradientFlow

_RECENT = 10
_USELESS = 1e6
"""A bound beyond that, of the growth a step or of a state, says nothing of a network that is computed."""
_NOTHING = 1e-12
"""A rate below that is one of 0, rounded outward; the larger one is a bound too."""


def report(diagnosis: Diagnosis) -> Iterator[RenderableType]:
    """Sentences and tables, in the order of what they matter."""
    flow = diagnosis.flow
    yield from diagnosis.sentences
    yield _growth(flow)
    yield _shares(flow)
    yield _paths(flow)
    yield f"Lyapunov exponents, nats a step: {', '.join(f'{e:.3f}' for e in flow.exponents)}"
    yield from certificate(flow)


def shown_lags(steps: int) -> list[int]:
    """1, 2, 5, 10, 20, 50 …, and the last."""
    lags = [m * 10**e for e in range(len(str(steps))) for m in (1, 2, 5)]
    return [*(lag for lag in lags if lag < steps), steps]


def certificate(flow: GradientFlow) -> Iterator[str]:
    """What is guaranteed for any input as large as this one."""
    found = flow.certificate
    name = "∞" if found.norm == np.inf else f"{found.norm:g}"
    within = f"for {found.steps} steps" if found.steps else "for ever"
    if not np.isfinite(found.rate):
        yield "Certificate: no bound."
    elif found.contracts:
        yield (
            f"Certificate: every gradient vanishes, whatever the input within these bounds: in the {name}-norm no block"
            f" of the Jacobian over k steps exceeds {_power(found.constant, found.rate)}, {within}."
        )
    elif found.rate > _USELESS:
        yield (
            f"Certificate: none that gradients vanish, and no useful bound: in the {name}-norm it lets them grow by"
            f" more than a factor of {_USELESS:g} a step."
        )
    else:
        yield (
            f"Certificate: none that gradients vanish; in the {name}-norm they grow at most by a factor of"
            f" {found.rate:.3g} a step, {within}."
        )
    ranges = [f"{state} {_range(*ends)}" for state, ends in found.state_range.items()]
    yield f"The states stay within: {', '.join(ranges)}."


def _power(constant: float, rate: float) -> str:
    factor = f"{constant:.3g}"
    return f"{'' if factor == '1' else f'{factor} · '}{max(rate, _NOTHING):.4g}^k"


def _range(lower: Array, upper: Array) -> str:
    low, high = float(np.min(lower)) + 0.0, float(np.max(upper)) + 0.0  # no -0
    if not (np.isfinite(low) and np.isfinite(high)):
        return "no bound"
    return f"[{low:.3g}, {high:.3g}]" if max(-low, high) <= _USELESS else f"no useful bound (beyond {_USELESS:g})"


def _growth(flow: GradientFlow) -> Table:
    table = _table("Jacobian over lags: measured norms, and what bounds the one of all states", ["lag"])
    columns: dict[str, Array] = {f"∂{s}/∂{s}": flow.measured[s, s] for s in flow.states}
    columns["all states"] = flow.whole
    columns |= {f"direct {state}": values for state, values in flow.direct.items()}
    columns |= {"trajectory": flow.trajectory, "blocks": flow.block, "static": flow.static}
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for lag in shown_lags(len(flow.lags) - 1):
        table.add_row(str(lag), *(power(float(values[lag])) for values in columns.values()))
    return table


def _shares(flow: GradientFlow) -> Table:
    headings = ["weight", "last step", f"last {_RECENT}", "steps for 99%"]
    table = _table("Which steps each weight's gradient comes from", headings)
    for name, shares in flow.shares.items():
        back = np.cumsum(shares[::-1])
        if back[-1] == 0:
            table.add_row(name, "no gradient", "", "")
            continue
        needed = int(np.searchsorted(back, 0.99 * back[-1])) + 1
        recent = back[min(_RECENT, len(back)) - 1]
        table.add_row(name, f"{back[0]:.1%}", f"{recent:.1%}", str(needed))
    return table


def _paths(flow: GradientFlow) -> Table:
    table = _table("Which way the gradient goes back, share of its norm", ["to", "from", "way", "share"])
    for (a, b, gates), share in sorted(flow.paths.items(), key=lambda pair: -pair[1]):
        if share >= 0.0005:
            table.add_row(f"{b}[t-1]", f"{a}[t]", way(gates), f"{share:.1%}")
    return table


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table
