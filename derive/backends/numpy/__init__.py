"""The NumPy backend: a cell's programs, and the bounds of its gradients, as Python modules that need NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive.backends.numpy.bounds import bounds
from derive.backends.numpy.module import module
from derive.backends.protocol import Derived, Page, Proven
from derive.language.remarks import plain

BOUNDS = "bounds.py"


def pages(derived: Derived, header: Sequence[str], proven: Proven) -> Mapping[str, Page]:
    """The module, as the package's `__init__.py`, and `bounds.py`."""
    gradients, jacobian = ([*header, "", *map(plain, lines)] for lines in (proven.gradients, proven.jacobian))
    return {
        "__init__.py": Page("numpy/module.py.j2", module(derived.cell, derived.schedule, gradients)),
        BOUNDS: Page("numpy/bounds.py.j2", bounds(derived.cell, derived.flow, jacobian)),
    }
