"""Every picture of every cell, read back from its SVG: nothing overlaps, leaves its box or runs through another."""

from dataclasses import replace

import pytest
from cellfolder import EVERY, cell
from svgoracle import Drawing, faults

from derive import parse, pipeline
from derive.pictures import Line
from derive.pictures.rails import railed
from derive.pictures.shapes import extent
from derive.pictures.whole import diagram

pytestmark = pytest.mark.plot
PAIRS = ["rnn lstm", "lstm rnn", "rnn gru", "gru slstm", "mlstm rnn", "lstm_layernorm kinks", "lem nas"]


def assert_clean(picture, name):
    found = faults(Drawing(pipeline.svg(picture, "p")))
    assert not found, "\n".join([f"{name}: {len(found)} faults", *found[:10]])


@pytest.mark.parametrize("name", EVERY)
def test_every_picture_of_every_cell_is_clean(name):
    for kind, picture in pipeline.pictures(cell(name)).items():
        assert_clean(picture, kind)


@pytest.mark.parametrize("pair", PAIRS)
def test_two_cells_side_by_side_are_clean(pair):
    left, right = map(cell, pair.split())
    assert_clean(pipeline.beside(left, right), pair)


LONG = "abcdefghijklmnopqrstuvwxyzabcdefghijklm"
LONG_NAMES = """
# Names as long as they may be.
input xLONG : d_LONG
state hLONG, cLONG : e_LONG
wLONG = sigmoid(WLONG @ [hLONG[t-1], xLONG, cLONG[t-1]] + bLONG)
cLONG[t] = sqrt(abs(wLONG * cLONG[t-1] + wLONG * tanh(hLONG[t-1] + vLONG)) + 1)
hLONG[t] = wLONG * tanh(cLONG[t]) / (1 + wLONG * wLONG + exp(cLONG[t] - wLONG))
""".replace("_LONG", f"_{LONG[:37]}").replace("LONG", LONG)


def test_long_names_are_clean():
    for kind, picture in pipeline.pictures(parse(LONG_NAMES)).items():
        assert_clean(picture, kind)


ODD = {
    "passed on": "input x : d\nstate h : d\nh[t] = h[t-1]\n",
    "delayed": "input x : d\nstate h : d\nh[t] = x\n",
    "a number": "input x\nstate s\ns[t] = 2\n",
    "twice the same": "input x : d\nstate h : d\noutput y\nh[t] = h[t-1] * h[t-1]\ny = h[t] + h[t]\n",
    "exchanged": "input x : d\nstate a, b : d\na[t] = b[t-1]\nb[t] = a[t-1] - x\n",
    "signs": "input x : d\nstate h : d\nh[t] = tanh(-(W @ -x) - b + h[t-1] ** 3 / 7)\n",
    "an input put out": "input x : d\nstate h : d\noutput y, h\ny = x\nh[t] = stop(h[t-1])\n",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_cells_are_clean(name):
    for kind, picture in pipeline.pictures(parse(ODD[name])).items():
        assert_clean(picture, kind)
    assert_clean(pipeline.beside(parse(ODD[name]), cell("lstm")), "beside the lstm")


# -- what stands where


def astray(of):
    """The inputs of a diagram that stand under what does not read them, and under nothing that does."""
    places, found = railed(diagram(of), 3), diagram(of)
    for number, node in enumerate(found.nodes):
        if node.kind in ("input", "parameter"):
            x, y = places.centres[number]
            above = {
                n
                for n, (left, top) in enumerate(places.centres)
                if top < y and found.nodes[n].kind != "result" and abs(left - x) <= extent(found.nodes[n]).across
            }
            if above and not above & {*found.readers[number]}:
                yield number


THREE = """
input v : d_v
input s : d_s
input a
state h : d_h
m = relu(W_v @ v + W_s @ s + a * w_a + b_m)
u = sigmoid(W_u @ [h[t-1], m] + b_u)
h[t] = (1 - u) * h[t-1] + u * tanh(W_h @ h[t-1] + m) + a**2
"""


@pytest.mark.parametrize("of", [*map(cell, EVERY), *map(parse, (LONG_NAMES, THREE, *ODD.values()))])
def test_an_input_stands_under_what_reads_it_or_under_nothing(of):
    assert not list(astray(of))


def test_three_inputs_are_clean():
    for kind, picture in pipeline.pictures(parse(THREE)).items():
        assert_clean(picture, kind)


# -- the oracle sees what is wrong


def spoilt(change):
    picture = pipeline.pictures(cell("lstm"))["whole"]
    return faults(Drawing(pipeline.svg(change(picture), "p")))


def moved_box(p):
    return replace(p, boxes=(replace(p.boxes[0], x=p.boxes[0].x + 25), *p.boxes[1:]))


def moved_label(p):
    return replace(p, texts=(*p.texts[:-1], replace(p.texts[-1], x=p.texts[0].x, y=p.texts[0].y)))


def without_dots(p):
    return replace(p, dots=())


def straight_through(p):
    return replace(p, lines=(*p.lines, Line(((0.0, p.height / 2), (p.width, p.height / 2)))))


def narrow(p):
    return replace(p, width=p.width - 40)


def doubled(p):
    return replace(p, lines=(*p.lines, p.lines[0]))


@pytest.mark.parametrize("change", [moved_box, moved_label, without_dots, straight_through, narrow, doubled])
def test_a_fault_is_seen(change):
    assert not spoilt(lambda p: p)
    assert spoilt(change)
