"""The C of a cell compiled as C++ over numbers that count what is done with them.

Nothing here knows a cell, its schedule or a formula. The plain set is compiled, with tiles of one row, so that no
tile is filled up. A function of the table is an evaluation, whatever it does inside; what the routine for tiles
does belongs to products, all else is done element by element. Changes of sign and comparisons are no operations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ckernels import filled, run, table, texts

Counts = dict[str, int]

_PROGRAM = """
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <vector>
#include "derive_base.h"

static long long products, elementwise, evaluations;
static int in_tile, in_function;

static void operation() {{ if (!in_function) ++(in_tile ? products : elementwise); }}
struct Tile {{ Tile() {{ ++in_tile; }} ~Tile() {{ --in_tile; }} }};
struct Evaluation {{ Evaluation() {{ if (!in_function++) ++evaluations; }} ~Evaluation() {{ --in_function; }} }};

struct Number {{
    double value;
    Number() = default;
    template <class T, class = std::enable_if_t<std::is_arithmetic<T>::value>> Number(T v) : value((double)v) {{}}
    explicit operator int64_t() const {{ return (int64_t)value; }}
    Number operator-() const {{ return -value; }}
    Number &operator+=(Number other) {{ operation(); value += other.value; return *this; }}
    Number &operator-=(Number other) {{ operation(); value -= other.value; return *this; }}
    Number &operator*=(Number other) {{ operation(); value *= other.value; return *this; }}
    Number &operator/=(Number other) {{ operation(); value /= other.value; return *this; }}
}};
static Number operator+(Number a, Number b) {{ return a += b; }}
static Number operator-(Number a, Number b) {{ return a -= b; }}
static Number operator*(Number a, Number b) {{ return a *= b; }}
static Number operator/(Number a, Number b) {{ return a /= b; }}
static bool operator<(Number a, Number b) {{ return a.value < b.value; }}
static bool operator>(Number a, Number b) {{ return a.value > b.value; }}
static bool operator<=(Number a, Number b) {{ return a.value <= b.value; }}
static bool operator>=(Number a, Number b) {{ return a.value >= b.value; }}
static bool operator==(Number a, Number b) {{ return a.value == b.value; }}
static bool operator!=(Number a, Number b) {{ return a.value != b.value; }}
static Number number_sqrt(Number a) {{ return std::sqrt(a.value); }}
static Number number_sin(Number a) {{ return std::sin(a.value); }}
static Number number_cos(Number a) {{ return std::cos(a.value); }}

#define restrict __restrict__
#define double Number
#include "{prefix}.h"

#define real Number
#define integer int64_t
#define BITS 64
#define R(name) number_##name
#define Q(name) {q}_##name
#define LANES 1
#define ROWS 1
#define NAME(name) Q(plain_##name)
#include "{prefix}_layouts.inc"
#include "{prefix}_kernels.inc"

static real *array(size_t count)
{{
    real *numbers = (real *)malloc(count * sizeof(real));
    for (size_t i = 0; i < count; i++)
        numbers[i] = 0.1 + 0.0008 * (int)(i * 7919 % 1000);
    return numbers;
}}

static void tell(const char *what)
{{
    printf("%s %lld %lld %lld\\n", what, products, elementwise, evaluations);
    products = elementwise = evaluations = 0;
}}

static void run({prefix}_dims d)
{{
    Q(params) params; Q(dparams) dparams; Q(inputs) inputs; Q(dinputs) dinputs;
    Q(state) initial, final, dfinal, dinitial; Q(outputs) outputs, doutputs;
    {fill}
    size_t tape_at[{entries}], forward_at[Q(forward_regions)], backward_at[Q(backward_regions)], at[Q(groups)];
    const size_t packed = Q(packed_layout)(&d, at);
    real *tape = array(Q(tape_layout)(&d, tape_at));
    real *work = array(Q(forward_layout)(&d, 1, forward_at) + packed);
    tell("setup");
    for (size_t stage = 0; stage < {prefix}_forward_stages; stage++)
        NAME(forward)(&d, &params, NULL, &inputs, &initial, &outputs, &final, tape, work, stage, 0, 1,
            0, NULL, NULL);
    tell("forward");
    work = array(Q(backward_layout)(&d, 1, backward_at) + packed);
    tell("setup");
    for (size_t stage = 0; stage < {prefix}_backward_stages; stage++)
        NAME(backward)(&d, &params, NULL, &inputs, &initial, tape, &doutputs, &dfinal, &dparams, &dinputs,
            &dinitial, work, stage, 0, 1, 0, NULL, NULL);
    tell("backward");
}}

int main(int count, char **sizes)
{{
    for (int k = 1; k + {axes} <= count; k += {axes}) {{
        {prefix}_dims d;
        for (int i = 0; i < {axes}; i++) ((size_t *)&d)[i] = strtoull(sizes[k + i], NULL, 10);
        run(d);
    }}
    return 0;
}}
"""


def counter(name: str, folder: Path) -> Path:
    """A program that counts, for sizes (T, B, the cell's axes) as its arguments."""
    of = table(name)
    found = {**texts(name)}
    for file in ("derive_functions.h", f"{of.prefix}_kernels.inc"):
        found[file] = re.sub(
            r"^INLINE vec NAME\(\w+\)\(vec [^)]*\)\s*\{", _with("Evaluation"), found[file], flags=re.MULTILINE
        )
    found["derive_vectors.h"] = _marked(found["derive_vectors.h"], r"INLINE vec vec_sqrt\(vec v\) \{", "Evaluation")
    tiles = r"^INLINE void NAME\((?:tile|row|abreast)\)\([^{]*\{"
    found["derive_tiles.h"] = _marked(found["derive_tiles.h"], tiles, "Tile")
    # A stretch of a sum is added to what is there once in many numbers, or parts of one: not counted.
    total = "sum_0 + sum_1"
    for file, stretch, uncounted in (
        ("derive_vectors.h", total, re.sub(r"(sum_\d)", r"\1.value", f"real({total})")),
        ("derive_sums.h", "sums[v] += some[v];", "sums[v].value += some[v].value;"),
        ("derive_tiles.h", "vec_load(c + v * LANES, count) + sums[v]",
         "real(vec_load(c + v * LANES, count).value + sums[v].value)"),
    ):  # fmt: skip
        assert found[file].count(stretch) == 1
        found[file] = found[file].replace(stretch, uncounted)
    kernels = found[f"{of.prefix}_kernels.inc"]
    found[f"{of.prefix}_kernels.inc"] = kernels[: kernels.rindex("static const Q(kernels)")]
    for file, text in found.items():
        (folder / file).write_text(text)
    sequence, batch = ("T", "B"), ("B",)
    fill = [
        *filled("params", of.params, ()), *filled("dparams", of.params, ()),
        *filled("inputs", of.inputs, sequence), *filled("dinputs", of.inputs, sequence),
        *filled("outputs", of.outputs, sequence), *filled("doutputs", of.outputs, sequence),
        *(line for state in ("initial", "final", "dfinal", "dinitial") for line in filled(state, of.states, batch)),
    ]  # fmt: skip
    (folder / "count.cpp").write_text(
        _PROGRAM.format(
            prefix=of.prefix,
            q=f"{of.prefix}_f64",
            fill="\n    ".join(line.replace(" = array(", " = ::array(") for line in fill),
            entries=max(1, len(of.tape)),
            axes=len(of.axes),
        )
    )
    flags = ("-std=c++17", "-O0", "-w", "-Wno-address-of-temporary")
    run(["clang++", *flags, "-o", "count", "count.cpp"], folder)
    return folder / "count"


def counts(program: Path, sizes: Iterable[Sequence[int]]) -> list[Mapping[str, Counts]]:
    """For each of some sizes: of forward and of backward, how often what was done."""
    told = run(
        [program, *(str(n) for each in sizes for n in each)], program.parent, ASAN_OPTIONS="detect_leaks=0"
    ).splitlines()
    found: list[dict[str, Counts]] = []
    for line in told:
        what, *numbers = line.split()
        if what == "forward":
            found.append({})
        if what != "setup":
            kinds = ("products", "elementwise", "functions")
            found[-1][what] = dict(zip(kinds, map(int, numbers), strict=True))
    return found


def _with(guard: str):
    return lambda match: f"{match[0]} const {guard} guard;"


def _marked(text: str, pattern: str, guard: str) -> str:
    marked, number = re.subn(pattern, _with(guard), text, flags=re.MULTILINE)
    assert number >= 1, pattern
    return marked
