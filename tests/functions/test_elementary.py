"""Our own exp, log, sin and the like in C: how many units in the last place they are off.

A few thousand numbers by default, in both precisions; with DERIVE_FULL=1 also every float there is.
"""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pytest
import vectorcode

from derive.backends.c import elementary

FULL = os.environ.get("DERIVE_FULL")
COUNT = 250  # of numbers in each of some eight ranges
DTYPES = [np.float32, np.float64]
INF, NAN = np.inf, np.nan


def sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


def erfc(z):
    return mpmath.erfc(z) if z < 100 else mpmath.mpf(0)


EXACT = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "tanh": mpmath.tanh,
    "sigmoid": sigmoid,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "erf": mpmath.erf,
    "erfc": erfc,
}
UNITS = dict.fromkeys(EXACT, 4) | dict.fromkeys(("exp", "tanh", "sigmoid", "log"), 3)
FROM = {"log": 0, "log1p": -1}
"""Numbers at or below have no logarithm."""
SPECIAL = {
    "exp": [(-INF, 0), (INF, INF), (-0.0, 1), (1e4, INF), (-1e4, 0)],
    "expm1": [(-INF, -1), (INF, INF), (-0.0, -0.0), (0, 0), (1e4, INF), (-1e4, -1)],
    "log": [(-INF, NAN), (INF, INF), (-0.0, -INF), (0, -INF), (-1, NAN), (-1e-40, NAN), (1, 0)],
    "log1p": [(-INF, NAN), (INF, INF), (-0.0, -0.0), (0, 0), (-1, -INF), (-2, NAN)],
    "tanh": [(-INF, -1), (INF, 1), (-0.0, -0.0), (0, 0)],
    "sigmoid": [(-INF, 0), (INF, 1), (-0.0, 0.5), (-1e4, 0)],
    "sin": [(-0.0, -0.0), (0, 0)],
    "cos": [(-0.0, 1), (0, 1)],
    "erf": [(-INF, -1), (INF, 1), (-0.0, -0.0), (0, 0)],
    "erfc": [(-INF, 2), (INF, 0), (-0.0, 1), (0, 1)],
}
MADE = [
    pytest.param((compiler, instructions), marks=pytest.mark.needs(compiler), id=f"{compiler}-{instructions}")
    for compiler in ("gcc", "clang")
    for instructions in vectorcode.HERE
] + [
    pytest.param(
        (vectorcode.CROSS, "neon"), marks=pytest.mark.needs(vectorcode.CROSS, vectorcode.EMULATOR), id="neon, emulated"
    )
]


IN_EACH = pytest.mark.parametrize(("run", "dtype"), vectorcode.pairs(MADE), indirect=["run"], scope="module")


@pytest.fixture(scope="module")
def run(request, tmp_path_factory):
    compiler, instructions = request.param
    return here(compiler, instructions, tmp_path_factory.mktemp("c"))


def here(compiler, instructions, folder):
    if not vectorcode.runs_here(instructions):
        pytest.skip(f"this processor has no {instructions}")
    return vectorcode.compiled(compiler, instructions, folder, [name for name in EXACT if name != "erfc"])


def numbers(name, dtype):
    """Of all sizes, close together where functions bend, and where they over- and underflow."""
    rng = np.random.default_rng(1)
    info, single = np.finfo(dtype), dtype == np.float32
    end = np.log10(float(info.max))
    wide = 10 ** rng.uniform(-end - 5, end, COUNT)
    small = 10 ** rng.uniform(-10, 1, COUNT)
    reach = {"erf": (5, 7), "erfc": (10.5, 28), "sin": (3300, 1.7e6), "cos": (3300, 1.7e6)}.get(name, (110, 760))
    quarters = np.arange(COUNT) * (np.pi / 2)
    ranges = (wide, small, rng.uniform(0, 8, COUNT), rng.uniform(0, reach[0 if single else 1], COUNT), quarters)
    parts = [part * sign for part in ranges for sign in (1, -1)] + [1 + small, 1 - small]
    z = np.concatenate([*parts, [info.max, info.tiny, info.smallest_subnormal]]).astype(dtype)
    return z[(z > FROM.get(name, -INF)) & (z != 0)]


def units_off(y, exact):
    """Infinity counts as the number after the largest."""
    info = np.finfo(y.dtype)
    beyond = mpmath.ldexp(1, int(info.maxexp))
    worst = 0
    for got, value in zip(y, exact, strict=True):
        number = mpmath.mpf(float(got)) if np.isfinite(got) else mpmath.mpf(float(np.sign(got))) * beyond
        held = max(min(value, beyond), -beyond)
        exponent = max(mpmath.frexp(held)[1] - 1, int(info.minexp))
        worst = max(worst, abs(number - held) / mpmath.ldexp(1, exponent - int(info.nmant)))
    return float(worst)


@IN_EACH
@pytest.mark.parametrize("name", EXACT)
def test_units_in_the_last_place(run, name, dtype):
    z = numbers(name, dtype)
    y = run(name, z)
    assert not np.isnan(y).any()
    assert len(z) > 1500
    with mpmath.workdps(40):
        worst = units_off(y, [EXACT[name](mpmath.mpf(float(x))) for x in z])
    assert worst <= UNITS[name]


@IN_EACH
@pytest.mark.parametrize("name", EXACT)
def test_special_values(run, name, dtype):
    """Each alone in its vector, and among others."""
    for z, expected in [*SPECIAL[name], (NAN, NAN), (-NAN, NAN)]:
        for length in (1, 64):
            y = run(name, np.full(length, z, dtype))
            np.testing.assert_array_equal(y, np.full(length, expected, dtype), f"{name}({z})")
            if not np.isnan(expected):
                assert (np.signbit(y) == np.signbit(expected)).all(), f"the sign of {name}({z})"


@IN_EACH
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_libm_far_from_zero(run, name, dtype):
    """One lane beyond the interval is enough; infinity has no sine."""
    z = np.array([1, 1e8, -1e20, INF, 0.5] * 13, dtype)
    y = run(name, z)
    with mpmath.workdps(60):
        exact = [EXACT[name](mpmath.mpf(float(x))) for x in z if np.isfinite(x)]
    assert units_off(y[np.isfinite(z)], exact) <= UNITS[name]
    assert np.isnan(y[np.isinf(z)]).all()


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("dtype", DTYPES)
def test_too_few_coefficients_are_caught(monkeypatch, tmp_path, dtype):
    short = [replace(p, degrees=(p.degrees[0] - 2, *p.degrees[1:])) for p in elementary._PRECISIONS]
    monkeypatch.setattr(elementary, "_PRECISIONS", short)
    elementary.shared_functions.cache_clear()
    try:
        run = here("gcc", "plain", tmp_path)
    finally:
        elementary.shared_functions.cache_clear()
    with pytest.raises(AssertionError):
        test_units_in_the_last_place(run, "exp", dtype)


@pytest.mark.skipif(not FULL, reason="every float takes minutes: DERIVE_FULL=1")
@pytest.mark.needs("gcc")
@pytest.mark.parametrize("instructions", vectorcode.HERE)
def test_every_float(instructions, tmp_path, record_property):
    here("gcc", instructions, tmp_path)
    program, main = tmp_path / "every", Path(__file__).parent / "exhaustive.c"
    vectorcode.build("gcc", f"-DSET={instructions}", "-o", program, main, tmp_path / "rows.c", "-lm")
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        name, worst, *_ = line.split()
        record_property("shown", f"{instructions} {name}: {worst} units in the last place at most, of all floats")
        assert float(worst) <= UNITS[name], line
