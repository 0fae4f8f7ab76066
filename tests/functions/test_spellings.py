"""Every row as NumPy and as C, in both precisions, against mpmath; and what a wrong one would show.

The C is vector code: of every instruction set and by both compilers, and once without contraction.
"""

import re
import warnings

import mpmath
import numpy as np
import pytest
import reference
import sympy as sp
import vectorcode

from derive.backends import closedform
from derive.backends.c import functions as c
from derive.backends.numpy import functions as numpy
from derive.functions import Z, lookup
from derive.functions.table import Row

DTYPES = [np.float32, np.float64]
UNITS = 8
NAN_IS_A_STEP = ("positive", "nonnegative", "hard_sigmoid_prime", "hard_tanh_prime")


def in_numpy(name: str):
    space: dict = {"np": np}
    exec(f"{numpy.definitions([name])}\nfound = {numpy.spelling(name)}", space)  # noqa: S102
    return space["found"]


MADE = [
    pytest.param((compiler, instructions, *flags), marks=pytest.mark.needs(compiler), id=f"{compiler}-{name}")
    for compiler in ("gcc", "clang")
    for name, instructions, *flags in (
        ("avx512", "avx512"),
        ("avx2", "avx2"),
        ("plain", "plain"),
        ("apart", "avx2", "-ffp-contract=off"),
    )
] + [
    pytest.param(
        (vectorcode.CROSS, "neon"), marks=pytest.mark.needs(vectorcode.CROSS, vectorcode.EMULATOR), id="neon, emulated"
    )
]


IN_EACH = pytest.mark.parametrize(("in_c", "dtype"), vectorcode.pairs(MADE), indirect=["in_c"], scope="module")


@pytest.fixture(scope="module")
def in_c(request, tmp_path_factory):
    """A function that runs a row's vector code on an array; all rows are compiled as one file."""
    compiler, instructions, *flags = request.param
    run = vectorcode.compiled(compiler, instructions, tmp_path_factory.mktemp("c"), reference.ROWS, *flags)
    if not vectorcode.runs_here(instructions):
        pytest.skip(f"this processor has no {instructions}; the code compiles")
    return run


def planted(folder, names):
    """The same for a few rows, which a test has changed."""
    return vectorcode.compiled("gcc", "plain", folder, names)


def check_values(got, name, dtype):
    z, values, scales = reference.samples(lookup(name).closed, dtype)
    y = got(z)
    assert y.dtype == dtype
    assert len(z) > 80
    off = reference.worst(y, values, scales)
    assert off <= UNITS, f"{name}: {off} units"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", reference.ROWS)
def test_numpy_against_mpmath(name, dtype):
    check_values(in_numpy(name), name, dtype)


@IN_EACH
def test_c_against_mpmath(in_c, dtype):
    for name in reference.ROWS:
        check_values(lambda z, name=name: in_c(name, z), name, dtype)


@IN_EACH
def test_c_at_any_length(in_c, dtype):
    """What is behind the last number is neither read as one nor written to."""
    z = np.linspace(-3, 3, 37).astype(dtype)
    whole = in_c("tanh", z)
    for length in range(37):
        space = np.full(64, 7, dtype)
        in_c("tanh", z[:length], space)
        assert (space[:length] == whole[:length]).all()
        assert (space[length:] == 7).all()


@IN_EACH
def test_infinity_in_c_where_it_has_a_value(in_c, dtype):
    check_infinity(in_c, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_infinity_in_numpy_where_it_has_a_value(dtype):
    check_infinity(lambda name, z: in_numpy(name)(z), dtype)


def check_infinity(run, dtype):
    for name in reference.ROWS:
        for z in (np.array([np.inf], dtype), np.array([-np.inf], dtype)):
            expected = reference.at(lookup(name).closed, float(z[0]))
            if expected is not None:
                np.testing.assert_allclose(run(name, z), dtype(float(expected)), rtol=float(np.finfo(dtype).eps))


@IN_EACH
def test_nan_passes_through_c(in_c, dtype):
    check_nan(in_c, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_passes_through_numpy(dtype):
    check_nan(lambda name, z: in_numpy(name)(z), dtype)


def check_nan(run, dtype):
    z = np.array([np.nan, 0.5, np.nan], dtype)
    for name in reference.ROWS:
        passes = name not in NAN_IS_A_STEP
        assert np.isnan(run(name, z)).tolist() == [passes, False, passes], name


@pytest.mark.parametrize("name", reference.ROWS)
def test_numpy_keeps_shape_and_kind(name):
    z = np.full((2, 3, 4), 0.25, np.float32)
    y = in_numpy(name)(z)
    assert (y.shape, y.dtype) == (z.shape, z.dtype)


def test_error_function_only_where_needed():
    assert "error_function_parts" not in numpy.definitions(["sigmoid", "tanh", "mish"])
    text = numpy.definitions(["gelu", "gelu_prime", "erf"])
    assert text.count("def error_function_parts") == text.count("def erfc(") == text.count("def erf(") == 1
    assert "import" not in text
    assert "type: ignore" not in text


def test_native_spellings():
    assert [numpy.spelling(n) for n in ("tanh", "abs", "silu")] == ["np.tanh", "np.abs", "silu"]
    found = [c.spelling(n) for n in ("tanh", "abs", "sqrt", "sigmoid")]
    assert found == ["NAME(tanh)", "NAME(fabs)", "vec_sqrt", "NAME(sigmoid)"]
    assert numpy.definition("tanh") == c.definition("tanh") == ""


def test_no_row_has_the_name_of_a_function_that_all_share():
    shared = set(re.findall(r"NAME\((\w+)\)\(vec", vectorcode.shared()))
    assert {"exp", "erfc_tail", "at_most"} <= shared
    assert not [name for name in reference.ROWS if name in shared and c.definition(name)]


def test_planted_wrong_spelling_is_caught(monkeypatch):
    monkeypatch.setitem(numpy._PRINTER.primitives, "log1p", "np.log")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(AssertionError):
            check_values(in_numpy("softplus"), "softplus", np.float64)


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("dtype", DTYPES)
def test_planted_wrong_spelling_in_c_is_caught(monkeypatch, tmp_path, dtype):
    monkeypatch.setitem(c._PRINTER.primitives, "log1p", "NAME(log)")
    run = planted(tmp_path, ["softplus"])
    with pytest.raises(AssertionError):
        check_values(lambda z: run("softplus", z), "softplus", dtype)


@pytest.mark.needs("gcc")
def test_an_arm_that_is_not_chosen_may_be_anything(monkeypatch, tmp_path):
    arms = Row("arms", sp.Piecewise((sp.log(Z) + sp.sqrt(Z), Z > 0), (1 / Z, Z < 0), (Z, True)), "", "")
    monkeypatch.setattr(c, "lookup", lambda name: arms)
    z = np.array([-4, -0.0, 0, 1, np.nan], np.float32)
    np.testing.assert_array_equal(planted(tmp_path, ["arms"])("arms", z), np.array([-0.25, -0.0, 0, 1, np.nan]))


def test_unstable_closed_form_is_caught(monkeypatch):
    naive = Row("naive", sp.log(1 + sp.exp(Z)), "", "softplus without care")
    monkeypatch.setattr("derive.backends.numpy.functions.lookup", lambda name: naive)
    with pytest.raises(RuntimeWarning, match="overflow"):
        in_numpy("naive")(np.array([1e3]))


def test_unknown_primitive_names_the_remedy(monkeypatch):
    odd = Row("odd", 1 + sp.besselj(0, Z), "", "")
    for module, define in ((numpy, numpy.definition), (c, c.definition)):
        monkeypatch.setattr(module, "lookup", lambda name: odd)
        with pytest.raises(TypeError, match=r"no spelling for besselj .* give it one in derive/backends/"):
            define("odd")


def test_gaussians_vanish_for_large_arguments():
    z = mpmath.mpf("1e30")
    saturated = closedform.saturated(lookup("gelu_prime_prime").closed)
    assert saturated.atoms(closedform.Clip)
    assert not closedform.saturated(lookup("mish_prime").closed).atoms(closedform.Clip)
    assert in_numpy("gelu_prime_prime")(np.array([float(z)], np.float32)) == 0
