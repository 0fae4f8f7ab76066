"""The scalar functions that a cell may apply: one row each, and a new activation is one line.

A row states its function once, as a closed form in `Z` over few primitives: `exp`, `expm1`, `log`,
`log1p`, `erfc`, `erf`, `tanh`, `sin`, `cos`, powers, `Abs`, and `Piecewise` on comparisons of `Z` with
numbers. The derivative, the spelling in every backend and the value at a complex number follow from it.

A closed form is also how the function is computed, so it is stable: nothing overflows and no digits are
lost for large |z| (`E`, never `exp(z)`). The last branch of a `Piecewise` is the one that sees NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from derive.functions.primitives import Z, erfc, expm1, log1p


@dataclass(frozen=True)
class Row:
    """A scalar function. `latex` is an operator to stand before `(…)`, or a pattern that holds `#1`;
    `summary` is a remark, mathematics between dollar signs."""

    name: str
    closed: sp.Expr
    latex: str
    summary: str

    def typeset(self, argument: str) -> str:
        """The function applied to an argument, in LaTeX."""
        if "#1" in self.latex:
            return self.latex.replace("#1", argument)
        return rf"{self.latex}\left({argument}\right)"


def _select(*branches: tuple[sp.Expr | int, sp.Basic | bool]) -> sp.Expr:
    return sp.Piecewise(*branches)


def _text(name: str) -> str:
    return rf"\operatorname{{{name}}}"


E = sp.exp(-sp.Abs(Z))
_LOGISTIC = _select((1, Z >= 0), (E, True)) / (1 + E)
_POSITIVE_PART = _select((0, Z <= 0), (Z, True))
_NEGATIVE_PART = _select((0, Z >= 0), (Z, True))
_MISH_TOP = _select((1, Z >= 0), (E**2, True)) + 2 * E
_MISH = Z * _MISH_TOP / (_MISH_TOP + 2 * _select((E**2, Z >= 0), (1, True)))
_SELU_SCALE = sp.Rational("1.0507009873554805")
_SELU_ALPHA = sp.Rational("1.6732632423543772")

_CELL_ROWS = (
    Row("sigmoid", _LOGISTIC, r"\sigma", "$1 / (1 + exp(-z))$"),
    Row("tanh", sp.tanh(Z), r"\tanh", "hyperbolic tangent"),
    Row("exp", sp.exp(Z), r"\exp", "exponential"),
    Row("log", sp.log(Z), r"\log", "natural logarithm, for $z > 0$"),
    Row("sqrt", sp.sqrt(Z), r"\sqrt{#1}", "square root, for $z > 0$"),
    Row("rsqrt", 1 / sp.sqrt(Z), r"\left(#1\right)^{-1/2}", "$1 / sqrt(z)$, for $z > 0$"),
    Row("recip", 1 / Z, r"\left(#1\right)^{-1}", "$1 / z$"),
    Row("relu", _POSITIVE_PART, _text("relu"), "$z$ where positive, else $0$"),
    Row("abs", sp.Abs(Z), r"\left|#1\right|", "absolute value"),
    Row("sign", _select((1, Z > 0), (-1, Z < 0), (Z, True)), _text("sign"), "$-1$, $0$ or $1$"),
    Row("softplus", _POSITIVE_PART + log1p(E), _text("softplus"), "$log(1 + exp(z))$"),
    Row("silu", Z * _LOGISTIC, _text("silu"), "$z sigmoid(z)$, also called swish"),
    Row("gelu", Z * erfc(-Z / sp.sqrt(2)) / 2, _text("gelu"), "$z$ times the normal distribution function"),
    Row("elu", _select((Z, Z > 0), (expm1(Z), True)), _text("elu"), "$z$ where positive, else $exp(z) - 1$"),
    Row(
        "selu",
        _select((_SELU_SCALE * Z, Z > 0), (_SELU_SCALE * _SELU_ALPHA * expm1(Z), True)),
        _text("selu"),
        "elu scaled to keep mean 0 and variance 1 (Klambauer et al. 2017)",
    ),
    Row("softsign", Z / (1 + sp.Abs(Z)), _text("softsign"), "$z / (1 + |z|)$"),
    Row("leaky_relu", _select((Z, Z > 0), (Z / 100, True)), _text("lrelu"), "$z$ where positive, else $z / 100$"),
    Row(
        "hard_sigmoid",
        _select((0, Z <= -3), (1, Z >= 3), (Z / 6 + sp.Rational(1, 2), True)),
        _text("hardsigmoid"),
        "$z / 6 + 1/2$, held between $0$ and $1$",
    ),
    Row("hard_tanh", _select((-1, Z <= -1), (1, Z >= 1), (Z, True)), _text("hardtanh"), "$z$ held in $[-1, 1]$"),
    Row("mish", _MISH, _text("mish"), "$z tanh(softplus(z))$ (Misra 2019)"),
    Row("log_sigmoid", _NEGATIVE_PART - log1p(E), r"\log\sigma", "$log(sigmoid(z))$"),
    Row("erf", sp.erf(Z), _text("erf"), "error function"),
    Row("sin", sp.sin(Z), r"\sin", "sine"),
    Row("cos", sp.cos(Z), r"\cos", "cosine"),
    Row("expm1", expm1(Z), _text("expm1"), "$exp(z) - 1$"),
    Row("log1p", log1p(Z), _text("log1p"), "$log(1 + z)$, for $z > -1$"),
    Row("square", Z**2, r"\left(#1\right)^{2}", "$z z$"),
)  # fmt: skip

_SELECTOR_ROWS = (
    Row("positive", _select((1, Z > 0), (0, True)), r"\left[#1 > 0\right]", "$1$ where $z > 0$, else $0$"),
    Row("nonnegative", _select((1, Z >= 0), (0, True)), r"\left[#1 \ge 0\right]", "$1$ where $z >= 0$, else $0$"),
)

FUNCTIONS: Mapping[str, Row] = {row.name: row for row in _CELL_ROWS}
SELECTORS: Mapping[str, Row] = {row.name: row for row in _SELECTOR_ROWS}
"""Functions that derivatives need and that a cell cannot write."""
