"""Shape inference over every shipped cell and the strangers, against NumPy and against what papers say."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from cellshapes import check

from derive.language import CellError, cell, load, parse, shipped
from derive.language import syntax as s

STRANGERS = sorted((Path(__file__).parents[1] / "cells").glob("*.cell"))
CELLS = [*(cell(name) for name in shipped()), *(load(path) for path in STRANGERS)]
HEAD = "input x : d_x\nstate h : d_h\n"


def _shapes(c, *names):
    return [", ".join(str(axis) for axis in c.variables[name].shape) for name in names]


def _stranger(name):
    return next(c for c in CELLS if c.name == name)


def test_the_zoo():
    assert shipped() == (
        *("gru", "gru_reset_after", "indrnn", "lstm", "lstm_layernorm"),
        *("lstm_peephole", "mgu", "mlstm", "rnn", "slstm"),
    )
    assert len(STRANGERS) >= 10
    assert all(len(path.read_text(encoding="utf-8").splitlines()) <= 15 for path in STRANGERS)


@pytest.mark.parametrize("c", CELLS, ids=lambda c: c.name)
def test_shapes_agree_with_numpy(c):
    check(c)


@pytest.mark.parametrize("c", CELLS, ids=lambda c: c.name)
def test_cell_is_complete(c):
    assert c.title
    assert set(c.inits) == {v.name for v in c.of_role("param")}
    assert c.outputs
    assert set(c.outputs) <= {v.name for v in (*c.of_role("state"), *c.of_role("local"))}
    roles = [v.role for v in c.variables.values()]
    assert roles == sorted(roles, key=["input", "state", "param", "local"].index)
    assert [e.target for e in c.equations if c.variables[e.target].role == "local"] == [
        v.name for v in c.of_role("local")
    ]
    assert hash(c.equations) == hash(parse(c.source).equations)
    assert c.equations == parse(c.source).equations


@pytest.mark.parametrize("name", shipped())
def test_shipped_cells_explain_every_equation(name):
    assert all(equation.comment for equation in cell(name).equations)


def test_the_articles_shapes():
    lstm = cell("lstm")
    assert _shapes(lstm, "W_f", "b_f", "c", "f") == ["d_h, d_h + d_x", "d_h", "d_h", "d_h"]
    assert lstm.axes == ("d_x", "d_h")
    assert lstm.outputs == ("h",)
    assert lstm.inits["b_f"] == s.Init(
        "constant", s.Number(shape=(), span=s.Span(1, 0, 0), value=Fraction(1))
    )
    assert lstm.equations[0].comment == "forget gate"


@pytest.mark.parametrize("name", ["lstm", "lstm_peephole", "lstm_layernorm", "slstm", "mlstm"])
def test_forget_bias_is_one(name):
    value = cell(name).inits["b_f"].value
    assert isinstance(value, s.Number)
    assert value.value == 1


def test_strangers_shapes():
    assert _shapes(_stranger("mass_conserving_lstm"), "W_r", "U_r", "R", "x") == [
        "d_h, d_h, d_a",
        "d_h, d_h, d_h",
        "d_h, d_h",
        "",
    ]
    assert _shapes(_stranger("fast_weights"), "S", "W") == ["d, d", "d, d"]
    assert _shapes(_stranger("multiplicative_lstm"), "U", "W_f") == ["d_m, d_x", "d_h, d_m + d_x"]
    assert _shapes(_stranger("kinks"), "U", "V", "W", "s") == [
        "d_h, d_U",
        "d_U, d_h",
        "d_h, d_h + d_x + d_x",
        "",
    ]
    assert _shapes(_stranger("delta_rule"), "beta", "b", "W_k") == ["", "", "d_k, d_x"]
    assert _stranger("second_order").outputs == ("h", "y")
    assert _shapes(_stranger("selective_ssm"), "A", "W_p", "D") == ["d_x, d_s", "d_s, d_x", "d_x"]


def test_mlstm_scales_keys_and_bounds_the_normaliser():
    c = cell("mlstm")
    now, _, sizes = check(c)
    key = (now["W_k"] @ now["x"] + now["b_k"]) / np.sqrt(sizes["d_k"])
    assert np.allclose(now["k"], key)
    read = now["C"] @ now["q"] / max(abs(now["n"] @ now["q"]), np.exp(-now["m"]))
    assert np.allclose(now["r"], read)


def test_macros_mean_what_their_names_say():
    text = HEAD + "a = softmax(W @ x)\nb = layernorm(W @ x)\nh[t] = a + b + h[t-1]"
    now, _, _ = check(parse(text))
    v = now["W"] @ now["x"]
    assert np.allclose(now["a"], np.exp(v) / np.exp(v).sum())
    assert np.allclose(now["b"], (v - v.mean()) / np.sqrt(v.var() + 1e-5))


def test_a_macro_keeps_call_and_body():
    c = parse(HEAD + "twice(a, n) = n * a + a   # comment\nh[t] = twice(tanh(W @ x), 3) + h[t-1]")
    total = c.equations[0].value
    assert isinstance(total, s.Binary)
    assert isinstance(total.left, s.Macro)
    assert total.left.name == "twice"
    assert len(total.left.operands) == 2
    assert total.left.body.shape == total.left.shape == total.shape
    assert c.macros == (s.Definition("twice", ("a", "n"), "n * a + a"),)
    assert [d.name for d in cell("lstm_layernorm").macros] == ["layernorm", "LN"]


def test_numbers_are_exact():
    c = parse(HEAD + "h[t] = h[t-1] * 1e-5 + 0.1 * tanh(W @ x) - .5 * h[t-1]")
    found = [n.value for n in _walk(c.equations[0].value) if isinstance(n, s.Number)]
    assert found == [Fraction(1, 100000), Fraction(1, 10), Fraction(1, 2)]


def _walk(node):
    yield node
    for name in ("operand", "left", "right", "base"):
        if hasattr(node, name):
            yield from _walk(getattr(node, name))
    for part in getattr(node, "operands", ()):
        yield from _walk(part)


def test_spans_point_at_the_text():
    text = HEAD + "h[t] = tanh(\n    W @ h[t-1]\n    + U @ x\n)"
    (apply,) = (e.value for e in parse(text).equations)
    total = apply.operands[0]
    lines = text.split("\n")
    assert lines[total.left.span.line - 1][total.left.span.start : total.left.span.end] == "W @ h[t-1]"
    assert lines[total.right.span.line - 1][total.right.span.start : total.right.span.end] == "U @ x"


def test_default_start():
    c = parse(HEAD + "h[t] = tanh(W @ [h[t-1], x] + b)")
    assert c.inits["b"].scheme == "constant"
    assert c.inits["b"].value.value == 0
    bound = c.inits["W"].value
    assert c.inits["W"].scheme == "uniform"
    assert str(bound.right.operands[0].left.axis) == "d_h"
    assert bound.right.operands[0].right.axis == "d_x"


@pytest.mark.parametrize(
    ("text", "axes"),
    [
        ("k = tanh(W @ x)\nh[t] = V @ k", ("d_x", "d_h", "d_k")),
        ("h[t] = U @ (V @ h[t-1]) + W @ x", ("d_x", "d_h", "d_U")),
        ("param d_k : d_h\nk = tanh(W @ x)\nh[t] = V @ k + d_k", ("d_x", "d_h", "d_k_2")),
        ("h[t] = (P @ Q) @ h[t-1] + W @ x", ("d_x", "d_h", "d_P")),
        ("k = W @ x / sqrt(d_k)\nh[t] = V @ k", ("d_x", "d_h", "d_k")),
    ],
)
def test_axes_without_a_name(text, axes):
    c = parse(HEAD + text)
    assert c.axes == axes
    check(c)


def test_title_notes_comments_and_files(tmp_path):
    file = tmp_path / "mine.cell"
    head = "\ufeff# First\r\n# second.\r\n\r\n# not this\r\ninput x : d_x  # in\r\nstate h : d_x\r\n"
    file.write_bytes((head + 'note "a # in it, ünï"\r\nh[t] = x   # out\r\n').encode())
    c = load(file)
    assert (c.name, c.title, c.notes) == ("mine", "First second.", ("a # in it, ünï",))
    assert (c.variables["x"].comment, c.equations[0].comment) == ("in", "out")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(CellError, match="not UTF-8"):
        load(file)


def test_unknown_cell_and_file(tmp_path):
    with pytest.raises(CellError) as caught:
        cell("lstn")
    assert "did you mean `lstm`?" in str(caught.value)
    assert "one of gru, " in str(caught.value)
    with pytest.raises(CellError, match="cannot be read"):
        load(tmp_path / "none.cell")
