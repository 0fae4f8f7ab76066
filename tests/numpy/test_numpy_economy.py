"""What the NumPy backend spares a loop: coefficients known beforehand, calls of one function, copies."""

import re

import numpy as np
import pytest
import sympy as sp
from cellfolder import EVERY, Arguments, cell, derived, example, module, numpy_source, source

from derive.backends.numpy import for_numpy
from derive.backends.numpy.functions import definition
from derive.language import parse
from derive.pipeline import build
from derive.pipeline.derivation import derive
from derive.schedule import Loop, Statement
from derive.schedule.graph import addends
from derive.system import elements


def statements(name, program):
    for step, loop in getattr(for_numpy(derived(name).schedule), program).simple_steps():
        if loop and isinstance(step, Statement) and not step.accumulate:
            yield step.equation, {e.name for e in loop.equations}


@pytest.mark.parametrize("program", ["forward", "backward"])
@pytest.mark.parametrize("name", EVERY)
def test_a_term_of_a_loop_has_one_coefficient(name, program):
    """A number, or one element, of what was known before; matrices over time are not kept for it."""
    for equation, inside in statements(name, program):
        for addend in (a for t in equation.terms if not t.over for a in addends(t.body)):
            known = [f for f in sp.Mul.make_args(addend) if not {e.name for e in elements(f)} & inside]
            axes = {i for f in known for e in elements(f) for i in e.feature_indices}
            shifted = any(e.shift for f in known for e in elements(f))
            assert sum(bool(elements(f)) for f in known) < 2 or len(axes) > 1 or shifted, (equation.name, addend)


def in_loops(name, program):
    return sum(len(s.body) for s in getattr(for_numpy(derived(name).schedule), program).steps if isinstance(s, Loop))


def test_products_of_products_leave_the_loop():
    before = sum(len(s.body) for s in derived("lstm").schedule.backward.steps if isinstance(s, Loop))
    assert before - in_loops("lstm", "backward") == 5  # dtanh_c, do, dg, di, df


def test_gates_of_one_function_are_one_call():
    assert calls("lstm") == ["sigmoid", "np.tanh", "np.tanh"]
    assert calls("gru") == ["sigmoid", "np.tanh"]
    assert calls("slstm") == ["log_sigmoid", "np.tanh", "sigmoid", "nonnegative", "np.where", "np.exp", "np.exp"]


def calls(name):
    loop = source(name).split("for t in range(T):")[1].split("\n\n")[0]
    code = "".join(line.split("#")[0] for line in loop.splitlines())
    return re.findall(r"= ((?:np\.)?[a-z_]+)\(", code)


def test_a_gate_of_another_function_is_a_call_of_its_own():
    text = cell("lstm").source
    changed = parse(text.replace("o = sigmoid(", "o = exp("), name="changed")
    loop = numpy_source(derive(changed)).split("for t in range(T):")[1].split("\n\n")[0]
    assert "= sigmoid(f_net_stack[:, :2 * d_h])" in loop
    assert "= np.exp(f_net_stack[:, 3 * d_h:])" in loop


def test_a_sigmoid_asks_for_no_sign():
    assert "1 / (1 + np.exp(-z))" in definition("sigmoid")
    assert "np.where" in definition("elu")
    z = np.array([-np.inf, -1000, -100, -87, 0, 87, 1000, np.inf, np.nan])
    for dtype, least in ((np.float32, 1.2e-38), (np.float64, 2.3e-308)):
        given = z.astype(dtype)
        found = module("lstm").sigmoid(given)
        assert found.dtype == dtype
        with np.errstate(over="ignore"):
            exact = 1 / (1 + np.exp(-given.astype(np.longdouble)))
        np.testing.assert_allclose(found, exact.astype(float), rtol=4 * np.finfo(dtype).eps, atol=least)


@pytest.mark.parametrize("name", EVERY)
def test_results_share_no_memory_with_the_tape_or_what_was_given(name):
    made = module(name)
    given = Arguments(made, example(name, "distinct")[0])
    y, final, tape = made.forward(given.params, given.x, given.initial)
    dparams, dx, dinitial = made.backward(given.params, tape, given.dy, given.dfinal)

    def arrays(value):
        return [value] if isinstance(value, np.ndarray) else list(value)

    taken = [*given.params, *arrays(given.x), *given.initial, *arrays(given.dy), *given.dfinal, *tape._arrays.values()]
    results = [*arrays(y), *final, *dparams, *arrays(dx), *dinitial]
    assert not [k for k, r in enumerate(results) if any(np.shares_memory(r, t) for t in taken)]
    assert not [k for k, r in enumerate(results) if any(np.shares_memory(r, o) for o in results[:k])]
    assert all(isinstance(r, np.ndarray) and r.flags.writeable for r in results)


@pytest.mark.parametrize("T", [1, 7, 300])
def test_coefficients_at_any_number_of_steps(T):
    """300 steps of 5 sequences and 33 units are taken in several stretches, as are 7 in one."""
    made, rng = module("lstm"), np.random.default_rng(0)
    params = made.init({"d_x": 3, "d_h": 33}, rng)
    x, dy = rng.normal(size=(T, 5, 3)), rng.normal(size=(T, 5, 33))
    assert (made.steps_at_once(5 * 33) < T) == (T == 300)
    _, _, tape = made.forward(params, x)
    dparams, dx, _ = made.backward(params, tape, dy)
    direction = rng.normal(size=x.shape)
    values = [(dy * made.forward(params, x + step * direction)[0]).sum() for step in (1e-6, -1e-6)]
    assert np.isclose((dx * direction).sum(), (values[0] - values[1]) / 2e-6, rtol=1e-6)
    assert all(np.isfinite(d).all() for d in dparams)


def test_matrices_stacked_before_are_not_stacked_again():
    made, rng = module("lstm"), np.random.default_rng(0)
    params = made.init({"d_x": 3, "d_h": 4}, rng)
    x = rng.normal(size=(2, 1, 3))
    y, _, tape = made.forward(params, x)
    assert made.same(params, tape._params)
    assert made.same(made.prepare(params), tape._params)
    other = made.Params(*(p.copy() for p in params))
    assert not made.same(other, tape._params)
    for one, same in zip(made.backward(params, tape, y)[0], made.backward(other, tape, y)[0], strict=True):
        np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize(("held", "expected"), [("x - x", lambda b, c: 0 * b), ("b * c", lambda b, c: b * c)])
def test_a_coefficient_may_have_no_time(held, expected):
    """What is held back may come to a number, or to parameters alone."""
    equation = f"h[t] = stop({held}) * softmax(sin(h[t-1])) + tanh(h[t-1]) * stop({held}) + x + b + c"
    made = build(parse(f"input x : d\nstate h : d\nparam b, c : d\n{equation}\n", "held"))
    rng = np.random.default_rng(0)
    b, c, h, x = rng.normal(size=5), rng.normal(size=5), rng.normal(size=(2, 5)), rng.normal(size=(3, 2, 5))
    y, _, tape = made.forward(made.Params(b, c), x, made.State(h))
    for x_t, y_t in zip(x, y, strict=True):
        shares = np.exp(np.sin(h)) / np.exp(np.sin(h)).sum(axis=1, keepdims=True)
        h = expected(b, c) * (shares + np.tanh(h)) + x_t + b + c
        np.testing.assert_allclose(y_t, h, rtol=1e-12)
    made.backward(made.Params(b, c), tape, np.ones_like(y))
