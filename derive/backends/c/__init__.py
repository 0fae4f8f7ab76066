"""The C backend. In: what was derived from a cell. Out: C99 with its header, and the Python module over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive.backends.c.files import body_file, file_names, header_file, native_file, source_file
from derive.backends.c.interface import interface
from derive.backends.protocol import Derived, Page, Proven
from derive.language.remarks import plain
from derive.language.syntax import Cell

__all__ = ["interface", "main_source", "pages"]


def pages(derived: Derived, header: Sequence[str], proven: Proven) -> Mapping[str, Page]:
    """Header, source, body and Python module. What was proven stands in what users read, the header."""
    cell, schedule = derived.cell, derived.schedule
    names = file_names(cell)
    return {
        names[0]: Page("c/header.h.j2", header_file(cell, schedule, header, [*map(plain, proven.gradients)])),
        names[1]: Page("c/source.c.j2", source_file(cell, header)),
        names[2]: Page("c/body.inc.j2", body_file(cell, schedule)),
        "native.py": Page("c/native.py.j2", native_file(cell, schedule, header)),
    }


def main_source(cell: Cell) -> str:
    """The file to compile; it includes the others."""
    return file_names(cell)[1]
