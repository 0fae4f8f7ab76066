"""The factor of a linear term, in one line.

In: a transposed linear term. Out: a label such as `W_fh⊤` or `f ∘ (1 − f)`: what the term multiplies the adjoint by. Matrices
are transposed where the term sums over their rows; vectors along the same axis are multiplied element by element.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from derive.calculus import Linear
from derive.functions import ScalarFunction
from derive.pictures.notation import MINUS, Notation, Symbol, called, symbol
from derive.pictures.text import Label, Run, joined, raised, words
from derive.system import Element, FirstMaximum, Index, Length, System, elements


class Coefficients:
    """Spells factors. `owner`: for each variable that is the author's or a block of it, the author's."""

    def __init__(self, system: System, notation: Notation) -> None:
        self.system, self.notation = system, notation
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
        equation = self.system.equation(name)
        if equation is not None and len(equation.terms) == 1:
            body = equation.terms[0].body
            if isinstance(body, ScalarFunction) and isinstance(body.args[0], Element) and body.args[0].name in self.owner:
                return (*words(f"{called(body.row_name)}("), *self.name(body.args[0].name), *words(")"))
        about = self.system.variables[name].about
        return (Run("u", "italic"), Run(about, "italic", "sup"))

    def _text(self, value: sp.Expr, *, inside: bool = False) -> Label:
        if isinstance(value, sp.Add):
            return self._sum(value, inside)
        number, factors = self._apart(value)
        sign = MINUS if number.could_extract_minus_sign() else ""
        size = abs(number) if number.is_number else (-number if sign else number)
        labels = [] if size == 1 and factors else [words(_number(size))]
        text = self._product(factors, labels)
        return (*words(sign), *text) if sign else text

    def _apart(self, value: sp.Expr) -> tuple[sp.Expr, list[sp.Expr]]:
        number, factors = sp.S.One, []
        for factor in sp.Mul.make_args(value):
            if elements(factor) or factor.has(ScalarFunction):
                factors.append(factor)
            else:
                number *= factor
        order = sorted(factors, key=lambda f: (isinstance(f, sp.Add), [self.system.place(e) for e in elements(f)]))
        return number, order

    def _sum(self, value: sp.Expr, inside: bool) -> Label:
        terms = sorted(value.args, key=lambda t: (t.could_extract_minus_sign(), sp.default_sort_key(t)))
        runs: list[Run] = []
        for number, term in enumerate(terms):
            minus = term.could_extract_minus_sign()
            sign = (MINUS if minus else "") if not number else f" {MINUS} " if minus else " + "
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
            base = self._factor(factor.base)
            return raised(base, str(factor.exp).replace("-", MINUS)) if isinstance(factor.base, Element) else (
                *words("("), *base, *words(")"), Run(str(factor.exp), "upright", "sup"))
        if isinstance(factor, ScalarFunction):
            return (*words(f"{called(factor.row_name)}("), *self._text(factor.args[0]), *words(")"))
        if isinstance(factor, FirstMaximum):
            return (*words("first("), *self.name(factor.args[0].name), *words(")"))
        if isinstance(factor, Element):
            label = self.name(factor.name)
            return raised(label, "⊤") if self._is_transposed(factor.feature_indices) else label
        return words(str(factor))

    def _is_transposed(self, indices: tuple[Index, ...]) -> bool:
        """Whether a matrix's rows are summed over and its columns stay."""
        return len(indices) == 2 and indices[0] in self.summed and indices[1] in self.kept


def _number(value: sp.Expr) -> str:
    return str(value).replace("-", MINUS).replace("*", " ")
