"""The theorems of `published` themselves: sound on the cells of the articles, attained, and so copied rightly."""

import inspect
import os
from types import ModuleType

import numpy as np
import published
import pytest
import theoremchecks as checks
from published import THEOREMS, Theorem, draw, draws

COUNT = 10_000 if os.environ.get("DERIVE_FULL") else 100
NAMES = [theorem.name for theorem in THEOREMS]
every_theorem = pytest.mark.parametrize("theorem", THEOREMS, ids=NAMES)


@every_theorem
def test_draws_stand_on_both_sides_of_the_boundary(theorem: Theorem) -> None:
    claims = [theorem.claim(p) for p in draws(theorem, COUNT)]
    assert sum(claim.holds for claim in claims) >= 0.3 * COUNT
    assert sum(not claim.holds for claim in claims) >= 0.3 * COUNT
    assert sum(abs(claim.load - 1) < 0.05 for claim in claims) >= 0.5 * COUNT


@every_theorem
def test_draws_come_again(theorem: Theorem) -> None:
    one, other = (draw(theorem, np.random.default_rng(7), 0.9) for _ in range(2))
    assert all(np.array_equal(vars(one)[name], vars(other)[name]) for name in vars(one))
    assert abs(theorem.claim(one).load / 0.9 - 1) < 1e-3


@every_theorem
def test_the_condition_decides(theorem: Theorem) -> None:
    for p in draws(theorem, COUNT):
        checks.assert_decides(theorem, theorem.claim(p))


@every_theorem
def test_jacobians_products_and_trajectories_keep_to_the_bounds(theorem: Theorem) -> None:
    rng = np.random.default_rng(1)
    for p in draws(theorem, COUNT // 4, seed=2):
        checks.assert_bounds(theorem, p, rng)


@every_theorem
def test_every_term_is_attained(theorem: Theorem) -> None:
    checks.assert_attained(theorem)


def test_the_four_inequalities_of_miller_and_hardt_are_one_row_sum() -> None:
    checks.assert_boundary_of_miller_and_hardt(THEOREMS[NAMES.index("lstm, Miller and Hardt")])


def test_the_largest_eigenvalue() -> None:
    rng = np.random.default_rng(3)
    for matrix in rng.uniform(0, 2, size=(100, 2, 2)):
        expected = np.abs(np.linalg.eigvals(matrix)).max()
        assert abs(published.largest_eigenvalue(*matrix.flat) - expected) < 1e-14 * expected


TERZI, MILLER = "lstm, Terzi and Bonassi, infinity norm", "lstm, Miller and Hardt"
MISCOPIED = [
    ("rnn, 2-norm", "rate = norm(p.W, order)", "rate = norm(p.W, -2) / 2"),
    (TERZI, "alpha = 0.25 * U_f * c +", "alpha = U_f * c +"),
    (TERZI, "alpha = 0.25 * U_f * c +", "alpha = 0.125 * U_f * c +"),
    (TERZI, "alpha = 0.25 * U_f * c +", "alpha = 0.25 * U_f * i * g +"),
    (TERZI, "alpha = 0.25 * U_f * c +", "alpha ="),
    (TERZI, "+ i * U_c", "+ U_c"),
    (TERZI, "+ i * U_c", "+ 0.25 * i * U_c"),
    (TERZI, "+ 0.25 * U_i * g\n", "+ 0.25 * U_i\n"),
    (TERZI, "+ 0.25 * U_i * g\n", "+ U_i * g\n"),
    (TERZI, "a = 0.25 * float(np.tanh(c)) * U_o", "a = float(np.tanh(c)) * U_o"),
    (TERZI, "a = 0.25 * float(np.tanh(c)) * U_o", "a = 0.25 * U_o"),
    (TERZI, "a = 0.25 * float(np.tanh(c)) * U_o", "a = 0.25 * g * U_o"),
    (TERZI, "c = i * g / keeps", "c = g / keeps"),
    (TERZI, "c = i * g / keeps", "c = i / keeps"),
    (TERZI, '("h", "c"): o * f,', '("h", "c"): o,'),
    (TERZI, '("h", "c"): o * f,', '("h", "c"): f,'),
    (TERZI, "o * alpha + a}", "alpha + a}"),
    (TERZI, "o * alpha + a}", "o * alpha}"),
    (TERZI, "f, keeps = sigmoid(reach(p.W_f, p.b_f))", "f, keeps = sigmoid(reach(p.W_f))"),
    (TERZI, "f, keeps = sigmoid(reach(p.W_f, p.b_f))", "f, keeps = sigmoid(reach(p.W_f[:, :d], p.b_f))"),
    (TERZI, "i = sigmoid(reach(p.W_i, p.b_i))", "i = sigmoid(reach(p.b_i))"),
    (TERZI, "o = sigmoid(reach(p.W_o, p.b_o))", "o = sigmoid(reach(p.b_o))"),
    (TERZI, "g = float(np.tanh(reach(p.W_c, p.b_c)))", "g = sigmoid(reach(p.W_c, p.b_c))"),
    (TERZI, "a + alpha * o / keeps", "a + alpha * o"),
    (TERZI, "a + alpha * o / keeps", "a + alpha / keeps"),
    (MILLER, "load = max(U_i / keeps, U_o / keeps,", "load = max(U_i / keeps, 0.5 * U_o / keeps,"),
    (MILLER, "load = max(U_i / keeps, U_o / keeps,", "load = max(U_i, U_o / keeps,"),
    (MILLER, "U_z / (0.25 * keeps)", "U_z / keeps"),
    (MILLER, "U_f / keeps**2", "U_f / keeps"),
    (MILLER, "U_f / keeps**2", "4 * U_f / keeps**2"),
    (MILLER, "alpha = 0.25 * U_f / keeps", "alpha = 0.25 * U_f"),
    (MILLER, "f, keeps = sigmoid(top(p.W_f, bias=p.b_f))", "f, keeps = sigmoid(reach(p.W_f, p.b_f))"),
    ("gru, Bonassi", "candidate = U_r * (f + 0.25 * U_f)", "candidate = U_r * (f + U_f)"),
    ("gru, Bonassi", "candidate = U_r * (f + 0.25 * U_f)", "candidate = U_r * (f + 0.125 * U_f)"),
    ("gru, Bonassi", "candidate = U_r * (f + 0.25 * U_f)", "candidate = U_r * (1 + 0.25 * U_f)"),
    ("gru, Bonassi", "away = 0.25 * (1 +", "away = (1 +"),
    ("gru, Bonassi", "away = 0.25 * (1 +", "away = 0.25 * (0 +"),
    ("gru, Bonassi", "candidate + away / closed,", "candidate + away,"),
    ("gru, Bonassi", "candidate + away / closed,", "candidate + away / opened,"),
    ("gru_reset_after", "0.25 * U_r * (U_n +", "U_r * (U_n +"),
    ("gru_reset_after", "0.25 * U_r * (U_n +", "0.25 * U_r * (0 +"),
    ("gru_reset_after", " + float(np.abs(p.b_hn).max())", ""),
    ("gru_reset_after", "candidate = r * U_n", "candidate = U_n"),
    ("gru_reset_after", "reach(p.W_in, p.W_hn, p.b_in, p.b_hn)", "reach(p.W_in, p.W_hn, p.b_in)"),
    ("gru_reset_after", "reach(p.W_in, p.W_hn, p.b_in, p.b_hn)", "reach(p.W_in, p.b_in, p.b_hn)"),
]


@pytest.mark.parametrize(("name", "right", "wrong"), MISCOPIED)
def test_a_formula_copied_wrongly_is_caught(name: str, right: str, wrong: str) -> None:
    source = inspect.getsource(published)
    assert source.count(right) == 1
    copy = ModuleType("published")
    exec(compile(source.replace(right, wrong), "<miscopied>", "exec"), copy.__dict__)  # noqa: S102 - a planted fault
    theorem = copy.THEOREMS[NAMES.index(name)]
    with pytest.raises(AssertionError):
        _audit(theorem)


def test_the_formulas_as_they_stand_pass_the_same_audit() -> None:
    for theorem in THEOREMS:
        _audit(theorem)


def _audit(theorem: Theorem) -> None:
    checks.assert_attained(theorem)
    if theorem.name == MILLER:
        checks.assert_boundary_of_miller_and_hardt(theorem)
    rng = np.random.default_rng(4)
    for p in draws(theorem, 20, seed=5):
        checks.assert_decides(theorem, theorem.claim(p))
        checks.assert_bounds(theorem, p, rng)
