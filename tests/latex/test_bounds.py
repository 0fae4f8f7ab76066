"""Bounds in print: each of them, evaluated over sampled steps, against the blocks that were computed there."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from formula_values import Values
from test_flow import CELLS, case_of

from derive import gradient_bound
from derive.backends.formula import nodes as f
from derive.backends.formula.bound import BoundFormulas
from derive.bounds import flow, range_of, supremum
from derive.bounds.ranges import Ranges, iterate
from derive.bounds.steepest import steepest
from derive.language import load, parse
from derive.system import normalize

ROOT = Path(__file__).parents[2]
ORDERS = (1, 2, np.inf)
SAMPLES = 4
INDEXED = frozenset(("addressed_memory", "delta_rule", "mass_conserving_lstm", "matrix_products", "maxima_of_parts"))
"""Cells whose bounds all hold norms of maps that only indices express; these are not evaluated here."""
ROOM = 1 + 1e-9


def shipped(name):
    return load(ROOT / "derive" / "cells" / f"{name}.cell")


class BoundValues:
    """The value of a bound in one norm; a largest value is the largest over some sampled steps."""

    def __init__(self, samples: list[Values], order: float, known: dict) -> None:
        self.samples, self.order, self.known = samples, order, known

    def of(self, formula) -> float:
        match formula:
            case f.Constant():
                return float(self.samples[0].of(formula))
            case f.Total():
                return sum(map(self.of, formula.terms))
            case f.Times():
                return float(np.prod([self.of(factor) for factor in formula.factors]))
            case f.Largest():
                return max(float(np.max(np.abs(values.of(formula.operand)))) for values in self.samples)
            case f.Norm() if isinstance(formula.operand, f.Partial):
                return self.known[formula.operand.of.name, formula.operand.by.name]
            case f.Norm() if isinstance(formula.operand, f.Normalising):
                return 1.0 if self.order == 2 else 2 + self.samples[0].sizes[formula.operand.axis] ** 0.5
            case f.Norm():
                return max(self.norm(formula.operand, values) for values in self.samples)
        raise AssertionError(formula)

    def norm(self, operand, values: Values) -> float:
        value = values.of(operand)
        if isinstance(operand, f.Called) and operand.macro == "vec":
            value = value.reshape(-1, 1)
        return float(np.linalg.norm(value, self.order))


def has_entries(formula) -> bool:
    """Whether a bound holds the norm of a map that only indices express."""
    if isinstance(formula, f.Entry | f.Equal):
        return True
    values = [getattr(formula, field.name) for field in fields(formula)]
    return any(has_entries(v) for part in values for v in (part if isinstance(part, tuple) else (part,)) if is_node(v))


def is_node(value) -> bool:
    return isinstance(value, f.Formula)


def sampled(cell):
    """Steps at the same parameters, with what has time read at any time."""
    cases = [case_of(cell, seed) for seed in range(SAMPLES)]
    variables = cases[0].flow.system.variables
    values = []
    for case in cases:
        arrays = {n: a[0] if variables[n].time else a for n, a in case.values.arrays.items()}
        values.append(Values(arrays, case.values.before, case.values.sizes, ()))
    return cases, values


def blocks_of(case) -> dict:
    """(state, source) → the block as a matrix."""
    found: dict = {}
    for (state, source, _), block in case.blocks.items():
        rows = case.flow.system.variables[state].axes
        matrix = block.reshape(int(np.prod([case.values.sizes[a] for a in rows], dtype=int)), -1)
        found[state, source] = found.get((state, source), 0.0) + matrix
    return found


def excess(cell, change=lambda bound: bound.formula) -> tuple[float, int]:
    """The largest quotient of a block's norm and its bound, and how many bounds could be evaluated."""
    cases, values = sampled(cell)
    worst, count = 0.0, 0
    for apart in (lambda name: False, cases[0].formulas.own.__contains__):
        bounds = BoundFormulas(cases[0].formulas, apart).bounds()
        for order in ORDERS:
            known: dict = {}
            for bound in bounds:
                try:
                    if has_entries(bound.formula):
                        continue
                    known[bound.variable, bound.source] = BoundValues(values, order, known).of(change(bound))
                except KeyError:  # it refers to one that is not evaluated
                    continue
            for case in cases:
                for key, block in blocks_of(case).items():
                    if key in known:
                        count += 1
                        worst = max(worst, float(np.linalg.norm(block, order)) / (known[key] or 1e-300))
    return worst, count


@pytest.mark.parametrize("path", CELLS, ids=lambda path: path.stem)
def test_no_block_exceeds_its_bound(path: Path) -> None:
    worst, count = excess(load(path))
    assert worst <= ROOM
    assert (count == 0) == (path.stem in INDEXED)


def test_a_bound_that_is_too_small_is_noticed() -> None:
    def small(bound):
        return f.Times(factors=(f.Constant(value=sp.Rational(1, 4)), bound.formula))

    assert excess(shipped("lstm"), small)[0] > ROOM
    assert excess(shipped("gru"), small)[0] > ROOM


BOUNDS = {
    ("lstm", "c", "h"): "1/4 · max|c[t-1]| · ‖W_fh‖ + 1/4 · max|g| · ‖W_ih‖ + max|i| · ‖W_ch‖",
    ("lstm", "c", "c"): "max|f|",
    ("lstm", "h", "h"): "1/4 · max|tanh(c)| · ‖W_oh‖ + max|o| · ‖∂c[t]/∂h[t-1]‖",
    ("rnn", "h", "h"): "‖W‖",
    ("gru", "h", "h"): (
        "max|z| + 1/4 · max|h[t-1] - g| · ‖W_zh‖ + max|1 - z| · ‖W_h1‖ · (max|r| + 1/4 · max|h[t-1]| · ‖W_rh‖)"
    ),
}


@pytest.mark.parametrize("key", BOUNDS, ids="-".join)
def test_bounds_read_so(key: tuple[str, str, str]) -> None:
    name, state, source = key
    assert str(gradient_bound(shipped(name)).block_bounds[state, source]) == BOUNDS[key]


# -- suprema


def lstm_factor(text: str):
    """A polynomial of the forget gate and of the candidate of the LSTM."""
    found = flow(normalize(shipped("lstm")))
    names = {n: found.system.variables[n].element for n in ("f", "g", "c")}
    return found, [sp.sympify(part, locals=names) for part in text.split(";")]


@pytest.mark.parametrize(
    ("factors", "value"),
    [
        ("f; 1 - f", "1/4"),
        ("1 - g**2", "1"),
        ("1 - f", "1"),
        ("f; f; 1 - f", "4/27"),
        ("g; 1 - g**2", "2*sqrt(3)/9"),
        ("c; 1 - c", "oo"),
        ("f; g", "oo"),
    ],
)
def test_suprema_of_factors(factors: str, value: str) -> None:
    found, parts = lstm_factor(factors)
    assert sp.simplify(supremum(found, parts) - sp.sympify(value)) == 0 or supremum(found, parts) == sp.sympify(value)


def test_ranges_come_from_the_function_table() -> None:
    found = flow(normalize(shipped("lstm")))
    assert range_of(found, "f") == (0, 1)
    assert range_of(found, "g") == (-1, 1)
    assert range_of(found, "c") == (-sp.oo, sp.oo)


@pytest.mark.parametrize(
    ("name", "point"), [("tanh", 0), ("sigmoid", 0), ("gelu", sp.sqrt(2)), ("erf", 0), ("silu", None), ("exp", None)]
)
def test_where_a_function_is_steepest(name: str, point) -> None:
    found = steepest(name)
    assert (None if found is None else found[0]) == point


# -- ranges of states


KEPT = {
    "h[t] = tanh(W @ h[t-1] + U @ x)": "range",
    "f = sigmoid(U @ x)\nh[t] = f * h[t-1] + tanh(V @ x)": "contraction",
    "f = sigmoid(U @ x)\nh[t] = f * h[t-1] + (1 - f) * tanh(W @ h[t-1])": "average",
    "h[t] = h[t-1] / 2 + U @ x": "contraction",
    "h[t] = 2 * h[t-1] + U @ x": None,
    "h[t] = h[t-1] + tanh(U @ x)": None,
    "f = hard_sigmoid(U @ x)\nh[t] = f * h[t-1] + tanh(V @ x)": None,
    "f = sigmoid(W @ h[t-1])\nh[t] = f * h[t-1] + tanh(V @ x)": None,
    "f = exp(U @ x)\nh[t] = f * h[t-1] + tanh(V @ x)": None,
    "f = tanh(U @ x)\nh[t] = f * h[t-1] + (1 - f) * tanh(V @ x)": "contraction",
    "h[t] = relu(W @ h[t-1] + U @ x)": None,
}


@pytest.mark.parametrize("equations", KEPT)
def test_what_keeps_a_state(equations: str) -> None:
    found = Ranges(flow(normalize(parse(f"input x : d_x\nstate h : d_h\n{equations}\n")))).kept
    assert (found["h"].manner if "h" in found else None) == KEPT[equations]


def test_the_solution_of_the_recurrence() -> None:
    share, rest, start = sp.symbols("a b s", positive=True)
    steps = sp.Symbol("t")
    of_start, of_rest = iterate(share, rest, steps)
    value = start
    for n in range(4):
        assert sp.simplify((of_start * start + of_rest * rest).subs(steps, n) - value) == 0
        value = share * value + rest


def test_a_way_is_not_multiplied_out() -> None:
    """f (1 - f) multiplied out and bounded term by term would be 2."""
    found = flow(normalize(shipped("lstm")))
    gate = found.system.variables["f"].element
    assert supremum(found, [gate, 1 - gate]) == sp.Rational(1, 4)
    assert supremum(found, [gate]) + supremum(found, [gate**2]) == 2
