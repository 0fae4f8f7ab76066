"""Formulas in plain Unicode.

In: a `Formula`. Out: one line of text: `W_fhᵀ df_net[t+1]`, `f ∘ c[t-1]`. A variable is written as the
code has it, with its time where it has one.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal

import sympy as sp

from derive.backends.formula.nodes import (
    Applied,
    Called,
    Constant,
    Diagonal,
    Differential,
    Elementwise,
    Entry,
    Equal,
    Formula,
    Frobenius,
    Identity,
    Joined,
    Largest,
    Name,
    Negative,
    Norm,
    Normalising,
    Ones,
    OverTime,
    Partial,
    Power,
    Product,
    Quotient,
    Reduced,
    Scaled,
    Stopped,
    Summed,
    Times,
    Total,
    Transposed,
)
from derive.system import Index

SUM, BIG, ELEMENTWISE, FACTOR, RAISED, ATOM = range(6)
_LEVELS: dict[type[Formula], int] = {
    Total: SUM, Negative: SUM, OverTime: BIG, Summed: BIG, Elementwise: ELEMENTWISE, Quotient: ELEMENTWISE,
    Times: ELEMENTWISE, Partial: ELEMENTWISE, Scaled: FACTOR, Product: FACTOR, Power: RAISED,
}  # fmt: skip
_LETTERS = "ijklmnpqrsuvwabcdefgh"
_DECIMALS = 40
_EXACT = Context(prec=80)
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Spelling:
    """Spells the formulas of one line; `clock` is what time is called."""

    def __init__(self, clock: str = "t") -> None:
        self.clock = clock
        self.letters: dict[Index, str] = {}

    def text(self, formula: Formula) -> str:
        """A formula as text."""
        match formula:
            case Constant():
                return _constant(formula.value)
            case Name():
                return formula.name + self._time(formula.shift)
            case Differential():
                return f"∂{self.text(formula.of)}"
            case Ones():
                return "𝟏"
            case Negative():
                return f"-{self._at(formula.operand, BIG)}"
            case Total():
                return self._total(formula)
            case Elementwise():
                return " ∘ ".join(self._at(f, FACTOR) for f in formula.factors)
            case Scaled():
                return " ".join([self._apart(formula.scalars), self._at(formula.operand, FACTOR)])
            case Product():
                return self._apart(formula.factors)
            case Transposed():
                return f"{self._at(formula.operand, ATOM)}ᵀ"
            case Power():
                return self._at(formula.base, ATOM) + str(formula.exponent).translate(_RAISED)
            case Quotient():
                return f"{self._at(formula.above, FACTOR)} / {self._at(formula.below, RAISED)}"
        return self._call(formula)

    def _call(self, formula: Formula) -> str:
        match formula:
            case Diagonal():
                return self._listed("diag", formula.operand)
            case Frobenius():
                return f"⟨{self.text(formula.left)}, {self.text(formula.right)}⟩"
            case Applied():
                return self._listed(formula.function, *formula.operands)
            case Called():
                return self._listed(formula.macro, *formula.operands)
            case Reduced():
                along = "" if formula.axis is None else f", axis={formula.axis}"
                return f"{formula.kind}({self.text(formula.operand)}{along})"
            case Joined():
                return f"[{', '.join(map(self.text, formula.operands))}]"
            case Stopped():
                return self._listed("stop", formula.operand)
            case OverTime():
                return f"Σ_t {self._at(formula.operand, ELEMENTWISE)}"
            case Summed():
                return f"Σ_{''.join(map(self._letter, formula.over))} {self._at(formula.operand, ELEMENTWISE)}"
            case Entry():
                return f"{self.text(formula.of)}_{''.join(map(self._letter, formula.indices))}"
        return self._of_jacobian(formula)

    def _of_jacobian(self, formula: Formula) -> str:
        match formula:
            case Partial():
                return f"∂{self.text(formula.of)}/∂{self.text(formula.by)}"
            case Identity():
                return "𝐈"
            case Normalising():
                return f"𝐍({formula.axis})"
            case Equal():
                return f"[{self._letter(formula.left)} = {self._letter(formula.right)}]"
            case Norm():
                return f"‖{self.text(formula.operand)}‖"
            case Largest():
                return f"max|{self.text(formula.operand)}|"
            case Times():
                return " · ".join(self._at(f, FACTOR) for f in formula.factors)
        raise TypeError(f"no text for {type(formula).__name__}; give it one in derive/backends/text/spelling.py")

    def _time(self, shift: int | None) -> str:
        if shift is None:
            return ""
        if self.clock.isdigit():
            return f"[{int(self.clock) + shift}]"
        return f"[{self.clock}{shift:+d}]" if shift else f"[{self.clock}]"

    def _letter(self, index: Index) -> str:
        return self.letters.setdefault(index, _LETTERS[len(self.letters)])

    def _total(self, formula: Total) -> str:
        text = ""
        for term in formula.terms:
            minus = isinstance(term, Negative)
            operand = self._at(term.operand if isinstance(term, Negative) else term, BIG)
            text += (" - " if minus else " + ") + operand if text else "-" * minus + operand
        return text

    def _apart(self, factors: Iterable[Formula]) -> str:
        return " ".join(
            f"({self.text(f)})" if isinstance(f, Product | Scaled) else self._at(f, FACTOR) for f in factors
        )

    def _listed(self, name: str, *operands: Formula) -> str:
        return f"{name}({', '.join(map(self.text, operands))})"

    def _at(self, formula: Formula, level: int) -> str:
        text = self.text(formula)
        return text if _LEVELS.get(type(formula), ATOM) >= level else f"({text})"


def _constant(value: sp.Expr) -> str:
    """A number, or an expression of lengths: `2/d_h²`."""
    above, below = value.as_numer_denom()
    if value.is_Rational and value.q >= 10 and 10**_DECIMALS % value.q == 0:
        return str(_EXACT.divide(Decimal(value.p), Decimal(value.q))).lower()
    if not isinstance(below, sp.Pow):
        return str(value)
    return f"{above}/{below.base if below.base.is_Symbol else f'({below.base})'}{str(below.exp).translate(_RAISED)}"
