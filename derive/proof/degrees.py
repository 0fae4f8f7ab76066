"""Bounds on degrees, as an arithmetic: what the identity test needs for its probability.

In: nothing. Out: `Degrees`, whose elements are bounds on the degrees of a rational function in all
unknowns and all generators. Running the oracle and a candidate in it bounds the degree of every
difference that the identity test finds to be zero. Denominators are kept in factors, one for every
application of `recip`: a sum of quotients by one divisor has that divisor once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, eq=False, slots=True)
class Factor:
    """The numerator of one divisor: a polynomial of at most this degree, equal to no other factor."""

    degree: int


Factors = Mapping[Factor, int]


@dataclass(frozen=True, slots=True)
class Degree:
    """A rational function N/D: deg N <= numerator, and D the product of these powers of factors."""

    numerator: int
    factors: Factors

    @property
    def denominator(self) -> int:
        """A bound on deg D."""
        return sum(factor.degree * power for factor, power in self.factors.items())

    def __add__(self, other: Degree) -> Degree:
        if self.factors == other.factors:
            return Degree(max(self.numerator, other.numerator), self.factors)
        common = dict(self.factors)
        for factor, power in other.factors.items():
            common[factor] = max(power, common.get(factor, 0))
        total = Degree(0, common).denominator
        raised = (term.numerator + total - term.denominator for term in (self, other))
        return Degree(max(raised), common)

    __sub__ = __add__

    def __mul__(self, other: Degree) -> Degree:
        product = dict(self.factors)
        for factor, power in other.factors.items():
            product[factor] = power + product.get(factor, 0)
        return Degree(self.numerator + other.numerator, product)

    def __neg__(self) -> Degree:
        return self

    def __pow__(self, exponent: int) -> Degree:
        powers = {factor: power * exponent for factor, power in self.factors.items()}
        return Degree(self.numerator * exponent, powers)


class Degrees:
    """Counts the applications of generators and remembers the largest degrees among their arguments."""

    def __init__(self) -> None:
        self._applications = 0
        self._numerator = 0
        self._denominator = 0

    def number(self, value: Fraction) -> Degree:
        return Degree(0, {})

    def apply(self, function: str, argument: Degree) -> Degree:
        if function == "recip":
            return Degree(argument.denominator, {Factor(argument.numerator): 1})
        return self._generator([argument])

    def first_maximum(self, elements: Sequence[Degree]) -> list[Degree]:
        return [self._generator(elements) for _ in elements]

    def constant(self, element: Degree) -> Degree:
        return element

    def variable(self, name: str) -> Degree:
        return Degree(1, {})

    def collisions(self) -> int:
        """Bounds the chances, out of the field's size, that two different arguments of generators have
        one value: the degree of their difference, summed over all pairs of applications."""
        pairs = self._applications * (self._applications - 1) // 2
        return pairs * (self._numerator + self._denominator)

    def _generator(self, arguments: Sequence[Degree]) -> Degree:
        self._applications += 1
        for argument in arguments:
            self._numerator = max(self._numerator, argument.numerator)
            self._denominator = max(self._denominator, argument.denominator)
        return Degree(1, {})
