"""Amounts as a reader wants them: `8 T B d_h (d_h + d_x)`. In: sizes. Out: text, plain or for another typesetting.

An amount is a sum of what grows alike with T and B, the fastest first, each factored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sympy as sp

from derive.backends.c import sizes
from derive.backends.c.sizes import Largest, Smallest
from derive.system import Length

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Style:
    """How lengths and signs are spelled. `apart`: what stands between factors, `plus` between addends,
    `plus_inside` between those in brackets."""

    name: Callable[[str], str] = str
    apart: str = " "
    plus: str = " + "
    plus_inside: str = " + "
    power: Callable[[str, int], str] = lambda base, exponent: base + str(exponent).translate(_RAISED)
    compared: Callable[[str, list[str]], str] = lambda name, operands: f"{name}({', '.join(operands)})"


PLAIN = Style()


def amount(size: sp.Expr, style: Style = PLAIN, *further: str) -> str:
    """An amount, and further addends that have a name."""
    addends = [_product(part, style) for part in _alike(size)]
    return style.plus.join([*addends, *further]) or "0"


def _alike(size: sp.Expr) -> Iterable[sp.Expr]:
    """The addends, those that grow alike with T and B as one."""
    found: dict[tuple[int, int, str], sp.Expr] = {}
    for addend in sp.Add.make_args(sp.expand(size)):
        if addend != 0:
            compared = sorted(map(str, addend.atoms(Largest, Smallest)))
            powers = addend.as_powers_dict()
            key = (-int(powers[sizes.T]), -int(powers[sizes.B]) - addend.has(Smallest), " ".join(compared))
            found[key] = found.get(key, sp.S.Zero) + addend
    return [sp.factor(found[key]) for key in sorted(found)]


def _product(size: sp.Expr, style: Style) -> str:
    if isinstance(size, sp.Add):
        return style.plus.join(_sorted(size.args, style))
    number, rest = size.as_coeff_Mul()
    factors = [_power(factor, style) for factor in sorted(sp.Mul.make_args(rest), key=_place) if factor != 1]
    return style.apart.join([str(number)] * (number != 1 or not factors) + factors)


def _place(factor: sp.Expr) -> tuple[int, int, str]:
    base = factor.base if isinstance(factor, sp.Pow) else factor
    return sizes.ORDER.get(str(base), 2), len(base.args), str(base)


def _power(factor: sp.Expr, style: Style) -> str:
    base, exponent = factor.as_base_exp()
    text = _atom(base, style)
    return text if exponent == 1 else style.power(text, int(exponent))


def _atom(size: sp.Expr, style: Style) -> str:
    if isinstance(size, Length):
        return style.name(size.name)
    if isinstance(size, sp.Add):
        return f"({style.plus_inside.join(_sorted(size.args, style))})"
    if isinstance(size, Largest | Smallest):
        return style.compared("max" if isinstance(size, Largest) else "min", _sorted(size.args, style))
    raise TypeError(f"no text for {type(size).__name__} in {size}; give it one in derive/backends/c/amounts.py")


def _sorted(addends: Iterable[sp.Expr], style: Style) -> list[str]:
    """Addends, those of the highest degree first, numbers last."""
    return [_product(addend, style) for addend in sorted(addends, key=_rank)]


def _rank(addend: sp.Expr) -> tuple[int, str]:
    return -int(sp.total_degree(addend)), str(addend.as_coeff_Mul()[1])
