"""The steepest slope of every row against dense differences by mpmath; exact values; wrong ones are caught."""

import random

import mpmath
import pytest
import reference
import sympy as sp

from derive.functions import FUNCTIONS, SlopeBound, Z, lookup, shape, slope_bound
from derive.functions.table import SELECTORS, Row

TABLE = [*FUNCTIONS, *SELECTORS]
ROWS = [name + prime for name in TABLE for prime in ("", "_prime")]
b = sp.Symbol("b", real=True)
oo, sqrt, pi, Rational = sp.oo, sp.sqrt, sp.pi, sp.Rational
_SELU = Rational("1.0507009873554805") * Rational("1.6732632423543772")


def slopes(row: Row, points: list[mpmath.mpf]) -> list[mpmath.mpf]:
    """Magnitudes of differences over steps so small that they are slopes. No step is across a kink."""
    f, step = reference.function(row.closed), mpmath.mpf(10) ** -40
    kinks = reference.kinks(row.closed)
    sides = [(z, step if not any(k - 2 * step <= z < k for k in kinks) else -step) for z in points if z not in kinks]
    return [abs((f(z + side) - f(z)) / side) for z, side in sides]


def points(row: Row, lower: float, upper: float) -> list[mpmath.mpf]:
    """Spread over the interval and crowded at its ends, at the kinks and at whatever the slope's own shape says."""
    turns = [sum(turn.at) / 2 for turn in shape(f"{row.name}_prime").turns or ()]
    poles = shape(row.name).poles
    marks = [lower, upper, *poles, *reference.kinks(row.closed), *turns, *(k * mpmath.pi / 2 for k in range(-8, 9))]
    near = [mark + s * mpmath.mpf(10) ** -30 for mark in marks for s in (-1, 1)]
    spread = [lower + (upper - lower) * mpmath.mpf(k) / 200 for k in range(1, 200)]
    return [z for z in (*near, *spread) if lower < z < upper and z not in poles]


def check(row: Row, found: SlopeBound, lower: float, upper: float) -> None:
    """No slope is above the bound, and some slope comes to within 1e-9 of it."""
    with mpmath.workdps(100):
        steepest = max(slopes(row, points(row, lower, upper)))
        if found.upper == oo:
            assert steepest > 100, row.name
            return
        bound = mpmath.mpf(int(found.upper.p)) / int(found.upper.q)
        assert steepest <= bound + mpmath.mpf("1e-25") * (1 + bound), (row.name, lower, upper)
        assert steepest >= bound * (1 - mpmath.mpf("1e-9")), (row.name, lower, upper)
        if found.exact is not None:
            exact = mpmath.mpf(sp.N(found.exact, 60))
            assert 0 <= bound - exact <= bound * mpmath.mpf("1e-18"), (row.name, lower, upper)


def whole(name: str) -> tuple[float, float]:
    """A window of the domain with everything of interest in it; slopes are approached at its ends."""
    low, high = shape(name).domain
    return (-90.0 if low == -oo else float(low)), (90.0 if high == oo else float(high))


@pytest.mark.parametrize("name", ROWS)
def test_supremum_over_the_domain(name):
    lower, upper = whole(name)
    check(lookup(name), slope_bound(name), lower, upper)


@pytest.mark.parametrize("name", ROWS)
def test_supremum_over_random_intervals(name):
    draw, (low, high), poles = random.Random(name), whole(name), shape(name).poles
    for _ in range(8):
        lower, upper = sorted(max(low, min(high, draw.gauss(0, 2.5))) for _ in range(2))
        if lower < upper and not any(lower <= pole <= upper for pole in (*poles, *_edges(name))):
            check(lookup(name), slope_bound(name, lower, upper), lower, upper)


def _edges(name: str) -> list[float]:
    return [float(end) for end in shape(name).domain if end.is_finite]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tanh", 1),
        ("sigmoid", Rational(1, 4)),
        ("softplus", 1),
        ("log_sigmoid", 1),
        ("relu", 1),
        ("abs", 1),
        ("leaky_relu", 1),
        ("gelu", sp.exp(-1) / sqrt(pi) + sp.erf(1) / 2 + Rational(1, 2)),
        ("elu", 1),
        ("selu", _SELU),
        ("erf", 2 / sqrt(pi)),
        ("sin", 1),
        ("cos", 1),
        ("softsign", 1),
        ("hard_sigmoid", Rational(1, 6)),
        ("hard_tanh", 1),
        ("sign", 0),
        ("positive", 0),
        ("nonnegative", 0),
        ("sigmoid_prime", sqrt(3) / 18),
        ("tanh_prime", 4 * sqrt(3) / 9),
        ("silu_prime", Rational(1, 2)),
        ("square_prime", 2),
        *((name, oo) for name in ("exp", "expm1", "square", "log", "log1p", "recip", "sqrt", "rsqrt")),
    ],
)
def test_closed_form(name, expected):
    assert slope_bound(name).exact == expected


@pytest.mark.parametrize(("name", "expected"), [("silu", 1.0998393201288668), ("mish", 1.0884981612517280)])
def test_enclosure_where_there_is_no_closed_form(name, expected):
    found = slope_bound(name)
    assert found.exact is None
    assert found.upper.is_Rational
    assert 0 <= float(found.upper) - expected < 1e-15


@pytest.mark.parametrize(
    ("name", "lower", "upper", "expected"),
    [
        ("exp", -oo, 3, sp.exp(3)),
        ("exp", -oo, b, sp.exp(b)),
        ("expm1", -5, b, sp.exp(b)),
        ("log", b, 7, 1 / b),
        ("log", Rational(1, 2), oo, 2),
        ("square", -2, 1, 4),
        ("recip", 1, 2, 1),
        ("recip", -1, 2, oo),
        ("sqrt", 0, 1, oo),
        ("relu", -1, 0, 0),
        ("relu", 0, 1, 1),
        ("relu", 0, 0, 1),
        ("sin", 1, 2, sp.cos(1)),
        ("sin", 2, 4, 1),
        ("sin", 2, oo, 1),
        ("cos", 0, Rational(1, 2), sp.sin(Rational(1, 2))),
        ("tanh", 0, 0, 1),
        ("hard_tanh", 1, 5, 0),
        ("elu", -oo, -1, sp.exp(-1)),
    ],
)
def test_on_an_interval(name, lower, upper, expected):
    assert slope_bound(name, lower, upper).exact == expected


def test_floats_are_taken_as_they_are():
    assert slope_bound("square", 0.0, 0.1).exact == 2 * Rational(0.1)
    assert slope_bound("square", float("-inf"), 0.1).upper == oo


@pytest.mark.parametrize("name", ["sigmoid", "silu", "gelu", "sin", "hard_sigmoid", "mish"])
@pytest.mark.parametrize("factor", [1 - Rational(1, 10**8), 1 + Rational(1, 10**8)])
def test_a_wrong_bound_is_caught(name, factor):
    wrong = SlopeBound(None, slope_bound(name).upper * factor)
    with pytest.raises(AssertionError):
        check(lookup(name), wrong, *whole(name))


@pytest.mark.parametrize(("name", "other"), [("silu", "mish"), ("tanh", "sigmoid"), ("sigmoid", "tanh")])
def test_the_bound_of_another_row_is_caught(name, other):
    with pytest.raises(AssertionError):
        check(lookup(name), slope_bound(other), *whole(name))


@pytest.mark.parametrize("closed", [Z * sp.exp(-(Z**2)), Z**2 * sp.exp(-sp.Abs(Z)), Z / (1 + Z**2), Z * sp.tanh(Z)])
def test_a_new_row_needs_no_other_edit(monkeypatch, closed):
    row = Row(str(closed), closed, "", "")
    monkeypatch.setitem(FUNCTIONS, row.name, row)
    check(row, slope_bound(row.name), -90.0, 90.0)
    check(row, slope_bound(row.name, -1, 0.3), -1.0, 0.3)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("tanh", 2, 1), "the slope of 'tanh' from 2 to 1 has no proven bound: expected two real ends"),
        (("tanh", oo, oo), "expected two real ends"),
        (("log", -3, -1), "the function is not defined there"),
        (("sigmoid", -oo, b), "symbols are for a slope that only rises or only falls"),
        (("square", -oo, b), "symbols are for a slope that keeps its sign"),
        (("sin", 0, b), "symbols are for a slope"),
    ],
)
def test_what_has_no_bound_is_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        slope_bound(*arguments)


def test_unknown_row():
    with pytest.raises(KeyError, match="no function is called 'sigmoidal'"):
        slope_bound("sigmoidal")
