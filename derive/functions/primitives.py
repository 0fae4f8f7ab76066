"""What closed forms are made of beside SymPy's own functions, and the symbols they are written in.

SymPy has no `expm1` and `log1p` that know their sign, which the verification of rewritings needs:
`positive(y)` is decided only where the sign of `y` is known on the whole interval. Its `erfc(-x)` turns
itself into `2 - erfc(x)`, which loses every digit of the small values; ours stays.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

Y = sp.Symbol("y", real=True)
Z = sp.Symbol("z", real=True)


class expm1(sp.Function):  # type: ignore[misc]
    """exp(x) - 1, accurate near 0."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.exp(self.args[0])

    def _eval_rewrite_as_exp(self, argument: sp.Expr, **_: object) -> sp.Expr:
        return sp.exp(argument) - 1

    def _eval_evalf(self, prec: int) -> sp.Expr:
        return self.rewrite(sp.exp)._eval_evalf(prec)

    def _eval_is_extended_real(self) -> Any:
        return self.args[0].is_extended_real

    def _eval_is_extended_positive(self) -> Any:
        return self.args[0].is_extended_positive

    def _eval_is_extended_negative(self) -> Any:
        return self.args[0].is_extended_negative


class log1p(sp.Function):  # type: ignore[misc]
    """log(1 + x), accurate near 0."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return 1 / (1 + self.args[0])

    def _eval_rewrite_as_exp(self, argument: sp.Expr, **_: object) -> sp.Expr:
        return sp.log(1 + argument)

    def _eval_evalf(self, prec: int) -> sp.Expr:
        return self.rewrite(sp.exp)._eval_evalf(prec)

    def _eval_is_extended_real(self) -> Any:
        return (1 + self.args[0]).is_extended_nonnegative

    def _eval_is_extended_positive(self) -> Any:
        return self.args[0].is_extended_positive


class erfc(sp.Function):  # type: ignore[misc]
    """1 - erf(x), accurate where it is small."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return -2 / sp.sqrt(sp.pi) * sp.exp(-(self.args[0] ** 2))

    def _eval_evalf(self, prec: int) -> sp.Expr:
        return sp.erfc(self.args[0])._eval_evalf(prec)

    def _eval_is_extended_real(self) -> Any:
        return self.args[0].is_extended_real
