"""Bodies of equations in C, over vectors. In: a body over elements, and how each is spelled. Out: source text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from derive import functions
from derive.backends.arithmetic import Select, spread
from derive.backends.c.functions import spelling
from derive.system import Element, Index, Length, elements

Spell = Callable[[Element], str]

_SUM, _PRODUCT, _SIGN, _ATOM = range(4)
_EXACT = 2**24


@dataclass(frozen=True)
class _Here:
    """How elements are spelled where a body stands, and the index that its vectors go along, if any."""

    spell: Spell
    along: Index | None

    def still(self, body: sp.Expr) -> bool:
        """Whether a value is the same for all lanes and all turns of the loop."""
        return not any(self.along in element.indices for element in elements(body))


class Expressions:
    """Writes bodies. `functions` gathers the rows of the function table that were called."""

    def __init__(self, size: Callable[[str], str]) -> None:
        self.size = size
        self.functions: dict[str, None] = {}

    def text(self, body: sp.Expr, spell: Spell, along: Index | None) -> str:
        """A sum-free body, in a loop of vectors along an index, if there is one."""
        return self._write(body, _Here(spell, along))[0]

    def joined(self, parts: list[str]) -> str:
        """The sum of some texts."""
        text = parts[0]
        for part in parts[1:]:
            text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
        return text

    def _write(self, body: sp.Expr, here: _Here) -> tuple[str, int]:
        if isinstance(body, Element):
            return here.spell(body), _ATOM
        if isinstance(body, functions.ScalarFunction):
            return self._application(body, here)
        if isinstance(body, Select):
            selector, first, second = (self._write(argument, here)[0] for argument in body.args)
            return f"vec_choose(MASK({selector} > V(0)), {first}, {second})", _ATOM
        if isinstance(body, Length):
            return f"V({self.size(body.name)})", _ATOM
        if body.is_Number:
            return self._number(body), _ATOM
        if isinstance(body, sp.Pow) and body.exp.is_Integer:
            return self._power(body, here)
        if isinstance(body, sp.Mul):
            return self._mul(body, here)
        if isinstance(body, sp.Add):
            ordered = sorted(body.args, key=lambda a: (a.could_extract_minus_sign(), a.sort_key()))
            return self.joined([self._write(a, here)[0] for a in ordered]), _SUM
        raise TypeError(f"C has no spelling for {type(body).__name__} in {body}; give it one in expressions.py")

    def _application(self, body: functions.ScalarFunction, here: _Here) -> tuple[str, int]:
        argument, level = self._write(body.args[0], here)
        if body.row_name == "recip":
            return f"V(1) / {argument if level == _ATOM else f'({argument})'}", _PRODUCT
        self.functions[body.row_name] = None
        return f"{spelling(body.row_name)}({argument})", _ATOM

    def _number(self, value: sp.Expr) -> str:
        return f"V({value if value.is_Integer and abs(value) < _EXACT else repr(float(value))})"

    def _power(self, body: sp.Pow, here: _Here) -> tuple[str, int]:
        exponent = int(body.exp)
        if exponent < 0:
            return f"V(1) / {self._factor(body.base**-exponent, here)}", _PRODUCT
        base, level = self._write(body.base, here)
        if level == _ATOM and exponent <= 4:
            return " * ".join([base] * exponent), _PRODUCT
        return f"vec_power({base}, {exponent})", _ATOM

    def _mul(self, body: sp.Mul, here: _Here) -> tuple[str, int]:
        number, rest = body.as_coeff_Mul()
        parts = sp.Mul.make_args(rest)
        above = sorted((a for a in parts if not _below(a)), key=lambda a: a.sort_key())
        below = [1 / a for a in parts if _below(a)]
        sign, number = ("-", -number) if number < 0 else ("", number)
        moving, still = ([a for a in above if here.still(a) == wanted] for wanted in (False, True))
        if moving and still and below and all(map(here.still, below)):
            # What compilers can move in front of the loop, so that nothing is divided in its turns.
            factors = [self._factor(a, here) for a in moving]
            text = " * ".join([*factors, f"({self._quotient(number, still, below, here)})"])
        else:
            text = self._quotient(number, above, below, here)
        return sign + text, _SIGN if sign else _PRODUCT

    def _quotient(self, number: sp.Expr, above: list[sp.Expr], below: list[sp.Expr], here: _Here) -> str:
        factors = [self._factor(a, here) for a in spread(above)]
        if is_divisor(number):
            below = [*below, sp.Integer(number.q)]
        elif number != 1 or not factors:
            factors.insert(0, self._number(number))
        if not factors:
            factors = ["V(1)"]
        return " * ".join(factors) + "".join(f" / {self._factor(d, here, under=True)}" for d in below)

    def _factor(self, body: sp.Expr, here: _Here, *, under: bool = False) -> str:
        text, level = self._write(body, here)
        loose = level in (_SUM, _SIGN) or (under and level == _PRODUCT)
        return f"({text})" if loose else text


def is_divisor(number: sp.Expr) -> bool:
    """Whether a factor is spelled as a division, which rounds once."""
    return bool(number.is_Rational and abs(number.p) == 1 and 1 < number.q < _EXACT)


def _below(body: sp.Expr) -> bool:
    return isinstance(body, sp.Pow) and bool(body.exp.is_negative)
