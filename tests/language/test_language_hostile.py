"""Whatever the text is: a cell with shapes that hold, or a `CellError`; and soon."""

import re
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from cellshapes import check
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.language import CellError, cell, parse, shipped

HEAD = "input x : d_x\nstate h : d_h\n"
TEXTS = [cell(name).source for name in shipped()]
TEXTS += [p.read_text(encoding="utf-8") for p in sorted((Path(__file__).parents[1] / "cells").glob("*.cell"))]
WORDS = {t for text in TEXTS for t in re.findall(r"\w+|[^\w\s]", text)}
PIECES = [*sorted(WORDS), " ", "\n", "**", "e", "é", "х", '"']


def _survive(text):
    """Parse, or be refused properly."""
    try:
        found = parse(text)
    except CellError as error:
        report = str(error)
        if not report.startswith(f"error[{error.code}]: "):
            pytest.fail(report)
        return None
    if len(found.axes) <= 6:
        with np.errstate(all="ignore"):
            check(found)
    return found


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text):
    _survive(text)
    _survive(HEAD + "h[t] = " + text)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_any_tokens(pieces):
    _survive(HEAD + "h[t] = " + "".join(pieces) + "\ny = " + " ".join(pieces))


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_mutated_cells(data):
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        stop = min(len(text), start + data.draw(st.integers(0, 6)))
        text = text[:start] + "".join(data.draw(st.lists(st.sampled_from(PIECES), max_size=3))) + text[stop:]
    _survive(text)


def chain(line, count):
    """A line for each k, with j the number before."""
    return "".join(line.format(k=k, j=k - 1) for k in range(1, count))


HUGE = {
    "minus": HEAD + "h[t] = " + "-" * 900 + "x",
    "brackets": HEAD + "h[t] = " + "(" * 400 + "x" + ")" * 400,
    "lists": HEAD + "h[t] = " + "[" * 400 + "x" + "]" * 400,
    "powers": HEAD + "h[t] = x" + "**2" * 300,
    "digits": HEAD + "h[t] = " + "9" * 900,
    "exponent": HEAD + "h[t] = 1e" + "9" * 900,
    "sum": HEAD + "h[t] = (" + "x +\n" * 3000 + "x)",
    "wide": HEAD + "h[t] = W @ [" + "x,\n" * 3000 + "x]",
    "line": HEAD + "h[t] = " + "x + " * 500 + "x",
    "file": HEAD + "# text\n" * 20000,
    "statements": HEAD + "".join(f"a{k} = x\n" for k in range(600)),
    "axes": HEAD + "".join(f"input x{k} : d_{k}\n" for k in range(100)) + "h[t] = h[t-1]",
    "doubling macros": HEAD + "f0(a) = a + a\n" + chain("f{k}(a) = f{j}(f{j}(a))\n", 60) + "h[t] = f59(x)",
    "deep macros": HEAD + "f0(a) = " + "tanh(" * 30 + "a" + ")" * 30 + "\n"
    + chain("f{k}(a) = f{j}(f{j}(a))\n", 9) + "h[t] = f8(h[t-1])",
    "doubling axes": HEAD + "a0 = [x, x]\n" + chain("a{k} = [a{j}, a{j}]\n", 60) + "h[t] = W @ a59",
    "endless axis": HEAD + "h[t] = V @ (p + [p, x])",
    "null": "\0" * 100,
    "surrogate": HEAD + "h[t] = \ud800",
}  # fmt: skip


@pytest.mark.parametrize("kind", HUGE)
def test_huge_is_refused_soon(kind):
    start = time.perf_counter()
    with pytest.raises(CellError):
        parse(HUGE[kind])
    assert time.perf_counter() - start < 5


def test_the_largest_cells_are_read_soon():
    chains = chain("a{k} = p{k} * q{k} + a{j} - s{k} * t{k}\n", 300)
    text = HEAD + "a0 = x\n" + chains + "h[t] = V @ a299 + W @ x"
    tree = [f"p{k}" for k in range(1024)]
    while len(tree) > 1:
        tree = [f"({a}\n * {b})" for a, b in zip(tree[::2], tree[1::2], strict=True)]
    start = time.perf_counter()
    assert len(parse(text).equations) == 301
    assert len(parse(HEAD + "h[t] = h[t-1] +" + tree[0]).variables) == 1026
    with pytest.raises(CellError, match="nothing determines"):
        parse(HEAD + "h[t] = h[t-1] + sum(" + tree[0] + ")")
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    "attack",
    ["__import__('os').system('true')", "exec(x)", "x.__class__", "(lambda: x)()", "[x for x in x]", "f'{x}'",
     "x if x else x", "(y := x)", "*x", "x @ x[0:1]", "`x`", "x; import os", "open(x)", "print(x)"],
)  # fmt: skip
def test_nothing_is_evaluated(attack):
    with pytest.raises(CellError):
        parse(HEAD + "h[t] = " + attack)


def test_no_warning_escapes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _survive(HEAD + "h[t] = 1(x) + (1)[t] + 0777")
