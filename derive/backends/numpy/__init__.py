"""The NumPy backend: a cell's programs as one Python module that needs NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive.backends.numpy.module import module
from derive.backends.protocol import Derived, Page
from derive.language.remarks import plain

TEMPLATE = "numpy/module.py.j2"


def pages(derived: Derived, header: Sequence[str], proof: Sequence[str]) -> Mapping[str, Page]:
    """The module, as the package's `__init__.py`."""
    lines = [*header, "", *map(plain, proof)]
    return {"__init__.py": Page(TEMPLATE, module(derived.cell, derived.schedule, lines))}
