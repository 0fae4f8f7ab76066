"""The NumPy backend: a cell's programs, and the bounds of its gradients, as Python modules that need NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive.backends.numpy.bounds import bounds
from derive.backends.numpy.economy import for_numpy
from derive.backends.numpy.module import module, targets
from derive.backends.protocol import Derived, Page, Proven
from derive.language.remarks import plain

__all__ = ["bounds_page", "for_numpy", "module", "pages", "targets"]


def pages(derived: Derived, header: Sequence[str], proven: Proven) -> Mapping[str, Page]:
    """The module, as the package's `__init__.py`, and `bounds.py`."""
    lines = [*header, "", *map(plain, proven.gradients)]
    return {
        "__init__.py": Page("numpy/module.py.j2", module(derived.cell, derived.schedule, lines)),
        "bounds.py": bounds_page(derived, header, proven.jacobian),
    }


def bounds_page(derived: Derived, header: Sequence[str], proven: Sequence[str]) -> Page:
    """`bounds.py` alone; `proven` is what was proven of the step Jacobian, in remarks."""
    return Page("numpy/bounds.py.j2", bounds(derived.cell, derived.flow, [*header, "", *map(plain, proven)]))
