"""The rows say what their names promise; applications stay as written; numbers in every arithmetic."""

import cmath
import json
import os
import subprocess
import sys

import mpmath
import pytest
import reference
import sympy as sp

from derive.functions import FUNCTIONS, ScalarFunction, Y, Z, application, derivative, evaluate, lookup

x = sp.Symbol("x")
m = mpmath


def selu(z):
    scale, alpha = m.mpf("1.0507009873554805"), m.mpf("1.6732632423543772")
    return scale * (z if z > 0 else alpha * (m.exp(z) - 1))


MEANING = {
    "sigmoid": lambda z: 1 / (1 + m.exp(-z)),
    "tanh": lambda z: (m.exp(z) - m.exp(-z)) / (m.exp(z) + m.exp(-z)),
    "exp": m.exp,
    "log": m.log,
    "sqrt": lambda z: z ** m.mpf("0.5"),
    "rsqrt": lambda z: z ** m.mpf("-0.5"),
    "recip": lambda z: 1 / z,
    "relu": lambda z: max(z, m.mpf(0)),
    "abs": abs,
    "sign": m.sign,
    "softplus": lambda z: m.log(1 + m.exp(z)),
    "silu": lambda z: z / (1 + m.exp(-z)),
    "gelu": lambda z: z * (1 + m.erf(z / m.sqrt(2))) / 2,
    "elu": lambda z: z if z > 0 else m.exp(z) - 1,
    "selu": selu,
    "softsign": lambda z: z / (1 + abs(z)),
    "leaky_relu": lambda z: z if z > 0 else z / 100,
    "hard_sigmoid": lambda z: min(max(z + 3, m.mpf(0)), m.mpf(6)) / 6,
    "hard_tanh": lambda z: min(max(z, m.mpf(-1)), m.mpf(1)),
    "mish": lambda z: z * m.tanh(m.log(1 + m.exp(z))),
    "log_sigmoid": lambda z: -m.log(1 + m.exp(-z)),
    "erf": m.erf,
    "sin": m.sin,
    "cos": m.cos,
    "expm1": lambda z: m.exp(z) - 1,
    "log1p": lambda z: m.log(1 + z),
    "square": lambda z: z * z,
    "positive": lambda z: m.mpf(z > 0),
    "nonnegative": lambda z: m.mpf(z >= 0),
}
POINTS = [-40.0, -11.3, -3.0, -1.2, -1.0, -0.4, -1e-9, 0.0, 1e-9, 0.7, 1.0, 2.9, 3.0, 17.0, 90.0]


def check_meaning(closed: sp.Expr, meaning) -> None:
    with m.workdps(600):
        for z in POINTS:
            value = reference.at(closed, z)
            if value is not None and m.isfinite(value):
                assert abs(value - meaning(m.mpf(z))) <= m.mpf(10) ** -70 * abs(value), z


@pytest.mark.parametrize("name", MEANING)
def test_closed_form_is_the_function(name):
    check_meaning(lookup(name).closed, MEANING[name])


def test_planted_wrong_row_is_caught():
    wrong = lookup("sigmoid").closed.subs(Z, 2 * Z)
    with pytest.raises(AssertionError):
        check_meaning(wrong, MEANING["sigmoid"])


@pytest.mark.parametrize("name", reference.ROWS)
@pytest.mark.parametrize("z", [-30.3, -2.2, -0.7, 0.6, 2.5, 29.1])
def test_complex_step_gives_the_derivative(name, z):
    closed = lookup(name).closed
    with m.workdps(reference.DIGITS):
        y = reference.at(closed, z)
        if y is None:
            return
        expected = reference.value(derivative(name), y, m.mpf(z))
        curvature = abs(z * reference.slope(lookup(f"{name}_prime").closed, z))
        floor = abs(y) * m.mpf(10) ** -24  # where the function is flat, its last digits are all that is left
        exact = evaluate(name, m.mpc(z, m.mpf(10) ** -30)).imag * m.mpf(10) ** 30
        assert abs(exact - expected) <= m.mpf(10) ** -15 * (abs(expected) + curvature) + floor
    got = evaluate(name, complex(z, 1e-30))
    assert abs(got.real - float(y)) <= 1e-14 * (abs(float(y)) + abs(z * float(expected)))
    assert abs(got.imag / 1e-30 - float(expected)) <= 2e-14 * float(abs(expected) + curvature) + float(floor)


def test_value_keeps_the_kind_of_number():
    kinds = [type(evaluate("sigmoid", z)) for z in (0.5, 0.5j, m.mpf("0.5"), m.mpc("0.5"))]
    assert kinds == [float, complex, m.mpf, m.mpc]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_continuation_agrees_with_the_whole_plane_near_the_axis(name):
    z = complex(0.8, 0.05)
    if name in ("abs", "sign"):
        expected = z if name == "abs" else 1
    else:
        with m.workdps(30):
            expected = complex({**MEANING, **_BRANCHES}[name](m.mpc(z)))
    assert cmath.isclose(evaluate(name, z), expected, rel_tol=1e-14)


_BRANCHES = {
    **dict.fromkeys(("relu", "elu", "leaky_relu", "hard_tanh"), lambda z: z),
    "selu": lambda z: m.mpf("1.0507009873554805") * z,
    "softsign": lambda z: z / (1 + z),
    "hard_sigmoid": lambda z: (z + 3) / 6,
}


@pytest.mark.parametrize("name", reference.ROWS)
def test_application_stays_as_written(name):
    f = application(name)
    assert f is application(name)
    assert f(x).row_name == name
    assert f(-x).args == (-x,)
    assert f(sp.Integer(0)).args == (0,)
    assert f(sp.Float("0.5")).func is f
    assert (f(x) * f(-x)).args != ()
    assert f(x).is_real
    assert isinstance(f(x), ScalarFunction)
    assert str(f(x)) == f"{name}(x)"


def test_application_is_not_for_sympy_diff():
    with pytest.raises(TypeError, match=r"tanh\(x\) is not for sympy.diff; its derivative is functions\."):
        sp.diff(application("tanh")(x), x)


@pytest.mark.parametrize("name", reference.ROWS)
def test_derivative_is_a_polynomial_in_known_symbols(name):
    found = derivative(name)
    calls = found.atoms(ScalarFunction)
    assert all(call.args[0] in (Y, Z) for call in calls)
    atoms = {call: sp.Dummy() for call in calls}
    polynomial = sp.Poly(found.xreplace(atoms), Y, Z, *atoms.values())
    assert all(coefficient.is_Rational for coefficient in polynomial.coeffs())


@pytest.mark.parametrize("name", reference.ROWS)
def test_latex_is_balanced(name):
    text = lookup(name).typeset("x_t")
    assert "x_t" in text
    assert "#" not in text
    assert text.count("{") == text.count("}")
    assert text.count(r"\left") == text.count(r"\right")


_EVERYTHING = """
import json
from derive.backends.c import functions as c
from derive.backends.numpy import functions as numpy
from derive.functions import FUNCTIONS, derivative
names = [*FUNCTIONS, "gelu_prime", "mish_prime", "mish_prime_prime"]
print(json.dumps([[str(derivative(n)), numpy.definitions([n]), c.definition(n)] for n in names]))
"""


def test_same_output_under_every_hash_seed():
    outputs = [
        subprocess.run(
            [sys.executable, "-c", _EVERYTHING],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4711")
    ]
    assert len(set(outputs)) == 1
    assert json.loads(outputs[0])
