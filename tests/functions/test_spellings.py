"""Every row as NumPy and as C, in both precisions, against mpmath; and what a wrong one would show."""

import ctypes
import subprocess
import warnings

import mpmath
import numpy as np
import pytest
import reference
import sympy as sp

from derive.backends import closedform
from derive.backends.c import functions as c
from derive.backends.numpy import functions as numpy
from derive.functions import Z, lookup
from derive.functions.table import Row

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror")
DTYPES = [np.float32, np.float64]
UNITS = 8
NAN_IS_A_STEP = ("positive", "nonnegative", "hard_sigmoid_prime", "hard_tanh_prime")


def in_numpy(name: str):
    space: dict = {"np": np}
    exec(f"{numpy.definitions([name])}\nfound = {numpy.spelling(name)}", space)  # noqa: S102
    return space["found"]


COMPILERS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("gcc", "clang")]


@pytest.fixture(scope="module", params=COMPILERS)
def in_c(request, tmp_path_factory):
    """A function that calls a row's C helper on an array; all rows are compiled as one file."""
    return compiled(request.param, tmp_path_factory.mktemp("c"), reference.ROWS)


def compiled(compiler, folder, names):
    runs = "".join(
        f"void R(run_{name})(const real *z, real *y, int n);\n"
        f"void R(run_{name})(const real *z, real *y, int n)\n"
        f"{{\n    for (int k = 0; k < n; k++) y[k] = {c.spelling(name, 'cell_')}(z[k]);\n}}\n"
        for name in names
    )
    (folder / "body.inc").write_text(c.definitions(names, "cell_") + runs)
    (folder / "both.c").write_text(
        "#include <math.h>\n"
        '#define real float\n#define R(name) name##f\n#include "body.inc"\n#undef real\n#undef R\n'
        '#define real double\n#define R(name) name\n#include "body.inc"\n'
    )
    library = folder / "both.so"
    subprocess.run(
        [compiler, "-std=c99", *WARNINGS, "-O2", "-shared", "-fPIC", "-o", library, folder / "both.c", "-lm"],
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = ctypes.CDLL(str(library))

    def run(name, z):
        y = np.empty_like(z)
        call = getattr(loaded, f"run_{name}" + ("f" if z.dtype == np.float32 else ""))
        call(ctypes.c_void_p(z.ctypes.data), ctypes.c_void_p(y.ctypes.data), len(z))
        return y

    return run


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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", reference.ROWS)
def test_c_against_mpmath(in_c, name, dtype):
    check_values(lambda z: in_c(name, z), name, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", reference.ROWS)
def test_infinity_where_it_has_a_value(in_c, name, dtype):
    for z in (np.array([np.inf], dtype), np.array([-np.inf], dtype)):
        expected = reference.at(lookup(name).closed, float(z[0]))
        if expected is not None:
            for y in (in_numpy(name)(z), in_c(name, z)):
                np.testing.assert_allclose(y, dtype(float(expected)), rtol=float(np.finfo(dtype).eps))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", reference.ROWS)
def test_nan_passes_through(in_c, name, dtype):
    z = np.array([np.nan, 0.5, np.nan], dtype)
    expected = [name not in NAN_IS_A_STEP, False, name not in NAN_IS_A_STEP]
    assert np.isnan(in_numpy(name)(z)).tolist() == expected
    assert np.isnan(in_c(name, z)).tolist() == expected


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
    assert [c.spelling(n, "p_") for n in ("tanh", "abs", "sigmoid")] == ["R(tanh)", "R(fabs)", "R(p_sigmoid)"]
    assert numpy.definition("tanh") == c.definition("tanh", "p_") == ""


def test_planted_wrong_spelling_is_caught(monkeypatch):
    monkeypatch.setitem(numpy._PRINTER.primitives, "log1p", "np.log")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(AssertionError):
            check_values(in_numpy("softplus"), "softplus", np.float64)


def test_unstable_closed_form_is_caught(monkeypatch):
    naive = Row("naive", sp.log(1 + sp.exp(Z)), "", "softplus without care")
    monkeypatch.setattr("derive.backends.numpy.functions.lookup", lambda name: naive)
    with pytest.raises(RuntimeWarning, match="overflow"):
        in_numpy("naive")(np.array([1e3]))


def test_unknown_primitive_names_the_remedy(monkeypatch):
    odd = Row("odd", 1 + sp.besselj(0, Z), "", "")
    for module, define in ((numpy, numpy.definition), (c, lambda name: c.definition(name, ""))):
        monkeypatch.setattr(module, "lookup", lambda name: odd)
        with pytest.raises(TypeError, match=r"no spelling for besselj .* give it one in derive/backends/"):
            define("odd")


def test_gaussians_vanish_for_large_arguments():
    z = mpmath.mpf("1e30")
    saturated = closedform.saturated(lookup("gelu_prime_prime").closed)
    assert saturated.atoms(closedform.Clip)
    assert not closedform.saturated(lookup("mish_prime").closed).atoms(closedform.Clip)
    assert in_numpy("gelu_prime_prime")(np.array([float(z)], np.float32)) == 0
