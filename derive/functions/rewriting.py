"""Finds a function's derivative in terms of its output, its argument and other functions of the table.

In: a row. Out: an expression in `Y`, `Z` and applications of table functions at these, or None. Bases of
few monomials are tried, the cheapest first, and in each the combination with the fewest terms is found by
fitting samples: first in machine numbers, then in 150 digits, where coefficients become rationals. A
candidate counts only once `verification` has proved it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import mpmath
import numpy as np
import numpy.typing as npt
import sympy as sp

from derive.functions.applied import ScalarFunction, function_class
from derive.functions.evaluation import Evaluator, compiled, evaluator
from derive.functions.pieces import slope
from derive.functions.primitives import Y, Z
from derive.functions.rows import lookup
from derive.functions.table import FUNCTIONS, SELECTORS, Row
from derive.functions.verification import verified

_NEAR = tuple(n / 10 for n in (-47, -33, -21, -13, -7, -4, -1, 2, 3, 8, 12, 23, 34, 52))
_FAR = (-1e6, -300.0, 300.0, 1e6)
_MOST_TERMS = 3
_DIGITS, _BITS = 150, 480
_LARGEST_DENOMINATOR = 10**40
_CANCELLATION = 4.0

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Term:
    """A monomial of an ansatz, with its values at the samples."""

    expr: sp.Expr
    values: Array

    def __mul__(self, other: _Term) -> _Term:
        return _Term(self.expr * other.expr, self.values * other.values)

    def rest(self) -> _Term:
        """One minus this."""
        return _Term(1 - self.expr, 1 - self.values)


def rewritten(row: Row) -> sp.Expr | None:
    """The derivative of a row without its closed form, or None where none is found."""
    with np.errstate(all="ignore"):
        search = _Search(row)
        for tier in _TIERS:
            bases = list(tier(search))
            for size in range(_MOST_TERMS + 1):
                for basis in bases:
                    found = search.fewest(basis, size)
                    if found is not None:
                        return found
    return None


class _Search:
    """The samples of one row: near ones to fit, far ones to refuse what cancels."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.function = evaluator(row.closed, exact=False)
        self.form = slope(row.closed)
        self.slope = compiled(self.form, range(len(self.form.at)), exact=False)
        kinks = [float(point) for point in self.form.points]
        near = [p for p in (*kinks, *_NEAR) if self._real(p)]
        far = [p for p in _FAR if self._real(p)]
        self.near = len(near)
        self.points = np.array(near + far)
        self.one = _Term(sp.S.One, np.ones(len(self.points)))
        self.y = _Term(Y, _sampled(self.function, self.points))
        self.z = _Term(Z, self.points)
        self.target = _sampled(self.slope, self.points)

    def _real(self, point: float) -> bool:
        samples = [_sampled(f, np.array([point])) for f in (self.function, self.slope)]
        return bool(np.all(np.isfinite(samples)))

    def applied(self, name: str, to: _Term) -> _Term:
        """Another row at the output or the argument."""
        values = _sampled(evaluator(lookup(name).closed, exact=False), to.values)
        return _Term(function_class(name)(to.expr), values)

    def fewest(self, basis: Sequence[_Term], size: int) -> sp.Expr | None:
        """A verified combination of `size` terms of the basis, or None."""
        usable = [term for term in basis if np.all(np.isfinite(term.values))]
        choices = list(combinations(usable, size))
        for k in self._plausible(choices):
            candidate = self._exact(choices[k])
            if candidate is not None and verified(self.row, candidate):
                return candidate
        return None

    def _plausible(self, choices: Sequence[Sequence[_Term]]) -> list[int]:
        """Which choices fit the samples in machine numbers, without terms that cancel."""
        if not choices:
            return []
        if not choices[0]:
            return [0] if not self.target.any() else []
        columns = np.array([[term.values for term in choice] for choice in choices]).swapaxes(1, 2)
        near = columns[:, : self.near]
        coefficients = np.linalg.pinv(near, rcond=1e-12) @ self.target[: self.near]
        terms = columns * coefficients[:, None, :]
        scale = np.maximum(1, abs(self.target))
        off = abs(terms.sum(axis=2) - self.target) / scale
        cancelling = abs(terms).sum(axis=2) / scale
        good = (off.max(axis=1) < 1e-8) & (cancelling.max(axis=1) < _CANCELLATION)
        return [int(k) for k in np.flatnonzero(good)]

    def _exact(self, choice: Sequence[_Term]) -> sp.Expr | None:
        """The combination with rational coefficients, or None where they are not rational."""
        if not choice:
            return sp.S.Zero
        with mpmath.workdps(_DIGITS):
            points = [mpmath.mpf(float(p)) for p in self.points[: self.near]]
            outputs = [evaluator(self.row.closed, exact=True)(p) for p in points]
            rows = [[_number(t.expr, y, z) for t in choice] for y, z in zip(outputs, points, strict=True)]
            slopes = compiled(self.form, range(len(self.form.at)), exact=True)
            try:
                solution = mpmath.lu_solve(mpmath.matrix(rows), mpmath.matrix([slopes(p) for p in points]))
            except ZeroDivisionError:
                return None
            coefficients = [_rational(mpmath.re(c)) for c in solution]
        if None in coefficients or 0 in coefficients:
            return None
        return sp.Add(*(c * term.expr for c, term in zip(coefficients, choice, strict=True)))


def _sampled(function: Evaluator, points: Array) -> Array:
    """Values at real points; NaN where there is none, or none that is real."""
    values = []
    for point in points:
        try:
            value = complex(function(complex(point)))
        except (ArithmeticError, ValueError):
            value = complex("nan")
        values.append(value.real if value.imag == 0 else float("nan"))
    return np.array(values)


def _number(expr: sp.Expr, y: mpmath.mpf, z: mpmath.mpf) -> mpmath.mpf:
    """A monomial at given output and argument."""
    match expr:
        case sp.Integer():
            return mpmath.mpf(int(expr))
        case sp.Symbol():
            return y if expr == Y else z
        case ScalarFunction():
            return evaluator(lookup(expr.row_name).closed, exact=True)(_number(expr.args[0], y, z))
        case sp.Add():
            return mpmath.fsum(_number(a, y, z) for a in expr.args)
        case sp.Pow():
            return _number(expr.base, y, z) ** int(expr.exp)
    return mpmath.fprod(_number(a, y, z) for a in expr.args)


def _rational(number: mpmath.mpf) -> sp.Rational | None:
    """The fraction that a number agrees with to all but the last digits."""
    exact = Fraction(int(mpmath.nint(mpmath.ldexp(number, _BITS))), 2**_BITS)
    simple = exact.limit_denominator(_LARGEST_DENOMINATOR)
    if abs(exact - simple) > Fraction(1, 10 ** (_DIGITS * 2 // 3)):
        return None
    return sp.Rational(simple.numerator, simple.denominator)


def _powers(search: _Search) -> Iterator[list[_Term]]:
    one, y = search.one, search.y
    yield [one, y, y * y, y * y * y, y * y.rest()]


def _argument(search: _Search) -> Iterator[list[_Term]]:
    yield [search.one, search.y, search.z, search.y * search.z]


def _simplest_first() -> list[str]:
    """Selectors, then the functions without a branch: `expm1` is a better factor than `elu`."""
    branched = {name: FUNCTIONS[name].closed.has(sp.Abs, sp.Piecewise) for name in FUNCTIONS}
    return [*SELECTORS, *sorted(FUNCTIONS, key=branched.__getitem__)]


def _applications(search: _Search) -> Iterator[list[_Term]]:
    """Another function of the output or, second, of the argument; alone, mixed, two sides of zero apart."""
    one, y, names = search.one, search.y, _simplest_first()
    others = [search.applied(name, y) for name in names]
    others += [search.applied(name, search.z) for name in names if name != search.row.name]
    for other in others:
        yield [other]
    for other in others:
        yield [one, y, other, other.rest(), y * other, y * other.rest()]
    for to in (y, search.z):
        right, left = search.applied("positive", to), search.applied("nonnegative", to).rest()
        yield [right, left, y * right, y * left]


_TIERS = (_powers, _argument, _applications)
