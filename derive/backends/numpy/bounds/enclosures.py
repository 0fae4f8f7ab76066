"""What can be known of a step without knowing it: intervals of all values, and bounds of the Jacobian's blocks.

In: a scope. Out: lines over the `Interval`s and the suprema of `templates/numpy/bounds.py.j2`. A polynomial that
is affine in each variable is enclosed by its corners, exactly; anything else by interval arithmetic.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sympy as sp

from derive.backends.numpy.bounds.scope import Scope
from derive.backends.numpy.expressions import align
from derive.backends.numpy.functions import spelling
from derive.bounds import Differential, Passage, Product
from derive.functions import ScalarFunction, shape
from derive.system import Element, Equation, FirstMaximum, Index, Length, Term, elements

_MOST_CORNERS = 8

Goal = Sequence[Index]


@dataclass(frozen=True)
class _Factor:
    """A factor of a coefficient: its source, the elements it reads, and whether they vary independently."""

    text: str
    reads: tuple[Element, ...]
    separable: bool = True


class EnclosurePrinter:
    """`norms`: state → source → the variable that bounds the block, once `bounds` has made its lines."""

    def __init__(self, scope: Scope) -> None:
        self.scope, self.flow = scope, scope.flow
        self.states = {delay: state for state, delay in self.flow.delays.items()}

    # -- values

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
            yield f"spread(Interval(0.0, 1.0), {self._shape(term.body.args[0])})"
        elif isinstance(term.body, ScalarFunction):
            yield self._image(term.body, target)
        elif term.over:
            inner = self.enclosed(term.body, (*target, *term.over))
            yield f"summed({inner}, {len(term.over)})"
        else:
            yield self.enclosed(term.body, target)

    def _shape(self, element: Element) -> str:
        return self.scope.sizes(self.scope.variables[element.name])

    def enclosed(self, body: sp.Expr, goal: Goal) -> str:
        """An interval for a polynomial of elements, as an array over some indices."""
        read = elements(body)
        if not read:
            return f"exactly({self._scalar(body)})"
        if len(read) == 1 and body == read[0]:
            return self._aligned(read[0], goal)
        if len(read) > _MOST_CORNERS and isinstance(body, sp.Add):
            return " + ".join(self.enclosed(part, goal) for part in _ordered(body))
        aligned = ", ".join(self._aligned(e, goal) for e in read)
        kind = "corners" if len(read) <= _MOST_CORNERS and _is_affine(body, read) else "natural"
        return f"{kind}({self._function(body, read)}, {aligned})"

    def _function(self, body: sp.Expr, read: Sequence[Element]) -> str:
        """A lambda over the values of elements, whatever their indices."""
        names = [self.scope.label(e) for e in read]
        renamed = {e: self.scope.array(name) for e, name in zip(read, names, strict=True)}
        return f"lambda {', '.join(names)}: {self._scalar(body.xreplace(renamed))}"

    def _scalar(self, body: sp.Expr) -> str:
        return self.scope.expressions.plain(body, ())

    def _aligned(self, element: Element, goal: Goal) -> str:
        return align(self.scope[element.name], list(element.feature_indices), list(goal))

    def _image(self, body: ScalarFunction, goal: Goal) -> str:
        argument = body.args[0]
        inner = self._aligned(argument, goal) if isinstance(argument, Element) else f"exactly({self._scalar(argument)})"
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

    # -- the blocks' bounds, row by row in the ∞-norm

    def rows(self) -> list[str]:
        """Bounds of the absolute row sums of every block, unit by unit."""
        self.reach: dict[str, dict[str, str]] = {delay: {} for delay in self.states}
        return [line for d in self.flow.differentials.values() for line in self._rows(d)]

    def _rows(self, differential: Differential) -> Iterator[str]:
        name = differential.variable
        self.reach[name] = {}
        for state in self._sources(differential):
            shares = [f"share(1.0, {self._ways(ways)})" for ways in self._direct_ways(differential, state)]
            factors = [self._factors(way) for ways in self._direct_ways(differential, state) for way in ways]
            for passage in differential.passages:
                text = self._row_weight(name, passage, state)
                if text is not None:
                    shares.append(f"share({text}, {self._ways(passage.ways)})")
                    factors += [self._factors(way) for way in passage.ways]
            bound = self.scope.names.fresh(f"{name}_from_{state}")
            self.reach[name][state] = bound
            yield from self._largest(bound, name, shares, factors)

    def _row_weight(self, name: str, passage: Passage, state: str) -> str | None:
        """What a unit sum of changes of the state comes to through a passage."""
        if passage.source in self.states:
            if self.states[passage.source] != state:
                return None
            factor: list[Element] = []
        elif state in self.reach[passage.source]:
            factor = [self.scope.array(self.reach[passage.source][state], *passage.weight.source.feature_indices)]
        else:
            return None
        row = self.scope.variables[name].element.feature_indices
        magnitude = self._magnitude(passage.weight.coefficient)
        text = self.scope.total(Term(sp.Mul(*magnitude, *factor), passage.weight.over), row)
        terms = " * ".join(self.scope.axes[i.axis] for i in passage.weight.over)
        return f"up({text}, {terms})" if terms else text

    def _magnitude(self, coefficient: sp.Expr) -> list[sp.Expr]:
        """The largest absolute value of each factor, as arrays of the module's own."""
        found: list[sp.Expr] = []
        for factor in sp.Mul.make_args(coefficient):
            read = elements(factor)
            if not read:
                found.append(sp.Abs(factor))
                continue
            indices = tuple(dict.fromkeys(i for e in read for i in e.feature_indices))
            found.append(self.scope.array(f"peak({self.enclosed(factor, indices)})", *indices))
        return found

    # -- the blocks' bounds in the 1- and the 2-norm

    def norms(self) -> list[str]:
        """Bounds of every block as a whole, as numbers."""
        self.reach = {delay: {} for delay in self.states}
        return [line for d in self.flow.differentials.values() for line in self._norms(d)]

    def _norms(self, differential: Differential) -> Iterator[str]:
        name = differential.variable
        self.reach[name] = {}
        for state in self._sources(differential):
            texts = []
            directs = self._direct_ways(differential, state)
            if directs:
                shares = [f"share(1.0, {self._ways(ways)})" for ways in directs]
                factors = [self._factors(way) for ways in directs for way in ways]
                part = self.scope.names.fresh(f"{name}_by_{state}")
                yield from self._largest(part, name, shares, factors)
                texts.append(f"{part}.max()")
            for passage in differential.passages:
                weight = self._norm_weight(name, passage, state)
                if weight is not None:
                    part = self.scope.names.fresh(f"{name}_{passage.gate or passage.source}_{state}")
                    factors = [self._factors(way) for way in passage.ways]
                    yield from self._largest(part, name, [f"share(1.0, {self._ways(passage.ways)})"], factors)
                    texts.append(" * ".join([f"{part}.max()", *weight]))
            bound = self.scope.names.fresh(f"{name}_from_{state}")
            self.reach[name][state] = bound
            yield f"{bound} = up({' + '.join(texts)})"

    def _norm_weight(self, name: str, passage: Passage, state: str) -> list[str] | None:
        """The norms that a passage multiplies by."""
        inner = [] if passage.source in self.states else [self.reach[passage.source].get(state)]
        if None in inner or (not inner and self.states[passage.source] != state):
            return None
        known = [text for text in inner if text is not None]
        weight = passage.weight
        if weight.coefficient == 1 and weight.target.feature_indices == weight.source.feature_indices:
            return known
        return [*self._operator_norm(name, passage), *known]

    def _operator_norm(self, name: str, passage: Passage) -> list[str]:
        """The norm of a weight: of a matrix between two diagonals, or of the matrix of all magnitudes."""
        row, column = self.scope.variables[name].element.feature_indices, passage.weight.source.feature_indices
        matrices, scalars = [], []
        for factor in sp.Mul.make_args(passage.weight.coefficient):
            indices = {i for e in elements(factor) for i in e.feature_indices}
            if isinstance(factor, Element) and self._is_given(factor) and set(factor.indices) == {*row, *column}:
                matrices.append(self.scope[factor.name] + (".T" if factor.indices == (*column, *row) else ""))
            elif indices <= set(row) or indices <= set(column):
                scalars.append(factor)
            else:
                matrices.append("")
        if len(row) == len(column) == len(matrices) == 1 and row != column and matrices[0]:
            peaks = [f"{self._scalar(m)}.max()" for f in scalars for m in self._magnitude(f) if elements(f)]
            numbers = [f"abs({self._scalar(f)})" for f in scalars if not elements(f)]
            return [f"measure({matrices[0]}.upper, norm)", *peaks, *numbers]
        return [f"measure({self._dense(passage, row, column)}, norm)"]

    def _is_given(self, element: Element) -> bool:
        return self.scope.variables[element.name].role == "param"

    def _dense(self, passage: Passage, row: Goal, column: Goal) -> str:
        """The magnitudes of a weight as a matrix from the source's elements to the target's."""
        free = self.scope.free(passage.source)
        pairs = list(zip(column, free, strict=True))
        renamed = {i: j for i, j in pairs if i in passage.weight.over}
        fixed = [(i, j) for i, j in pairs if i not in passage.weight.over]
        magnitude = [m.xreplace(renamed) for m in self._magnitude(passage.weight.coefficient)]
        over = tuple(i for i in passage.weight.over if i not in renamed)
        body = sp.Mul(*magnitude, *self.scope.identity(fixed))
        text = self.scope.total(Term(body, over), (*row, *free))
        target = self.scope.variables[passage.weight.target.name]
        return f"flat({text}, {self.scope.sizes(target)}, {self._shape(passage.weight.source)})"

    # -- suprema

    def _sources(self, differential: Differential) -> list[str]:
        """The states that a variable follows."""
        found = {self.states[d.delay] for d in differential.directs}
        for passage in differential.passages:
            known = self.reach[passage.source]
            found |= {self.states[passage.source]} if passage.source in self.states else set(known)
        return [state for state in self.flow.states if state in found]

    def _direct_ways(self, differential: Differential, state: str) -> list[tuple[Product, ...]]:
        """All that comes directly is one diagonal: its ways are summed before absolute values are taken."""
        ways = [way for d in differential.directs if self.states[d.delay] == state for way in d.ways]
        return [tuple(ways)] if ways else []

    def _ways(self, ways: Iterable[Product]) -> str:
        return ", ".join(f"[{', '.join(f.text for f in self._factors(way))}]" for way in ways)

    def _factors(self, way: Product) -> list[_Factor]:
        """The factors of a way; those of one variable together, and the numbers."""
        groups: dict[tuple[Element, ...], list[sp.Expr]] = {}
        for factor in way:
            groups.setdefault(elements(factor), []).append(factor)
        return [self._factor(read, sp.Mul(*parts)) for read, parts in groups.items()]

    def _factor(self, read: tuple[Element, ...], body: sp.Expr) -> _Factor:
        function = self._function(body, read)
        names = "".join(f', "{self.scope.label(e)}"' for e in read)
        if len(read) <= _MOST_CORNERS and _is_affine(body, read):
            return _Factor(f"factor({function}{names})", read)
        turns = _turns(body, read)
        if turns is None:
            return _Factor(f"natural_factor({function}{names})", read, separable=False)
        return _Factor(f"factor({function}{names}, turns={turns!r})", read)

    def _largest(
        self, bound: str, name: str, shares: Sequence[str], factors: Sequence[Sequence[_Factor]]
    ) -> Iterator[str]:
        """Lines that take the supremum of a sum of shares over the box."""
        variable = self.scope.variables[name]
        distinct = {f.text: f for way in factors for f in way}.values()
        count = Counter(e for f in distinct for e in f.reads)
        shared = {e for e in count if count[e] > 1} | {e for f in distinct if not f.separable for e in f.reads}
        split = [self.scope.label(e) for e in self._sorted(shared) if self.scope.variables[e.name].time]
        row = variable.element.feature_indices
        box = ", ".join(f"{self.scope.label(e)}={self._aligned(e, row)}" for e in self._sorted(count))
        yield f"{bound} = largest("
        yield f"    {self.scope.sizes(variable)},"
        yield f"    dict({box}),"
        yield "    ["
        yield from (f"        {share}," for share in shares)
        yield "    ],"
        if split:
            yield f"    split={tuple(split)!r},"
        yield ")"

    def _sorted(self, read: Iterable[Element]) -> list[Element]:
        return sorted(read, key=self.flow.system.place)


def _polynomial(body: sp.Expr, read: Sequence[Element]) -> sp.Poly | None:
    """A body as a polynomial in its elements; None where it is none."""
    symbols = [sp.Dummy(f"u{k}", real=True) for k in range(len(read))]
    plain = body.xreplace(dict(zip(read, symbols, strict=True)))
    return sp.Poly(plain, *symbols) if symbols and plain.is_polynomial(*symbols) else None


def _is_affine(body: sp.Expr, read: Sequence[Element]) -> bool:
    """Whether a body is affine in each of its elements."""
    polynomial = _polynomial(body, read)
    return not read or (polynomial is not None and max(polynomial.degree_list()) <= 1)


def _turns(body: sp.Expr, read: Sequence[Element]) -> tuple[float, ...] | None:
    """Where the slope of a polynomial of one element vanishes; None for any other body."""
    polynomial = _polynomial(body, read)
    if len(read) != 1 or polynomial is None or body.atoms(Length):
        return None
    return tuple(sorted({float(root) for root in sp.real_roots(polynomial.diff())}))


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
