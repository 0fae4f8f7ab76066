"""Operands that lie side by side, so that what they meet is one matrix, and results that are made as one."""

import re

import pytest
from cellfolder import derived
from ckernels import agree

import derive
from derive.backends.c.kernel import Builder
from derive.backends.c.phases import Apply, Factor
from derive.backends.c.storage import Life, side_by_side
from derive.pipeline.derivation import derive as derive_cell

RING = """
input x : d_x
state a, b, c : d_h
p = tanh(A @ a[t-1] + K @ c[t-1] + U @ x)
q = tanh(C @ a[t-1] + D @ b[t-1] + V @ x)
r = tanh(E @ b[t-1] + F @ c[t-1] + W @ x)
a[t] = p * q
b[t] = q - r
c[t] = r + p
"""
"""Every two of three gradients meet one state: no order has all pairs side by side."""

JOINED = """
input x : d_x
state h : d_h
f = sigmoid(W_f @ [{f}] + b_f)
g = tanh(W_g @ [{g}] + b_g)
h[t] = f * h[t-1] + (1 - f) * g
"""


def backward(of):
    body = Builder(of.cell, of.schedule).run().backward
    return "\n".join(line for stage in body.stages for line in stage.lines)


def factors(text):
    """How many each product of a function has."""
    return [int(found) for found in re.findall(r"NAME\(apply\)\([^{]*, (\d+), \(NAME\(factor\)", text)]


def going_on(text):
    """Of each sum of outer products: of each right operand, whether its columns go on where those before it end."""
    rights = re.findall(r"\n +\d+, \(NAME\(side\)\[\]\)\{(.*)\}, \(NAME\(result\)", text)
    return [[int(flag) for flag in re.findall(r", ([01])\}", found)] for found in rights]


def test_two_matrices_that_meet_the_same_have_gradients_each():
    text = "input x : d_x\nstate h : d_h\nh[t] = tanh(W @ h[t-1] + U @ [h[t-1], x] + V @ h[t-1] + b)"
    agree(derive.parse(text, name="twice"), {"T": 5, "B": 3, "d_x": 3, "d_h": 5})


@pytest.mark.parametrize(("name", "wanted"), [("lstm", [1, 1]), ("gru", [1, 1, 1]), ("slstm", [1, 1])])
def test_gradients_that_meet_one_product_are_one_operand(name, wanted):
    assert factors(backward(derived(name))) == wanted


def test_where_no_order_serves_all_products_some_have_two_operands():
    cell = derive.parse(RING, name="ring")
    text = backward(derive_cell(cell))
    assert sorted(factors(text)) == [1, 1, 1, 2]  # for a, b, c and x
    agree(cell, *({"T": 3, "B": rows, "d_x": 3, "d_h": 90} for rows in (1, 5)))


def test_what_lives_longer_or_has_its_place_stays_apart():
    def product(target, *lefts):
        return Apply((target,), tuple(Factor(left, (f"W_{left}",), False) for left in lefts), target)

    phases = (product("u", "p", "q", "r", "s"), product("v", "s", "q"), product("w", "t"))
    found = {name: Life("sequence") for name in "pqst"} | {"r": Life("turn")}
    assert side_by_side(phases, found, {"p"}) == dict.fromkeys("qs", ("q", "s"))
    assert side_by_side(phases, found, ()) == dict.fromkeys("pqs", ("p", "q", "s"))


@pytest.mark.parametrize(
    ("f", "g", "wanted"),
    [("h[t-1], x", "h[t-1], x", [0, 1]), ("x, h[t-1]", "x, h[t-1]", [0, 1]), ("h[t-1], x", "x, h[t-1]", [0, 0])],
)
def test_gradients_of_one_matrix_are_made_as_one(f, g, wanted):
    cell = derive.parse(JOINED.format(f=f, g=g), name="joined")
    assert going_on(backward(derive_cell(cell))) == [wanted]
    agree(cell, *({"T": 9, "B": 3, "d_x": d_x, "d_h": d_h} for d_x, d_h in ((17, 20), (16, 64), (1, 70))))


def test_operands_of_several_ranks_share_a_product():
    text = "input x : d_x\nstate h : d_h\nparam Q : d_h, d_h, d_x\nh[t] = tanh((Q @ x) @ h[t-1] + W @ x)"
    agree(derive.parse(text, name="ranks"), {"T": 4, "B": 3, "d_x": 9, "d_h": 5})


def test_products_of_one_sum_stay_in_order():
    text = "input x : d_x\nstate h : d_h\nstate old : d_x\nh[t] = h[t-1] / 2 + tanh(W @ [x, old[t-1]])\nold[t] = x"
    agree(derive.parse(text, name="order"), {"T": 300, "B": 3, "d_x": 3, "d_h": 5})
