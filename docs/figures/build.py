"""The measurements and pictures of gradient flow in README and docs, made anew by `make figures`.

In: the settings below. Out: pictures beside this file, and tables between markers in README.md and
docs/gradient_flow.md. What is drawn is told in a table too, for those who cannot see it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import derive
from derive.pipeline.diagnosis import power

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "gradient_flow.md")

HIDDEN, INPUTS = 32, 8
SEEDS = range(5)


@cache
def kernel(name: str) -> Any:
    return derive.build(derive.cell(name))


def network(name: str, rng: np.random.Generator, scale: float, bias: float = 0.0, **added: float) -> Any:
    """Every matrix N(0, scale² / d_h), every vector N(0, bias²), to some of them a constant added."""
    made = kernel(name)
    sizes = {"d_x": INPUTS, "d_h": HIDDEN, "d_k": 8, "d_v": 8}
    drawn = {}
    for field, value in made.init({axis: sizes[axis] for axis in made.AXES}, rng)._asdict().items():
        spread = scale / np.sqrt(HIDDEN) if value.ndim == 2 else bias
        drawn[field] = rng.normal(size=value.shape) * spread + added.get(field, 0.0)
    return made.Params(**drawn)


def as_initialised(name: str, rng: np.random.Generator, scale: float) -> Any:
    """Every matrix N(0, scale² / d_h), all else by the scheme that the cell states."""
    made = kernel(name)
    drawn = network(name, np.random.default_rng(rng.integers(2**32)), scale)
    sizes = {"d_x": INPUTS, "d_h": HIDDEN, "d_k": 8, "d_v": 8}
    given = made.init({axis: sizes[axis] for axis in made.AXES}, rng)
    return given._replace(**{n: v for n, v in drawn._asdict().items() if v.ndim == 2})


def flow(name: str, params: Any, rng: np.random.Generator, steps: int) -> Any:
    return derive.gradient_flow(kernel(name), params, rng.normal(size=(steps, 1, INPUTS)))


# -- where a weight's gradient comes from

SHARES: Mapping[str, tuple[str, tuple[str, ...], dict[str, float]]] = {
    "rnn": ("rnn", ("W",), {}),
    "lstm, b_f = 1": ("lstm", ("W_c", "W_f", "W_i", "W_o"), {"b_f": 1.0}),
    "lstm, b_f = 3": ("lstm", ("W_c", "W_f", "W_i", "W_o"), {"b_f": 3.0}),
}
"""Title → cell, weights, biases that are not 0. All matrices N(0, ½² / d_h), T = 30, seed 0."""


@cache
def share_flows() -> dict[str, tuple[Any, tuple[str, ...]]]:
    found = {}
    for title, (name, weights, biases) in SHARES.items():
        rng = np.random.default_rng(0)
        params = network(name, rng, 0.5, **biases)
        found[title] = flow(name, params, rng, 30), weights
    return found


def share_table() -> str:
    back = (0, 1, 2, 3, 5, 10, 15, 20)
    rows = []
    for title, (of, weights) in share_flows().items():
        for weight in weights:
            shares = of.shares[weight][::-1]
            rows.append([f"{title}: {weight}", *(percent(shares[k]) for k in back), percent(shares[:10].sum())])
    return table(["share of step", "t", *(f"t−{k}" for k in back[1:]), "last 10"], rows)


# -- growth by forget bias

BIASES = (0.0, 1.0, 2.0, 4.0)


@cache
def growth_flows() -> dict[str, Any]:
    """The rnn, and lstms that differ in the forget bias alone: all matrices N(0, 1 / d_h), T = 50, seed 0."""
    found = {}
    for title, name, added in [("rnn", "rnn", {}), *((f"lstm, b_f = {b:g}", "lstm", {"b_f": b}) for b in BIASES)]:
        rng = np.random.default_rng(0)
        found[title] = flow(name, network(name, rng, 1.0, **added), rng, 50)
    return found


def growth_table() -> str:
    rows = []
    for title, of in growth_flows().items():
        direct = power(of.direct["c"][50]) if of.direct else "–"
        at = [power(of.whole[lag]) for lag in (1, 5, 10, 20, 50)]
        rows.append([title, *at, direct, power(of.trajectory[50]), power(of.block[50]), power(of.static[50])])
    headings = ["measured norm over lag", "1", "5", "10", "20", "50", "direct path, 50", "trajectory, 50", "blocks, 50"]
    return table([*headings, "static, 50"], rows)


# -- which way gradients go back

PATHS = (("lstm", "lstm_peephole"), ("gru", "gru_reset_after", "mgu", "rnn"))
"""One row of panels after the other."""


@cache
def path_flows() -> list[list[Any]]:
    """As each cell is initialised, matrices N(0, 1 / d_h), T = 50, seed 0."""

    def measured(name: str) -> Any:
        rng = np.random.default_rng(0)
        return flow(name, as_initialised(name, rng, 1.0), rng, 50)

    return [[measured(name) for name in row] for row in PATHS]


def path_table() -> str:
    rows = []
    for of in (of for row in path_flows() for of in row):
        gates: dict[tuple[str, ...], float] = {}
        for (_, _, way), share in of.paths.items():
            gates[way] = gates.get(way, 0.0) + share
        told = [f"{'·'.join(way) or 'direct'} {share:.0%}" for way, share in sorted(gates.items(), key=lambda p: -p[1])]
        rows.append([f"`{of.cell}`", ", ".join(told)])
    return table(["cell", "ways back, all pairs of states together"], rows)


# -- how tight the bounds are

TIGHTNESS: Mapping[str, tuple[str, float, dict[str, float]]] = {
    "lstm, s = 0.5": ("lstm", 0.5, {}),
    "lstm, s = 1": ("lstm", 1.0, {}),
    "lstm, s = 1, b_f + 2": ("lstm", 1.0, {"b_f": 2.0}),
    "gru, s = 1": ("gru", 1.0, {}),
}
"""Matrices N(0, s² / d_h), vectors N(0, 0.1²), T = 30, the mean over five seeds."""


@cache
def tightness(title: str) -> tuple[float, ...]:
    """Growth a step, mean over the seeds: measured, direct path, trajectory, blocks, static."""
    grown = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        if title in TIGHTNESS:
            name, scale, added = TIGHTNESS[title]
            params = network(name, rng, scale, 0.1, **added)
        else:
            name, params = title, as_initialised(title, rng, 1.0)
        of = flow(name, params, rng, 30)
        direct = max((values[-1] for values in of.direct.values()), default=np.nan)
        ends = (of.whole[-1], direct, of.trajectory[-1], of.block[-1])
        grown.append([*(10.0 ** (end / 30) for end in ends), 10.0 ** (of.static[-1] - of.static[-2])])
    return tuple(np.mean(grown, axis=0))


def tightness_table(titles: Iterable[str]) -> str:
    rows = [[title, *(factor(value) for value in tightness(title))] for title in titles]
    return table(["growth a step", "measured", "direct path", "trajectory", "blocks", "static"], rows)


# -- text


def percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "<0.05%"


def factor(value: float) -> str:
    if np.isnan(value):
        return "–"
    return "no bound" if np.isinf(value) else f"{value:.2f}" if value < 100 else f"{value:.2g}"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


TABLES = {
    "shares": share_table,
    "growth": growth_table,
    "paths": path_table,
    "tightness": lambda: tightness_table(TIGHTNESS),
    "tightness of every cell": lambda: tightness_table(derive.shipped()),
}


def placed(page: str) -> str:
    """A page with every table between its markers made anew."""

    def made(match: re.Match[str]) -> str:
        return f"{match[1]}\n{TABLES[match[2]]()}{match[4]}"

    return re.sub(r"(<!-- table: ([a-z ]+) -->)\n(.*?)(<!-- end -->)", made, page, flags=re.DOTALL)


def pictures() -> dict[str, Any]:
    from derive import figures  # noqa: PLC0415 - matplotlib is an extra

    return {
        "shares": figures.shares({f"{title}: {f[1][0]}": f for title, f in share_flows().items()}, 30),
        "growth": figures.growth(growth_flows()),
        "paths": figures.paths(path_flows()),
    }


def main() -> None:
    from derive import figures  # noqa: PLC0415 - matplotlib is an extra

    for name, picture in pictures().items():
        for kind in ("svg", "png"):
            figures.save(picture, HERE / f"{name}.{kind}")
    for page in PAGES:
        page.write_text(placed(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
