"""The C backend. In: a cell and its schedule. Out: finished lines of C99 for the templates in templates/c."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from derive.backends.c.functions import definitions
from derive.backends.c.interface import ERRORS, PRECISIONS, interface, prefix_of, structs, table
from derive.backends.c.kernel import Body, Builder
from derive.backends.c.names import member
from derive.backends.c.notes import safe
from derive.backends.protocol import Derived, Page
from derive.language.syntax import Cell
from derive.native.interface import ALIGNMENT
from derive.schedule import Schedule

__all__ = ["interface", "main_source", "pages", "sources"]

Sources = dict[str, tuple[str, dict[str, Any]]]

_WIDTH = 106
_OFFERED = (
    "Params", "State", "Inputs", "Output", "prepare", "forward", "backward", "step", "stream", "flatten", "unflatten",
)  # fmt: skip


def pages(derived: Derived, header: Sequence[str], proof: Sequence[str]) -> Mapping[str, Page]:
    """Header, source, body and the Python module that loads them."""
    found = sources(derived.cell, derived.schedule, header, proof)
    return {name: Page(template, context) for name, (template, context) in found.items()}


def main_source(cell: Cell) -> str:
    """The file to compile; it includes the others."""
    return f"{prefix_of(cell)}.c"


def sources(cell: Cell, schedule: Schedule, header: Sequence[str], proof: Sequence[str] = ()) -> Sources:
    """The files of a cell: for each its template and what that places. `header` stands on top of each, `proof` in
    the one that its users read."""
    prefix = prefix_of(cell)
    kernel = Builder(cell, schedule, prefix).run()
    found = interface(cell, schedule)
    comment = [line for text in header for line in textwrap.wrap(safe(text), _WIDTH - 3)]
    proven = [line for text in proof for line in textwrap.wrap(safe(text), _WIDTH - 3)]
    axes = [{"name": member(a), "about": _ABOUT.get(a, "a size of the cell")} for a in found.axes]
    precisions = [
        {"name": name, "type": kind, "function": function, "lanes": lanes, "about": about}
        for name, kind, function, lanes, about in PRECISIONS
    ]
    names = [f"{prefix}.h", f"{prefix}.c", f"{prefix}_body.inc"]
    members = {s.name: [m.name for m in s.members] for s in structs(cell)}
    text = "\n".join((*kernel.forward.lines, *kernel.backward.lines, *kernel.fill))
    body = {
        "title": cell.name,
        "prefix": prefix,
        "definitions": definitions(kernel.functions, f"{prefix}_"),
        "routines": {
            name for name in ("gemm", "sum", "copy", "transpose", "power") if f"NAME({name})" in text
        },
        "layouts": [replace(each, places=tuple(_wrapped(each.places))) for each in kernel.layouts],
        "counts": kernel.counts,
        "tape": found.tape,
        "axes": axes,
        "fits": kernel.fits,
        "missing": [
            (name, _wrapped(_missing(name, members[name]))) for name in ("params", "inputs", "outputs")
        ],
        "fill": _wrapped(kernel.fill),
        "forward": _wrapped(_entry(kernel.forward, kernel.counts, "real *const saved = tape;")),
        "backward": _wrapped(_entry(kernel.backward, kernel.counts, "const real *const saved = tape;")),
    }
    errors = [{"name": f"{prefix}_{name}", "text": text} for name, text in ERRORS]
    tape = [f"{f.name} {''.join(f'[{a}]' for a in f.shape)}" for f in found.tape]
    return {
        names[0]: (
            "c/header.h.j2",
            {
                "header": _starred([*comment, "", *proven]),
                "guard": f"DERIVE_{prefix.upper()}_H",
                "prefix": prefix,
                "axes": axes,
                "errors": errors,
                "precisions": precisions,
                "structs": structs(cell),
                "alignment": ALIGNMENT,
                "tape": tape,
            },
        ),
        names[1]: (
            "c/source.c.j2",
            {"header": _starred(comment), "prefix": prefix, "alignment": ALIGNMENT, "precisions": precisions},
        ),
        names[2]: ("c/body.inc.j2", body),
        "native.py": (
            "c/native.py.j2",
            {
                "docstring": [f"{cell.name}, compiled from C: the names of the NumPy module.", "", *comment],
                "sources": repr(tuple(names)).replace("'", '"'),
                "main": names[1],
                "table": table(found),
                "names": _OFFERED,
                "exported": repr(["AXES", "SHAPES", "init", *_OFFERED]).replace("'", '"'),
            },
        ),
    }


def _missing(struct: str, members: Sequence[str]) -> list[str]:
    """The statement that tells whether a struct or one of its members is missing."""
    if not members:
        return [f"(void){struct};", "return 0;"]
    return [f"return !{struct} || {' || '.join(f'!{struct}->{m}' for m in members)};"]


_ABOUT = {"T": "time steps", "B": "sequences in the batch"}


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


def _starred(lines: Iterable[str]) -> list[str]:
    """The lines of a block comment."""
    return [f" * {line}".rstrip() for line in lines]


def _wrapped(lines: Iterable[str]) -> list[str]:
    """Lines of C, broken where they are too long."""
    found = []
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 8)
        found += textwrap.wrap(
            line,
            _WIDTH,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        ) or [""]
    return found
