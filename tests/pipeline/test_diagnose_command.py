"""`derive diagnose`: what it prints, from which files, and what it says of files that will not do."""

import sys

import numpy as np
import pytest
from test_commands import call

import derive

SMALL = """\
input x : d_x
state c : d_h
f = sigmoid(W_f @ [c[t-1], x] + b_f)
c[t] = f * c[t-1] + tanh(W_g @ [c[t-1], x])
"""
SEEDED = "standard normal input, 100 steps, seed 0"


@pytest.fixture(scope="module")
def kernel():
    return derive.build(derive.parse(SMALL))


@pytest.fixture
def params(kernel):
    drawn = kernel.init({"d_x": 2, "d_h": 3}, np.random.default_rng(0))
    return drawn._replace(W_f=0.3 * drawn.W_f, W_g=0.3 * drawn.W_g)


@pytest.fixture
def small(tmp_path, params, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.cell").write_text(SMALL, encoding="utf-8")
    derive.save_params("w.npz", params)
    return tmp_path


def diagnosed(*arguments):
    code, told, errors = call("diagnose", "small.cell", *arguments)
    assert (code, errors) == (0, "")
    return told


def refused(*arguments):
    code, told, errors = call("diagnose", "small.cell", *arguments)
    assert (code, told) == (1, "")
    assert errors.count("\n") == 1
    return errors


def test_the_verdict_comes_first_then_the_tables(small):
    lines = diagnosed("w.npz").splitlines()
    assert lines[0] == f"small, w.npz; {SEEDED} (--input gives your own)"
    assert lines[1].startswith("Vanishing: over 100 steps the gradient falls to ")
    assert any("set b_f to" in line for line in lines)
    headings = "∂c/∂c all states direct c trajectory blocks static"
    assert any(" ".join(line.split()) == f"lag {headings}" for line in lines)
    assert [line.split()[0] for line in lines if line[:6].strip().isdigit()] == ["1", "2", "5", "10", "20", "50", "100"]
    assert any(" ".join(line.split()).startswith("c[t-1] c[t] element by element") for line in lines)
    assert lines[-1].startswith("The states stay within: c [")
    assert lines[-2].startswith("Certificate: ")
    assert lines[-3].startswith("Lyapunov exponents, nats a step: -")


def test_the_same_twice(small):
    assert diagnosed("w.npz") == diagnosed("w.npz")


def test_a_certificate_that_contracts_and_none(small, params):
    derive.save_params("w.npz", params._replace(W_f=0 * params.W_f, W_g=0.01 * params.W_g))
    assert "Certificate: every gradient vanishes" in diagnosed("w.npz")
    derive.save_params("w.npz", params._replace(W_f=9 * params.W_f, W_g=9 * params.W_g))
    assert "Certificate: none that gradients vanish" in diagnosed("w.npz")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_input_with_a_batch_or_without(small, dtype):
    x = np.random.default_rng(1).normal(size=(30, 2)).astype(dtype)
    np.savez("x.npz", x=x)
    np.savez("xb.npz", x=np.stack([x, 5 * x], axis=1))
    alone = diagnosed("w.npz", "--input", "x.npz").splitlines()
    batch = diagnosed("w.npz", "--input", "xb.npz").splitlines()
    assert alone[0].endswith("the first sequence of x.npz")
    assert alone[1:] == batch[1:]
    assert alone[1:] != diagnosed("w.npz").splitlines()[1:]
    assert "over 30 steps" in alone[1]


def test_the_lag_is_the_users(small):
    assert "Healthy: after 2 steps" in diagnosed("w.npz", "--lag", "2")
    assert "To keep 900 steps" in diagnosed("w.npz", "--lag", "900")
    assert call("diagnose", "small.cell", "w.npz", "--lag", "0")[0] == 2


def test_float32_weights_will_do(small, params):
    derive.save_params("w32.npz", type(params)(*(p.astype("float32") for p in params)))
    assert diagnosed("w32.npz").splitlines()[1][:60] == diagnosed("w.npz").splitlines()[1][:60]


# -- files that will not do


def test_files_that_are_none(small):
    assert "missing.npz" in refused("missing.npz")
    assert "missing.npz" in refused("w.npz", "--input", "missing.npz")
    (small / "text.npz").write_text("not an archive")
    assert refused("text.npz").startswith("text.npz: not an .npz file; expected what save_params wrote")
    np.save("array.npy", np.zeros(3))
    assert refused("array.npy").startswith("array.npy: not an .npz file")
    whole = (small / "w.npz").read_bytes()
    (small / "half.npz").write_bytes(whole[: len(whole) // 2])
    assert "half.npz: not an .npz file" in refused("half.npz")


def test_weights_of_another_cell(small, params):
    np.savez("w.npz", **{("V" if n == "b_f" else n): p for n, p in params._asdict().items()})
    assert refused("w.npz").startswith("w.npz: missing ['b_f'], unexpected ['V']")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"b_f": np.zeros(5)}, "params.b_f: got "),
        ({"b_f": np.zeros(3, int)}, "b_f: got int64, expected floating-point numbers"),
        ({"b_f": np.array([1.0, np.nan, np.inf])}, "b_f: 2 of its 3 elements are not finite"),
        ({"W_f": np.zeros(3)}, "params.W_f: got "),
    ],
)
def test_weights_that_will_not_do(small, params, change, said):
    derive.save_params("w.npz", params._replace(**change))
    assert refused("w.npz").startswith(f"w.npz: {said}")


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"u": np.zeros((4, 2))}, "x.npz: missing ['x'], unexpected ['u']; expected the inputs of small"),
        ({"x": np.zeros((4, 3))}, "x.npz: x: got "),
        ({"x": np.zeros(4)}, "x.npz: x: got "),
        ({"x": np.zeros((0, 2))}, "x.npz: holds no steps"),
        ({"x": np.full((4, 2), np.nan)}, "x.npz: x: 8 of its 8 elements are not finite"),
        ({"x": np.zeros((4, 2), complex)}, "x.npz: x: got complex128, expected floating-point numbers"),
    ],
)
def test_input_that_will_not_do(small, arrays, said):
    np.savez("x.npz", **arrays)
    assert refused("w.npz", "--input", "x.npz").startswith(said)


def test_several_inputs_are_read_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "input x, u : d_h\nstate h : d_h\nh[t] = tanh(W @ h[t-1] + x - u)\n"
    (tmp_path / "two.cell").write_text(text, encoding="utf-8")
    np.savez("w.npz", W=np.eye(2))
    np.savez("x.npz", u=np.ones((4, 2)), x=np.ones((4, 2)))
    code, told, _ = call("diagnose", "two.cell", "w.npz", "--input", "x.npz")
    assert code == 0
    assert "Healthy: after 4 steps the gradient is 1.0 times itself." in told  # x - u = 0: W alone is left


def test_a_size_that_no_weight_tells(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "free.cell").write_text("input x : d\nstate h : d\nparam a\nh[t] = a * h[t-1] + x\n", encoding="utf-8")
    np.savez("w.npz", a=np.array(0.5))
    code, _, errors = call("diagnose", "free.cell", "w.npz")
    assert (code, errors) == (1, "the weights of free do not tell the size of d; give an input\n")


def test_a_state_whose_shape_only_an_initial_state_tells(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "input x : d\nstate M : s, d\nM[t] = dot(u, x) * tanh(M[t-1] @ W)\n"
    (tmp_path / "slots.cell").write_text(text, encoding="utf-8")
    kernel = derive.build(derive.parse(text, "slots"))
    params = kernel.init({"d": 2, "s": 3}, np.random.default_rng(0))
    derive.save_params("w.npz", params)
    code, _, errors = call("diagnose", "slots.cell", "w.npz")
    assert code == 1
    assert errors == (
        "slots: neither weights nor inputs tell the shape of M, so an initial state has to; give it from Python:"
        " derive.diagnose(kernel, params, x, initial)\n"
    )
    initial = kernel.State(np.zeros((1, 3, 2)))
    assert derive.diagnose(kernel, params, np.ones((5, 1, 2)), initial).verdict


# -- pictures


@pytest.mark.plot
@pytest.mark.parametrize(("kind", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_the_picture_is_written(small, kind, start):
    assert f"picture written to flow.{kind}" in diagnosed("w.npz", "--picture", f"flow.{kind}")
    assert (small / f"flow.{kind}").read_bytes().startswith(start)


def test_a_picture_of_an_unknown_kind_is_misuse(small):
    code, _, errors = call("diagnose", "small.cell", "w.npz", "--picture", "flow.jpg")
    assert code == 2
    assert "expected a name that ends in .svg or .png" in errors


def test_without_matplotlib_it_says_what_to_install(small, monkeypatch):
    for name in [n for n in sys.modules if n.startswith(("matplotlib", "derive.figures"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(derive, "figures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert refused("w.npz", "--picture", "a.svg") == "pictures need matplotlib: pip install 'derive-rnn[plot]'\n"
    assert diagnosed("w.npz")
