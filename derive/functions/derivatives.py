"""The derivative of each row.

In: a name. Out: the derivative as an expression in the output `Y`, the argument `Z` and applications of rows
at these: a rewriting that was found and verified, or else the row `<name>_prime` at `Z`.
"""

from __future__ import annotations

from functools import cache

import sympy as sp

from derive.functions.primitives import Z
from derive.functions.rewriting import rewritten
from derive.functions.rows import PRIME, application, lookup


@cache
def derivative(name: str) -> sp.Expr:
    """The derivative in terms of the output `Y`, the argument `Z` and other rows at these."""
    found = rewritten(lookup(name))
    return application(f"{name}{PRIME}")(Z) if found is None else found
