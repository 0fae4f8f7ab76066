"""The C of the function table, compiled: every row as a function on arrays, in both precisions.

The frame that a generated kernel has is written here anew, in the smallest form: a region for the instruction
set, the macros that derive_vectors.h asks for, the shared files, the rows.
"""

import ctypes
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from derive.backends.c import functions as c
from derive.backends.c import shared_pages
from derive.emit import render

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror")
FLAGS = ("-std=c99", "-O3", "-ffp-contract=fast")
SETS = {
    "avx512": ("AVX512", "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,bmi2", 64),
    "avx2": ("AVX2", "avx2,fma,bmi2", 32),
    "plain": ("", "", 0),
}
PRECISIONS = {"f32": ("float", 32, "name##f"), "f64": ("double", 64, "name")}
FURTHER = ("erfc",)
"""Primitives that are no row alone."""
FLAG_OF_CPU = {"avx512": "avx512dq", "avx2": "fma"}

_TOP = """\
#include "derive_base.h"
{begin}
"""

_BEGIN = """\
#if defined __clang__
#pragma clang attribute push(__attribute__((target("{target}"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("{target}")
#endif
#define {macro}
"""

_END = """\
#if defined __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
"""

_PRECISION = """\
#define BITS {bits}
#define LANES {lanes}
#define real {real}
#define integer int{bits}_t
#define R(name) {libm}
#define NAME(name) name##_{suffix}
#include "derive_vectors.h"
#include "derive_functions.h"
#include "rows.inc"
{undefined}
"""

_RUN = """\
void NAME(run_{name})(const real *z, real *y, size_t n);
void NAME(run_{name})(const real *z, real *y, size_t n)
{{
    for (size_t k = 0; k < n; k += LANES)
        vec_store(y + k, {call}(vec_load(z + k, n - k)), n - k);
}}
"""

_OWN_MACROS = ("BITS", "LANES", "real", "integer", "R", "NAME", "V", "M", "MASK")
_VECTOR_NAMES = ("load", "store", "bits", "of_bits", "choose", "sqrt", "sum", "largest", "first", "keep")


def write(folder: Path, instructions: str, names: Iterable[str]) -> Path:
    """The file to compile, with what it includes beside it."""
    macro, target, size = SETS[instructions]
    undefined = [*_OWN_MACROS, "vec", "mask", *(f"vec_{name}" for name in _VECTOR_NAMES)]
    text = _TOP.format(begin=_BEGIN.format(target=target, macro=macro) if target else "")
    for name, (real, bits, libm) in PRECISIONS.items():
        text += _PRECISION.format(
            bits=bits, lanes=max(8 * size // bits, 1), real=real, libm=libm, suffix=f"{name}_{instructions}",
            undefined="\n".join(f"#undef {each}" for each in undefined),
        )  # fmt: skip
    (folder / "rows.c").write_text(text + (_END if target else ""))
    names = list(names)
    calls = {name: c.spelling(name) for name in names} | {name: f"NAME({name})" for name in FURTHER}
    runs = (_RUN.format(name=name, call=call) for name, call in calls.items())
    (folder / "rows.inc").write_text("\n".join([c.definitions(names), *runs]))
    for file in ("base", "vectors"):
        page = shared_pages()[f"derive_{file}.h"]
        (folder / f"derive_{file}.h").write_text(render(page.template, page.context))
    (folder / "derive_functions.h").write_text(shared())
    return folder / "rows.c"


def shared() -> str:
    """The functions that all kernels share."""
    return render("c/shared/functions.h.j2", c.shared_functions())


def compiled(compiler: str, instructions: str, folder: Path, names: Iterable[str], *flags: str) -> Callable:
    """A function that runs a row on an array; all rows are compiled as one file."""
    source, library = write(folder, instructions, names), folder / "rows.so"
    build(compiler, "-shared", "-fPIC", *flags, "-o", library, source, "-lm")
    loaded = ctypes.CDLL(str(library))

    def run(name, z, y=None):
        y = np.empty_like(z) if y is None else y
        suffix = "f32" if z.dtype == np.float32 else "f64"
        call = getattr(loaded, f"run_{name}_{suffix}_{instructions}")
        call(ctypes.c_void_p(z.ctypes.data), ctypes.c_void_p(y.ctypes.data), ctypes.c_size_t(len(z)))
        return y

    return run


def build(compiler: str, *arguments: object) -> None:
    command = [compiler, *FLAGS, *WARNINGS, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


def runs_here(instructions: str) -> bool:
    """Whether this processor has the set."""
    wanted = FLAG_OF_CPU.get(instructions)
    return wanted is None or wanted in Path("/proc/cpuinfo").read_text().split()
