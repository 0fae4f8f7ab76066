"""Prints a closed form of the function table as source; what is the same in every backend.

In: a closed form in `Z`. Out: `Steps`, the temporaries to compute first and the result in terms of them;
and `Printer`, which walks an expression and leaves the spelling to the backend. Nothing here or in a
backend knows a function of the table: only primitives have spellings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

import sympy as sp
from sympy.core.relational import Relational

from derive.functions import Z

_GONE = -1000
"""exp of this or less is 0 in double precision."""

SUM, PRODUCT, SIGN, ATOM = range(4)
"""How tightly a piece of source binds."""


class Clip(sp.Function):  # type: ignore[misc]
    """`Clip(x, low, high)`: x held between two numbers, either of which may be infinite; NaN stays."""

    nargs = 3


@dataclass(frozen=True)
class Steps:
    """A closed form cut into assignments: each temporary may read those before it."""

    temporaries: tuple[tuple[str, sp.Expr], ...]
    result: sp.Expr


def steps(closed: sp.Expr) -> Steps:
    """Common subexpressions as temporaries, among them the base of every power."""
    decay = sp.Symbol("e")
    body = _folded(saturated(closed)).replace(is_decay, lambda node: decay ** (-node.args[0] / sp.Abs(Z)))
    powers = sorted(body.atoms(sp.Pow), key=sp.default_sort_key)
    bases = [p.base for p in powers if p.exp.is_Integer and p.exp != -1 and not p.base.is_Symbol]
    names = (sp.Symbol(f"t{k}") for k in count(1))
    found, (result, *_) = sp.cse([body, *bases], symbols=names)
    first = [(decay, sp.exp(-sp.Abs(Z)))] if body.has(decay) else []
    conditions = {symbol: condition for symbol, condition in found if isinstance(condition, Relational)}
    assignments = [*first, *found, (sp.Symbol("result"), result)]
    values = [(name, value.xreplace(conditions)) for name, value in assignments if name not in conditions]
    *temporaries, (_, value) = _without_negative_powers(values)
    return Steps(tuple((symbol.name, text) for symbol, text in temporaries), value)


def _without_negative_powers(assignments: list[tuple[sp.Symbol, sp.Expr]]) -> list[tuple[sp.Symbol, sp.Expr]]:
    """1 / t**n as r**n with r = 1 / t, which cannot overflow where the quotient is small."""
    result: list[tuple[sp.Symbol, sp.Expr]] = []
    inverses: dict[sp.Expr, sp.Symbol] = {}
    for symbol, value in assignments:
        for power in sorted(value.atoms(sp.Pow), key=sp.default_sort_key):
            if power.exp.is_Integer and power.exp < -1 and power.base not in inverses:
                inverses[power.base] = sp.Symbol(f"r{len(inverses) + 1}")
                result.append((inverses[power.base], 1 / power.base))
        result.append((symbol, value.subs({base: 1 / inverse for base, inverse in inverses.items()})))
    return result


def _folded(expr: sp.Expr) -> sp.Expr:
    """Irrational constants as one number a product."""
    if not expr.args or isinstance(expr, Relational):
        return expr
    if expr.is_number and not expr.is_Rational:
        return sp.N(expr, 17)
    if not isinstance(expr, sp.Mul):
        return expr.func(*map(_folded, expr.args))
    constant = sp.Mul(*(factor for factor in expr.args if factor.is_number))
    varying = [_folded(factor) for factor in expr.args if not factor.is_number]
    return sp.Mul(constant if constant.is_Rational else sp.N(constant, 17), *varying)


def is_decay(node: sp.Expr) -> bool:
    """Whether a node is exp(-k |z|), which no z makes large."""
    return isinstance(node, sp.exp) and (-node.args[0] / sp.Abs(Z)).is_Integer


def saturated(expr: sp.Expr) -> sp.Expr:
    """The same function, with z held where a Gaussian factor has vanished.

    Else `z**2 * exp(-z**2)` is infinity times zero for large z, though it is nothing.
    """
    for factor in sp.Mul.make_args(expr):
        limit = _vanishes_beyond(factor)
        if limit is not None:
            return expr.xreplace({Z: Clip(Z, -limit, limit)})
    if not expr.args or isinstance(expr, Relational):
        return expr
    return expr.func(*(saturated(argument) for argument in expr.args))


def _vanishes_beyond(factor: sp.Expr) -> sp.Integer | None:
    """The |z| from which exp(polynomial of even degree in z) is 0; None for anything else."""
    if not isinstance(factor, sp.exp) or not factor.args[0].is_polynomial(Z):
        return None
    exponent = sp.Poly(factor.args[0], Z)
    if exponent.degree() < 2 or exponent.degree() % 2 or not exponent.LC().is_negative:
        return None
    limits = (sp.Integer(10**k) for k in count(1))
    return next(a for a in limits if max(exponent.eval(a), exponent.eval(-a)) <= _GONE)


class Printer(ABC):
    """Writes an expression with as few parentheses as its language needs."""

    language: str
    where: str
    """The file that gives primitives their spelling, for the error message."""
    primitives: Mapping[str, str]
    """What the call of a primitive is spelled like, by the name of its SymPy class; `sqrt` as well."""

    @abstractmethod
    def number(self, value: sp.Expr) -> str:
        """A constant."""

    @abstractmethod
    def power(self, base: str, exponent: int) -> tuple[str, int]:
        """A name to a power of at least two, and how tightly that binds."""

    @abstractmethod
    def select(self, expr: sp.Piecewise) -> str:
        """The value of the first branch whose condition holds."""

    @abstractmethod
    def clip(self, argument: str, low: sp.Expr, high: sp.Expr) -> str:
        """A number held between limits; NaN stays."""

    def text(self, expr: sp.Expr) -> str:
        """An expression as source."""
        return self._write(expr)[0]

    def _write(self, expr: sp.Expr) -> tuple[str, int]:
        match expr:
            case sp.Symbol():
                return expr.name, ATOM
            case sp.Add():
                return self._sum(expr), SUM
            case Relational():
                return f"{self.text(expr.lhs)} {expr.rel_op} {self.text(expr.rhs)}", SUM
            case sp.Piecewise():
                return self.select(expr), ATOM
            case Clip():
                return self.clip(self.text(expr.args[0]), *expr.args[1:]), ATOM
        if expr.is_number:
            return self.number(expr), SIGN if expr.is_negative else ATOM
        if isinstance(expr, sp.Mul) or (isinstance(expr, sp.Pow) and expr.exp.is_negative):
            return self._product(expr)
        if isinstance(expr, sp.Pow) and expr.exp == sp.S.Half:
            return self._call("sqrt", expr.base)
        if isinstance(expr, sp.Pow) and expr.exp.is_Integer:
            return self.power(self.within(expr.base, ATOM), int(expr.exp))
        return self._call(type(expr).__name__, *expr.args)

    def within(self, expr: sp.Expr, level: int) -> str:
        """Source for an operand, in parentheses where it binds less tightly than asked."""
        text, binds = self._write(expr)
        return text if binds >= level else f"({text})"

    def _call(self, primitive: str, *arguments: sp.Expr) -> tuple[str, int]:
        if primitive not in self.primitives:
            raise TypeError(
                f"{self.language} has no spelling for {primitive} of {arguments}; give it one in "
                f"{self.where}, or write the row in derive/functions/table.py with other primitives"
            )
        return f"{self.primitives[primitive]}({', '.join(map(self.text, arguments))})", ATOM

    def _sum(self, expr: sp.Add) -> str:
        """Constants first, what is subtracted last."""
        terms = sorted(expr.args, key=lambda term: (term.could_extract_minus_sign(), not term.is_number))
        text = self.within(terms[0], PRODUCT)
        for term in terms[1:]:
            minus = term.could_extract_minus_sign()
            text += f" {'-' if minus else '+'} {self.within(-term if minus else term, PRODUCT)}"
        return text

    def _product(self, expr: sp.Expr) -> tuple[str, int]:
        """`-a * b / c / d`, the constant first."""
        factors = sp.Mul.make_args(expr)
        constant = sp.Mul(*(factor for factor in factors if factor.is_number))
        varying = [factor for factor in factors if not factor.is_number]
        sign, constant = ("-", -constant) if constant.is_negative else ("", constant)
        above = [self.within(f, PRODUCT) for f in varying if not _is_divisor(f)]
        below = [self.within(1 / f, ATOM) for f in varying if _is_divisor(f)]
        if constant != 1 or not above:
            above.insert(0, self.number(constant))
        return sign + " / ".join([" * ".join(above), *below]), SIGN if sign else PRODUCT


def _is_divisor(factor: sp.Expr) -> bool:
    return isinstance(factor, sp.Pow) and bool(factor.exp.is_negative)


def native(closed: sp.Expr, printer: Printer) -> str | None:
    """The spelling of a row that is one primitive of z and nothing else; None for any other row."""
    if closed == sp.sqrt(Z):
        return printer.primitives.get("sqrt")
    return printer.primitives.get(type(closed).__name__) if closed.args == (Z,) else None
