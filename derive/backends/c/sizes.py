"""Sizes of arrays as C expressions. In: products and sums of lengths. Out: text.

A size is a SymPy expression of `Length`s, those of time and batch among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from derive.language.syntax import Axis
from derive.system import Length

T, B = Length("T"), Length("B")
SPAN = Length("SPAN")
"""How many rows a sum over rows takes at once, as the C calls it."""
BAND = Length("BAND")
"""How many columns it takes at once of what it multiplies, as the C calls it."""
RUN = Length("RUN")
"""How many rows a product in front of a loop does ahead, as the C calls it."""
PARTS = Length("parts")
"""In how many parts the work is done, as the C calls it."""
CHOSEN = {SPAN: 256, BAND: 48, RUN: 256}
"""The lengths that are the same for all cells."""


class Whole(sp.Function):  # type: ignore[misc]
    """A number of elements rounded up to whole units of alignment."""

    nargs = 1


class Smallest(sp.Function):  # type: ignore[misc]
    """The smallest of some sizes."""


class Largest(sp.Function):  # type: ignore[misc]
    """The largest of some sizes."""

    @classmethod
    def eval(cls, *sizes: sp.Expr) -> sp.Expr | None:
        """One size is itself."""
        return sizes[0] if len(sizes) == 1 else None


ORDER = {"T": 0, "B": 1}
Spell = Callable[[str], str]


_COMPARED = {Largest: "larger", Smallest: "smaller"}


def length(axis: Axis) -> sp.Expr:
    """The length of a stored axis."""
    return sp.Add(*(Length(part) for part in axis.parts))


def factors_of(size: sp.Expr) -> list[sp.Expr]:
    """The factors of a size, in the order of the axes of an array."""
    found: list[sp.Expr] = []
    for factor in sp.Mul.make_args(size):
        base, exponent = factor.as_base_exp()
        found += [base] * int(exponent)
    return sorted(found, key=_key)


def _key(factor: sp.Expr) -> tuple[int, str]:
    return (-1 if factor.is_Number else ORDER.get(str(factor), 2), str(factor))


def text(size: sp.Expr, spell: Spell) -> str:
    """A size in plain arithmetic."""
    if isinstance(size, sp.Add):
        return " + ".join(text(a, spell) for a in sorted(size.args, key=_key))
    if size == 0:
        return "0"
    parts = [_atom(f, spell) for f in factors_of(size) if f != 1]
    return " * ".join(parts) or "1"


def _atom(size: sp.Expr, spell: Spell) -> str:
    if isinstance(size, Length):
        return size.name if size in (*CHOSEN, PARTS) else spell(size.name)
    if isinstance(size, Whole):
        return f"whole({text(size.args[0], spell)}, UNIT)"
    if isinstance(size, Largest | Smallest):
        return _folded(_COMPARED[type(size)], [text(a, spell) for a in sorted(size.args, key=_key)])
    return str(size) if size.is_Number else f"({text(size, spell)})"


def checked(size: sp.Expr, spell: Spell) -> str:
    """A size in arithmetic that saturates instead of wrapping around."""
    if isinstance(size, sp.Add):
        return _folded("plus", [checked(a, spell) for a in sorted(size.args, key=_key)])
    return _folded("times", [_factor(f, spell) for f in factors_of(size) if f != 1])


def _factor(size: sp.Expr, spell: Spell) -> str:
    if isinstance(size, Whole):
        return f"whole({checked(size.args[0], spell)}, UNIT)"
    if isinstance(size, Largest | Smallest):
        return _folded(_COMPARED[type(size)], [checked(a, spell) for a in sorted(size.args, key=_key)])
    return checked(size, spell) if size.is_Add else _atom(size, spell)


def _folded(function: str, parts: Sequence[str]) -> str:
    result = parts[0] if parts else "1"
    for part in parts[1:]:
        result = f"{function}({result}, {part})"
    return result
