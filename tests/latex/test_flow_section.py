"""The section on gradient flow: it says A2 and A3 as the article has them, for any cell that they are true of."""

import re
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from test_document import assert_compiles, document, plain

from derive import derivation, gradient_bound
from derive.language import load, parse

ROOT = Path(__file__).parents[2]
RELATION = re.compile(r"^\\relationline\{\}\{(.*?)\}\{([^{}]*)\}\{(.*)\}\{([^{}]*)\}$", re.MULTILINE)


def shipped(name):
    return load(ROOT / "derive" / "cells" / f"{name}.cell")


def section(cell) -> str:
    text = document(cell)
    return text[text.index(r"\section{Gradient flow}") : text.index(r"\section{What was proven}")]


def simple(function: str):
    return parse(f"input x : d_x\nstate h : d_h\nnet = W @ h[t-1] + U @ x + b\nh[t] = {function}(net)\n")


def relations(text: str) -> list[tuple[str, str, str]]:
    found = [(plain(left).strip(), sign.strip(), plain(right)) for left, sign, right, _ in RELATION.findall(text)]
    return [(left.replace("  ", " "), sign, right) for left, sign, right in found]


def test_a2_and_a3_read_as_in_the_article() -> None:
    found = relations(section(shipped("rnn")))
    error = r"\|\delta^{\top}_{k}\|"
    diagonal = r"\bigl\|\operatorname{diag}[f'(\mathrm{net}_{%s})]\bigr\|"
    factors = [rf"\|W\| {diagonal % 'i'}", rf"{diagonal % 'i+1'} \|W\|"]
    for product in factors:
        assert (error, r"\le", rf"\|\delta^{{\top}}_{{t}}\| \prod_{{i=k}}^{{t-1}} {product}") in found
    assert (error, r"\le", r"\|\delta^{\top}_{t}\| \bigl(\beta_{f} \beta_{W}\bigr)^{t-k}") in found
    assert (r"\beta_{f}", "=", r"\sup |f'| = 1") in found
    assert (r"\beta_{W}", "=", r"\|W\|") in found


SUPREMA = {
    "tanh": r"\sup |f'| = 1",
    "sigmoid": r"\sup |f'| = \tfrac{1}{4}",
    "relu": r"\sup |f'| = 1",
    "gelu": r"\sup |f'| = \frac{1}{e \sqrt{\pi}} + \frac{\operatorname{erf}{\left(1 \right)}}{2} + \frac{1}{2}",
    "silu": r"\sup |f'| \le 1.09984",
    "exp": r"\sup_{|z| \le r} |f'(z)| = e^{r}",
}


@pytest.mark.parametrize("function", SUPREMA)
def test_the_supremum_of_the_slope(function: str) -> None:
    text = section(simple(function))
    assert {left: right for left, _, right in relations(text)}[r"\beta_{f}"] == SUPREMA[function]
    assert ("unbounded on the whole line" in text) == (function == "exp")
    assert ("The bound is attained" in text) == (function in ("tanh", "sigmoid", "relu", "gelu"))


@pytest.mark.parametrize(("function", "point"), [("tanh", 0.0), ("sigmoid", 0.0), ("gelu", np.sqrt(2.0))])
def test_the_network_that_is_constructed_attains_the_bound(function: str, point: float) -> None:
    """δ carried back by the emitted step Jacobians, at the point and with a multiple of an orthogonal matrix."""
    bound = gradient_bound(simple(function))
    rng, size, steps, scale = np.random.default_rng(4), 5, 7, 1.3
    slope, start = SLOPES[function]
    rotation, _ = np.linalg.qr(rng.normal(size=(size, size)))
    weight, old = scale * rotation, np.full(size, start(point))
    params = bound._module.Params(W=weight, U=np.zeros((size, 2)), b=point - weight @ old)
    error = first = rng.normal(size=size)
    for _ in range(steps):
        error = error @ bound.jacobian(params, np.zeros(2), bound._module.State(h=old))["h", "h", ("net",)]
    expected = (slope(point) * np.linalg.norm(weight, 2)) ** steps * np.linalg.norm(first)
    assert abs(np.linalg.norm(error) / expected - 1) < 1e-12


Z = sp.Symbol("z")
CLOSED = {"tanh": sp.tanh(Z), "sigmoid": 1 / (1 + sp.exp(-Z)), "gelu": Z * (1 + sp.erf(Z / sp.sqrt(2))) / 2}
SLOPES = {
    name: (
        lambda at, form=form: float(form.diff(Z).subs(Z, at)),
        lambda at, form=form: float(form.subs(Z, at)),
    )
    for name, form in CLOSED.items()
}


GATED = """
input x : d_x
state h : d_h
z = sigmoid(V @ x)
net = U @ x + W @ h[t-1] + b
a = tanh(net)
h[t] = z * a + (1 - z) * a * net
"""
DRIVEN = "input x : d_x\nstate h : d_h\nh[t] = tanh((K @ x) @ h[t-1])\nparam K : d_h, d_h, d_x\n"


def test_a_slope_of_several_functions_is_bounded_as_a_whole() -> None:
    text = section(parse(GATED))
    slope = next(right for left, _, right in relations(text) if left == r"\beta_{f}")
    assert slope.startswith(r"\max")
    assert "1 - a^{2}" in slope
    assert "The bound is attained" not in text


def test_a_matrix_that_changes_is_bounded_over_time() -> None:
    found = {left: right for left, _, right in relations(section(parse(DRIVEN)))}
    assert [right for left, right in found.items() if r"\beta_{u" in left] == [r"\max_{i} \|u^{h}_{i+1}\|"]


@pytest.mark.needs("pdflatex")
@pytest.mark.parametrize("kind", ["gated", "driven", "exp", "gelu", "silu", "square"])
def test_every_kind_of_chain_compiles(kind: str, tmp_path: Path) -> None:
    texts = {"gated": GATED, "driven": DRIVEN}
    assert_compiles(document(parse(texts[kind]) if kind in texts else simple(kind)), tmp_path)


def test_a_cell_with_more_than_one_recurrence_has_no_chain() -> None:
    assert "carried back, in norm" in section(shipped("rnn"))
    assert "carried back, in norm" not in section(shipped("lstm"))


def test_the_direct_path_of_the_lstm() -> None:
    text = section(shipped("lstm"))
    left = r"\Bigl(\dfrac{\partial c_{t}}{\partial c_{k}}\Bigr)_{\mathrm{direct}}"
    assert (left, "=", r"\operatorname{diag}\Bigl[\prod_{j=k+1}^{t} f_{j}\Bigr]") in relations(text)
    assert "factors between $0$ and $1$" in text
    assert "marked as direct" in text
    assert "No weight matrix multiplies this" in text
    assert "No state has a direct path" in section(shipped("rnn"))


def test_a_direct_path_of_one_factor_is_a_power() -> None:
    text = section(parse("input x\nstate h\nh[t] = a * h[t-1] + x\n"))
    assert (r"\dfrac{\partial h_{t}}{\partial h_{k}}", "=", r"a^{t-k}") in relations(text)
    assert "marked as direct" not in text


def test_the_state_range_of_the_lstm() -> None:
    text = section(shipped("lstm"))
    assert r"$|h_{t}| \le 1$" in text
    bound = r"\alpha^{t} |c_{0}| + \frac{1 - \alpha^{t}}{1 - \alpha} \gamma"
    assert (r"|c_{t}|", r"\le", bound) in relations(text)


def test_what_has_no_static_bound_is_said() -> None:
    assert "no static bound" not in section(shipped("lstm"))
    assert "no static bound" not in section(shipped("gru"))
    text = section(shipped("mlstm"))
    assert "no static bound" in text
    assert r"$\partial C_{t}\br / \partial C_{t-1}$ ($f$)" in text


def test_what_only_bounded_functions_read_needs_no_bound() -> None:
    text = section(parse("input x\nstate h\nstate v\nv[t] = v[t-1] + x\nh[t] = sigmoid(v[t]) * h[t-1]\n"))
    assert r"bound $h$, $v$." in text
    assert r"$\partial h_{t}\br / \partial v_{t-1}$ ($h$)" in text
    assert r"\partial h_{t-1}$ (" not in text


def test_gates_that_are_alike_are_shown_once() -> None:
    text = section(shipped("lstm_layernorm"))
    assert text.count("is the same with") == 6
    assert r"W_{fh}$" in text


def test_a_changed_cell_changes_its_section() -> None:
    changed = parse(shipped("lstm").source.replace("f = sigmoid", "f = tanh"))
    assert "factors between $-1$ and $1$" in section(changed)
    assert section(changed) != section(shipped("lstm"))
    assert str(gradient_bound(changed).block_bounds["c", "h"]).startswith("max|c[t-1]| · ‖W_fh‖")


# -- the same, to look at


def test_the_words_of_the_lstm() -> None:
    words = gradient_bound(shipped("lstm")).step_jacobian["c", "h"]
    assert {word.gates: str(word) for word in words} == {
        ("f",): "diag(f[t] ∘ (1 - f[t]) ∘ c[t-1]) W_fh",
        ("i",): "diag(i[t] ∘ (1 - i[t]) ∘ g[t]) W_ih",
        ("g",): "diag(i[t] ∘ (1 - g[t]²)) W_ch",
    }


def test_the_section_alone_is_the_one_of_the_derivation() -> None:
    cell = shipped("gru")
    assert gradient_bound(cell).latex().strip() in derivation(cell).latex()


GRU = """
  ∂g_in[t]/∂h[t-1] = diag(r[t])
                   + diag(r[t] ∘ (1 - r[t]) ∘ h[t-1]) W_rh    # through r
  ∂h[t]/∂h[t-1] = diag(z[t])    # directly
                + diag(z[t] ∘ (1 - z[t]) ∘ (h[t-1] - g[t])) W_zh    # through z
                + diag((1 - z[t]) ∘ (1 - g[t]²)) W_h1 (∂g_in[t]/∂h[t-1])    # through g
"""


def test_the_listing_has_the_step_jacobian() -> None:
    assert "Step Jacobian:" + GRU.rstrip() in derivation(shipped("gru")).show()
