"""The arithmetics of the proof whose elements are numbers.

In: nothing. Out: `OracleRing`, what the oracle asks of an arithmetic; `ProofRing`, what a problem is posed
in; and three arithmetics: `Residues` (the field of the identity test), `Rationals` (exact, small sizes),
`Complexes` (the complex step). Dual numbers, degrees and SymPy expressions have modules of their own.

In `Residues` and `Rationals` a function of the table is a *free generator*: its value is a hash of the
seed, its name and its argument. So nothing is assumed of the function except that equal arguments give
equal values, and what holds there for every value holds for the function. `recip` alone is what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from hashlib import blake2b
from typing import Protocol

from derive import functions
from derive.functions.ring import Element, Ring

PRIME = 2**61 - 1


class OracleRing(Ring, Protocol):
    """A ring in which the oracle runs."""

    def constant(self, element: Element) -> Element:
        """The same value, with nothing to differentiate."""


class ProofRing(OracleRing, Protocol):
    """A ring in which a problem can be posed as well."""

    def variable(self, name: str) -> Element:
        """What stands for an unknown of this name: a random number, a symbol, a degree."""


def first_of_each(
    elements: Sequence[Element], indicator: Callable[[int, Sequence[Element]], Element], zero: Element, one: Element
) -> list[Element]:
    """The indicators of a maximum: of elements that are equal only the first may be chosen, and one alone is."""
    distinct = tuple(dict.fromkeys(elements))
    chosen = {e: indicator(k, distinct) if len(distinct) > 1 else one for k, e in enumerate(distinct)}
    return [chosen.pop(element, zero) for element in elements]


class Residue:
    """An element of GF(PRIME). Mixing with plain integers is an error, so that it cannot go unnoticed."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value

    def __add__(self, other: Residue) -> Residue:
        return Residue((self.value + other.value) % PRIME)

    def __sub__(self, other: Residue) -> Residue:
        return Residue((self.value - other.value) % PRIME)

    def __mul__(self, other: Residue) -> Residue:
        return Residue(self.value * other.value % PRIME)

    def __neg__(self) -> Residue:
        return Residue(-self.value % PRIME)

    def __pow__(self, exponent: int) -> Residue:
        return Residue(pow(self.value, exponent, PRIME))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Residue) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"Residue({self.value})"


class _Generators:
    """Reproducible random integers of 256 bits, one for every kind and argument."""

    def __init__(self, seed: int) -> None:
        self._key = seed.to_bytes(8, "little")

    def __call__(self, kind: str, *arguments: object) -> int:
        message = "\0".join((kind, *map(str, arguments))).encode()
        return int.from_bytes(blake2b(message, key=self._key, digest_size=32).digest(), "little")


class Residues:
    """The field GF(2^61 - 1)."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._generator = _Generators(seed)

    def number(self, value: Fraction) -> Residue:
        return Residue(value.numerator * pow(value.denominator, -1, PRIME) % PRIME)

    def apply(self, function: str, argument: Residue) -> Residue:
        if function == "recip":
            return Residue(_inverse(argument.value))
        return Residue(self._generator("function", function, argument.value) % PRIME)

    def first_maximum(self, elements: Sequence[Residue]) -> list[Residue]:
        def indicator(position: int, distinct: Sequence[Residue]) -> Residue:
            return Residue(self._generator("maximum", position, *(e.value for e in distinct)) % PRIME)

        return first_of_each(elements, indicator, Residue(0), Residue(1))

    def constant(self, element: Residue) -> Residue:
        return element

    def variable(self, name: str) -> Residue:
        return Residue(self._generator("variable", name) % PRIME)


def _inverse(value: int) -> int:
    if value == 0:
        raise ZeroDivisionError("the inverse of zero modulo 2^61 - 1")
    return pow(value, -1, PRIME)


class Rationals:
    """Exact fractions. Generators have 31 bits, so that a sum of them hardly ever vanishes by chance."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._generator = _Generators(seed)

    def number(self, value: Fraction) -> Fraction:
        return value

    def apply(self, function: str, argument: Fraction) -> Fraction:
        if function == "recip":
            return 1 / argument
        return _fraction(self._generator("function", function, argument))

    def first_maximum(self, elements: Sequence[Fraction]) -> list[Fraction]:
        def indicator(position: int, distinct: Sequence[Fraction]) -> Fraction:
            return _fraction(self._generator("maximum", position, *distinct))

        return first_of_each(elements, indicator, Fraction(0), Fraction(1))

    def constant(self, element: Fraction) -> Fraction:
        return element

    def variable(self, name: str) -> Fraction:
        return _fraction(self._generator("variable", name))


def _fraction(bits: int) -> Fraction:
    numerator, denominator = bits % 2**31, bits // 2**31 % 8
    return Fraction(numerator - 2**30, denominator + 1)


class Complexes:
    """Python's complex numbers and the functions in their closed form; order is that of the real parts."""

    def number(self, value: Fraction) -> complex:
        return complex(float(value))

    def apply(self, function: str, argument: complex) -> complex:
        return complex(functions.evaluate(function, argument))

    def first_maximum(self, elements: Sequence[complex]) -> list[complex]:
        parts = [element.real for element in elements]
        first = parts.index(max(parts))
        return [complex(position == first) for position in range(len(parts))]

    def constant(self, element: complex) -> complex:
        return complex(element.real)
