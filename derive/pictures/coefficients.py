"""The factor of a linear term, in one line.

In: a transposed linear term. Out: a label such as `W_fh⊤` or `f ∘ (1 − f)`: what the term multiplies the adjoint by.
Matrices are transposed where the term sums over their rows; vectors along one axis are multiplied element by element.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy as sp

from derive.calculus import Linear
from derive.functions import ScalarFunction
from derive.pictures.notation import MINUS, Notation, Symbol, called, number, symbol
from derive.pictures.text import Label, Run, joined, raised, width, words
from derive.system import Element, FirstMaximum, Index, Length, System, elements, temporaries

_ROOM = 170.0
"""How wide an argument may be to be written out."""


class Coefficients:
    """Spells factors. `owner`: for each variable that is the author's or a block of it, the author's."""

    def __init__(self, system: System, notation: Notation) -> None:
        self.system, self.notation, self.temporaries = system, notation, temporaries(system)
        self.owner = {block: name for name, stored in system.stored.items() for block in stored.blocks.values()}
        self.owner |= {delay: state for state, delay in system.delays.items()}
        self.olds = set(system.delays.values())

    def name(self, name: str, time: str = "t") -> Label:
        """A variable as the author calls it; a temporary as what it is a function of."""
        if name not in self.owner:
            return self._temporary(name)
        time = "t−1" if name in self.olds else time
        owner = self.owner[name]
        base = self.notation.symbols[owner]
        suffix = "" if name in (owner, *self.olds) else name.removeprefix(owner).removeprefix("_")
        subscripts = (*base.subscripts, suffix) if suffix else base.subscripts
        return Symbol(base.base, subscripts).at(time if self.system.variables[name].time else "")

    def factor(self, term: Linear) -> Label:
        """What a term multiplies by."""
        self.summed, self.kept = set(term.over), set(term.target.feature_indices)
        return self._text(term.coefficient)

    def _temporary(self, name: str) -> Label:
        """What a function is of its argument; any other by the author's variable whose equation it is in."""
        equation = self.system.equation(name)
        if equation is not None and len(equation.terms) == 1 and isinstance(equation.terms[0].body, ScalarFunction):
            return self._application(equation.terms[0].body)
        one = self.temporaries[name]
        above = f"{one.about},{one.number}" if one.number else one.about
        letter = Run("net") if one.net else Run("u", "italic")
        return (letter, Run(above, "italic", "sup"), Run("t", "italic", "sub"))

    def _application(self, value: ScalarFunction) -> Label:
        """A function's value: `tanh(c)`, `n⁻¹`, `[a > b]`."""
        argument = self._argument(value.args[0])
        match value.row_name:
            case "recip" | "rsqrt":
                return raised(self._base(argument), f"{MINUS}1" if value.row_name == "recip" else f"{MINUS}1/2")
            case "nonnegative" | "positive":
                return (*words("["), *argument, *words(f" {'≥' if value.row_name == 'nonnegative' else '>'} 0]"))
        return (*words(f"{called(value.row_name)}("), *argument, *words(")"))

    def _inverted(self, value: sp.Expr) -> Label | None:
        """What a reciprocal is the reciprocal of."""
        made_up = isinstance(value, Element) and value.name not in self.owner
        equation = self.system.equation(value.name) if made_up else None
        body = equation.terms[0].body if equation is not None and len(equation.terms) == 1 else None
        if not isinstance(body, ScalarFunction) or body.row_name != "recip":
            return None
        return self._base(self._argument(body.args[0]))

    @staticmethod
    def _base(label: Label) -> Label:
        """A label that a superscript may follow."""
        plain = len(label) < 3 and not any(run.place == "sup" for run in label)
        return label if plain else (*words("("), *label, *words(")"))

    def _argument(self, value: sp.Expr) -> Label:
        """An argument, written out where it is a short sum of products."""
        if isinstance(value, Element) and value.name not in self.owner:
            equation = self.system.equation(value.name)
            if equation is not None and not any(term.over for term in equation.terms):
                text = self._text(sp.Add(*(term.body for term in equation.terms)))
                if width(text) < _ROOM:
                    return text
        return self._text(value)

    def _text(self, value: sp.Expr, *, inside: bool = False) -> Label:
        if isinstance(value, sp.Add):
            return self._sum(value, inside)
        front, factors = self._apart(value)
        sign = MINUS if front.could_extract_minus_sign() else ""
        size = abs(front) if front.is_number else (-front if sign else front)
        labels = [] if size == 1 and factors else [_number(size)]
        text = self._product(factors, labels)
        return (*words(sign), *text) if sign else text

    def _apart(self, value: sp.Expr) -> tuple[sp.Expr, list[sp.Expr]]:
        front, factors = sp.S.One, []
        for factor in sp.Mul.make_args(value):
            if elements(factor) or factor.has(ScalarFunction):
                factors.append(factor)
            else:
                front *= factor
        order = sorted(factors, key=lambda f: (isinstance(f, sp.Add), [self.system.place(e) for e in elements(f)]))
        return front, order

    def _sum(self, value: sp.Expr, inside: bool) -> Label:
        terms = sorted(value.args, key=lambda t: (t.could_extract_minus_sign(), sp.default_sort_key(t)))
        runs: list[Run] = []
        for place, term in enumerate(terms):
            minus = term.could_extract_minus_sign()
            sign = (MINUS if minus else "") if not place else f" {MINUS} " if minus else " + "
            runs += [*words(sign)] if sign else []
            runs += self._text(-term if minus else term)
        return (*words("("), *runs, *words(")")) if inside else tuple(runs)

    def _product(self, factors: Sequence[sp.Expr], labels: list[Label]) -> Label:
        runs = list(joined(labels, " "))
        before = 0
        for factor in factors:
            rank = len({i for e in elements(factor) for i in e.feature_indices})
            if runs:
                runs.append(Run(" ∘ " if before and rank else " "))
            runs += self._factor(factor)
            before = rank
        return tuple(runs)

    def _factor(self, factor: sp.Expr) -> Label:
        if isinstance(factor, sp.Add):
            return self._sum(factor, True)
        if isinstance(factor, sp.Pow):
            return self._power(factor.base, str(factor.exp).replace("-", MINUS))
        if isinstance(factor, ScalarFunction):
            return self._application(factor)
        if isinstance(factor, FirstMaximum):
            return (*words("first("), *self.name(factor.args[0].name), *words(")"))
        if isinstance(factor, Element):
            label = self.name(factor.name)
            return raised(label, "⊤") if self._is_transposed(factor.feature_indices) else label
        return _number(factor)

    def _power(self, base: sp.Expr, exponent: str) -> Label:
        if (inverse := self._inverted(base)) is not None:
            return raised(inverse, f"{MINUS}{exponent}")
        label = self._factor(base)
        called_at = next((n for n, run in enumerate(label) if run.text.endswith("(")), None)
        if isinstance(base, Element) and called_at == 0:
            return (Run(label[0].text[:-1]), Run(exponent, "upright", "sup"), *words("("), *label[1:])
        return raised(label if isinstance(base, Element | sp.Add) else (*words("("), *label, *words(")")), exponent)

    def _is_transposed(self, indices: tuple[Index, ...]) -> bool:
        """Whether a matrix's rows are summed over and its columns stay."""
        return len(indices) == 2 and indices[0] in self.summed and indices[1] in self.kept


def _number(value: sp.Expr) -> Label:
    """A number, or an expression of numbers and lengths of axes."""
    if isinstance(value, Length):
        return symbol(value.name).at()
    if isinstance(value, sp.Pow) and value.exp.is_Integer:
        inner = _number(value.base)
        base = inner if value.base.is_Symbol else (*words("("), *inner, *words(")"))
        return raised(base, str(value.exp).replace("-", MINUS))
    if isinstance(value, sp.Mul):
        return joined(map(_number, value.args), " ")
    if isinstance(value, sp.Add):
        return (*words("("), *joined(map(_number, value.args), " + "), *words(")"))
    if isinstance(value, sp.Rational):
        return words(number(Fraction(int(value.p), int(value.q))))
    return words(str(value).replace("-", MINUS))
