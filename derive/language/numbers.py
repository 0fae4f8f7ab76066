"""Numbers as written, exactly; and the exponents of powers.

In: the text of a number, or the tree of a power. Out: a `Number` with its fraction, or an integer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from fractions import Fraction

from derive.language import limits
from derive.language.errors import CellError
from derive.language.syntax import Number, Span


def number(text: str, span: Span) -> Number:
    """The exact value of a decimal."""
    digits, _, power = text.lower().partition("e")
    if len(re.sub(r"\D", "", digits)) > limits.DIGITS or len(power.lstrip("+-").lstrip("0")) > 3:
        raise CellError("limit", "this number has too many digits", span, expected=f"at most {limits.DIGITS}")
    value = Fraction(text)
    if value and not Fraction(10) ** limits.SMALLEST <= value <= Fraction(10) ** limits.LARGEST:
        raise CellError(
            "number", "this number does not fit single precision", span,
            expected=f"zero, or between 1e{limits.SMALLEST} and 1e{limits.LARGEST}",
        )  # fmt: skip
    return Number(shape=(), span=span, value=value)


def exponent(tree: ast.BinOp, source: Callable[[ast.expr], str], span: Span) -> int:
    """The exponent of `base**exponent`: an integer but zero."""
    part, sign = tree.right, 1
    if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub):
        part, sign = part.operand, -1
    if not isinstance(part, ast.Constant):
        raise CellError(
            "power", "an exponent is a number", span, expected="an integer",
            remedy="write `exp(y * log(x))` for x to the power y",
        )  # fmt: skip
    value = sign * number(source(part), span).value
    if value.denominator != 1:
        remedies = {Fraction(1, 2): "write `sqrt(x)`", Fraction(-1, 2): "write `1 / sqrt(x)`"}
        raise CellError(
            "power", "this exponent is no integer", span, expected="an integer",
            remedy=remedies.get(value, "write `exp(p * log(x))` for x to the power p"),
        )  # fmt: skip
    if value == 0 or abs(value) > limits.EXPONENT:
        raise CellError(
            "power", f"the exponent {int(value)} is out of range", span,
            expected=f"1 to {limits.EXPONENT}, or -1 to -{limits.EXPONENT}",
        )  # fmt: skip
    return int(value)
