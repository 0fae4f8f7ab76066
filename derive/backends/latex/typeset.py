"""Formulas in LaTeX.

In: a `Formula`, the symbols of its cell. Out: LaTeX for math mode, with the places where a line may be
broken marked: `\\br` before a sign, `\\bro` before a product sign, `\\bri` and `\\brio` the same inside
parentheses, `\\brj` between factors. Nothing long is put where TeX cannot break it: a long quotient is
written with a slash, a long root with a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

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
    Line,
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
from derive.backends.latex.numbers import number
from derive.backends.latex.symbols import Symbols
from derive.functions import lookup
from derive.system import Index

SUM, BIG, ELEMENTWISE, FACTOR, POWER, ATOM = range(6)
"""How tightly a formula binds."""

_LEVELS: dict[type[Formula], int] = {
    Total: SUM, Negative: SUM, OverTime: BIG, Summed: BIG, Elementwise: ELEMENTWISE,
    Times: ELEMENTWISE, Scaled: FACTOR, Product: FACTOR, Differential: POWER, Transposed: POWER, Power: POWER,
}  # fmt: skip
_WIDE = 36
_SIZES = (("", ""), (r"\bigl", r"\bigr"), (r"\Bigl", r"\Bigr"), (r"\biggl", r"\biggr"))


class Typesetter:
    """Prints the formulas of one line; `clock` is what time is called."""

    def __init__(self, symbols: Symbols, clock: str = "t") -> None:
        self.symbols, self.clock = symbols, clock
        self.letters: dict[Index, str] = {}
        self.depth = 0

    def text(self, formula: Formula) -> str:
        """A formula in LaTeX."""
        match formula:
            case Constant():
                return number(formula.value, self.symbols.axis)
            case Name():
                return self._name(formula)
            case Differential():
                name = self._name(formula.of)
                return (r"\mathrm{d}\," if name.startswith(r"\math") else r"\mathrm{d}") + name
            case Ones():
                return r"\mathbf{1}"
            case Negative():
                return "-" + self._at(formula.operand, BIG)
            case Total():
                return self._total(formula)
            case Elementwise():
                return rf"{self._break()}o\circ ".join(self._at(f, FACTOR) for f in formula.factors)
            case Scaled():
                return self._scaled(formula)
            case Product():
                return self._product(formula)
            case Transposed():
                return self._superscript(formula.operand, r"\top")
            case Power():
                exponent = str(formula.exponent)
                return self._superscript(formula.base, rf"\circ {exponent}" if formula.rank > 1 else exponent)
            case Quotient():
                return self._quotient(formula)
        return self._call(formula)

    def _call(self, formula: Formula) -> str:
        match formula:
            case Diagonal():
                return r"\operatorname{diag}" + self._brackets("[", formula.operand)
            case Frobenius():
                left, right = self._inside(formula.left), self._inside(formula.right)
                return rf"\langle {left},\bri {right}\rangle_{{\mathrm{{F}}}}"
            case Applied():
                return self._applied(formula)
            case Called():
                return _word(formula.macro) + self._brackets("(", *formula.operands)
            case Reduced():
                operator = {"max": r"\max"}.get(formula.kind, _word(formula.kind))
                axis = "" if formula.axis is None else f"_{{{formula.axis + 1}}}"
                return operator + axis + self._brackets("(", formula.operand)
            case Joined():
                return self._brackets("[", *formula.operands)
            case Stopped():
                return _word("stop") + self._brackets("(", formula.operand)
            case OverTime():
                return rf"\sum_{{t=1}}^{{{self.symbols.steps}}} " + self._at(formula.operand, ELEMENTWISE)
            case Summed():
                over = ",".join(self._letter(i) for i in formula.over)
                return rf"\sum_{{{over}}} " + self._at(formula.operand, ELEMENTWISE)
            case Entry():
                return f"[{self.text(formula.of)}]_{{{''.join(map(self._letter, formula.indices))}}}"
        return self._of_jacobian(formula)

    def _of_jacobian(self, formula: Formula) -> str:
        match formula:
            case Partial():
                return rf"\dfrac{{\partial {self._inside(formula.of)}}}{{\partial {self._inside(formula.by)}}}"
            case Identity():
                return r"\mathbf{I}"
            case Normalising():
                return rf"\mathbf{{N}}_{{{self.symbols.axis(formula.axis)}}}"
            case Equal():
                return rf"\left[{self._letter(formula.left)} = {self._letter(formula.right)}\right]"
            case Norm():
                return self._brackets(r"\|", formula.operand)
            case Largest():
                return r"\max" + self._brackets("|", formula.operand)
            case Times():
                return rf"{self._break()}o\cdot ".join(self._at(f, FACTOR) for f in formula.factors)
        raise TypeError(
            f"LaTeX has no spelling for {type(formula).__name__}; give it one in derive/backends/latex/typeset.py"
        )

    # -- pieces

    def time(self, shift: int | None) -> str:
        """A time as a subscript."""
        if shift is None:
            return ""
        if self.clock.isdigit():
            return str(int(self.clock) + shift)
        return self.clock if shift == 0 else f"{self.clock}{shift:+d}"

    def _name(self, name: Name, mark: str = "") -> str:
        return self.symbols[name.name].at(self.time(name.shift), mark)

    def _letter(self, index: Index) -> str:
        if index not in self.letters:
            self.letters[index] = self.symbols.letters[len(self.letters)]
        return self.letters[index]

    def _total(self, formula: Total) -> str:
        return "".join(self.summand(term, first=number == 0) for number, term in enumerate(formula.terms))

    def summand(self, term: Formula, *, first: bool) -> str:
        """A summand behind its sign; the first one has a sign only if that is a minus."""
        minus = isinstance(term, Negative)
        operand = self._at(term.operand if isinstance(term, Negative) else term, BIG)
        sign = "-" if minus else "+"
        return (sign if minus else "") + operand if first else f"{self._break()}{sign} {operand}"

    def _product(self, formula: Product) -> str:
        return self._side_by_side(formula.factors)

    def _side_by_side(self, factors: Iterable[Formula]) -> str:
        return r"\brj\, ".join(
            self._brackets("(", f) if isinstance(f, Product | Scaled) else self._at(f, FACTOR) for f in factors
        )

    def _scaled(self, formula: Scaled) -> str:
        scalars, operand = self._side_by_side(formula.scalars), self._at(formula.operand, FACTOR)
        return rf"{scalars}\brj\, {operand}"

    def _quotient(self, formula: Quotient) -> str:
        above, below = self._inside(formula.above), self._inside(formula.below)
        if max(width(above), width(below)) <= _WIDE and not self.depth > 1:
            return rf"\frac{{{above}}}{{{below}}}"
        return rf"{self._at(formula.above, FACTOR)}{self._break()}\mathbin{{/}} {self._at(formula.below, POWER)}"

    def _applied(self, formula: Applied) -> str:
        if len(formula.operands) > 1:
            operator = {"maximum": r"\max", "minimum": r"\min"}[formula.function]
            return operator + self._brackets("(", *formula.operands)
        row, operand = lookup(formula.function), formula.operands[0]
        if "#1" not in row.latex:
            return row.latex + self._brackets("(", operand)
        if row.latex.startswith(_POWER):
            return self._superscript(operand, row.latex.removeprefix(_POWER)[1:-1])
        inner = self._inside(operand)
        if width(inner) > _WIDE:
            return _word(formula.function) + self._brackets("(", operand)
        return row.typeset(inner)

    def _superscript(self, base: Formula, mark: str) -> str:
        if isinstance(base, Name) and not self.symbols[base.name].superscript:
            return self._name(base, mark)
        if isinstance(base, Applied) and len(base.operands) == 1 and mark.isdigit():
            row = lookup(base.function)
            if "#1" not in row.latex and not row.latex.endswith("'"):
                return f"{row.latex}^{{{mark}}}{self._brackets('(', *base.operands)}"
        if isinstance(base, Ones | Entry):
            return f"{self.text(base)}^{{{mark}}}"
        return f"{self._brackets('(', base)}^{{{mark}}}"

    # -- where brackets stand, and where a line may break

    def _at(self, formula: Formula, level: int) -> str:
        """A formula where one is wanted that binds at least as tightly."""
        own = _LEVELS.get(type(formula), ATOM)
        if isinstance(formula, Quotient):
            own = ATOM if self.text(formula).startswith(r"\frac") else ELEMENTWISE
        return self.text(formula) if own >= level else self._brackets("(", formula)

    def _brackets(self, bracket: str, *operands: Formula) -> str:
        inner = r",\bri ".join(map(self._inside, operands))
        left, right = _SIZES[min(_nesting(inner), len(_SIZES) - 1)]
        return f"{left}{bracket}{inner}{right}{_CLOSING[bracket]}"

    def _inside(self, formula: Formula) -> str:
        self.depth += 1
        text = self.text(formula)
        self.depth -= 1
        return text

    def _break(self) -> str:
        return r"\bri" if self.depth else r"\br"


_POWER = r"\left(#1\right)^"
_CLOSING = {"(": ")", "[": "]", "|": "|", r"\|": r"\|"}


def sides(line: Line, symbols: Symbols, clock: str = "t") -> tuple[str, str]:
    """Both sides of an equation."""
    typesetter = Typesetter(symbols, clock)
    return typesetter.text(line.left), typesetter.text(line.right)


def width(text: str) -> float:
    """About how many letters wide LaTeX comes out."""
    plain = re.sub(
        r"\\(mathrm|mathtt|operatorname|bar|overline|brio|bri|bro|brj|br|mathbf|Bigl|Bigr|bigl|bigr|left|right)",
        "",
        text,
    )
    return len(re.sub(r"[{}^_ ,\\!]", "", re.sub(r"\\[A-Za-z]+", "m", plain)))


def _nesting(text: str) -> int:
    """How large brackets around a text have to be."""
    for size in (3, 2, 1):
        if any(_SIZES[size][0] + bracket in text for bracket in _CLOSING):
            return size + 1
    if re.search(r"\\d?frac|\\sum", text):
        return 2
    return 1 if re.search(r"\(|\[|\\max\||\\\||\\sqrt", text) else 0


def _word(word: str) -> str:
    escaped = word.replace("_", r"\_")
    return rf"\operatorname{{{escaped}}}"
