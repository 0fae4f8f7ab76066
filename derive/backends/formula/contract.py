"""Index equations contracted back to matrices: `Σ_j W[i,j] h[j]` becomes `W h`, `δ[i] h[j]` becomes `δ hᵀ`.

In: a term over indexed scalars and the indices of its result. Out: a `Formula`. A term is a network whose
nodes are indices (each with the vectors along it) and whose edges are matrices; indices that are summed
over are eliminated, the leaves first. What has no matrix form (a tensor, an index three factors share)
raises `NoMatrixForm`, and is written with indices by `entries`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import sympy as sp

from derive import functions
from derive.backends.formula.network import Network, NoMatrixForm, Ordered
from derive.backends.formula.nodes import (
    Applied,
    Constant,
    Differential,
    Entry,
    Formula,
    Name,
    Negative,
    OverTime,
    Power,
    Reduced,
    Summed,
    negative,
    scaled,
    total,
)
from derive.system import BATCH, TIME, Element, FirstMaximum, Index, Length, Term, Var, elements

_Key = tuple[bool, tuple[int, ...], bool, tuple[int, ...], str]
_Addend = tuple[_Key, Formula]
_Written = Callable[[sp.Expr, tuple[Index, ...]], Formula]
_LONG = 1000
"""No denominator in front of a sum is as large."""

DIFFERENTIAL = "∂"
"""Put before a variable's name, it stands for the variable's change."""

Place = Callable[[str], int]
"""Where a variable stands among the factors of a product."""


class Reader:
    """Turns terms into formulas.

    `inline`: variables to write as what they are, a function of another variable.
    """

    def __init__(self, variables: Mapping[str, Var], place: Place, inline: Mapping[str, sp.Expr] | None = None) -> None:
        self.variables, self.place, self.inline = variables, place, inline or {}

    def formula(self, free: Sequence[Index], terms: Iterable[Term], *, sort: bool = True) -> Formula:
        """The sum of some terms as a formula whose rank is the number of free indices."""
        return self._total(terms, lambda body, over: self._timed(free, body, over), len(free), sort=sort)

    def entries(self, terms: Iterable[Term], *, sort: bool = True) -> Formula:
        """The same with indices left standing, for what has no matrix form."""
        return self._total(terms, self._summed, 0, sort=sort)

    def _total(self, terms: Iterable[Term], written: _Written, rank: int, *, sort: bool) -> Formula:
        addends = [
            (self._key(addend), written(addend, term.over))
            for term in terms
            for addend in ([term.body] if term.over else sp.Add.make_args(term.body))
            if addend != 0
        ]
        return total([f for _, f in (_sorted(addends) if sort else addends)], rank)

    def name(self, element: Element) -> Formula:
        """The variable that an element belongs to; what a delay holds is the state one step before."""
        change = element.name.startswith(DIFFERENTIAL)
        variable = self.variables[element.name.removeprefix(DIFFERENTIAL)]
        rank, shift = len(variable.axes), element.shift if variable.time else None
        if variable.role == "delay":
            name = Name(name=variable.about, shift=element.shift - 1, rank=rank)
        else:
            name = Name(name=variable.name, shift=shift, rank=rank)
        return Differential(of=name, rank=rank) if change else name

    # -- matrix form

    def _timed(self, free: Sequence[Index], body: sp.Expr, over: Sequence[Index]) -> Formula:
        formula = self._product(free, body, [i for i in over if i not in (TIME, BATCH)])
        if TIME not in over:
            return formula
        return _outside(formula, lambda inner: OverTime(rank=inner.rank, operand=inner))

    def _product(self, free: Sequence[Index], body: sp.Expr, over: Sequence[Index]) -> Formula:
        if len(free) > 2:
            raise NoMatrixForm(f"{body} has {len(free)} indices")
        network = Network(free, over)
        coefficient, factors = self._taken_apart(body)
        for factor in factors:
            base, exponent = _based(factor)
            indices = self._indices(base, (*free, *over))
            formula = self._factor(base, indices)
            if exponent > 1:
                formula = Power(rank=formula.rank, base=formula, exponent=exponent)
            network.add(Ordered(formula, self._key(factor)), indices)
        coefficient *= sp.Mul(*(Length(i.axis) for i in network.unused()))
        if free and not network.occupied:
            return scaled([], Constant(value=coefficient))
        scalars, rest = network.contracted()
        formulas = [*scalars, *([] if rest is None else [rest])] or [Constant(value=sp.S.One)]
        return scaled([Constant(value=coefficient), *formulas[:-1]], formulas[-1])

    def _taken_apart(self, body: sp.Expr) -> tuple[sp.Expr, list[sp.Expr]]:
        """The number in front of a product, and its other factors; a sum begins with what is added."""
        coefficient, factors = sp.S.One, []
        for factor in sp.Mul.make_args(body):
            base, exponent = _based(factor)
            if _is_number(factor):
                coefficient *= factor
            elif isinstance(base, sp.Add):
                content, rest = _content(base)
                terms = sorted(rest.args, key=self._key)
                backwards = terms[0].could_extract_minus_sign() and all(elements(t) for t in terms)
                coefficient *= (-content if backwards else content) ** exponent
                factors.append(sp.Pow(-rest if backwards else rest, exponent))
            else:
                factors.append(factor)
        return coefficient, factors

    def _factor(self, factor: sp.Expr, indices: tuple[Index, ...]) -> Formula:
        if isinstance(factor, Element):
            if factor.name in self.inline:
                return self._factor(self._written_out(factor), indices)
            return self.name(factor)
        if isinstance(factor, functions.ScalarFunction):
            argument = factor.args[0]
            inner = Constant(value=argument) if _is_number(argument) else self._factor(argument, indices)
            return Applied(rank=inner.rank, function=factor.row_name, operands=(inner,))
        if isinstance(factor, FirstMaximum):
            element, *along = factor.args
            axis = None if len(along) == len(indices) else indices.index(along[0])
            return Reduced(rank=len(indices), kind="first", operand=self._factor(element, indices), axis=axis)
        return self.formula(indices, [Term(factor)])

    def _written_out(self, element: Element) -> sp.Expr:
        indices = self.variables[element.name].indices
        return self.inline[element.name].xreplace(dict(zip(indices, element.indices, strict=True)))

    def _indices(self, factor: sp.Expr, known: Sequence[Index]) -> tuple[Index, ...]:
        """The indices of a factor, as an element has them or in the order of the result."""
        if isinstance(factor, Element):
            indices = factor.feature_indices
        elif isinstance(factor, functions.ScalarFunction | FirstMaximum):
            return self._indices(factor.args[0], known)
        else:
            used = {i for e in elements(factor) for i in e.feature_indices}
            indices = tuple(i for i in known if i in used)
        if len(set(indices)) < len(indices) or len(indices) > 2:
            raise NoMatrixForm(f"{factor} has the indices {indices}")
        return indices

    # -- with indices

    def _summed(self, body: sp.Expr, over: Sequence[Index]) -> Formula:
        features = tuple(i for i in over if i not in (TIME, BATCH))
        formula = self._scalar(body)
        if features:
            formula = _outside(formula, lambda inner: Summed(over=features, operand=inner))
        if TIME in over:
            formula = _outside(formula, lambda inner: OverTime(rank=0, operand=inner))
        return formula

    def _scalar(self, body: sp.Expr) -> Formula:
        if isinstance(body, Element):
            if body.name in self.inline:
                return self._scalar(self._written_out(body))
            named = self.name(body)
            return Entry(of=named, indices=body.feature_indices) if body.feature_indices else named
        if _is_number(body):
            return Constant(value=body)
        if isinstance(body, functions.ScalarFunction):
            return Applied(rank=0, function=body.row_name, operands=(self._scalar(body.args[0]),))
        if isinstance(body, FirstMaximum):
            return self._first(body)
        if isinstance(body, sp.Add):
            return self.entries([Term(body)])
        if isinstance(body, sp.Pow):
            return Power(rank=0, base=self._scalar(body.base), exponent=int(body.exp))
        coefficient, factors = self._taken_apart(body)
        *scalars, last = [self._scalar(f) for f in sorted(factors, key=self._key)]
        return scaled([Constant(value=coefficient), *scalars], last)

    def _first(self, body: FirstMaximum) -> Formula:
        element, *along = body.args
        indices = element.feature_indices
        axis = None if len(along) == len(indices) else indices.index(along[0])
        return Entry(
            of=Reduced(rank=len(indices), kind="first", operand=self.name(element), axis=axis),
            indices=indices,
        )

    # -- order

    def _key(self, expression: sp.Expr) -> _Key:
        """Adjoints last; otherwise by place, a variable before an expression of it."""
        found = elements(expression)
        last = any(self._role(e) in ("adjoint", "seed") or e.name.startswith(DIFFERENTIAL) for e in found)
        places = sorted(self.place(e.name.removeprefix(DIFFERENTIAL)) for e in found)
        return last, tuple(places[:1]), not isinstance(expression, Element), tuple(places), str(expression)

    def _role(self, element: Element) -> str:
        return self.variables[element.name.removeprefix(DIFFERENTIAL)].role


def _content(total: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """A number in front of a sum, and the rest; none where decimals would become long whole numbers."""
    content, rest = total.primitive()
    return (content, rest) if content.q < _LONG else (sp.S.One, total)


def _based(factor: sp.Expr) -> tuple[sp.Expr, int]:
    if isinstance(factor, sp.Pow) and factor.exp.is_Integer and factor.exp > 1:
        return factor.base, int(factor.exp)
    return factor, 1


def _is_number(expression: sp.Expr) -> bool:
    return not elements(expression) and not expression.has(functions.ScalarFunction)


def _outside(formula: Formula, wrap: Callable[[Formula], Formula]) -> Formula:
    """A sum over a formula, with the sign in front of it."""
    inner = negative(formula)
    if isinstance(formula, Negative):
        return negative(wrap(inner))
    return wrap(formula)


def _sorted(addends: list[_Addend]) -> list[_Addend]:
    """By place, numbers behind; but where that begins with a minus, something that is added first."""
    ordered = sorted(addends, key=lambda addend: (not addend[0][1], addend[0]))
    first = next((n for n, (_, f) in enumerate(ordered) if not isinstance(f, Negative)), 0)
    return [*ordered[first : first + 1], *ordered[:first], *ordered[first + 1 :]]
