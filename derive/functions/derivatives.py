"""Rows by name, and the derivative of each.

In: a name. Out: its row; its derivative as an expression in `Y`, `Z` and applications of rows at these. A
derivative that cannot be rewritten is a row of its own, `<name>_prime`, which has a derivative in turn.
"""

from __future__ import annotations

from functools import cache

import sympy as sp

from derive.functions.applied import ScalarFunction, function_class
from derive.functions.pieces import closed_form, slope
from derive.functions.primitives import Z
from derive.functions.table import FUNCTIONS, SELECTORS, Row

_PRIME = "_prime"


@cache
def lookup(name: str) -> Row:
    """The row of a function of the table, of a selector, or of a derivative (`gelu_prime`)."""
    row = FUNCTIONS.get(name) or SELECTORS.get(name)
    if row is not None:
        return row
    if not name.endswith(_PRIME):
        known = ", ".join([*FUNCTIONS, *SELECTORS])
        raise KeyError(f"no function is called {name!r}; expected one of {known}, or one of these with {_PRIME}")
    base = lookup(name.removesuffix(_PRIME))
    latex = base.latex + "'" if "#1" not in base.latex else rf"\left(z \mapsto {base.typeset('z')}\right)'"
    return Row(name, closed_form(slope(base.closed)), latex, f"the derivative of {base.name}")


def application(name: str) -> type[ScalarFunction]:
    """The inert SymPy function of a row."""
    return function_class(lookup(name).name)


@cache
def derivative(name: str) -> sp.Expr:
    """The derivative in terms of the output `Y`, the argument `Z` and other rows at these."""
    from derive.functions.rewriting import rewritten

    found = rewritten(lookup(name))
    return application(name + _PRIME)(Z) if found is None else found
