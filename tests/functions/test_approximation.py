"""The best polynomial, by what characterises it; constants in parts; and that the C is always the same."""

import os
import subprocess
import sys

import mpmath
import pytest

from derive.backends.c.approximation import fit, mp, parts, rounded
from derive.backends.c.functions import shared_functions

RENDERED = "import vectorcode; print(vectorcode.shared())"


def one(_):
    return mp.one


def test_a_cube_by_its_chebyshev_polynomial():
    """x^3 on [-1, 1] is off by 1/4 at least, which 3/4 x attains."""
    found = fit(lambda x: x**3, one, (-mp.one, mp.one), 2, 53)
    assert found.error == pytest.approx(0.25, rel=1e-2)
    assert found.coefficients == pytest.approx((0, 0.75, 0), abs=1e-2)


def test_the_exponential_by_a_line():
    """On [0, 1] the slope is e - 1, and the error is the same at both ends and where the slope is met."""
    slope = mpmath.e - 1
    level = (1 - slope + slope * mpmath.log(slope)) / 2
    found = fit(mp.exp, one, (mp.zero, mp.one), 1, 53)
    assert found.error == pytest.approx(float(level), rel=1e-2)
    assert found.coefficients[1] == pytest.approx(float(slope), rel=1e-2)


@pytest.mark.parametrize("degree", [3, 6, 9])
def test_the_error_is_levelled(degree):
    """No polynomial does better than the smallest of errors with turning signs (de la Vallée Poussin)."""
    found = fit(mp.exp, lambda x: mp.exp(-x), (-mp.one, mp.one), degree, 200)
    grid = [mp.mpf(k) / 500 for k in range(-500, 501)]
    errors = [mp.polyval([mp.mpf(c) for c in found.coefficients[::-1]], x) * mp.exp(-x) - 1 for x in grid]
    signs = [k for k in range(1, 1001) if (errors[k] > 0) != (errors[k - 1] > 0)]
    assert len(signs) == degree + 1
    peaks = [max(map(abs, errors[a:b])) for a, b in zip([0, *signs], [*signs, 1001], strict=True)]
    assert max(peaks) < 1.05 * min(peaks)
    assert found.error == pytest.approx(float(max(peaks)), rel=0.05)


def test_rounding_costs_what_the_precision_is_worth():
    for bits in (11, 24):
        assert 2.0 ** -(bits + 6) < fit(mp.exp, one, (-mp.one, mp.one), 12, bits).error < 2.0 ** -(bits - 4)
    assert rounded(mp.mpf(1) / 3, 2) == mp.mpf("0.375")


def test_parts_add_up_and_are_short():
    found = parts(mp.pi / 2, (13, 13, 13, 24))
    assert abs(mp.fsum(found) - mp.pi / 2) < mp.mpf(2) ** -60
    assert all(part > 0 for part in found)
    for part in found[:3]:
        assert part.as_integer_ratio()[0].bit_length() <= 13


def test_a_context_of_its_own():
    """Digits that others set for mpmath change nothing."""
    expected = shared_functions()
    shared_functions.cache_clear()
    with mpmath.workdps(5):
        assert shared_functions() == expected


def test_same_text_under_any_hash_seed():
    texts = set()
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", RENDERED], env=environment, capture_output=True, check=True)
        texts.add(done.stdout)
    assert len(texts) == 1
