"""The files of a cell. In: a cell, its schedule, the lines on top. Out: for each file what its template places."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from derive.backends.c.functions import definitions
from derive.backends.c.interface import ERRORS, PRECISIONS, SETS, interface, prefix_of, structs, table
from derive.backends.c.kernel import Body, Kernel
from derive.backends.c.lines import braced, uses
from derive.backends.c.names import member
from derive.backends.c.notes import safe
from derive.language.syntax import Cell
from derive.native.interface import ALIGNMENT, MOST_THREADS, Interface
from derive.schedule import Schedule

Context = dict[str, Any]

_WIDTH = 114
_UNBROKEN = "\N{NO-BREAK SPACE}"
_ABOUT = {"T": "time steps", "B": "sequences in the batch"}
_ARGUMENTS = {
    "make": ("dims", "params", "panels"),
    "fill": ("dims", "params", "panels", "wanted", "part", "parts"),
    "forward": ("dims", "params", "packed", "inputs", "initial", "outputs", "final", "tape", "work",
                "stage", "part", "parts", "together", "meet", "room"),
    "backward": ("dims", "params", "packed", "inputs", "initial", "tape", "doutputs", "dfinal",
                 "dparams", "dinputs", "dinitial", "work", "stage", "part", "parts", "together", "meet", "room"),
}  # fmt: skip
_BEHIND = {"panels": "PANELS"}
"""Macros that use an argument."""
_OFFERED = (
    "Params", "State", "Inputs", "Output", "prepare", "forward", "backward", "step", "stream", "flatten",
    "unflatten",
)  # fmt: skip


def file_names(cell: Cell) -> tuple[str, ...]:
    """The header, the file to compile, the two bodies that it includes, and what to compile for threads."""
    prefix = prefix_of(cell)
    return f"{prefix}.h", f"{prefix}.c", f"{prefix}_layouts.inc", f"{prefix}_kernels.inc", f"{prefix}_threads.c"


def header_file(
    cell: Cell, schedule: Schedule, kernel: Kernel, header: Sequence[str], proof: Sequence[str]
) -> Context:
    """Structs and prototypes, documented."""
    found, prefix = interface(cell, schedule), prefix_of(cell)
    return {
        "header": _starred([*header, "", *proof]),
        "guard": f"DERIVE_CELL_{prefix}_H",
        "prefix": prefix,
        "axes": _axes(found),
        "errors": [{"name": f"{prefix}_{name}", "text": text} for name, text in ERRORS],
        "sets": SETS,
        "stages": {"forward": len(kernel.forward.stages), "backward": len(kernel.backward.stages)},
        "precisions": PRECISIONS,
        "structs": structs(cell),
        "alignment": ALIGNMENT,
        "most_threads": MOST_THREADS,
        "cost": _hanging(kernel.cost.lines(member)),
        "tape": [f"{f.name} {''.join(f'[{a}]' for a in f.shape)}" for f in found.tape],
    }


def source_file(cell: Cell, header: Sequence[str]) -> Context:
    """What includes the bodies, once for each precision; or what adds threads to that."""
    return {"header": _starred(header), "prefix": prefix_of(cell), "precisions": PRECISIONS}


def layouts_file(cell: Cell, kernel: Kernel) -> Context:
    """Where things lie, and the checks of sizes and structs."""
    members = {s.name: [m.name for m in s.members] for s in structs(cell)}
    return {
        "title": cell.name,
        "prefix": prefix_of(cell),
        "layouts": [replace(each, places=tuple(_wrapped(each.places))) for each in kernel.layouts],
        "counts": kernel.counts,
        "arrays": kernel.arrays,
        "widths": _wrapped(kernel.widths),
        "effort": _wrapped(kernel.effort),
        "missing": [(n, _wrapped(_missing(n, members[n]))) for n in ("params", "inputs", "outputs")],
    }


def kernels_file(cell: Cell, kernel: Kernel) -> Context:
    """The work itself, written once for all precisions and sets of instructions."""
    return {
        "title": cell.name,
        "prefix": prefix_of(cell),
        "definitions": definitions(kernel.functions),
        "make": _wrapped(_function("make", kernel.make)),
        "fill": _wrapped(_function("fill", kernel.fill)),
        "forward": _wrapped(_entry(kernel.forward)),
        "backward": _wrapped(_entry(kernel.backward)),
    }


def native_file(cell: Cell, schedule: Schedule, header: Sequence[str], shared: Sequence[str]) -> Context:
    """The Python module that compiles, loads and binds the others."""
    names = file_names(cell)
    return {
        "docstring": [f"{cell.name}, compiled from C: the names of the NumPy module.", "", *_comment(header)],
        "sources": _literal(names),
        "shared": _literal(shared),
        "main": names[-1],
        "table": table(interface(cell, schedule)),
        "names": _OFFERED,
        "exported": _literal(["AXES", "SHAPES", "init", *_OFFERED]),
    }


def _axes(found: Interface) -> list[dict[str, str]]:
    return [{"name": member(a), "about": _ABOUT.get(a, "")} for a in found.axes]


def _literal(names: Sequence[str]) -> str:
    return repr(names).replace("'", '"')


def _missing(struct: str, members: Sequence[str]) -> list[str]:
    """The statement that tells whether a struct or one of its members is missing."""
    if not members:
        return [f"(void){struct};", "return 0;"]
    return [f"return !{struct} || {' || '.join(f'!{struct}->{m}' for m in members)};"]


def _entry(body: Body) -> list[str]:
    """A function's lines: its buffers, then its stages."""
    lines = list(body.declared)
    share = "begin = B * part / parts, end = B * (part + 1) / parts"
    if body.together:
        lines = ["const size_t u = together ? part : 0, us = together ? parts : 1;", *lines]
        share = "begin = together ? 0 : B * part / parts, end = together ? B : B * (part + 1) / parts"
    for number, stage in enumerate(body.stages):
        inner = list(stage.lines)
        if uses(inner, "begin"):
            rows = "begin = 0, end = B" if stage.kind == "alone" else share
            inner = [f"const size_t {rows};", *inner]
        alone = " && part == 0" if stage.kind == "alone" else ""
        lines += braced(f"if (stage == {number}{alone})", inner)
    return _function(body.name, lines)


def _function(name: str, lines: Sequence[str]) -> list[str]:
    """Lines, and before them what silences the compiler about arguments that they do not use."""
    unused = [each for each in _ARGUMENTS[name] if not uses(lines, each) and not uses(lines, _BEHIND.get(each, each))]
    return [*(f"(void){argument};" for argument in unused), *lines]


def _comment(lines: Iterable[str]) -> list[str]:
    """Lines that can stand in a comment."""
    return [part for line in lines for part in textwrap.wrap(safe(line), _WIDTH - 3) or [""]]


def _starred(lines: Iterable[str]) -> list[str]:
    """The lines of a block comment."""
    return [f" * {line}".rstrip() for line in _comment(lines)]


def _hanging(lines: Iterable[str]) -> list[str]:
    """The lines of a list in a comment."""
    return [part for line in lines for part in textwrap.wrap(line, _WIDTH, subsequent_indent=" " * 8)]


def _wrapped(lines: Iterable[str]) -> list[str]:
    """Lines of C, broken where they are too long, but not inside a product or a comparison."""
    found = []
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        kept = re.sub(r" (\*|==) ", rf"{_UNBROKEN}\1{_UNBROKEN}", line)
        parts = textwrap.wrap(
            kept, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )  # fmt: skip
        found += [part.replace(_UNBROKEN, " ") for part in parts]
    return found
