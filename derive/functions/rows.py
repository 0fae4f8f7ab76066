"""Rows by name, those of derivatives included, and the inert application of each.

In: a name. Out: its row, its SymPy function. `gelu_prime` is the derivative of `gelu` as a row of its own:
its closed form is `sympy.diff` of gelu's, interval by interval, and it has a derivative in turn.
"""

from __future__ import annotations

from functools import cache

from derive.functions.applied import ScalarFunction, function_class
from derive.functions.pieces import closed_form, slope
from derive.functions.table import FUNCTIONS, SELECTORS, Row

PRIME = "_prime"


@cache
def lookup(name: str) -> Row:
    """The row of a function of the table, of a selector, or of a derivative."""
    row = FUNCTIONS.get(name) or SELECTORS.get(name)
    if row is not None:
        return row
    if not name.endswith(PRIME):
        known = ", ".join([*FUNCTIONS, *SELECTORS])
        raise KeyError(
            f"no function is called {name!r}; expected one of {known}, or one of these with {PRIME}; "
            "a new one is a row in derive/functions/table.py"
        )
    base = lookup(name.removesuffix(PRIME))
    latex = rf"\left(z \mapsto {base.typeset('z')}\right)'" if "#1" in base.latex else f"{base.latex}'"
    return Row(name, closed_form(slope(base.closed)), latex, f"the derivative of {base.name}")


def application(name: str) -> type[ScalarFunction]:
    """The inert SymPy function of a row."""
    return function_class(lookup(name).name)
