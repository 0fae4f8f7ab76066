"""The arithmetic in which equations are evaluated, whatever its elements are.

A ring's elements support `+`, `-`, `*`, unary `-` and `**` with an exponent ≥ 0 among themselves.
Residues modulo a prime, exact fractions, complex numbers, dual numbers and SymPy expressions all
fit; so one interpreter serves the identity test, the complex step and the brute-force oracle.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Protocol

Element = Any


class Ring(Protocol):
    """What an interpreter asks of an arithmetic."""

    def number(self, value: Fraction) -> Element:
        """The element that stands for an exact rational."""

    def apply(self, function: str, argument: Element) -> Element:
        """A function of the table (or the derivative of one) at an element; `recip` is the inverse."""

    def first_maximum(self, elements: Sequence[Element]) -> Sequence[Element]:
        """One where the largest element stands (the first of equals), zero elsewhere."""
