"""What is printed is true: every printed equation, evaluated as matrices, against the index equations."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from formula_values import Values

from derive.backends.formula import explain
from derive.backends.formula import nodes as f
from derive.backends.formula.contract import Reader
from derive.backends.formula.single import single_recurrence
from derive.calculus import adjoint
from derive.functions import evaluate as scalar_value
from derive.language import load, parse
from derive.system import evaluate, normalize
from derive.system.blocks import join

ROOT = Path(__file__).parents[2]
CELLS = sorted([*(ROOT / "derive" / "cells").glob("*.cell"), *(ROOT / "tests" / "cells").glob("*.cell")])
TOLERANCE = 1e-9


class Reals:
    """Machine numbers."""

    def number(self, value: Fraction):
        return float(value)

    def apply(self, function, argument):
        return float(scalar_value(function, float(argument)))

    def first_maximum(self, elements):
        best = max(elements)
        where = list(elements).index(best)
        return [float(k == where) for k in range(len(elements))]


@dataclass
class Case:
    cell: object
    system: object
    adjoint: object
    derivation: object
    values: Values
    bars: dict


def case_of(cell, last_only=False) -> Case:
    """A cell with all its variables and adjoints evaluated at one random point, for one sequence."""
    system = normalize(cell)
    found = adjoint(system)
    sizes = {axis: 2 + k for k, axis in enumerate(system.axes)} | {"T": 3, "B": 1}
    rng = np.random.default_rng(5)
    variables = found.system.variables
    extent = {n: tuple(sizes[i.axis] for i in v.indices) for n, v in variables.items()}
    given = {v.name: rng.normal(size=extent[v.name]) * 0.7 for v in system.of_role("input", "param")}
    for seed in found.seeds.values():
        given[seed] = rng.normal(size=extent[seed])
        if last_only:
            given[seed][:-1] = 0.0
    boundary = {s: rng.normal(size=extent[s][1:]) * 0.7 for s in system.delays}
    array = evaluate(found.system, Reals(), sizes, given, boundary)
    arrays = {n: np.asarray(array(n), dtype=float) for n in variables}
    single = {n: a[:, 0] if variables[n].time else a for n, a in arrays.items()}
    for name, stored in system.stored.items():
        if len(stored.blocks) > 1:
            whole = np.asarray(join(stored, {b: arrays[b] for b in stored.blocks.values()}), dtype=float)
            timed = any(variables[b].time for b in stored.blocks.values())
            single[name] = whole[:, 0] if timed else whole
    before = {s: b[0] for s, b in boundary.items()}
    for state, delay in system.delays.items():
        if delay in found.bars:
            before[found.bars.get(state, found.bars[delay])] = single[found.bars[delay]][0]
    values = Values(single, before, sizes, {*found.bars.values(), *found.seeds.values()})
    return Case(cell, system, found, explain(cell, system, found), values, single)


@pytest.fixture(scope="module", params=CELLS, ids=lambda path: path.stem)
def case(request) -> Case:
    return case_of(load(request.param))


def assert_holds(values, line, times) -> None:
    for t in times:
        left, right = values.line(line, t)
        right = right * np.ones_like(left) if right.ndim == 0 else right
        assert left.shape == right.shape, line
        assert np.max(np.abs(left - right), initial=0.0) <= TOLERANCE * (1 + np.max(np.abs(left), initial=0.0)), line


def test_forward_and_normal_form(case: Case) -> None:
    for line in case.derivation.forward:
        assert_holds(case.values.but(loose=True), line, range(3))
    for line in case.derivation.normal:
        assert_holds(case.values, line, range(3))


def test_steps_and_recurrence(case: Case) -> None:
    for line in (*(s.result for s in case.derivation.steps), *case.derivation.recurrence):
        assert_holds(case.values, line, range(3))


def test_gradients(case: Case) -> None:
    for line in (*case.derivation.weights, *case.derivation.inputs):
        assert_holds(case.values, line, range(3))
    for line in case.derivation.initial:
        assert_holds(case.values, line, [0])
    shown = {name_of(line.left) for line in (*case.derivation.weights, *case.derivation.inputs)}
    absent = {name.name for name in case.derivation.absent}
    assert len(case.derivation.initial) == sum(d in case.adjoint.bars for d in case.system.delays.values())
    for variable in case.system.of_role("param", "input"):
        assert (variable.name in absent) != (case.adjoint.bars.get(variable.name) in shown)


def test_every_contribution_is_the_transpose_of_its_differential(case: Case) -> None:
    rng = np.random.default_rng(6)
    for step in case.derivation.steps:
        array = case.bars[step.variable.name]
        change = rng.normal(size=array.shape)
        moved = case.values.but({step.variable.name: change})
        for item in step.contributions:
            left = item.change.left
            source = (left.of if isinstance(left, f.Entry) else left).of
            bar = f.Name(name=case.adjoint.bars[source.name], shift=source.shift, rank=source.rank)
            target = f.Entry(of=bar, indices=left.indices) if isinstance(left, f.Entry) else bar
            t = 1
            cotangent, pushed = moved.line(f.Line(target, item.change.right), t)
            own = (
                f.Name(name=step.result.left.of.name, shift=0, rank=step.variable.rank)
                if isinstance(step.result.left, f.Entry)
                else step.result.left
            )
            indexed = isinstance(item.gives, f.Summed | f.Entry) or has_entry(item.gives)
            shown = f.Entry(of=own, indices=indices_of(step)) if indexed else own
            _, gives = moved.line(f.Line(shown, item.gives), t)
            direction = change[t].reshape(np.shape(gives)) if np.size(gives) == change[t].size else change[t]
            ahead, back = np.sum(cotangent * pushed), np.sum(gives * direction)
            assert abs(ahead - back) <= TOLERANCE * (1 + abs(ahead)), item


def name_of(formula) -> str:
    return formula.of.name if isinstance(formula, f.Entry) else formula.name


def has_entry(formula) -> bool:
    if isinstance(formula, f.Entry):
        return True
    parts = [getattr(formula, n, ()) for n in ("operand", "base", "scalars", "terms", "operands")]
    return any(has_entry(p) for part in parts for p in (part if isinstance(part, tuple) else (part,)))


def indices_of(step):
    left = step.result.left
    assert isinstance(left, f.Entry), "a contribution with indices in a step without"
    return left.indices


GATED = """
input x : d_x
state h : d_h
z = sigmoid(V @ x)
net = U @ x + W @ h[t-1] + b
a = tanh(net)
h[t] = z * a + (1 - z) * a * net
"""


@pytest.mark.parametrize("source", ["rnn", "second_order", "gated", "linear"])
def test_error_carried_back(source: str) -> None:
    """Both products of matrices against backpropagation of a loss that reads the last step only."""
    texts = {"gated": GATED, "linear": "input x : d_x\nstate h : d_h\nh[t] = W @ h[t-1] + U @ x\n"}
    cell = parse(texts[source]) if source in texts else load(next(p for p in CELLS if p.stem == source))
    if source == "second_order":
        cell = parse(cell.source.replace("output h, y", "output h").replace("y = outer", "y_0 = outer"))
    case = case_of(cell, last_only=True)
    found = single_recurrence(case.system, Reader(case.adjoint.system.variables, lambda name: 0))
    assert found is not None
    for name, factor in ((found.net, found.by_net), (found.state, found.by_state)):
        bars = case.values.arrays[case.adjoint.bars[name.name]]
        error = bars[-1][None, :]
        for i in (1, 0):
            error = error @ case.values.of(factor, i)
            np.testing.assert_allclose(error[0], bars[i], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "equation",
    [
        "h[t] = tanh(W @ h[t-1] + h[t-1])",
        "h[t] = h[t-1] + tanh(W @ h[t-1])",
        "h[t] = V @ tanh(W @ h[t-1] + U @ x)",
        "h[t] = tanh(W @ tanh(h[t-1]))",
        "h[t] = tanh(w * h[t-1] + U @ x)",
        "h[t] = tanh(layernorm(W @ h[t-1] + U @ x))",
    ],
)
def test_no_other_recurrence_is_taken_for_a_single_one(equation: str) -> None:
    system = normalize(parse(f"input x : d_x\nstate h : d_h\n{equation}\n"))
    assert single_recurrence(system, Reader(system.variables, lambda name: 0)) is None
