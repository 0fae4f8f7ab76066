"""A table function at an argument, as an inert SymPy expression.

In: a name. Out: a SymPy `Function` that never evaluates or rewrites itself, as SymPy's own `tanh(-x)` and
`exp(x) * exp(-x)` do, so that equations stay as they were written.
"""

from __future__ import annotations

from functools import cache

import sympy as sp


class ScalarFunction(sp.Function):  # type: ignore[misc]
    """The base of all applications; `row_name` says which row of the table."""

    row_name: str
    nargs = 1
    is_real = True

    @classmethod
    def _should_evalf(cls, arg: sp.Expr) -> int:
        return -1

    def _eval_evalf(self, prec: int) -> None:
        return None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        raise TypeError(
            f"{self} is not for sympy.diff; its derivative is functions.derivative({self.row_name!r})"
        )


@cache
def function_class(name: str) -> type[ScalarFunction]:
    """The class for a row's name; one class a name, so equal applications are equal."""
    return type(name, (ScalarFunction,), {"row_name": name})
