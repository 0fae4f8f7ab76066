"""The interval of every value of a step, from those of its inputs and old states.

In: a scope. Out: lines over the `Interval`s of `templates/numpy/bounds.py.j2`. A polynomial that is affine in each
variable is enclosed by its corners, exactly; anything else by interval arithmetic. A normalised vector has a length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import sympy as sp

from derive.backends.numpy.bounds.scope import Scope
from derive.backends.numpy.expressions import align
from derive.backends.numpy.functions import spelling
from derive.bounds import Normaliser
from derive.functions import ScalarFunction, shape
from derive.system import Element, Equation, FirstMaximum, Index, Term, elements

MOST_CORNERS = 8

Goal = Sequence[Index]


class IntervalPrinter:
    """Prints intervals as source."""

    def __init__(self, scope: Scope) -> None:
        self.scope, self.flow = scope, scope.flow

    def values(self) -> list[str]:
        """The interval of every variable of a step."""
        return [f"{self.scope[e.name]} = {self._value(e)}" for e in self.flow.read]

    def read(self) -> list[str]:
        """The names of what `values` encloses."""
        return [self.scope[e.name] for e in self.flow.read]

    def _value(self, equation: Equation) -> str:
        target = equation.target.feature_indices
        texts = [text for term in equation.terms for text in self._term(term, target)]
        text = texts[0] if len(texts) == 1 else " + ".join(texts)
        variable = self.scope.variables[equation.name]
        if variable.axes and self.scope.expressions.lacks(equation.terms, target):
            return f"spread({text}, {self.scope.sizes(variable)})"
        return text

    def _term(self, term: Term, target: Goal) -> Iterator[str]:
        if isinstance(term.body, FirstMaximum):
            yield f"spread(Interval(0.0, 1.0), {self.shape_of(term.body.args[0])})"
        elif isinstance(term.body, ScalarFunction):
            yield self._image(term.body, target)
        elif term.over:
            inner = self.enclosed(term.body, (*target, *term.over))
            yield f"summed({inner}, {len(term.over)})"
        else:
            yield self.enclosed(term.body, target)

    def shape_of(self, element: Element) -> str:
        return self.scope.sizes(self.scope.variables[element.name])

    def enclosed(self, body: sp.Expr, goal: Goal) -> str:
        """An interval for a polynomial of elements, as an array over some indices."""
        body = self._with_units(body)
        read = elements(body)
        if not read:
            return f"exactly({self.scalar(body)})"
        if len(read) == 1 and body == read[0]:
            return self.aligned(read[0], goal)
        if len(read) > MOST_CORNERS and isinstance(body, sp.Add):
            return " + ".join(self.enclosed(part, goal) for part in _ordered(body))
        aligned = ", ".join(self.aligned(e, goal) for e in read)
        kind = "corners" if len(read) <= MOST_CORNERS and is_affine(body, read) else "natural"
        return f"{kind}({self.function(body, read)}, {aligned})"

    def function(self, body: sp.Expr, read: Sequence[Element]) -> str:
        """A lambda over the values of elements, whatever their indices."""
        names = [self.scope.label(e) for e in read]
        renamed = {e: self.scope.array(name) for e, name in zip(read, names, strict=True)}
        return f"lambda {', '.join(names)}: {self.scalar(body.xreplace(renamed))}"

    def scalar(self, body: sp.Expr) -> str:
        return self.scope.expressions.plain(body, ())

    def aligned(self, element: Element, goal: Goal) -> str:
        return align(self.scope[element.name], list(element.feature_indices), list(goal))

    def _image(self, body: ScalarFunction, goal: Goal) -> str:
        argument = body.args[0]
        inner = self.aligned(argument, goal) if isinstance(argument, Element) else f"exactly({self.scalar(argument)})"
        known = shape(body.row_name)
        limits = ", ".join(_outward(end, k) for k, end in enumerate(known.range))
        parts = [_callable(body.row_name), inner, f"({limits})"]
        if known.turns is None:
            return f"anywhere({parts[1]}, {parts[2]})"
        if known.turns:
            turns = ", ".join(repr((*t.at, *t.value)) for t in known.turns)
            parts.append(f"turns=({turns},)")
        if known.poles:
            parts.append(f"poles={known.poles!r}")
        if known.domain != (-sp.oo, sp.oo):
            parts.append(f"domain=({', '.join(_outward(end, k) for k, end in enumerate(known.domain))})")
        return f"image({', '.join(parts)})"

    # -- normalised vectors

    def _with_units(self, body: sp.Expr) -> sp.Expr:
        """A body with each normalised vector in it as one element, which its length bounds."""
        for normaliser in self.flow.normalisers:
            for product in sorted(body.atoms(sp.Mul), key=sp.default_sort_key):
                factors = sp.Mul.make_args(product)
                scales = [f for f in factors if isinstance(f, Element) and f.name == normaliser.scale]
                vectors = [f for f in factors if _is_like(f, normaliser.vector)]
                if scales and vectors:
                    rest = sp.Mul(*(f for f in factors if f not in (vectors[0], scales[0])))
                    unit = self._unit(normaliser, *_indices(vectors[0]))
                    body = body.xreplace({product: rest * unit})
        return body

    def _unit(self, normaliser: Normaliser, index: Index) -> Element:
        length = self.scope.axes[normaliser.length.name]
        root = f"{length} - 1.0" if normaliser.mean else length
        return self.scope.array(f"about(up(np.sqrt({root})), ({length},))", index)


def _is_like(factor: sp.Expr, vector: sp.Expr) -> bool:
    """Whether a factor is a vector of one index, at some index of its own."""
    [old], new = _indices(vector), _indices(factor)
    return len(new) == 1 and bool(factor == vector.xreplace({old: new.pop()}))


def _indices(body: sp.Expr) -> set[Index]:
    return {i for e in elements(body) for i in e.feature_indices}


def polynomial(body: sp.Expr, read: Sequence[Element]) -> sp.Poly | None:
    """A body as a polynomial in its elements; None where it is none."""
    symbols = [sp.Dummy(f"u{k}", real=True) for k in range(len(read))]
    plain = body.xreplace(dict(zip(read, symbols, strict=True)))
    return sp.Poly(plain, *symbols) if symbols and plain.is_polynomial(*symbols) else None


def is_affine(body: sp.Expr, read: Sequence[Element]) -> bool:
    """Whether a body is affine in each of its elements."""
    found = polynomial(body, read)
    return not read or (found is not None and max(found.degree_list()) <= 1)


def _callable(name: str) -> str:
    return "np.reciprocal" if name == "recip" else spelling(name)


def _outward(end: sp.Expr, side: int) -> str:
    """A float at or beyond an end: below the lower (side 0), above the upper."""
    if end in (sp.oo, -sp.oo):
        return "np.inf" if end == sp.oo else "-np.inf"
    value = float(end)
    beyond = sp.Rational(value) <= end if side == 0 else sp.Rational(value) >= end
    return repr(value if beyond == sp.true else math.nextafter(value, math.inf if side else -math.inf))


def _ordered(body: sp.Add) -> list[sp.Expr]:
    return sorted(body.args, key=sp.default_sort_key)

