"""The C of the function table, compiled: every row as a function on arrays, in both precisions.

The frame that a generated kernel has is written here anew, in the smallest form: a region for the instruction
set, the macros that derive_vectors.h asks for, the shared files, the rows.
"""

import ctypes
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from derive.backends.c import functions as c
from derive.backends.c import shared_pages
from derive.emit import render

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror")
FLAGS = ("-std=c99", "-O3", "-ffp-contract=fast")
SETS = {
    "avx512": ("AVX512", "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,bmi2", 64),
    "avx2": ("AVX2", "avx2,fma,bmi2", 32),
    "plain": ("", "", 0),
    "neon": ("", "", 16),
}
HERE = ("avx512", "avx2", "plain")
"""The sets of this kind of machine; NEON is emulated."""
CROSS = "aarch64-linux-gnu-gcc"
EMULATOR = "qemu-aarch64"
PRECISIONS = {"f32": ("float", 32, "name##f"), "f64": ("double", 64, "name")}
DTYPES = {"f32": np.float32, "f64": np.float64}
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


def precisions(instructions: str) -> tuple[str, ...]:
    """Those that a set has code for."""
    return ("f32",) if instructions == "avx512" else ("f32", "f64")


def pairs(made: Iterable) -> list:
    """Ways to compile, each with the kinds of numbers that it has."""
    return [
        pytest.param(each.values[0], DTYPES[name], marks=each.marks, id=f"{each.id}-{name}")
        for each in made
        for name in precisions(each.values[0][1])
    ]


def write(folder: Path, instructions: str, names: Iterable[str]) -> Path:
    """The file to compile, with what it includes beside it."""
    macro, target, size = SETS[instructions]
    undefined = [*_OWN_MACROS, "vec", "mask", *(f"vec_{name}" for name in _VECTOR_NAMES)]
    begin = _BEGIN.format(target=target, macro=macro) if target else ""
    text = _TOP.format(begin=begin)
    for name in precisions(instructions):
        real, bits, libm = PRECISIONS[name]
        text += _PRECISION.format(
            bits=bits, lanes=max(8 * size // bits, 1), real=real, libm=libm, suffix=f"{name}_{instructions}",
            undefined="\n".join(f"#undef {each}" for each in undefined),
        )  # fmt: skip
    (folder / "rows.c").write_text(text + (_END if target else ""))
    names = list(names)
    calls = {name: c.spelling(name) for name in names} | {name: f"NAME({name})" for name in FURTHER}
    runs = (_RUN.format(name=name, call=call) for name, call in calls.items())
    (folder / "rows.inc").write_text("\n".join([c.definitions(names), *runs]))
    for file in ("derive_base.h", "derive_vectors.h", "derive_functions.h"):
        (folder / file).write_text(shared(file))
    return folder / "rows.c"


def shared(file: str = "derive_functions.h") -> str:
    """What all kernels share, by default the functions."""
    page = shared_pages()[file]
    return render(page.template, page.context)


_PROGRAM = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{prototypes}
int main(int count, char **arguments)
{{
    const size_t n = count > 4 ? strtoul(arguments[2], NULL, 10) : 0, bytes = strtoul(arguments[3], NULL, 10);
    void *z = malloc(bytes + 64), *y = malloc(bytes + 64);
    FILE *file = fopen(arguments[4], "rb");
    if (!z || !y || !file || fread(z, 1, bytes, file) != bytes || fread(y, 1, bytes, file) != bytes) return 1;
    fclose(file);
{calls}
    file = fopen(arguments[4], "wb");
    return !file || fwrite(y, 1, bytes, file) != bytes || fclose(file);
}}
"""


def emulated(folder: Path, names: Iterable[str], *flags: str) -> Callable:
    """The same for NEON: a program that an emulator runs once a call, with the numbers in a file."""
    names, suffixes = [*names, *FURTHER], {"f32": "float", "f64": "double"}
    every = [(f"run_{name}_{suffix}_neon", real) for name in names for suffix, real in suffixes.items()]
    (folder / "main.c").write_text(
        _PROGRAM.format(
            prototypes="\n".join(f"void {name}(const {real} *, {real} *, size_t);" for name, real in every),
            calls="\n".join(f'    if (!strcmp(arguments[1], "{name}")) {name}(z, y, n);' for name, _ in every),
        )
    )
    source, program, file = write(folder, "neon", names[: -len(FURTHER)]), folder / "rows", folder / "numbers"
    build(CROSS, "-static", *flags, "-o", program, source, folder / "main.c", "-lm")

    def run(name, z, y=None):
        y = np.empty_like(z) if y is None else y
        file.write_bytes(np.resize(z, len(y)).tobytes() + y.tobytes())
        suffix = "f32" if z.dtype == np.float32 else "f64"
        done = [EMULATOR, program, f"run_{name}_{suffix}_neon", str(len(z)), str(y.nbytes), file]
        subprocess.run(done, check=True)
        y[:] = np.frombuffer(file.read_bytes(), y.dtype)
        return y

    return run


def compiled(compiler: str, instructions: str, folder: Path, names: Iterable[str], *flags: str) -> Callable:
    """A function that runs a row on an array; all rows are compiled as one file."""
    if instructions == "neon":
        return emulated(folder, names, *flags)
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
