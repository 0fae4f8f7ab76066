"""Every row's shape against dense samples by mpmath, which know nothing of signs and turns; wrong ones are caught."""

import math
import random
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import mpmath
import pytest
import reference
import sympy as sp

from derive.functions import FUNCTIONS, Shape, Turn, Z, lookup, shape
from derive.functions.enclosures import bounds, floats, plain
from derive.functions.pieces import pieces
from derive.functions.table import SELECTORS, Row

TABLE = [*FUNCTIONS, *SELECTORS]
ROWS = [name + prime for name in TABLE for prime in ("", "_prime", "_prime_prime")]
PLANTED = [name + prime for name in TABLE for prime in ("", "_prime")]
INTERVALS, INSIDE = 20, 30
ROUNDING = mpmath.mpf(2) ** -150


def grid(found: Shape) -> list[float]:
    """Arguments in the domain, close to what is of interest and far from it, away from poles."""
    low, high = (float(end) for end in found.domain)
    marks = [0.0, *found.poles, *(turn.at[0] for turn in found.turns or ())]
    marks += [end for end in (low, high) if math.isfinite(end)]
    steps = [k / 29 for k in range(-300, 301)] + [s * 2.0**k for k in range(-30, 8) for s in (-1, 1)]
    quarters = [k * math.pi / 2 for k in range(-4, 5)]
    points = {*(mark + step for mark in marks for step in steps), *quarters}
    return sorted(p for p in points if low < p < high and p not in found.poles)


def without_pole(found: Shape, a: float, b: float) -> bool:
    return not any(a <= pole <= b for pole in found.poles)


def hull(found: Shape, a: float, b: float, *values: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
    meeting = [turn for turn in found.turns if turn.at[0] <= b and a <= turn.at[1]]
    levels = [*values, *(mpmath.mpf(end) for turn in meeting for end in turn.value)]
    return min(levels), max(levels)


def slack(*values: mpmath.mpf) -> mpmath.mpf:
    return ROUNDING * (1 + max(map(abs, values)))


def check_hull(row: Row, found: Shape) -> None:
    """On random intervals no value is outside the hull, and inside some are as high and as low, to 1e-6.

    Those that end at a jump are left out: the hull has both sides of it, the interval one.
    """
    draw, f = random.Random(row.name), reference.function(row.closed)
    points = [z for z in grid(found) if z not in reference.kinks(row.closed)]
    ends = [(float(k), side) for k in reference.kinks(row.closed) for side in (-1, 1)]
    with mpmath.workdps(reference.DIGITS):
        for _ in range(INTERVALS):
            a, b = sorted(draw.sample(points, 2))
            if not without_pole(found, a, b):
                continue
            spread = [a + (b - a) * draw.random() for _ in range(INSIDE)]
            turns = [sum(turn.at) / 2 for turn in found.turns]
            nearly = [k + side * 1e-9 for k, side in ends]
            inside = [z for z in (*spread, *turns, *nearly, *(k for k, _ in ends)) if a <= z <= b]
            values = [f(mpmath.mpf(z)) for z in (a, b, *inside)]
            low, high = hull(found, a, b, *values[:2])
            assert low - slack(low) <= min(values), (row.name, a, b)
            assert max(values) <= high + slack(high), (row.name, a, b)
            scale = max(abs(low), abs(high), mpmath.mpf(10) ** -30) * mpmath.mpf("1e-6")
            assert min(values) <= low + scale, (row.name, a, b)
            assert max(values) >= high - scale, (row.name, a, b)


def check_range(row: Row, found: Shape) -> None:
    """No value is outside the range, and it is approached."""
    f = reference.function(row.closed)
    with mpmath.workdps(reference.DIGITS):
        finite = [end for end in found.domain if end.is_finite]
        edges = [end + s * mpmath.mpf(10) ** -k for end in finite for s in (-1, 1) for k in (9, 30)]
        poles = [mpmath.mpf(p) + s * mpmath.mpf(10) ** -30 for p in found.poles for s in (-1, 1)]
        far = [s * mpmath.mpf(10) ** k for k in (2, 9, 30) for s in (-1, 1)] if found.turns is not None else []
        low, high = (end if end.is_infinite else mpmath.mpf(sp.N(end, 60)) for end in found.range)
        inside = [z for z in (*edges, *poles, *far) if found.domain[0] < z < found.domain[1]]
        kinks = [k + s * mpmath.mpf(10) ** -30 for k in reference.kinks(row.closed) for s in (-1, 1)]
        values = [f(mpmath.mpf(z)) for z in (*grid(found), *inside, *kinks)]
        assert low == -sp.oo or low - slack(low) <= min(values), row.name
        assert high == sp.oo or max(values) <= high + slack(high), row.name
        tolerance = mpmath.mpf("1e-6")
        assert (min(values) < -20) if low == -sp.oo else (min(values) <= low + tolerance), row.name
        assert (max(values) > 20) if high == sp.oo else (max(values) >= high - tolerance), row.name


@pytest.mark.parametrize("name", ROWS)
def test_values_on_an_interval(name):
    if shape(name).turns is not None:
        check_hull(lookup(name), shape(name))


@pytest.mark.parametrize("name", ROWS)
def test_range(name):
    check_range(lookup(name), shape(name))


@pytest.mark.parametrize("name", ROWS)
def test_turns_are_narrow_and_ascend(name):
    turns = shape(name).turns or ()
    assert all(0 <= turn.at[1] - turn.at[0] <= 1e-15 * max(1, abs(turn.at[0])) for turn in turns)
    assert all(a.at[1] < b.at[0] for a, b in pairwise(turns))


@pytest.mark.parametrize("name", PLANTED)
def test_a_turn_left_out_is_caught(name):
    found = shape(name)
    for k in range(len(found.turns or ())):
        with pytest.raises(AssertionError):
            check_hull(lookup(name), replace(found, turns=found.turns[:k] + found.turns[k + 1 :]))


@pytest.mark.parametrize("name", PLANTED)
def test_a_turn_with_a_wrong_value_is_caught(name):
    found = shape(name)
    for k, turn in enumerate(found.turns or ()):
        for step in (-1e-3, 1e-3):
            wrong = replace(turn, value=(turn.value[0] + step, turn.value[1] + step))
            with pytest.raises(AssertionError):
                check_hull(lookup(name), replace(found, turns=(*found.turns[:k], wrong, *found.turns[k + 1 :])))


@pytest.mark.parametrize(("name", "other"), [("silu", "gelu"), ("tanh", "sigmoid"), ("mish_prime", "silu_prime")])
def test_the_shape_of_another_row_is_caught(name, other):
    with pytest.raises(AssertionError):
        check_range(lookup(name), shape(other))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sigmoid", (0, 1)),
        ("tanh", (-1, 1)),
        ("relu", (0, sp.oo)),
        ("softplus", (0, sp.oo)),
        ("log_sigmoid", (-sp.oo, 0)),
        ("softsign", (-1, 1)),
        ("sin", (-1, 1)),
        ("hard_sigmoid", (0, 1)),
        ("elu", (-1, sp.oo)),
        ("erf", (-1, 1)),
        ("sign", (-1, 1)),
        ("positive", (0, 1)),
        ("square", (0, sp.oo)),
        ("recip", (-sp.oo, sp.oo)),
        ("sigmoid_prime", (0, sp.Rational(1, 4))),
        ("tanh_prime_prime", (-4 * sp.sqrt(3) / 9, 4 * sp.sqrt(3) / 9)),
        ("erf_prime", (0, 2 / sp.sqrt(sp.pi))),
        ("sign_prime", (0, 0)),
    ],
)
def test_range_in_closed_form(name, expected):
    assert shape(name).range == expected


def test_range_that_has_no_closed_form_is_rounded_outwards():
    low, high = shape("silu").range
    w = mpmath.lambertw(mpmath.exp(-1)).real
    assert low.is_Rational
    assert high == sp.oo
    assert -1e-15 < float(low) + w < 1e-15
    assert mpmath.mpf(int(low.p)) / int(low.q) <= -w


def test_domains_and_poles():
    domains = {name: shape(name).domain for name in FUNCTIONS if shape(name).domain != (-sp.oo, sp.oo)}
    assert domains == {**dict.fromkeys(("log", "sqrt", "rsqrt"), (0, sp.oo)), "log1p": (-1, sp.oo)}
    assert {name: shape(name).poles for name in FUNCTIONS if shape(name).poles} == {"recip": (0.0,)}


@pytest.mark.parametrize("name", ["square", "abs"])
def test_exact_turn(name):
    assert shape(name).turns == (Turn((0.0, 0.0), (0.0, 0.0)),)


def test_jumps_turn_where_they_break_monotonicity():
    assert shape("sign").turns == shape("positive").turns == shape("relu_prime").turns == ()
    (turn,) = shape("selu_prime").turns
    assert turn.at == (0.0, 0.0)
    assert 1.05 < turn.value[0] < 1.06  # from the right it is the slope of selu for positive numbers
    assert len(shape("hard_tanh_prime").turns) == 1


def test_infinitely_many_turns():
    assert [name for name in FUNCTIONS if shape(name).turns is None] == ["sin", "cos"]


E = sp.exp(-sp.Abs(Z))
NEW_ROWS = {
    "gaussian": sp.exp(-(Z**2)),
    "bump": Z * sp.exp(-(Z**2) / 2),
    "cubic": Z**3 - 3 * Z,
    "quintic": Z**5 - 5 * Z + 1,
    "logish": Z * sp.log(1 + sp.exp(Z)),
    "squared relu": sp.Piecewise((0, Z <= 0), (Z**2, True)),
    "shrink": sp.Piecewise((Z + 1, Z < -1), (Z - 1, Z > 1), (0, True)),
    "entropy": -Z * sp.log(Z),
    "quadratic bent": sp.Piecewise((Z**2, Z < 1), (3 - Z, True)),
    "pole between": 1 / (1 - Z**2),
    "cauchy": 1 / (1 + Z**2),
    "both sides": sp.Abs(Z) * E,
    "mixed": sp.exp(-(Z**2)) + sp.exp(Z / 2) / 8,
    "double zero": sp.exp(Z) - Z - 1,
}  # fmt: skip


@pytest.mark.parametrize("name", NEW_ROWS)
def test_a_new_row_needs_no_other_edit(monkeypatch, name):
    row = Row(name, NEW_ROWS[name], "", "")
    monkeypatch.setitem(FUNCTIONS, name, row)
    check_hull(row, shape(name))
    check_range(row, shape(name))


@pytest.mark.parametrize(
    ("closed", "match"),
    [
        (sp.besselj(0, Z), "the shape of .* cannot be proven: besselj"),
        (Z + sp.sin(Z), "the shape of .* cannot be proven: .* alone; no period is known"),
        (sp.log(Z**2 - 2), "is not positive on all of"),
        (1 / (Z**2 - 2), "the pole .* is no float"),
    ],
)
def test_what_cannot_be_proven_is_refused(monkeypatch, closed, match):
    monkeypatch.setitem(FUNCTIONS, str(closed), Row(str(closed), closed, "", ""))
    with pytest.raises(ValueError, match=match):
        shape(str(closed))


def test_unknown_row():
    with pytest.raises(KeyError, match="no function is called 'sigmoidal'"):
        shape("sigmoidal")


@pytest.mark.parametrize("name", TABLE)
def test_enclosures_hold_values(name):
    draw = random.Random(name)
    for value in pieces(lookup(name).closed).values:
        for width in (0, 1e-9, 1e-3):
            a = draw.uniform(0.1, 3)
            low, high = floats(bounds(plain(value), (Fraction(a), Fraction(a + width))))
            with mpmath.workdps(reference.DIGITS):
                assert low <= reference.function(value)(mpmath.mpf(a + width / 2)) <= high
