"""The files of a cell. In: a cell, its schedule, the lines on top. Out: for each file what its template places."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from derive.backends.c.functions import definitions
from derive.backends.c.interface import ERRORS, PRECISIONS, interface, prefix_of, structs, table
from derive.backends.c.kernel import Body, Builder
from derive.backends.c.names import member
from derive.backends.c.notes import safe
from derive.language.syntax import Cell
from derive.native.interface import ALIGNMENT, Interface
from derive.schedule import Schedule

Context = dict[str, Any]

_WIDTH = 106
_ABOUT = {"T": "time steps", "B": "sequences in the batch"}
_ROUTINES = ("gemm", "sum", "copy", "transpose", "power")
_OFFERED = (
    "Params", "State", "Inputs", "Output", "prepare", "forward", "backward", "step", "stream", "flatten",
    "unflatten",
)  # fmt: skip


def file_names(cell: Cell) -> tuple[str, str, str]:
    """The header, the file to compile and the body that it includes."""
    prefix = prefix_of(cell)
    return f"{prefix}.h", f"{prefix}.c", f"{prefix}_body.inc"


def header_file(cell: Cell, schedule: Schedule, header: Sequence[str], proof: Sequence[str]) -> Context:
    """Structs and prototypes, documented."""
    found, prefix = interface(cell, schedule), prefix_of(cell)
    return {
        "header": _starred([*header, "", *proof]),
        "guard": f"DERIVE_{prefix.upper()}_H",
        "prefix": prefix,
        "axes": _axes(found),
        "errors": [{"name": f"{prefix}_{name}", "text": text} for name, text in ERRORS],
        "precisions": _precisions(),
        "structs": structs(cell),
        "alignment": ALIGNMENT,
        "tape": [f"{f.name} {''.join(f'[{a}]' for a in f.shape)}" for f in found.tape],
    }


def source_file(cell: Cell, header: Sequence[str]) -> Context:
    """What includes the body once for each precision."""
    return {
        "header": _starred(header),
        "prefix": prefix_of(cell),
        "alignment": ALIGNMENT,
        "precisions": _precisions(),
    }


def body_file(cell: Cell, schedule: Schedule) -> Context:
    """Every function, written once for all precisions."""
    prefix, found = prefix_of(cell), interface(cell, schedule)
    kernel = Builder(cell, schedule, prefix).run()
    text = "\n".join((*kernel.forward.lines, *kernel.backward.lines, *kernel.fill))
    members = {s.name: [m.name for m in s.members] for s in structs(cell)}
    given = ("params", "inputs", "outputs")
    return {
        "title": cell.name,
        "prefix": prefix,
        "definitions": definitions(kernel.functions, f"{prefix}_"),
        "routines": [name for name in _ROUTINES if f"NAME({name})" in text],
        "layouts": [replace(each, places=tuple(_wrapped(each.places))) for each in kernel.layouts],
        "counts": kernel.counts,
        "tape": found.tape,
        "axes": _axes(found),
        "fits": kernel.fits,
        "missing": [(name, _wrapped(_missing(name, members[name]))) for name in given],
        "fill": _wrapped(kernel.fill),
        "forward": _wrapped(_entry(kernel.forward, kernel.counts, "real *const saved = tape;")),
        "backward": _wrapped(_entry(kernel.backward, kernel.counts, "const real *const saved = tape;")),
    }


def native_file(cell: Cell, schedule: Schedule, header: Sequence[str]) -> Context:
    """The Python module that compiles, loads and binds the others."""
    names = file_names(cell)
    return {
        "docstring": [f"{cell.name}, compiled from C: the names of the NumPy module.", "", *_comment(header)],
        "sources": _literal(names),
        "main": names[1],
        "table": table(interface(cell, schedule)),
        "names": _OFFERED,
        "exported": _literal(["AXES", "SHAPES", "init", *_OFFERED]),
    }


def _axes(found: Interface) -> list[dict[str, str]]:
    return [{"name": member(a), "about": _ABOUT.get(a, "a size of the cell")} for a in found.axes]


def _precisions() -> list[dict[str, object]]:
    keys = ("name", "type", "function", "lanes", "about")
    return [dict(zip(keys, row, strict=True)) for row in PRECISIONS]


def _literal(names: Sequence[str]) -> str:
    return repr(names).replace("'", '"')


def _missing(struct: str, members: Sequence[str]) -> list[str]:
    """The statement that tells whether a struct or one of its members is missing."""
    if not members:
        return [f"(void){struct};", "return 0;"]
    return [f"return !{struct} || {' || '.join(f'!{struct}->{m}' for m in members)};"]


def _entry(body: Body, counts: dict[str, int], saved: str) -> list[str]:
    """A function's lines behind the checks: its buffers, then its statements."""
    lines = [f"(void){name};" for name in body.unused]
    if body.regions or body.panels:
        lines += ["real *const memory = work;", f"size_t at[{body.regions + body.panels}];"]
        lines += [f"NAME({body.name}_layout)(dims, at);"]
    if body.panels:
        own = f"memory + at[{body.regions}]"
        lines += [
            f"size_t panels_at[{counts['panels']}];",
            "NAME(packed_layout)(dims, panels_at);",
            f"const real *const panels = packed ? packed : {own};",
            f"if (!packed) NAME(fill)(dims, params, {own});",
        ]
    if body.tape:
        lines += [saved, f"size_t saved_at[{counts['saved']}];", "NAME(tape_layout)(dims, saved_at);"]
    return [*lines, *body.lines]


def _comment(lines: Iterable[str]) -> list[str]:
    """Lines that can stand in a comment."""
    return [part for line in lines for part in textwrap.wrap(safe(line), _WIDTH - 3) or [""]]


def _starred(lines: Iterable[str]) -> list[str]:
    """The lines of a block comment."""
    return [f" * {line}".rstrip() for line in _comment(lines)]


def _wrapped(lines: Iterable[str]) -> list[str]:
    """Lines of C, broken where they are too long."""
    found = []
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 8)
        found += textwrap.wrap(
            line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )  # fmt: skip
    return found
