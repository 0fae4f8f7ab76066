"""Every derivative against mpmath's differences of the closed form; kinks; a wrong one is caught."""

import mpmath
import pytest
import reference
import sympy as sp

from derive.functions import Y, Z, application, derivative, evaluate, lookup
from derive.functions.table import Row
from derive.functions.verification import verified

POINTS = [-1e4, -37.3, -9.1, -2.7, -1.01, -0.6, -0.03, 0.02, 0.4, 0.97, 1.9, 3.6, 12.2, 41.5, 1e4]


def check_row(row: Row, found: sp.Expr) -> None:
    with mpmath.workdps(reference.DIGITS):
        for z in POINTS:
            y = reference.at(row.closed, z)
            if y is None:
                continue
            expected = reference.slope(row.closed, z)
            got = reference.value(found, y, mpmath.mpf(z))
            assert abs(got - expected) <= mpmath.mpf(10) ** -20 * (1 + abs(expected)), (row.name, z)


def one_sided(row: Row, kink: float, side: int) -> mpmath.mpf:
    f, step = reference.function(row.closed), mpmath.mpf(10) ** -20 * side
    near, far = f(kink + step), f(kink + 2 * step)
    return (far - near) / step


@pytest.mark.parametrize("name", reference.ROWS)
def test_derivative_is_that_of_the_closed_form(name):
    check_row(lookup(name), derivative(name))


@pytest.mark.parametrize("name", reference.ROWS)
def test_derivative_at_a_kink_is_zero_or_that_from_the_left(name):
    row = lookup(name)
    for kink in reference.kinks(row.closed):
        with mpmath.workdps(60):
            left, right = one_sided(row, kink, -1), one_sided(row, kink, 1)
            y = reference.at(row.closed, kink)
            got = reference.value(derivative(name), y, mpmath.mpf(kink))
            jumps = [abs(reference.at(row.closed, kink + side * 1e-20) - y) for side in (-1, 1)]
            meets = max(jumps) < 1e-12
            wanted = left if meets and (abs(left - right) < 1e-12 or left * right > 1e-12) else 0
            assert abs(got - wanted) < 1e-12, (name, kink)


def test_kinks_of_the_language():
    at_zero = [evaluate(name, complex(0, 1e-30)).imag / 1e-30 for name in ("relu", "abs", "leaky_relu")]
    assert at_zero == [0, 0, 0.01]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sigmoid", Y * (1 - Y)),
        ("tanh", 1 - Y**2),
        ("exp", Y),
        ("recip", -(Y**2)),
        ("rsqrt", -(Y**3) / 2),
        ("sqrt", application("recip")(Y) / 2),
        ("relu", application("positive")(Y)),
        ("abs", application("sign")(Z)),
        ("log", application("recip")(Z)),
        ("softplus", application("sigmoid")(Z)),
        ("silu", application("sigmoid")(Z) + Y * (1 - application("sigmoid")(Z))),
        ("elu", 1 + Y * (1 - application("positive")(Y))),
        ("log_sigmoid", -application("expm1")(Y)),
        ("sin", application("cos")(Z)),
        ("cos", -application("sin")(Z)),
        ("expm1", 1 + Y),
        ("square", 2 * Z),
        ("sign", 0),
        ("positive", 0),
        ("nonnegative", 0),
        ("gelu", application("gelu_prime")(Z)),
        ("erf_prime", -2 * Y * Z),
    ],
)
def test_rewriting(name, expected):
    assert derivative(name) == expected


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "abs", "silu", "elu", "leaky_relu", "selu"])
def test_verification_refuses_every_planted_slip(name):
    row, right = lookup(name), derivative(name)
    assert verified(row, right)
    step, slight = application("positive")(Z), sp.Rational(1, 10**30)
    for wrong in (-right, right + 1, right + slight, right * 2, right + Y, right + step, right * Y):
        assert not verified(row, wrong), wrong


def test_verification_sees_the_kink():
    assert not verified(lookup("relu"), application("nonnegative")(Y))
    leak = sp.Rational(1, 100)
    assert not verified(lookup("leaky_relu"), leak + (1 - leak) * application("nonnegative")(Y))


@pytest.mark.parametrize(("name", "wrong"), [("tanh", 1 - Y), ("sigmoid", Y * (1 + Y)), ("gelu", Y)])
def test_planted_wrong_derivative_is_caught_by_the_differences(name, wrong):
    with pytest.raises(AssertionError):
        check_row(lookup(name), wrong)


def test_unknown_name():
    with pytest.raises(KeyError, match=r"no function is called 'sigmoidal'; expected one of sigmoid, tanh"):
        lookup("sigmoidal")
