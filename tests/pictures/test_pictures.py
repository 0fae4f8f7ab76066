"""What pictures show: the cell's own variables and operations, each change of it, its switches; how SVG is written."""

import os
import re
import subprocess
import sys
import unicodedata
from xml.etree import ElementTree as ET

import pytest
from cellfolder import EVERY, FILES, ROOT, SHIPPED, cell, derived
from changes import changes

from derive import parse, pipeline
from derive.backends.latex.symbols import spelled
from derive.backends.latex.tikz import mathematics
from derive.calculus import adjoint
from derive.language import Reference
from derive.language.tree import walk
from derive.pictures import equation, gradient, whole
from derive.pictures.colours import palette
from derive.pictures.notation import Notation
from derive.pictures.text import width, words
from derive.pictures.whole import diagram
from derive.system import normalize

NS = "{http://www.w3.org/2000/svg}"
SAMPLE = ("lstm", "mlstm", "kinks", "no_recurrence")


def texts(svg):
    """The labels of an SVG as plain text."""
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(NS + "text")]


def compact(text):
    """Letters and digits, Greek ones by name."""
    greek = (unicodedata.name(c).split()[-1].lower() if "GREEK" in unicodedata.name(c, "") else c for c in text)
    return re.sub(r"[^A-Za-z0-9]", "", "".join(greek)).lower().replace("lamda", "lambda")


@pytest.mark.parametrize("name", EVERY)
def test_an_equation_shows_everything_that_it_reads_and_its_result(name):
    for each in cell(name).equations:
        shown = [compact(t) for t in texts(pipeline.svg(equation(cell(name), each.target), "p"))]
        read = {n.name for n in walk(each.value) if isinstance(n, Reference)}
        for variable in {*read, each.target}:
            assert any(compact(variable) in text for text in shown), (variable, shown)


@pytest.mark.parametrize("name", EVERY)
def test_a_whole_cell_shows_every_input_state_and_output(name):
    shown = [compact(t) for t in texts(pipeline.svg(whole(cell(name)), "p"))]
    for variable in (*cell(name).of_role("state"), *(cell(name).variables[o] for o in cell(name).outputs)):
        assert compact(variable.name) + "t" in shown


@pytest.mark.parametrize("name", SHIPPED)
def test_a_change_of_any_operator_shows(name):
    """In the picture of its equation, and in that of the whole cell or what is read out of it."""
    equations = {e.target: e for e in cell(name).equations}
    for place, options in enumerate(changes(cell(name))):
        changed = parse(options[place % len(options)].text, name)
        assert diagram(changed) != diagram(cell(name)), options
        targets = [e.target for e in changed.equations if e.value != equations[e.target].value]
        assert targets
        assert all(equation(changed, t) != equation(cell(name), t) for t in targets), options


def test_one_sign_changes_the_gradient():
    source = FILES["lstm"].read_text(encoding="utf-8")
    changed = parse(source.replace("f * c[t-1] + i * g", "f * c[t-1] - i * g"), "lstm")
    before, after = (texts(pipeline.svg(gradient(c), "p")) for c in (cell("lstm"), changed))
    assert {"it", "gt"} <= set(before) - set(after)
    assert {"−it", "−gt"} <= set(after) - set(before)


LSTM_FACTORS = {
    "Wfh⊤", "Wih⊤", "Wch⊤", "Woh⊤", "Wfx⊤", "Wix⊤", "Wcx⊤", "Wox⊤", "ct−1", "ft", "it", "gt", "ot", "tanh(ct)",
    "ft ∘ (1 − ft)", "it ∘ (1 − it)", "1 − gt2", "ot ∘ (1 − ot)", "1 − tanh2(ct)",
}  # fmt: skip


def test_the_gradient_of_the_lstm_has_its_factors():
    svg = ET.fromstring(pipeline.svg(gradient(cell("lstm")), "p"))
    shown = {"".join(t.itertext()) for t in svg.iter(NS + "text")}
    ends = {"loss", "from t+1", "h̄t", "c̄t", "ōt", "f̄t", "īt", "ḡt", "h̄t−1", "c̄t−1", "x̄t"}
    ends = {unicodedata.normalize("NFD", end).replace("\u0304", "") for end in ends}
    assert {unicodedata.normalize("NFD", s).replace("\u0304", "") for s in shown} == LSTM_FACTORS | ends


def test_no_gradient_is_said():
    held = parse("input x : d\nstate h : d\nh[t] = stop(tanh(h[t-1] + x))\n")
    assert "No gradient reaches" in pipeline.svg(gradient(held), "p")


# -- direct paths


def followed(flow, name, state):
    """Whether the step Jacobian carries a state's old value to a variable element by element, through no other gate."""
    found = flow.differentials.get(name)
    if found is None:
        return False
    direct = any(d.delay == flow.delays[state] and d.gate in (state, "") for d in found.directs)
    passed = [p.source for p in found.passages if p.weight.coefficient == 1 and not p.weight.over]
    return direct or any(followed(flow, source, state) for source in passed)


@pytest.mark.parametrize("name", EVERY)
def test_states_along_the_top_are_those_with_a_direct_path_in_the_step_jacobian(name):
    flow, found = derived(name).flow, diagram(cell(name))
    along = {found.nodes[rail[0]].about for rail in found.rails}
    assert along == {state for state in flow.states if followed(flow, state, state)}


# -- two cells


SWITCHES = {
    "rnn lstm": ["added state ct: keep ft, write it, read ot"],
    "lstm rnn": ["state ct only here: keep ft, write it, read ot"],
    "rnn gru": ["direct path of ht: keep zt, write 1 − zt, read rt"],
    "rnn rnn": [],
    "gru lstm": [
        "direct path of ht: keep zt, write 1 − zt, read rt",
        "added state ct: keep ft, write it, read ot",
    ],
}


@pytest.mark.parametrize("pair", SWITCHES)
def test_added_states_and_their_switches_are_pointed_out(pair):
    svg = ET.fromstring(pipeline.svg(pipeline.beside(*map(cell, pair.split())), "p"))
    pointed = ["".join(t.itertext()) for t in svg.iter(NS + "text") if t.get("class") == "accent"]
    told = [t for t in pointed if "state" in t or "path" in t]
    assert told == SWITCHES[pair]
    wanted = {does for does in ("keep", "write", "read") for line in told if does in line}
    assert set(pointed) - set(told) == wanted


def test_what_is_too_wide_side_by_side_stands_one_above_the_other():
    small, wide = (pipeline.beside(cell("rnn"), cell(name)) for name in ("lstm", "mlstm"))
    one, lstm, mlstm = (whole(cell(name)) for name in ("rnn", "lstm", "mlstm"))
    assert small.width > one.width + lstm.width
    assert small.height < one.height + lstm.height
    assert wide.width < one.width + mlstm.width
    assert wide.height > one.height + mlstm.height


def test_switches_are_found_under_any_name():
    text = FILES["lstm"].read_text(encoding="utf-8")
    for old, new in (("f", "p"), ("i", "q"), ("o", "u"), ("c", "s")):
        text = re.sub(rf"\b{old}\b", new, text)
    svg = pipeline.svg(pipeline.beside(cell("rnn"), parse(text, "other")), "p")
    assert "added state st: keep pt, write qt, read ut" in texts(svg)


# -- SVG


@pytest.mark.parametrize("name", SAMPLE)
def test_an_svg_stands_by_itself_and_is_read_out(name):
    for kind, picture in pipeline.pictures(cell(name)).items():
        prefix = f"{name}-{kind}"
        text = pipeline.svg(picture, prefix)
        root = ET.fromstring(text)
        ids = [e.get("id") for e in root.iter() if e.get("id")]
        assert root.get("role") == "img"
        assert len(ids) == len(set(ids))
        assert all(i == prefix or i.startswith(f"{prefix}-") for i in ids)
        read = [next(e for e in root.iter() if e.get("id") == i) for i in root.get("aria-labelledby").split()]
        assert [e.tag for e in read] == [NS + "title", NS + "desc"]
        assert all(e.text and e.text.strip() for e in read)
        assert name in read[0].text
        assert not re.search(r"(href|src|@import|url\((?!#))", text.replace("http://www.w3.org/2000/svg", ""))
        assert "prefers-color-scheme: dark" in text
        assert root.find(NS + "script") is None


@pytest.mark.parametrize("prefix", ["", "1", "a b", "a>b", "ä"])
def test_a_prefix_that_is_none_is_refused(prefix):
    with pytest.raises(ValueError, match="expected a letter"):
        pipeline.svg(whole(cell("rnn")), prefix)


def test_titles_are_escaped():
    odd = parse('# 1 < 2 & "3"\ninput x : d\nstate h : d\nh[t] = tanh(h[t-1] + x)  # a < b & c\n')
    root = ET.fromstring(pipeline.svg(equation(odd, "h"), "p"))
    assert "a < b & c" in root.find(NS + "title").text


def luminance(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("dark", "ground"), [(False, "#ffffff"), (True, "#12181f")])
def test_contrast(dark, ground):
    colours = dict(palette(dark=dark))
    ink, line, accent = (colours.pop(name) for name in ("ink", "line", "accent"))
    for fill in (*colours.values(), ground):
        assert contrast(ink, fill) > 7
        assert contrast(line, fill) > 4.5
    assert min(contrast(accent, colours["cell"]), contrast(accent, ground)) > 4.5


# -- LaTeX


@pytest.mark.drift
@pytest.mark.parametrize("name", SHIPPED)
def test_the_typeset_derivation_has_every_picture(name):
    text = (ROOT / "generated" / name / "derivation.tex").read_text(encoding="ascii")
    drawn = re.findall(r"\\begin\{tikzpicture\}.*?\\end\{tikzpicture\}", text, flags=re.DOTALL)
    too_small = text.count("too large for letters that can be read here")
    assert len(drawn) + too_small == len(cell(name).equations) + 3
    assert too_small <= 1
    notation = Notation(cell(name))
    for each, picture in zip(cell(name).equations, drawn[2:], strict=False):
        assert f"{{${mathematics(notation.name(each.target))}$}}" in picture


# -- names


@pytest.mark.parametrize("name", EVERY)
def test_names_are_those_of_the_typeset_derivation(name):
    system = normalize(cell(name))
    symbols, notation = spelled(cell(name), system, adjoint(system)), Notation(cell(name))
    for variable in cell(name).variables:
        timed = any(system.variables[b].time for b in system.stored[variable].blocks.values())
        shown = re.sub(r" (?=_|$)", "", mathematics(notation.name(variable)))
        assert shown == symbols[variable].at("t" if timed else ""), variable


def test_a_letter_takes_as_much_room_as_any_other_of_its_case():
    assert len({width(words(c)) for c in "ijklmw"}) == 1
    assert len({width(words(c)) for c in "IJWM"}) == 1


# -- the same bytes


@pytest.mark.drift
def test_the_pictures_in_the_documentation_are_those_derived_now():
    shown = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "pictures").iterdir())}
    assert shown == {
        "lstm.svg": pipeline.svg(whole(cell("lstm")), "lstm-whole"),
        "lstm-gradient.svg": pipeline.svg(gradient(cell("lstm")), "lstm-gradient"),
        "rnn-lstm.svg": pipeline.svg(pipeline.beside(cell("rnn"), cell("lstm")), "rnn-lstm"),
    }, "make pictures"


PROGRAM = """
import hashlib, sys
from derive import pipeline
from derive.language import load
for path in sys.argv[1:]:
    for name, picture in pipeline.pictures(load(path)).items():
        print(path, name, hashlib.sha256(pipeline.svg(picture, "p").encode()).hexdigest())
"""


def test_same_bytes_under_any_hash_seed():
    paths = [str(FILES[name]) for name in SAMPLE]
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM, *order],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, order in (("0", paths), ("7", paths[::-1]))
    ]
    assert len(outputs[0]) > 1000
    assert sorted(outputs[0].splitlines()) == sorted(outputs[1].splitlines())
