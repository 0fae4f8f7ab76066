"""Which values stay bounded, whatever the weights are, and how a state is kept within a range.

In: a flow. Out: for each state a `Kept` or None, and the variables that nothing bounds. Inputs are taken as bounded
and weights as given. What a function's range bounds is bounded; so is a continuous function of what is bounded, and a
polynomial of it; so is a state that its recurrence pulls back, or averages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sympy as sp

from derive.bounds.flow import Flow
from derive.bounds.suprema import range_of, supremum
from derive.functions import ScalarFunction, lookup, shape
from derive.functions.pieces import slope
from derive.system import Element, Equation, FirstMaximum, Length, Term, elements, elementwise

Manner = Literal["range", "average", "contraction"]


@dataclass(frozen=True)
class Kept:
    """`state[t] = share ∘ state[t-1] + rest` where it is a recurrence.

    range: the values that it is made of lie in finite ranges, so |state| ≤ `supremum`. average: share is between 0 and
    1, and rest is (1 - share) ∘ `other`. contraction: |share| < 1 on any bounded set.
    """

    manner: Manner
    share: sp.Expr = sp.S.Zero
    rest: tuple[Term, ...] = ()
    other: sp.Expr = sp.S.Zero
    supremum: sp.Expr = sp.oo


class Ranges:
    """What is known of every variable of a flow."""

    def __init__(self, flow: Flow) -> None:
        self.flow, self.system = flow, flow.system
        self.states = {delay: state for state, delay in flow.delays.items()}
        self.kept: dict[str, Kept] = {}
        self.bounded = {v.name for v in self.system.of_role("input", "param", "seed")}
        while self._grows():
            pass

    def unbounded(self, names: frozenset[str]) -> list[str]:
        """Those of some variables that nothing bounds, in order."""
        return [n for n in self.system.variables if n in names and n not in self.bounded]

    def _grows(self) -> bool:
        """Add what is bounded by what is known to be; False where nothing is added."""
        before = len(self.bounded), len(self.kept)
        for equation in self.system.equations:
            if equation.name in self.states:
                if self.states[equation.name] in self.kept:
                    self.bounded.add(equation.name)
            elif self._is_bounded(equation):
                self.bounded.add(equation.name)
        for state in self.flow.states:
            found = self._kept(state) if state not in self.kept else None
            if found is not None:
                self.kept[state] = found
                self.bounded.add(state)
        return (len(self.bounded), len(self.kept)) != before

    # -- one equation

    def _is_bounded(self, equation: Equation) -> bool:
        return all(self._is_bounded_body(term.body) for term in equation.terms)

    def _is_bounded_body(self, body: sp.Expr) -> bool:
        if isinstance(body, FirstMaximum):
            return True
        if not isinstance(body, ScalarFunction):
            return all(e.name in self.bounded for e in elements(body))
        known = shape(body.row_name)
        if all(end.is_finite for end in known.range):
            return True
        if not all(e.name in self.bounded for e in elements(body)):
            return False
        everywhere = known.domain == (-sp.oo, sp.oo) and not known.poles
        return everywhere or self._exceeds_zero(body.args[0])

    def _exceeds_zero(self, body: sp.Expr) -> bool:
        """Whether a value stays above a positive number: squares and a positive constant, or a root of such."""
        equation = self.system.equation(body.name) if isinstance(body, Element) else None
        if equation is None:
            return bool(body.is_positive)
        if len(equation.terms) == 1 and isinstance(equation.terms[0].body, ScalarFunction):
            inner = equation.terms[0].body
            return inner.row_name == "sqrt" and self._exceeds_zero(inner.args[0])
        addends = [a for term in equation.terms for a in sp.Add.make_args(term.body)]
        return all(a.is_nonnegative for a in addends) and any(a.is_number and a.is_positive for a in addends)

    # -- one state

    def _kept(self, state: str) -> Kept | None:
        equation = self.system.equation(state)
        if equation is None:
            return None
        if self._is_bounded(equation):
            return Kept("range", supremum=self._magnitude(equation))
        return self._recurrence(state, equation)

    def _magnitude(self, equation: Equation) -> sp.Expr:
        """The largest value that the ranges of functions allow; oo where they allow any."""
        if len(equation.terms) == 1 and isinstance(equation.terms[0].body, ScalarFunction):
            return sp.Max(*map(abs, range_of(self.flow, equation.name)))
        if not all(map(elementwise, equation.terms)):
            return sp.oo
        return sp.Add(*(self._product(a) for term in equation.terms for a in sp.Add.make_args(term.body)))

    def _product(self, body: sp.Expr) -> sp.Expr:
        factors = sp.Mul.make_args(body)
        sizes = [abs(f) if f.is_number else supremum(self.flow, [f]) for f in factors if not f.atoms(Length)]
        return sp.Mul(*sizes) if len(sizes) == len(factors) and all(s.is_finite for s in sizes) else sp.oo

    def _recurrence(self, state: str, equation: Equation) -> Kept | None:
        old = self.system.variables[self.flow.delays[state]].element
        split = [Term(a, t.over) for t in equation.terms for a in ([t.body] if t.over else sp.Add.make_args(t.body))]
        followed = [term.body for term in split if old.name in {e.name for e in elements(term.body)}]
        rest = tuple(term for term in split if term.body not in followed)
        share = sp.Add(*(body.diff(old) for body in followed))
        linear = all(body.is_polynomial(old) and body.subs(old, 0) == 0 for body in followed)
        if not followed or not linear or old.name in {e.name for e in elements(share)}:
            return None
        return self._averaged(share, rest) or self._contracted(share, rest)

    def _averaged(self, share: sp.Expr, rest: tuple[Term, ...]) -> Kept | None:
        if any(term.over for term in rest) or not self._between(share):
            return None
        other = _quotient(sp.Add(*(term.body for term in rest)), 1 - share)
        bounded = other is not None and all(e.name in self.bounded for e in elements(other))
        return Kept("average", share, rest, other) if bounded else None

    def _between(self, share: sp.Expr) -> bool:
        """Whether a share lies between 0 and 1: one variable from that range, or one minus it."""
        read = elements(share)
        if len(read) != 1:
            return False
        ends = [share.subs(read[0], end) for end in range_of(self.flow, read[0].name) if end.is_finite]
        return len(ends) == 2 and sp.degree(share, read[0]) == 1 and all(0 <= end <= 1 for end in ends)

    def _contracted(self, share: sp.Expr, rest: tuple[Term, ...]) -> Kept | None:
        read = elements(share)
        if not all(self._is_bounded_body(term.body) for term in rest):
            return None
        if share.is_number:
            return Kept("contraction", share, rest) if abs(share) < 1 else None
        inside = len(read) == 1 and supremum(self.flow, [share]) <= 1 and self._never_at_ends(read[0].name)
        return Kept("contraction", share, rest) if inside else None

    def _never_at_ends(self, name: str) -> bool:
        """Whether a variable stays inside its function's range: a strictly monotone function of what is bounded."""
        equation = self.system.equation(name)
        body = equation.terms[0].body if equation else sp.S.Zero
        if not isinstance(body, ScalarFunction) or not all(e.name in self.bounded for e in elements(body)):
            return False
        return _only_rises_or_falls(body.row_name)


def _only_rises_or_falls(name: str) -> bool:
    """Whether a function is strictly monotone, so that it takes no end of its range."""
    return shape(name).turns == () and all(value != 0 for value in slope(lookup(name).closed).values)


def _quotient(above: sp.Expr, below: sp.Expr) -> sp.Expr | None:
    """above / below where it is a polynomial that above is written with."""
    factors = list(sp.Mul.make_args(above))
    return sp.Mul(*(f for f in factors if f != below)) if below in factors else None


def iterate(share: sp.Symbol, rest: sp.Symbol, steps: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    """What the start and what `rest` are multiplied by in the solution of y[n+1] = share y[n] + rest."""
    sequence, start, n = sp.Function("y"), sp.Dummy("y0"), sp.Symbol("n", integer=True, nonnegative=True)
    solution = sp.rsolve(sequence(n + 1) - share * sequence(n) - rest, sequence(n), {sequence(0): start})
    above, below = sp.fraction(sp.cancel(solution.diff(rest)))
    sign = -1 if below.coeff(share) > 0 else 1
    return sp.simplify(solution.diff(start)).subs(n, steps), (sign * above).subs(n, steps) / (sign * below)
