"""What stands on a page is what was derived: terms lead to the right equations, code is that of the files, a change of
the cell changes all of it."""

import re

import numpy as np
import pytest
from cellfolder import ROOT, cell, derived, source
from pagecells import HTML, PAGES, by_id, known, of, parsed, tree, words

from derive import parse
from derive.backends.formula import explain
from derive.pages.examples import python
from derive.pages.formulas import pieces, typeset
from derive.pages.text import sentence
from derive.pipeline import generate
from derive.system import elements


@pytest.mark.parametrize("name", PAGES)
def test_a_term_of_an_adjoint_comes_from_an_equation_that_reads_the_variable(name):
    known_of = derived(name)
    system, found = known_of.system, explain(known_of.cell, known_of.system, known_of.adjoint)
    defined = {line.number: getattr(line.left, "of", line.left).name for line in found.normal}
    for step in found.steps:
        variable = step.variable.name
        reads = {variable, system.delays.get(variable)}
        for piece in step.result.pieces:
            for contribution in piece.contributions:
                equation = system.equation(defined[contribution.equation])
                read = {e.name for term in equation.terms for e in elements(term.body)}
                assert (system.delays.get(variable) if contribution.later else variable) in read & reads


@pytest.mark.parametrize("name", PAGES)
def test_links_of_adjoint_terms_lead_to_terms_of_the_equation_that_is_named(name):
    root, identifiers = tree(name), by_id(tree(name))
    for term in (e for e in root.iter(HTML + "a") if e.get("aria-describedby")):
        told = words(identifiers[term.get("aria-describedby")])
        number = re.match(r"Transposed from \((\d+)\)", told)
        if number:
            assert re.fullmatch(rf"eq-{number[1]}(-\d+)?", term.get("href")[1:])


@pytest.mark.parametrize("name", PAGES)
def test_code_is_that_of_the_files(name):
    module = [line.strip() for line in source(name).splitlines()]
    listings = [e for e in tree(name).iter(HTML + "div") if e.get("class") == "code"]
    assert [e.get("aria-label").partition(":")[0] for e in listings] == ["NumPy"] * 3 + ["C"] * 2
    for listing in listings[:3]:
        for line in ("".join(code.itertext()).strip() for code in listing.iter(HTML + "code")):
            assert line in module


def test_c_code_is_that_of_the_files():
    kernels = [line.strip() for line in generate(cell("lstm"))["lstm_kernels.inc"].splitlines()]
    for listing in (e for e in tree("lstm").iter(HTML + "div") if e.get("class") == "code"):
        if listing.get("aria-label").startswith("C"):
            for line in ("".join(code.itertext()).strip() for code in listing.iter(HTML + "code")):
                assert line in kernels


@pytest.mark.parametrize("name", PAGES)
def test_the_equation_beside_a_line_is_of_the_variable_that_the_line_computes(name):
    """The left side that is read out is in the words of the code."""
    identifiers, checked = by_id(tree(name)), 0
    [backward] = [e for e in tree(name).iter(HTML + "div") if e.get("aria-label") == "NumPy: backward"]
    stored = known(name).derived.schedule.stored
    wholes = {f"d{block}": f"d{param}" for param, of in stored.items() for block in of.blocks.values()}
    for line in (e for e in backward.iter(HTML + "div") if e.get("class") == "line"):
        beside, code = list(line)
        for link in beside.iter(HTML + "a"):
            spoken = (link.get("aria-label") or "").split("[")[0]
            if spoken:
                whole = re.sub(r"_[ijklmnpqrsuvw]+$", "", spoken)  # an entry where the whole has no matrix form
                given = words(code).split("=")[0]
                names = "|".join({spoken, whole, wholes.get(spoken, spoken)})  # blocks may be computed as one
                assert re.search(rf"\b({names})_?\b", given), (spoken, given)
                checked += 1
            assert link.get("href")[1:] in identifiers
    params = known(name).derived.schedule.bars
    assert checked or not params


def test_the_adjoint_equations_of_the_lstm_stand_beside_their_lines():
    lines = listing("NumPy: backward")
    steps = explain(*(getattr(derived("lstm"), part) for part in ("cell", "system", "adjoint"))).steps
    number = {step.variable.name: step.result.number for step in steps}
    assert lines["df_net[t] = dc * df_net_dc[t - start]"].startswith(f"({number['f_net']})")
    assert lines["dc = dc_next + dh * dc_dh[t - start]"].startswith(f"({number['c']})")


def listing(label):
    """Line of the lstm's code → what stands beside it."""
    [lines] = [e for e in tree("lstm").iter(HTML + "div") if e.get("aria-label") == label]
    found = [list(line) for line in lines.iter(HTML + "div") if line.get("class") == "line"]
    return {words(code): words(beside) for beside, code in found}


def test_the_equations_of_gates_stand_beside_the_line_that_computes_them_all():
    lines = listing("NumPy: forward")
    found = explain(*(getattr(derived("lstm"), part) for part in ("cell", "system", "adjoint"))).normal
    number = {getattr(line.left, "of", line.left).name: f"({line.number})" for line in found}
    gates = lines["f_stack[t, :, :3 * d_h] = sigmoid(f_net_stack[:, :3 * d_h])"]
    assert gates == ", ".join(number[gate] for gate in "fio")
    assert lines["f, i, o, g = split(f_stack, d_h, d_h, d_h, d_h, axis=-1)"] == ""
    assert lines[next(line for line in lines if line.startswith("g[t] = np.tanh("))].startswith(number["g"])


def test_a_change_of_sign_changes_equation_derivation_bound_and_code():
    text = (ROOT / "derive" / "cells" / "lstm.cell").read_text(encoding="utf-8")
    changed = text.replace("f * c[t-1] + i * g", "f * c[t-1] - i * g")
    assert changed != text
    root, errors = parsed(of(parse(changed, name="lstm")))
    assert errors == []
    before, after = by_id(tree("lstm")), by_id(root)
    steps = explain(*(getattr(derived("lstm"), part) for part in ("cell", "system", "adjoint"))).steps
    moved = {step.variable.name: f"eq-{step.result.number}" for step in steps if step.variable.name in ("g", "i")}
    for place in ("eq-5", "equation-c", "eq-15", *moved.values()):
        assert words(before[place]) != words(after[place]), place
    assert "−" in words(after[moved["g"]])
    lines = [words(code) for code in root.iter(HTML + "code")]
    assert "dg_net_dc = -i[now] * (1 - g[now]**2)" in lines


@pytest.mark.parametrize("name", ["lstm", "awkward_names", "mass_conserving_lstm", "second_order"])
def test_the_example_runs(name, tmp_path, monkeypatch):
    (tmp_path / f"{name}.cell").write_text(cell(name).source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    program = python(cell(name))
    assert program in "".join("".join(e.itertext()) for e in tree(name).iter(HTML + "pre"))
    found = {}
    exec(program.replace('backend="c"', 'backend="numpy"'), found)  # noqa: S102 - the text under test
    assert all(np.isfinite(gradient).all() for gradient in found["dparams"])


def test_what_is_measured_is_told_in_words_too():
    told = words(tree("lstm"))
    flow = known("lstm").measured.diagnosis.flow
    shares = flow.shares["W_c"][::-1]
    assert f"last step {shares[0]:.2%}" in told
    assert "growth" in by_id(tree("lstm"))
    assert "shares" in by_id(tree("lstm"))


def test_a_page_without_matplotlib_says_so(monkeypatch):
    import sys

    from derive.pages import flow

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for module in [m for m in sys.modules if m.startswith("derive.figures")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delattr("derive.figures", raising=False)
    found = flow.measured(known("rnn").measured, None)
    assert found["plots"] == []
    assert "derive-rnn[pages]" in found["text"]


def test_punctuation_behind_a_formula_begins_no_line():
    html = typeset("of $a\\br + b$, and")
    assert re.fullmatch(r'of <math>.*</math><wbr><span class="closed"><math>[^,]*</math>,</span> and', html)


def test_a_formula_may_break_inside_parentheses_before_a_sign_between_terms():
    assert list(pieces(r"\sigma(W\, h\bri + b)\br + c")) == [r"\sigma(W\, h", "+ b)", "+ c"]
    assert list(pieces(r"\exp(\bri -z)")) == [r"\exp(\bri -z)"]


def test_powers_in_sentences_are_raised():
    html = "exceeds 2 · 0.9182<sup>k</sup>, for 50 steps; a &lt; b costs &#36;1"
    assert sentence("exceeds 2 · 0.9182^k, for 50 steps; a < b costs $1") == html
