"""Diagnoses of networks that are made to have what is to be found, and what is proposed tried out."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from cellfolder import cell

import derive
from derive.pipeline import NetworkError
from derive.pipeline.diagnosis import power
from derive.report import certificate

OTHER_NAMES = """\
input signal : d_in
state out, store : d_s
w = sigmoid(A @ [out[t-1], signal] + shift)
p = tanh(B @ [out[t-1], signal] + beta)
store[t] = p * w + (1 - w) * store[t-1]
out[t] = tanh(store[t])
"""


@cache
def built(name):
    return derive.build(derive.parse(OTHER_NAMES, name) if name == "other" else cell(name))


def drawn(name, spread=0.2, **given):
    """Every parameter N(0, spread²), some given; the input drawn too."""
    kernel = built(name)
    rng = np.random.default_rng(0)
    params = kernel.init(dict.fromkeys(kernel.AXES, 8), rng)
    params = kernel.Params(*(rng.normal(0, spread, p.shape) for p in params))
    whole = {n: np.full(getattr(params, n).shape, v) if np.ndim(v) == 0 else v for n, v in given.items()}
    return kernel, params._replace(**whole), rng.normal(size=(60, 1, 8))


def rotation(size=8):
    return np.linalg.qr(np.random.default_rng(1).normal(size=(size, size)))[0]


# -- the verdict


def test_an_rnn_that_shrinks_by_a_factor_is_said_to_vanish_when_it_does():
    kernel, params, x = drawn("rnn", W=0.3 * rotation(), b=0.0)
    found = derive.diagnose(kernel, params, 1e-9 * x)
    assert (found.verdict, found.half, found.thousandth) == ("vanishing", 1, 6)
    assert found.growth == pytest.approx(0.3)
    assert found.sentences[0].startswith("Vanishing: over 60 steps the gradient falls to 4.2e-32 of itself")
    assert "below a thousandth from 6 steps" in found.sentences[0]
    assert not found.suggestions
    assert any("simple recurrent network" in s for s in found.sentences)
    assert found.sentences[-1].endswith("multiply the recurrent part of W by 3.33 or so.")
    assert "A gated cell is the remedy" in found.sentences[-1]


def test_what_it_says_to_multiply_by_makes_it_healthy():
    kernel, params, x = drawn("rnn", W=rotation(), b=0.0)
    found = derive.diagnose(kernel, params, 0 * x)
    assert (found.verdict, found.half, found.thousandth) == ("healthy", None, None)
    assert found.sentences[0] == "Healthy: after 60 steps the gradient is 1.0 times itself."


def test_an_rnn_that_grows_is_said_to_explode_and_by_how_much():
    kernel, params, x = drawn("rnn", W=1.5 * rotation(), b=0.0)
    found = derive.diagnose(kernel, params, 1e-9 * x[:30])
    assert found.verdict == "exploding"
    assert found.growth == pytest.approx(1.5, rel=1e-3)
    assert found.sentences[0].endswith("by a factor of 1.5 a step.")
    assert "divide the recurrent part of W by 1.5 or so" in found.sentences[-1]


def test_an_lstm_that_keeps_everything_is_healthy():
    found = derive.diagnose(*drawn("lstm", 0.05, b_f=20.0))
    assert found.verdict == "healthy"
    assert found.keeping[0].median > 1e6
    assert max(found.gates, key=found.gates.get) == ()
    assert not found.suggestions


def test_a_short_input_is_said_to_be_short():
    kernel, params, x = drawn("lstm")
    assert any("Only 5 steps" in s for s in derive.diagnose(kernel, params, x[:5]).sentences)
    assert not any("Only" in s for s in derive.diagnose(kernel, params, x).sentences)


def test_the_lag_asked_for_is_the_one_judged():
    kernel, params, x = drawn("rnn", W=0.8 * rotation(), b=0.0)
    assert derive.diagnose(kernel, params, 0 * x, lag=20).verdict == "healthy"
    assert derive.diagnose(kernel, params, 0 * x, lag=60).verdict == "vanishing"


# -- what to change


@pytest.mark.parametrize("lag", [50, 300])
@pytest.mark.parametrize(
    ("name", "state", "bias", "sign"),
    [
        ("lstm", "c", "b_f", 1),
        ("lstm_peephole", "c", "b_f", 1),
        ("gru", "h", "b_z", 1),
        ("mgu", "h", "b_f", -1),
        ("multiplicative_lstm", "c", "b_f", 1),
        ("other", "store", "shift", -1),
    ],
)
def test_the_bias_proposed_gives_the_time_scale_asked_for(name, state, bias, sign, lag):
    kernel, params, x = drawn(name)
    found = derive.diagnose(kernel, params, x, lag=lag)
    [only] = found.suggestions
    assert found.verdict == "vanishing"
    assert only.parameter == bias
    assert only.now == pytest.approx(getattr(params, bias).mean())
    assert np.sign(only.value) == sign
    assert abs(only.value) == pytest.approx(np.log(lag), abs=0.8)
    better = params._replace(**{bias: np.full_like(getattr(params, bias), only.value)})
    [keeping] = [k for k in derive.diagnose(kernel, better, x).keeping if k.memory.state == state]
    assert keeping.median == pytest.approx(lag, rel=0.15)
    assert any(f"set {bias} to {only.value:.2f}" in s and "Tallec" in s and "Gers" in s for s in found.sentences)


def test_the_ends_of_the_spread_are_the_time_scales_one_and_the_lag():
    kernel, params, x = drawn("lstm", 1e-9)
    [only] = derive.diagnose(kernel, params, x, lag=50).suggestions
    logit = [-np.log(np.exp(1 / scale) - 1) for scale in (1, 50)]
    assert only.spread == pytest.approx(logit, abs=1e-4)
    assert only.value == pytest.approx(logit[1], abs=1e-4)
    assert only.level == pytest.approx(np.exp(-1 / 50))


@pytest.mark.parametrize("kept", ["0.5", "f"])
def test_an_old_value_that_comes_back_through_an_error_is_counted(kept):
    """`b[t-1] - a (b[t-1] - x)` keeps 1 - a, however it is written."""
    head = "input x : d\nstate b : d\nf = sigmoid(x + c)\n"
    texts = [f"e = b[t-1] - x\nb[t] = b[t-1] - {kept} * e", f"b[t] = b[t-1] - {kept} * (b[t-1] - x)"]
    diagnoses = []
    for text in texts:
        kernel = derive.build(derive.parse(head + text, name="error"))
        params = kernel.init({"d": 3}, np.random.default_rng(0))
        diagnoses.append(derive.diagnose(kernel, params, np.random.default_rng(1).normal(size=(40, 1, 3))))
    one, other = ([(k.memory.text, k.memory.gate, k.median) for k in found.keeping] for found in diagnoses)
    assert one == other != []
    assert [s.parameter for s in diagnoses[0].suggestions] == [s.parameter for s in diagnoses[1].suggestions]


def test_a_parameter_that_is_what_is_kept_is_named():
    found = derive.diagnose(*drawn("indrnn", u=0.5))
    assert any("|u| has to be near exp(-1/60) = 0.9835" in s for s in found.sentences)


def test_in_words_a_spread_goes_from_the_smaller_to_the_larger_end():
    found = derive.diagnose(*drawn("mgu"), lag=50)
    high, low = found.suggestions[0].spread
    assert low < high
    assert any(f"spread it from {low:.2f} to {high:.2f}" in s for s in found.sentences)


def leaky(factor):
    """As many elements as factors."""
    factor = np.array(factor)
    axis = " : d" if factor.ndim else ""
    kernel = derive.build(derive.parse(f"input x{axis}\nstate h{axis}\nparam a{axis}\nh[t] = a * h[t-1] + x\n"))
    return derive.diagnose(kernel, kernel.Params(factor), np.ones((30, 1, *factor.shape)))


def test_one_element_has_no_median():
    half, one, zero = map(leaky, (0.5, 1.0, 0.0))
    assert any(s.endswith("keeps a of its old value at each step: a time scale of 1.44 steps.") for s in half.sentences)
    assert any(s.endswith("keeps a of its old value at each step: it does not fade.") for s in one.sentences)
    assert zero.sentences[0].startswith("Vanishing: over 30 steps the gradient becomes 0; ")


def test_where_elements_do_not_fade_it_says_so():
    def keeps(*factors):
        return next(s for s in leaky(factors).sentences if "keeps" in s)

    assert keeps(0.5, 0.5, 1.0).endswith("1.44 steps in the median element; the slowest does not fade.")
    assert keeps(0.5, 1.0, 1.0).endswith("half of its elements or more do not fade.")


def certified(rate, low=-1.0, high=1.0, constant=1.0):
    ends = np.array([low]), np.array([high])
    found = SimpleNamespace(
        norm=2, steps=0, rate=rate, constant=constant, contracts=rate < 1, state_range={"h": ends}
    )  # fmt: skip
    return list(certificate(SimpleNamespace(certificate=found)))


def test_a_bound_of_no_use_is_called_so():
    assert certified(2.0)[0].endswith("they grow at most by a factor of 2 a step, for ever.")
    assert "no useful bound" in certified(1e7)[0]
    assert "e+75" not in certified(1e75)[0]
    assert certified(np.inf)[0] == "Certificate: no bound."
    assert certified(2.0, -1e14, 1e14)[1] == "The states stay within: h no useful bound (beyond 1e+06)."
    assert certified(2.0, -np.inf, 1)[1] == "The states stay within: h no bound."


def test_bounds_are_written_without_what_says_nothing():
    assert "exceeds 0.5^k, for ever" in certified(0.5)[0]
    assert "exceeds 3 · 0.5^k, for ever" in certified(0.5, constant=3.0)[0]
    assert "exceeds 1e-12^k, for ever" in certified(4e-300)[0]
    assert certified(0.5, -0.0, 148.0)[1] == "The states stay within: h [0, 148]."


def test_where_no_bias_sets_what_is_kept_it_says_so():
    found = derive.diagnose(*drawn("slstm"))
    assert found.verdict == "vanishing"
    assert not found.suggestions
    assert any("No bias or weight of its own" in s for s in found.sentences)


def test_gates_share_the_whole_and_the_largest_comes_first():
    found = derive.diagnose(*drawn("lstm", 1.0))
    shares = list(found.gates.values())
    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    assert set(found.gates) == {(), ("f",), ("i",), ("g",), ("o",)}
    assert found.gates["g",] == pytest.approx(sum(s for (*_, g), s in found.flow.paths.items() if g == ("g",)))


# -- refusals and numbers


def test_weights_that_are_no_numbers_are_refused():
    kernel, params, x = drawn("rnn", b=np.full(8, np.nan))
    with pytest.raises(NetworkError, match=r"params\.b: not every element is finite"):
        derive.diagnose(kernel, params, x)


def test_a_lag_of_nothing_is_refused():
    with pytest.raises(ValueError, match="lag: got 0"):
        derive.diagnose(*drawn("rnn"), lag=0)


def test_a_network_that_overflows_is_refused():
    kernel, params, x = drawn("indrnn", W=1e200, u=1e200)
    with pytest.raises(NetworkError, match=r"(not|no longer) finite"):
        derive.diagnose(kernel, params, abs(x))


@pytest.mark.parametrize(
    ("exponent", "shown"),
    [
        (0, "1.0"), (-1, "0.10"), (np.log10(0.0123), "0.012"), (np.log10(22), "22"), (3.5, "3162"), (4, "1.0e+04"),
        (-400, "1.0e-400"), (np.log10(9.96e-5), "1.0e-04"), (718.3, "2.0e+718"), (-np.inf, "0"), (np.inf, "∞"),
        (np.log10(0.9999), "1.0"), (np.log10(99.7), "100"),
    ],
)  # fmt: skip
def test_powers_are_shown_also_where_no_float_holds_them(exponent, shown):
    assert power(exponent) == shown
