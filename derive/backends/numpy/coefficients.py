"""What a loop over time multiplies its own values by: known before it, so not computed in it.

In: a program. Out: the same one, in which each term of a loop's equation is one coefficient times what the
loop computes; the coefficients are statements of their own in front of it. Every operation that stands in a
loop costs NumPy a call at every step, however small the arrays are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import sympy as sp

from derive.schedule import Loop, Program, Simple, Statement, Step
from derive.schedule.graph import addends, reads
from derive.system import BATCH, TIME, Element, Equation, Index, Term, Var, canonical, elements, elementwise

Fresh = Callable[[str, tuple[str, ...], bool], Var]
"""From a hint, the axes, and whether there is a value at every time: a new variable."""


def with_coefficients(program: Program, fresh: Fresh) -> Program:
    """The program, with the coefficients of a loop's terms computed in front of the loop."""
    steps: list[Step] = []
    for step in program.steps:
        if isinstance(step, Loop):
            coefficients = _Coefficients(step, fresh)
            loop = replace(step, body=tuple(map(coefficients.step, _chained(program, step))))
            steps += [*map(Statement, coefficients.equations), loop]
        else:
            steps.append(step)
    return replace(program, steps=tuple(steps))


# -- products of products


def _chained(program: Program, loop: Loop) -> list[Simple]:
    """The body; what is computed only to be multiplied once more is put in where that is done."""
    inside = {e.name for e in loop.equations}
    fixed = {*program.results, *program.sequences, *(n for buffer in program.buffers for n in buffer)}
    body = list(loop.body)
    for step in loop.body:
        name = step.equations[0].name
        readers = [s for s in body if any(name in reads(e) for e in s.equations)]
        if name in fixed or len(readers) != 1 or not _plain(readers[0]):
            continue
        [inner] = [s for s in body if any(e.name == name for e in s.equations)]
        joined = _joined(inner, readers[0].equations[0], inside) if _plain(inner) else None
        if joined:
            body[body.index(readers[0])] = Statement(joined)
            body.remove(inner)
    return body


def _plain(step: Simple) -> bool:
    return isinstance(step, Statement) and not step.accumulate and all(map(elementwise, step.equation.terms))


def _joined(step: Simple, reader: Equation, inside: set[str]) -> Equation | None:
    """The reader with a product put in, where both have coefficients."""
    [inner] = step.equations
    bodies = [a for t in reader.terms for a in addends(t.body)]
    [product, *others] = [a for t in inner.terms for a in addends(t.body)]
    [place, *places] = [k for k, a in enumerate(bodies) if any(e.name == inner.name for e in elements(a))]
    factors = list(sp.Mul.make_args(bodies[place]))
    found = [f for f in factors if isinstance(f, Element) and f.name == inner.name and not f.shift]
    if others or places or len(found) != 1:
        return None
    factors.remove(found[0])
    rest = sp.Mul(*factors)
    same_shape = set(found[0].indices) == set(reader.target.indices)
    if not same_shape or inner.name in {e.name for e in elements(rest)}:
        return None
    if not all(elements(_parted(body, inside)[0]) for body in (product, rest)):
        return None
    put = product.xreplace(dict(zip(inner.target.indices, found[0].indices, strict=True)))
    bodies[place] = rest * put
    return Equation(reader.target, (Term(sp.Add(*bodies)),))


def _parted(body: sp.Expr, inside: set[str]) -> tuple[sp.Expr, sp.Expr]:
    """A product as what is known before a loop, and what is not."""
    factors = sp.Mul.make_args(body)
    known = [f for f in factors if not any(e.name in inside for e in elements(f))]
    return sp.Mul(*known), sp.Mul(*(f for f in factors if f not in known))


# -- coefficients


class _Coefficients:
    """Names what a loop knows beforehand, the same once."""

    def __init__(self, loop: Loop, fresh: Fresh) -> None:
        self.inside = {e.name for e in loop.equations}
        self.fresh = fresh
        self.equations: list[Equation] = []
        self.named: dict[sp.Expr, sp.Expr] = {}

    def step(self, step: Simple) -> Simple:
        """A step of the body, its coefficients read by name."""
        if not isinstance(step, Statement) or step.accumulate:
            return step
        [equation] = step.equations
        plain = [t for t in equation.terms if elementwise(t)]
        sums = [t for t in equation.terms if t not in plain]
        known: list[sp.Expr] = []
        rest: list[sp.Expr] = []
        for addend in (a for t in plain for a in addends(t.body)):
            coefficient, own = _parted(addend, self.inside)
            if own == 1:
                known.append(coefficient)
            else:
                rest.append(self._name(coefficient, equation, own) * own)
        alone = self._name(sp.Add(*known), equation, sp.S.One)
        return Statement(Equation(equation.target, (*([Term(sp.Add(alone, *rest))] if plain else []), *sums)))

    def _name(self, coefficient: sp.Expr, equation: Equation, of: sp.Expr) -> sp.Expr:
        """The coefficient as it stands where that costs nothing, or else under a name."""
        read = elements(coefficient)
        present = {i for e in read for i in e.feature_indices}
        features = [i for i in equation.target.indices if i in present]
        bare = isinstance(coefficient.as_coeff_Mul()[1], Element)
        if not read or bare or len(features) > 1 or any(e.shift for e in read):
            return coefficient
        if coefficient not in self.named:
            self.named[coefficient] = self._defined(coefficient, equation, of, features)
        return self.named[coefficient]

    def _defined(
        self, coefficient: sp.Expr, equation: Equation, of: sp.Expr, features: Sequence[Index]
    ) -> Element:
        """A new variable; called by what of an equation it is the coefficient of."""
        time = any(TIME in e.indices for e in elements(coefficient))
        about = "_".join([equation.name, *sorted({e.name for e in elements(of)})] if of != 1 else [equation.name, "in"])
        variable = self.fresh(about, tuple(i.axis for i in features), time)
        element = Element(variable.name, *((TIME, BATCH) if time else ()), *features)
        self.equations.append(canonical(element, [Term(coefficient)]))
        return element
