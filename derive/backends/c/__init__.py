"""The C backend. In: what was derived from a cell. Out: C99 with its header, and the Python module over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from derive.backends.c.amounts import Style, amount
from derive.backends.c.cost import Cost
from derive.backends.c.files import (
    file_names,
    header_file,
    kernels_file,
    layouts_file,
    native_file,
    source_file,
)
from derive.backends.c.functions import shared_functions
from derive.backends.c.interface import SETS, interface
from derive.backends.c.interpret import run_tiled
from derive.backends.c.kernel import Builder
from derive.backends.c.sizes import CHOSEN
from derive.backends.c.storage import Tiled
from derive.backends.protocol import Derived, Page, Proven
from derive.language.remarks import plain
from derive.language.syntax import Cell
from derive.native.interface import ALIGNMENT, MOST_THREADS
from derive.schedule import Schedule

__all__ = [
    "Cost", "Style", "Tiled", "amount", "cost_of", "interface", "main_source", "pages", "run_tiled", "shared_pages",
    "tiled",
]  # fmt: skip

_SHARED: Mapping[str, Callable[[], Mapping[str, Any]]] = {
    "derive_base.h": lambda: {
        "chosen": {length.name: number for length, number in CHOSEN.items()},
        "sets": SETS,
        "alignment": ALIGNMENT,
    },
    "derive_vectors.h": dict,
    "derive_functions.h": shared_functions,
    "derive_tiles.h": dict,
    "derive_products.h": dict,
    "derive_sums.h": dict,
    "derive_checkpoint.h": dict,
    "derive_interface.h": lambda: {"sets": SETS},
    "derive_sets.h": lambda: {"sets": SETS},
    "derive_threads.h": lambda: {"most_threads": MOST_THREADS},
    "derive_threaded.h": dict,
}
"""What the C of every cell includes, each with what makes its context."""


def pages(derived: Derived, header: Sequence[str], proven: Proven) -> Mapping[str, Page]:
    """Header, source, bodies and Python module. What was proven stands in what users read, the header."""
    cell, schedule = derived.cell, derived.schedule
    kernel = Builder(cell, schedule).run()
    contexts = (
        ("c/header.h.j2", header_file(cell, schedule, kernel, header, [*map(plain, proven.gradients)])),
        ("c/source.c.j2", source_file(cell, header)),
        ("c/layouts.inc.j2", layouts_file(cell, kernel)),
        ("c/kernels.inc.j2", kernels_file(cell, kernel)),
        ("c/threads.c.j2", source_file(cell, header)),
    )
    found = {name: Page(*each) for name, each in zip(file_names(cell), contexts, strict=True)}
    return {**found, "native.py": Page("c/native.py.j2", native_file(cell, schedule, header, tuple(_SHARED)))}


def tiled(cell: Cell, schedule: Schedule) -> tuple[Tiled, Tiled]:
    """Forward and backward as they are printed: in phases, with the life of each variable."""
    return Builder(cell, schedule).tiled()


def cost_of(cell: Cell, schedule: Schedule) -> Cost:
    """What a call takes of operations and of memory."""
    return Builder(cell, schedule).run().cost


def shared_pages() -> Mapping[str, Page]:
    """What the C of every cell includes."""
    return {name: Page(f"c/shared/{name.removeprefix('derive_')}.j2", context()) for name, context in _SHARED.items()}


def main_source(cell: Cell) -> str:
    """The file to compile where there are threads; it includes all others."""
    return file_names(cell)[-1]
