"""`prove` accepts a right candidate and kills wrong ones; what it does not see is shown too.

The cell is a plain recurrent network; the candidate is its adjoint, written by hand.
"""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import sympy
from sympy.core.cache import clear_cache

import derive
from derive import functions
from derive.language import parse
from derive.proof import Problem, ProofError, Result, complex_step, pose, prove, relative_error
from derive.proof.cost import LIMIT, brute_force_cost, identity_sizes, rational_cost
from derive.proof.duals import slope
from derive.proof.identity import chances, compare, consult
from derive.proof.rings import PRIME, Complexes, Residues

RNN = parse("input x : d_x\nstate h : d_h\nh[t] = tanh(W @ h[t-1] + U @ x + b)", name="rnn")


def by_hand(wrong: str = "") -> Callable[..., Result]:
    """Backpropagation through time, with one mistake if `wrong` names it."""

    def candidate(ring, problem: Problem) -> Result:
        tanh = np.frompyfunc(lambda z: ring.apply("tanh", z), 1, 1)
        tanh_slope = np.frompyfunc(lambda y, z: slope(ring, "tanh", y, z), 2, 1)
        W, U, b = (np.asarray(problem.params[name]) for name in ("W", "U", "b"))
        x, dy, steps = problem.inputs["x"], problem.doutputs["h"], problem.sizes["T"]
        h, nets = [problem.initial["h"]], []
        for t in range(steps):
            nets.append(h[t] @ W.T + x[t] @ U.T + b)
            h.append(tanh(nets[t]))
        dW, dU, db, dx = W - W, U - U, b - b, np.empty_like(x)
        dh = -problem.dfinal["h"] if wrong == "sign of dfinal" else problem.dfinal["h"]
        for t in reversed(range(steps)):
            dh = dh if wrong == "dropped dy" and t == 0 else dh + dy[t]
            at = h[t] if wrong == "slope one step early" else h[t + 1]
            delta = dh if wrong == "no slope" else dh * tanh_slope(at, nets[t])
            dW = dW + delta.T @ (h[t + 1] if wrong == "time shift" else h[t])
            dU = dU + delta.T @ x[t]
            db = db + (delta[0] if wrong == "no sum over the batch" else delta.sum(axis=0))
            dx[t] = delta @ U
            dh = delta @ (W.T if wrong == "transposed" else W)
            if wrong == "sign":
                dh = -dh
            if wrong == "truncated":
                dh = dh - dh
        outputs = np.array(h[:-1] if wrong == "outputs one step early" else h[1:])
        final = h[0] if wrong == "final state" else h[-1]
        return Result({"h": outputs}, {"h": final}, {"W": dW, "U": dU, "b": db}, {"x": dx}, {"h": dh})

    return candidate


WRONG = {
    "sign of dfinal": r"gradient of W differs",
    "dropped dy": r"gradient of W differs",
    "slope one step early": r"gradient of W differs",
    "no slope": r"gradient of W differs",
    "time shift": r"gradient of W differs",
    "no sum over the batch": r"gradient of b differs .* first at \[0\]",
    "transposed": r"gradient of W differs",
    "sign": r"gradient of W differs",
    "truncated": r"gradient of W differs",
    "outputs one step early": r"output h differs from the equations, first at \[0, 0, 0\]",
    "final state": r"final state h differs from the equations, first at \[0, 0\]",
}


def test_accepts_what_is_right() -> None:
    proof = prove(RNN, {"adjoint": by_hand(), "schedule": by_hand()})
    assert proof.candidates == ("adjoint", "schedule")
    assert proof.sizes == (("T", 3), ("B", 2), ("d_x", 3), ("d_h", 4))
    assert proof.prime == PRIME == 2**61 - 1
    assert proof.leaves == ("W", "U", "b", "x", "h")
    assert proof.coordinates == 16 + 12 + 4 + 18 + 8
    assert 80 <= proof.exponent <= 122
    assert all(check.ran for check in proof.checks)
    proven, assumed, *checks = proof.summary()
    assert proven.startswith("Proven by identity test modulo p = 2^61 - 1 at T=3, B=2, d_x=3, d_h=4: ")
    assert f"2^-{proof.exponent}" in proven
    assert "function table" in assumed
    assert [sentence.split(",")[0] for sentence in checks] == [
        "Also compared with the equations in exact rational arithmetic",
        "Also compared with sympy.diff of the whole unrolled loss",
    ]


@pytest.mark.parametrize("wrong", WRONG)
def test_kills_what_is_wrong(wrong: str) -> None:
    with pytest.raises(ProofError, match=f"cell rnn, candidate 'wrong': {WRONG[wrong]}"):
        prove(RNN, {"right": by_hand(), "wrong": by_hand(wrong)})


@pytest.mark.parametrize("leaf", ["W", "U", "b", "x", "h"])
def test_names_the_coordinate(leaf: str) -> None:
    def candidate(ring, problem: Problem) -> Result:
        result = by_hand()(ring, problem)
        gradient = result.gradients()[leaf]
        last = tuple(size - 1 for size in gradient.shape)
        gradient[last] = gradient[last] + gradient[last]
        return result

    problem_sizes = identity_sizes(RNN)
    ring = Residues(1)
    problem = pose(RNN, problem_sizes, ring.variable)
    last = [size - 1 for size in problem.leaves()[leaf].shape]
    with pytest.raises(ProofError) as error:
        compare(RNN, ring, problem, consult(RNN, ring, problem), "doubled", candidate)
    assert f"gradient of {leaf} differs from the derivative of the equations, first at {last}" in str(error.value)
    assert "T=3, B=2, d_x=3, d_h=4" in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda r: Result({}, r.final, r.dparams, r.dinputs, r.dinitial),
            r"outputs has \[\], expected \['h'\]",
        ),
        (
            lambda r: Result(r.outputs, r.final, {**r.dparams, "b": r.dparams["W"]}, r.dinputs, r.dinitial),
            r"dparams\['b'\] has shape \(4, 4\), expected \(4,\)",
        ),
    ],
)
def test_refuses_names_and_shapes(change: Callable[[Result], Result], message: str) -> None:
    with pytest.raises(ProofError, match=message):
        prove(RNN, {"misshapen": lambda ring, problem: change(by_hand()(ring, problem))})


def test_division_by_what_is_always_zero() -> None:
    cell = parse("input x : d\nstate h : d\nh[t] = h[t-1] / (x - x)", name="zero")
    with pytest.raises(ProofError, match="cell zero: it divides by zero"):
        prove(cell, {})


@pytest.mark.parametrize("divisor", ["(d_h - 1)", "(d_h - 2)", "(d_h - d_x)"])
def test_no_size_makes_a_divisor_zero(divisor):
    """An unbiased variance of a single number, say."""
    text = f"input x : d_x\nstate h : d_h\na = W @ x + h[t-1]\nh[t] = tanh(a * rsqrt(sum(a**2) / {divisor} + 1))"
    assert all(check.ran for check in derive.prove(parse(text, name="unbiased")).checks)


def test_a_step_jacobian_of_too_high_a_degree_is_refused():
    tower = "\n".join(f"a{k} = a{k - 1}**64" for k in range(1, 12))
    text = f"input x : d_x\nstate h : d_h\na0 = h[t-1] + W @ x\n{tower}\nh[t] = tanh(a11)"
    with pytest.raises(ProofError, match="degree is too high"):
        derive.gradient_bound(parse(text, name="tower"))


def test_many_equations_may_follow_each_other():
    """Each evaluated for the next; each reads the last twice, so that there are 2^119 ways through all of them."""
    chain = "\n".join(f"a{k} = sigmoid(a{k - 1}) * a{k - 1}" for k in range(1, 120))
    derive.prove(parse(f"input x : d_x\nstate h : d_h\na0 = W @ x + h[t-1]\n{chain}\nh[t] = tanh(a119)", name="chain"))


def test_complex_step_against_the_adjoint_by_hand() -> None:
    rng = np.random.default_rng(3)
    problem = pose(RNN, {"T": 4, "B": 3, "d_x": 2, "d_h": 5}, lambda _: float(rng.normal()))
    expected, got = complex_step(RNN, problem), by_hand()(Complexes(), problem)
    for name, gradient in got.gradients().items():
        assert relative_error(gradient.astype(complex), expected.gradients()[name]) < 1e-13
    assert relative_error(got.outputs["h"].astype(complex), expected.outputs["h"]) < 1e-15


def test_a_wrong_row_is_seen_by_the_test_of_the_table_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides of the identity test take a function's derivative from the table, so a wrong row fools
    both; the value of the function, which the table's own test differentiates, does not know the row.
    SymPy remembers derivatives, hence the clearing."""
    right = functions.derivative("tanh")
    wrong = sympy.Integer(1) - functions.Y
    for row, agrees in ((right, True), (wrong, False)):
        clear_cache()
        monkeypatch.setattr(functions, "derivative", {"tanh": row}.__getitem__)
        prove(RNN, {"adjoint": by_hand()})
        value = functions.evaluate("tanh", complex(0.4, 1e-30))
        by_row = slope(Complexes(), "tanh", value, 0.4 + 0j).real
        assert (by_row == pytest.approx(value.imag / 1e-30, rel=1e-14)) == agrees
    clear_cache()


def test_the_bound_counts_what_can_go_wrong() -> None:
    """One step of a linear cell, d=3: the test of a gradient has degree 3 (the loss's weight, a leaf,
    the direction); there are no arguments that could collide."""
    cell = parse("input x : d\nstate h : d\nh[t] = w * h[t-1] + x", name="linear")

    def candidate(ring, problem: Problem) -> Result:
        w, h, x = problem.params["w"], problem.initial["h"], problem.inputs["x"]
        dh = problem.doutputs["h"][0] + problem.dfinal["h"]
        new = h * w + x[0]
        return Result({"h": new[None]}, {"h": new}, {"w": (dh * h).sum(axis=0)}, {"x": dh[None]}, {"h": dh * w})

    assert chances(cell, {"adjoint": candidate}, {"T": 1, "B": 2, "d": 3}) == 3


def test_costs_are_counted_not_measured() -> None:
    sizes = {"T": 2, "B": 1, "d_x": 1, "d_h": 2}
    larger = {**sizes, "d_h": 4}
    assert brute_force_cost(RNN, sizes) == brute_force_cost(RNN, sizes) < brute_force_cost(RNN, larger)
    assert rational_cost(RNN, sizes) < rational_cost(RNN, larger)


def test_powers_of_powers_are_not_raised_exactly():
    cell = parse("input x : d\nstate h : d\nf = x**60\nh[t] = (f**60)**60 + h[t-1]", "tower")
    assert rational_cost(cell, identity_sizes(cell)) > LIMIT


def test_what_is_too_expensive_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("derive.proof.cost.LIMIT", 0)
    proof = prove(RNN, {"adjoint": by_hand()})
    assert not any(check.ran for check in proof.checks)
    for sentence in proof.summary()[2:]:
        assert sentence.startswith("Not compared with ")
        assert sentence.endswith("exceeds the limit of 0.")


def test_the_proof_is_the_same_in_every_process() -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]; from test_prove import RNN, by_hand; "
        "from derive.proof import prove; print(prove(RNN, {'adjoint': by_hand()}).summary())"
    )
    here = str(__file__).rpartition("/")[0]
    runs = {
        subprocess.run(
            [sys.executable, "-c", program, here, *sys.path],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(runs) == 1
