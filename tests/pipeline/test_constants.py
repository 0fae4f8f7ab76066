"""Constants that are no numbers once an equation, or its derivative, is multiplied out."""

import re

import pytest

import derive
from derive import CellError

HEAD = "input x : d\nstate h : d\n"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("(1e20 * x)**2", r"1e\+40"),
        ("tanh(x * (10**64)**5)", r"1e\+320"),
        ("x * (10**(-64))**6", "1e-384"),
        ("x * 1e30**30", r"1e\+900"),
        ("(1.4e6 * x)**6", r"5e\+37"),
        ("x / 0", "no number"),
        ("x * 0**(-1)", "no number"),
        ("x * sqrt(-1)", r"no number: sqrt\(-1\)"),
        ("x * log(0)", r"no number: log\(0\)"),
        ("x * exp(1e9)", r"8e\+434294481"),
    ],
)
def test_are_refused_with_their_place(value, told):
    cell = derive.parse(f"{HEAD}h[t] = {value} + h[t-1]", "constants")
    with pytest.raises(CellError) as caught:
        derive.build(cell)
    assert re.search(f"(?s)here a constant comes to {told}\n.*constants:3:8.*between 1e-37 and 1e37", str(caught.value))


@pytest.mark.parametrize("value", ["1e36 * x", "(1e18 * x)**2", "x / 1e37", "x * log(3)", "x * sqrt(0)"])
def test_others_are_not(value):
    assert derive.build(derive.parse(f"{HEAD}h[t] = {value} + h[t-1]", "constants"))
