"""Mistakes: the code, the place and the remedy of each kind."""

import pickle

import pytest

from derive.language import CellError, parse

HEAD = "input x : d_x\nstate h : d_h\n"

MISTAKES = [
    # text, code, line:column, something that the report says
    ("state h : d_h\nh[t] = tanh(h[t-1])", "empty", None, "input x : d_x"),
    ("input x : d_x\ny = x\noutput y", "empty", None, "state h : d_h"),
    (HEAD + "h[t] = tanh(W @ h[t-1] + x)", "shape", "3:8", "`W`, which has it from `W @ h[t-1] + x`"),
    (HEAD + "h[t] = W @ h[t-1] * outer(h[t-1], x)", "shape", "3:8", "is declared (d_h) on line 2"),
    (HEAD + "h[t] = 0.5", "shape", "3:8", "`0.5` is a scalar"),
    (HEAD + "h[t] = dot(x, outer(x, x)) * h[t-1]", "shape", "3:8", "two vectors"),
    (HEAD + "h[t] = h[t-1] * dot(x, h[t-1])", "shape", "3:17", "`x` has shape (d_x)"),
    (HEAD + "h[t] = rows(outer(x, x))", "shape", "3:8", "`rows` takes a vector"),
    (HEAD + "h[t] = transpose(h[t-1])", "shape", "3:8", "`transpose` takes a matrix"),
    (HEAD + "h[t] = [outer(x, x), x]", "shape", "3:8", "only vectors are joined"),
    (HEAD + "h[t] = sum(sum(x)) * h[t-1]", "shape", "3:8", "`sum` of a scalar"),
    (HEAD + "h[t] = sum(x, axis=1) * h[t-1]", "shape", "3:8", "axis that is not there"),
    (HEAD + "h[t] = outer(x, 1) @ h[t-1]", "shape", "3:8", "`outer` takes two vectors"),
    (HEAD + "h[t] = maximum(h[t-1], outer(x, x))", "shape", "3:8", "`maximum` of a vector and a matrix"),
    (HEAD + "M(a) = a + outer(a, a)\nh[t] = M(x)", "shape", "4:8", "inside the macro"),
    (HEAD + "u = [p, x] + p\nh[t] = V @ u", "shape", "3:5", "`+` meets axis"),
    (HEAD + "h[t] = W @ [h[t-1], x] + V @ [x, h[t-1]] + b\nparam b : d_x", "shape", "3:8", "d_x"),
    (HEAD + "k = cols(x)\nh[t] = h[t-1]", "undetermined", "3:1", "`k`"),
    (HEAD + "f = sigmoid(W @ g)\ng = tanh(U @ h[t])\nh[t] = f * h[t-1]", "cycle", "3:17", "f -> g -> h -> f"),
    (HEAD + "f = f + x\nh[t] = h[t-1]", "cycle", "3:5", "f -> f"),
    (HEAD + "h[t] = c[t] + h[t-1]\nstate c : d_h\nc[t] = h[t-1]", "order", "3:8", "the old value `c[t-1]`"),
    (HEAD + "init b = 1/0\nh[t] = tanh(x @ W + b)", "init", "3:10", "divides by zero"),
    (HEAD + "tanh = W @ x\nh[t] = tanh", "reserved", "3:1", "name of a function"),
    (HEAD + "softmax = W @ x\nh[t] = softmax", "reserved", "3:1", "name of a function"),
    (HEAD + "while_ = x", "name", "3:1", "cannot be a name"),
    ("input x : B\nstate h\nh[t] = h[t-1]", "reserved", "1:11", "batch"),
    ("input t : d_x\nstate h\nh[t] = h[t-1]", "reserved", "1:7", "is the time"),
    (HEAD + "h[t] = W @ x + b × 2", "character", "3:18", "write `*`"),
    (HEAD + "h[t] = σ(W @ x)", "character", "3:8", "write `sigma`"),
    (HEAD + "h[t] = W @ x − b", "character", "3:14", "write `-`"),
    (HEAD + "note “x”", "character", "3:6", 'write `"`'),
    (HEAD + "h[t] = Ｗ @ x", "character", "3:8", "write `W`"),
    (HEAD + "h[t] = W\u200b @ x", "character", "3:9", "zero width space"),
    (HEAD + "# \u202e\nh[t] = W @ x", "character", "3:3", "right-to-left override"),
    (HEAD + "h[t] = x < 3", "character", "3:10", "maximum"),
    (HEAD + "h[t] = tanh(x.T)", "character", "3:14", "transpose(M)"),
    (HEAD + "h[t] = x ^ 2", "character", "3:10", "x**2"),
    (HEAD + "h[t] = h[t-1]**-0.5", "power", "3:16", "1 / sqrt(x)"),
    (HEAD + "h[t] = h[t-1]**x", "power", "3:16", "exp(y * log(x))"),
    (HEAD + "h[t] = h[t-1]**0", "power", "3:16", "out of range"),
    (HEAD + "h[t] = 0x10 * h[t-1]", "number", "3:8", "neither"),
    (HEAD + "h[t] = 1e-99 * h[t-1]", "number", "3:8", "single precision"),
    (HEAD + "h[t] = " + "1" * 31, "limit", "3:8", "at most 30"),
    (HEAD + "h[t] = tanh(W @ [h[t-1], x]\nb = 3", "syntax", "3:12", "never closed"),
    (HEAD + "h[t] = tanh(W @ x))", "syntax", "3:19", "closes nothing"),
    (HEAD + "h[t] = (W @ x]", "syntax", "3:14", "`(` is closed by `]`"),
    (HEAD + "h[t] = x, x", "syntax", "3:8", "`[a, b]`"),
    (HEAD + "h[t] = W @ x = 3", "syntax", "3:14", "two equations"),
    (HEAD + "h[t] =", "syntax", "3:6", "right of"),
    (HEAD + "h[t] = W @", "syntax", "3:10", "cannot be read"),
    (HEAD + "h[t] = (x)(x)", "function", "3:8", "products"),
    (HEAD + "h[t] = 2(x)", "syntax", "3:8", "products"),
    (HEAD + "h[t] = 'x'", "character", "3:8", "remarks"),
    (HEAD + "banana", "syntax", "3:1", "an equation"),
    (HEAD + "3 = x", "syntax", "3:1", "left of `=`"),
    (HEAD + "h[t-1] = x", "time", "3:1", "`h[t] = …`"),
    (HEAD + "h = x", "time", "3:1", "`h[t] = …`"),
    (HEAD + "f[t] = x\nh[t] = f", "time", "3:1", "`f = …`"),
    (HEAD + "h[t] = h[t+1]", "time", "3:8", "ahead"),
    (HEAD + "h[t] = W[t-1] @ x", "time", "3:8", "`state W : …`; if it is a parameter, write `W`"),
    (HEAD + "h[t] = H[t-1] + x", "time", "3:8", "did you mean `h`?"),
    (HEAD + "param p : d_h\nh[t] = p[t-1]", "time", "4:8", "parameter"),
    (HEAD + "return h", "reserved", "3:1", "leave it out"),
    (HEAD + "h[t] = max(W @ x, 0)", "arguments", "3:8", "`maximum(a, b)`"),
    (HEAD + "h[t] = min(W @ x, 1)", "function", "3:8", "`minimum(a, b)`"),
    (HEAD + "h[t] = clamp(W @ x, -1, 1)", "function", "3:8", "`minimum(maximum(v, a), b)`"),
    (HEAD + "h[t] = W @ cat(h[t-1], x)", "function", "3:12", "`[a, b]`"),
    (HEAD + "h[t] = W' @ x", "character", "3:9", "`transpose(M)`"),
    (HEAD + "h[t] = tanh(W @ x)²", "character", "3:19", "`**2`"),
    (HEAD + "h[t] = h[3]", "time", "3:8", "nothing else has an index"),
    (HEAD + "x = 3\nh[t] = x", "role", "3:1", "an input (line 1)"),
    (HEAD + "output y\nh[t] = x", "role", "3:8", "nothing assigns `y`"),
    (HEAD + "output h, h\nh[t] = x", "twice", "3:11", "twice"),
    (HEAD + "input h : d_x\nh[t] = x", "twice", "3:7", "a state on line 2"),
    (HEAD + "param d_h\nh[t] = x", "twice", "3:7", "an axis on line 2"),
    (HEAD + "h[t] = h[t-1]\nh[t] = x", "twice", "4:1", "line 3"),
    (HEAD + "f(a) = a\nf(b) = b\nh[t] = x", "twice", "4:1", "line 3"),
    (HEAD + "f(a, a) = a\nh[t] = x", "twice", "3:6", "two parameters"),
    (HEAD + "init q = 1\nh[t] = W @ x", "init", "3:6", "one of W"),
    (HEAD + "init h = 1\nh[t] = W @ x", "init", "3:6", "no parameter"),
    (HEAD + "init W = cauchy(3)\nh[t] = W @ x", "init", "3:10", "orthogonal"),
    (HEAD + "init W = 1\ninit W = 2\nh[t] = W @ x", "twice", "4:6", "initialised twice"),
    (HEAD + "init W = uniform(W)\nh[t] = W @ x", "init", "3:18", "numbers, d_x, d_h"),
    (HEAD + "init W = uniform(-1)\nh[t] = W @ x", "init", "3:10", "at least 0"),
    (HEAD + "init W = sqrt(1 - d_h)\nh[t] = W @ x", "init", "3:10", "root of a negative number"),
    (HEAD + "init W = 1 / (d_x - d_x)\nh[t] = W @ x", "init", "3:10", "divides by zero"),
    (HEAD + "init W = 1e30 * 1e30\nh[t] = W @ x", "init", "3:10", "comes to 1e+60"),
    (HEAD + "f(a) = f(a)\nh[t] = f(x)", "macro", "3:8", "cannot call itself"),
    (HEAD + "f(a) = g(a)\ng(a) = f(a)\nh[t] = f(x)", "macro", "3:8", "above it"),
    (HEAD + "f(a) = h[t-1] * a\nh[t] = f(x)", "macro", "3:8", "not its parameter"),
    (HEAD + "f(a) = a[t-1]\nh[t] = x", "macro", "3:8", "no time"),
    (HEAD + "f(a) = sin(a, a)\nh[t] = h[t-1]", "arguments", "3:8", "one argument"),
    (HEAD + "f(a) = a\nh[t] = f(x, 2)", "arguments", "4:8", "`f(a)`"),
    (HEAD + "h[t] = [h[t-1]]", "arguments", "3:8", "[a, b]"),
    (HEAD + "h[t] = tanh * x", "arguments", "3:8", "`tanh(…)`"),
    (HEAD + "h[t] = sum(x, x)", "arguments", "3:8", "dot(a, b)"),
    (HEAD + "h[t] = sum(x, axis=2)", "arguments", "3:8", "axis=0"),
    (HEAD + "h[t] = np(x)", "function", "3:8", "one of abs, "),
    (HEAD + "f = W @ x\nh[t] = f(x)", "function", "4:8", "f * (…)"),
    (HEAD + "h[t] = W @ x / sqrt(d_q)", "role", "3:21", "one of d_x, d_h"),
    ("state S : a, b, c", "shape", "1:17", "a vector or a matrix"),
    ("input x : d x", "syntax", "1:13", "a comma"),
    ("input x :", "syntax", "1:9", "axis"),
    (HEAD + "note hi", "syntax", "3:1", "in quotes"),
    (HEAD + 'note "hi', "syntax", "3:6", "never closed"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "place", "words"), MISTAKES, ids=[m[0][-24:] for m in MISTAKES])
def test_mistake(text, code, place, words):
    with pytest.raises(CellError) as caught:
        parse(text, "bad", "dir/bad.cell")
    report = str(caught.value)
    assert report.startswith(f"error[{code}]: ")
    where = f"dir/bad.cell:{place}" if place else "dir/bad.cell"
    assert f"--> {where}\n" in report
    assert words in report
    if place:
        line, column = map(int, place.split(":"))
        shown = report.split("\n")[3:5]
        assert shown[0].endswith(text.split("\n")[line - 1].replace("\u202e", "?").replace("\u200b", "?"))
        assert shown[1].index("^") - shown[1].index("|") == column + 1


def test_errors_can_be_pickled():
    with pytest.raises(CellError) as caught:
        parse(HEAD + "h[t] = x")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


def test_a_long_line_is_shown_around_the_place():
    text = HEAD + "h[t] = " + "h[t-1] + " * 50 + "tahn(x)"
    with pytest.raises(CellError) as caught:
        parse(text)
    lines = str(caught.value).split("\n")
    assert max(map(len, lines)) < 130
    assert lines[3][lines[4].index("^") :].startswith("tahn")
