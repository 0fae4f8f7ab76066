"""What a cell is said to cost, against what its C asks for and does."""

import re

import pytest
import sympy as sp
from cellfolder import EVERY, SIZES, cell, derived
from ckernels import STRICT, table, texts
from counted import counter, counts

import derive
from derive.backends import c
from derive.backends.c import amount, cost_of
from derive.backends.c.sizes import Largest, Smallest
from derive.native import load
from derive.native.functions import DTYPES, Functions
from derive.system import Length

CELLS = pytest.mark.parametrize("name", EVERY)
T, B, d_x, d_h = map(Length, ("T", "B", "d_x", "d_h"))


def cost(name):
    return cost_of(derived(name).cell, derived(name).schedule)


def at(size, lengths):
    values = {Length(axis): sp.Integer(n) for axis, n in lengths.items()}
    return int(sp.sympify(size).replace(Largest, sp.Max).replace(Smallest, sp.Min).xreplace(values))


def awkward(name):
    """Sizes that are no multiples of anything, and T B beyond what a sum adds up in one stretch."""
    axes = table(name).axes[2:]
    many = {"T": 9, "B": 31} | {axis: (17, 5, 33)[k % 3] for k, axis in enumerate(axes)}
    return [*(sizes(axes) for sizes in SIZES.values()), many]


@CELLS
@pytest.mark.needs("clang++")
def test_operations_are_those_that_are_done(name, tmp_path):
    said, lengths = cost(name), awkward(name)
    done = counts(counter(name, tmp_path), [[each[axis] for axis in table(name).axes] for each in lengths])
    for each, found in zip(lengths, done, strict=True):
        for what in ("forward", "backward"):
            expected = {kind: at(getattr(getattr(said, what), kind), each) for kind in found[what]}
            assert found[what] == expected, (what, each)


@CELLS
@pytest.mark.needs("cc")
def test_bytes_are_those_that_the_library_asks_for(name):
    said, library = cost(name), load(texts(name), c.main_source(cell(name)), STRICT)
    for precision, dtype in DTYPES.items():
        functions, itemsize = Functions(library, table(name), precision), dtype.itemsize
        for lengths in awkward(name):
            dims = functions.dims(lengths)
            for checkpoint in (0, 1, 2, 9, 10):
                options = functions.options(checkpoint=checkpoint)
                asked = {buffer: size(dims, options) for buffer, size in functions._sizes.items()}
                assert said.packed.bytes(lengths, itemsize) == asked["packed"]
                assert said.tape_bytes(lengths, itemsize, checkpoint) == asked["tape"]
                assert said.work_bytes(lengths, itemsize, checkpoint) == asked["work"]
                assert said.step_bytes(lengths, itemsize, checkpoint) == asked["tape"] + asked["work"]
            inference = functions.options(inference=1)
            asked = {buffer: size(dims, inference) for buffer, size in functions._sizes.items()}
            assert said.inference_bytes(lengths, itemsize) == asked["packed"] + asked["work"]


@CELLS
def test_what_is_printed_leaves_out_the_rounding_alone(name):
    said = cost(name)
    for buffer in (said.tape, said.packed, said.packed_forward, said.forward_work, said.backward_work):
        for lengths in awkward(name):
            for itemsize in (4, 8):
                least = at(buffer.numbers, lengths) * itemsize
                exact = buffer.bytes(lengths, itemsize)
                assert least <= exact <= max(64, least + 64 * at(buffer.rounded, lengths))
    assert at(said.step, lengths) == at(said.tape.numbers, lengths) + max(
        at(work.numbers, lengths) for work in (said.forward_work, said.backward_work)
    )


@CELLS
def test_the_callers_arrays_are_those_of_the_structs(name):
    said, of = cost(name), table(name)
    structs = {
        "params": (of.params, ()),
        "inputs": (of.inputs, ("T", "B")),
        "outputs": (of.outputs, ("T", "B")),
        "states": (of.states, ("B",)),
    }
    assert set(said.caller) == set(structs)
    for struct, (fields, leading) in structs.items():
        shapes = [(*leading, *field.shape) for field in fields]
        expected = sum(sp.Mul(*(Length(a) if isinstance(a, str) else sum(map(Length, a)) for a in s)) for s in shapes)
        assert sp.expand(said.caller[struct].numbers - expected) == 0


@CELLS
def test_text_says_the_same_as_the_formulas(name):
    said = cost(name)
    sizes = [
        *(size for of in (said.forward, said.backward) for _, size in of.by_kind()),
        *(b.numbers for b in (said.tape, said.packed, said.forward_work, said.backward_work, *said.caller.values())),
    ]
    for size in sizes:
        read = value(amount(size))
        for lengths in awkward(name):
            assert read(lengths) == at(size, lengths), (amount(size), size)


def value(text):
    """What a printed amount is at some lengths."""
    text = re.sub(r"([²³⁴])", lambda m: f"**{'²³⁴'.index(m[1]) + 2}", text)
    text = re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", text)
    assert re.fullmatch(r"[\w ()*+,]+", text), text
    return lambda lengths: int(sp.sympify(text, {"max": sp.Max, "min": sp.Min, **lengths}))


def test_of_the_lstm_by_hand():
    """Four gates, each of d_h rows over d_h + d_x columns; backwards each product is two."""
    said = cost("lstm")
    weights = 4 * d_h * (d_h + d_x)
    assert sp.expand(said.forward.products - 2 * T * B * weights) == 0
    assert sp.expand(said.backward.products - 2 * said.forward.products) == 0
    # the net inputs of four gates: a bias and a product of x, one of h; c: two products, their sum; h: one
    assert said.forward.elementwise == (4 * 2 + 3 + 1) * T * B * d_h
    assert said.forward.functions == 5 * T * B * d_h
    assert said.tape.numbers == 5 * T * B * d_h
    assert sp.expand(said.packed.numbers - 2 * weights) == sp.expand(said.packed_forward.numbers - weights) == 0
    assert sp.expand(said.caller["params"].numbers - weights - 4 * d_h) == 0
    assert said.forward.by_kind()[0] == ("in products", said.forward.products)
    assert amount(said.forward.products) == "8 T B d_h (d_h + d_x)"


def unwrapped(comment):
    return re.sub(r"\s+(\* )?\s*", " ", comment)


def test_header_and_listing_tell_it():
    lines = cost("gru").lines()
    assert "  forward   6 T B d_h (d_h + d_x) in products, 11 T B d_h elementwise, 3 T B d_h functions" in lines
    header, shown = texts("gru")["gru.h"], derive.derivation(derive.cell("gru"))
    assert str(shown.cost).splitlines() == list(lines)
    for line in lines:
        assert re.sub(r"\s+", " ", line) in unwrapped(header)
        assert line in shown.show()


def test_header_spells_the_axes_as_its_struct():
    header = texts("awkward_names")["awkward_names.h"]
    assert "size_t I_;" in header
    assert "6 T B I_ functions" in unwrapped(header)
