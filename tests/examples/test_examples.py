"""The examples run, learn, and say what they promise to say, on a few steps."""

import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.needs("cc")


@pytest.fixture(autouse=True)
def beside(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))


def test_the_character_model_learns(monkeypatch, capsys):
    import char_lm

    monkeypatch.setattr(char_lm, "read_text", lambda: "to be or not to be, that is the question. " * 3000)
    monkeypatch.setattr(sys, "argv", ["char_lm.py", "--cell", "gru", "--steps", "12", "--hidden", "16"])
    char_lm.main()
    said = capsys.readouterr().out
    before = float(said.split("before training ")[1].split()[0])
    after = float(said.split("after 12 steps ")[1].split()[0])
    assert after < before - 0.3


def test_the_gradient_of_the_readout_is_that_of_the_loss():
    import char_lm

    rng = np.random.default_rng(0)
    model = char_lm.Model(rng.normal(size=(5, 3)), (), rng.normal(size=(4, 5)), rng.normal(size=5))
    y, following = rng.normal(size=(3, 2, 4)), rng.integers(0, 5, (3, 2))
    _, dlogits = char_lm.guess(model, y, following)
    step = 1e-6
    for k in range(5):
        up, down = (model._replace(bias=model.bias + s * step * np.eye(5)[k]) for s in (1, -1))
        slope = (char_lm.guess(up, y, following)[0] - char_lm.guess(down, y, following)[0]) / (2 * step)
        assert abs(slope - dlogits.sum(axis=(0, 1))[k]) < 1e-8


def test_the_adding_problem_is_posed_right_and_learned_from():
    import adding_problem

    x, answer = adding_problem.batch(np.random.default_rng(0))
    assert x.shape == (adding_problem.T, adding_problem.BATCH, 2)
    assert (x[..., 1].sum(axis=0) == 2).all()
    np.testing.assert_allclose((x[..., 0] * x[..., 1]).sum(axis=0), answer, rtol=1e-6)
    errors = list(adding_problem.losses("lstm", 3))
    assert len(errors) == 3
    assert all(0 < e < 2 for e in errors)
