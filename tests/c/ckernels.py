"""The C of every cell, rendered, compiled and bound, once a session; and a driver in C that calls all of it.

The driver's buffers have exactly the size that the header asks for, so that a tool that watches memory
sees every step outside.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from cellfolder import Arguments, assert_close, cell, derived, module, named, numbers, results

from derive import build, emit
from derive.backends import Proven, c
from derive.backends.c.names import member
from derive.language import Cell
from derive.native import Field, Interface, Kernel, load
from derive.native.load import compiled

STRICT = (
    "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion",
    "-Wcast-align", "-Werror",
)  # fmt: skip
HEADER = ("Derived in a test.",)


@cache
def texts(name: str) -> Mapping[str, str]:
    """File name → text, of C alone."""
    pages = {**c.pages(derived(name), HEADER, Proven((), ())), **c.shared_pages()}
    return {file: emit.render(page.template, page.context) for file, page in pages.items() if file != "native.py"}


def native_module(name: str) -> str:
    page = c.pages(derived(name), HEADER, Proven((), ()))["native.py"]
    return emit.render(page.template, page.context)


@cache
def table(name: str) -> Interface:
    return c.interface(cell(name), derived(name).schedule)


@cache
def kernel(name: str) -> Kernel:
    """Compiled with every warning an error."""
    library = load(texts(name), c.main_source(cell(name)), STRICT)
    return Kernel(library, table(name), module(name).init, module(name).tape_of)


def library(name: str) -> Path:
    """The same library as a file."""
    return compiled(texts(name), c.main_source(cell(name)), STRICT)


def written(name: str, folder: Path) -> Path:
    """The sources in a folder; returns the file to compile."""
    for file, text in texts(name).items():
        (folder / file).write_text(text)
    return folder / c.main_source(cell(name))


def run(command: Sequence[str | Path], folder: Path, **environment: str) -> str:
    """The output of a command that has to succeed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder, env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}"
    return done.stdout


def agree(of: Cell, *sizes: Mapping[str, int], weights: float = 1.0) -> None:
    """C and NumPy give the same for a cell that is in no folder; small `weights` where large ones amplify rounding."""
    got, wanted = (build(of, backend=backend) for backend in ("c", "numpy"))
    for each in sizes:
        problem = numbers(of, each)
        problem = replace(problem, params={name: weights * array for name, array in problem.params.items()})
        assert_close(*(results(made, Arguments(made, problem)) for made in (got, wanted)), 1e-13)


def inference(name: str, given: Arguments) -> dict[str, np.ndarray]:
    """Outputs and final states without a tape."""
    made = kernel(name)
    y, final, tape = made.forward(given.params, given.x, given.initial, tape=False)
    assert tape is None
    outputs = {f"output {k}": v for k, v in named(made.Output, y).items()}
    return outputs | {f"final {k}": v for k, v in final._asdict().items()}


# -- the driver


def _axis(axis: str | tuple[str, ...]) -> str:
    parts = (axis,) if isinstance(axis, str) else axis
    return "(" + " + ".join(f"d.{member(part)}" for part in parts) + ")"


def filled(struct: str, fields: Iterable[Field], leading: tuple[str, ...]) -> list[str]:
    lines = []
    for field in fields:
        count = " * ".join(map(_axis, (*leading, *field.shape))) or "1"
        lines.append(f"{struct}.{member(field.name)} = array({count});")
    return lines


def checked(struct: str, fields: Iterable[Field], leading: tuple[str, ...]) -> list[str]:
    lines = []
    for field in fields:
        count = " * ".join(map(_axis, (*leading, *field.shape))) or "1"
        lines.append(f"check({struct}.{member(field.name)}, {count});")
    return lines


_DRIVER = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "{prefix}.h"

static void *kept[4096];
static size_t many;
static FILE *results;
static {prefix}_options how;

static void *keep(void *memory)
{{
    if (!memory) abort();
    return kept[many++] = memory;
}}

static void *buffer(size_t bytes)
{{
    return keep(aligned_alloc(64, bytes ? bytes : 64));
}}

static void must(int code)
{{
    if (code) {{ printf("error %d\\n", code); exit(3); }}
}}
{parts}
/* Every set that there is, or the one asked for; then threads, if asked for; then where to write results. */
int main(int count, char **arguments)
{{
    static const size_t sizes[][{axes}] = {{ {sizes} }};
    const int asked = count > 1 ? atoi(arguments[1]) : 0;
    how.parts = count > 2 ? atoi(arguments[2]) : 0;
    results = count > 3 ? fopen(arguments[3], "wb") : NULL;
    void *crew = how.parts > 1 ? aligned_alloc(64, ({prefix}_crew_bytes() + 63) / 64 * 64) : NULL;
    if (crew) must({prefix}_crew_start(crew, how.parts));
    how.crew = crew;
    for (how.set = asked ? asked : 1; how.set <= (asked ? asked : {prefix}_neon); how.set++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {{
            {prefix}_dims d;
            size_t *each = (size_t *)&d;
            for (size_t i = 0; i < {axes}; i++) each[i] = sizes[k][i];
            {runs}
        }}
    if (results) fclose(results);
    if (crew) {prefix}_crew_end(crew);
    free(crew);
    printf("done\\n");
    return 0;
}}
"""

_PART = """
/* ---- {precision} ---- */

/* exactly as many numbers as asked for; the header asks for no alignment */
static {real} *array_{precision}(size_t count)
{{
    {real} *numbers = keep(malloc(count * sizeof({real})));
    for (size_t i = 0; i < count; i++) {{
        const size_t any = (i * 7919 + many * 104729) % 1000;
        numbers[i] = ({real})({least} + 0.0008 * (double)any);
    }}
    return numbers;
}}

/* reads every number, so that one never written is found */
static void check_{precision}(const {real} *numbers, size_t count)
{{
    const double header = (double)count;
    if (results) fwrite(&header, sizeof header, 1, results);
    for (size_t i = 0; i < count; i++) {{
        const double number = (double)numbers[i];
        if (!(number - number == 0)) {{ printf("not finite\\n"); exit(2); }}
        if (results) fwrite(&number, sizeof number, 1, results);
    }}
}}

static void run_{precision}({prefix}_dims d)
{{
    {q}_params params; {q}_dparams dparams = {{0}};
    {q}_inputs inputs; {q}_dinputs dinputs = {{0}};
    {q}_state initial, final, dfinal, dinitial;
    {q}_outputs outputs, doutputs;
    const {prefix}_options alone = {{.set = how.set}}, *const o = &how;
    {q}_forward_function *const forward = how.parts ? {q}_forward_threads : {q}_forward;
    {q}_backward_function *const backward = how.parts ? {q}_backward_threads : {q}_backward;
    many = 0;
    {fill}
    void *packed = buffer({q}_packed_bytes(&d, o));
    void *tape = buffer({q}_tape_bytes(&d, o));
    void *work = buffer({q}_work_bytes(&d, o));
    const int code = {q}_pack(&d, &params, packed, &alone);
    if (code == {prefix}_unsupported) {{
        while (many > 0) free(kept[--many]);
        return;
    }}
    must(code);
    must(forward(&d, &params, NULL, &inputs, NULL, &outputs, NULL, NULL, work, o));
    {check_outputs}
    must(forward(&d, &params, NULL, &inputs, &initial, &outputs, &final, tape, work, o));
    {check_outputs}
    {check_final}
    work = buffer({q}_work_bytes(&d, o));
    must(backward(&d, &params, NULL, &inputs, &initial, tape, &doutputs, &dfinal, NULL, NULL, NULL, work, o));
    must(backward(&d, &params, NULL, &inputs, &initial, tape, &doutputs, NULL, &dparams, &dinputs, &dinitial, work,
        o));
    {fill_gradients}
    work = buffer({q}_work_bytes(&d, o));
    must(backward(&d, &params, packed, &inputs, NULL, tape, &doutputs, &dfinal, &dparams, &dinputs, &dinitial, work,
        o));
    {check_gradients}
    {prefix}_dims one = d;
    one.T = 1;
    work = buffer({q}_work_bytes(&one, &alone));
    must({q}_step(&one, &params, packed, &inputs, &final, &outputs, &final, work, &alone));
    {check_final}
    how.inference = 1;
    {prefix}_options alone_too = alone;
    alone_too.inference = 1;
    packed = buffer({q}_packed_bytes(&d, o));
    work = buffer({q}_work_bytes(&d, o));
    must({q}_pack(&d, &params, packed, &alone_too));
    must(forward(&d, &params, packed, &inputs, &initial, &outputs, &final, NULL, work, o));
    {check_outputs}
    {check_final}
    work = buffer({q}_work_bytes(&one, &alone_too));
    must({q}_step(&one, &params, packed, &inputs, &final, &outputs, &final, work, &alone_too));
    {check_final}
    how.inference = 0;
    while (many > 0) free(kept[--many]);
}}
"""


def driver(
    name: str, sizes: Iterable[Sequence[int]], precisions: Sequence[str] = ("f32", "f64"), least: float = 0.1
) -> str:
    """A C program that calls every function at some sizes (T, B, the cell's axes) and reads all results.

    All numbers lie between `least` and 0.8 above it.
    """
    of = table(name)
    return _DRIVER.format(
        prefix=of.prefix,
        parts="".join(_part(of, precision, least) for precision in precisions),
        runs=" ".join(f"run_{precision}(d);" for precision in precisions),
        axes=len(of.axes),
        sizes=", ".join("{" + ", ".join(map(str, each)) + "}" for each in sizes),
    )


def _part(of: Interface, precision: str, least: float) -> str:
    """What the driver does in one precision."""
    sequence, batch = ("T", "B"), ("B",)
    fill = [
        *filled("params", of.params, ()), *filled("inputs", of.inputs, sequence),
        *filled("initial", of.states, batch), *filled("final", of.states, batch),
        *filled("dfinal", of.states, batch), *filled("outputs", of.outputs, sequence),
        *filled("doutputs", of.outputs, sequence),
        *(f"dinitial.{member(f.name)} = NULL;" for f in of.states),
    ]  # fmt: skip
    gradients = [("dparams", of.params, ()), ("dinputs", of.inputs, sequence), ("dinitial", of.states, batch)]

    def lines(found: Iterable[str]) -> str:
        return "\n    ".join(found).replace("array(", f"array_{precision}(").replace("check(", f"check_{precision}(")

    return _PART.format(
        prefix=of.prefix,
        precision=precision,
        least=least,
        q=f"{of.prefix}_{precision}",
        real={"f32": "float", "f64": "double"}[precision],
        fill=lines(fill),
        fill_gradients=lines(line for struct in gradients for line in filled(*struct)),
        check_gradients=lines(line for struct in gradients for line in checked(*struct)),
        check_outputs=lines(checked("outputs", of.outputs, sequence)),
        check_final=lines(checked("final", of.states, batch)),
    )
