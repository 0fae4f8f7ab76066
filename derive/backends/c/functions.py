"""The function table in C99, once for both precisions.

In: names of rows and a prefix. Out: how a row is called (`spelling`) and the source of the helpers that
it takes (`definitions`). The text is compiled once a precision, under two macros that whoever includes it
defines; a function's name is that of math.h's for the precision, so `R` serves libm and our own alike:

    #define real float              #define real double
    #define R(name) name##f         #define R(name) name

Constants are cast, `(real)0.5`, so that nothing is promoted to double.
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

from derive.backends.closedform import PRODUCT, Printer, native, steps
from derive.functions import lookup
from derive.language.remarks import plain

_MATH_H = ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh", "erf", "erfc")
_PRIMITIVES = {**{name: f"R({name})" for name in _MATH_H}, "Abs": "R(fabs)"}


class _C(Printer):
    language = "C"
    where = "derive/backends/c/functions.py"
    primitives = _PRIMITIVES

    def number(self, value: sp.Expr) -> str:
        return str(value) if value.is_Integer and abs(value) < 2**24 else f"(real){float(value)!r}"

    def power(self, base: str, exponent: int) -> tuple[str, int]:
        return " * ".join([base] * exponent), PRODUCT

    def select(self, expr: sp.Piecewise) -> str:
        *branches, (last, _) = expr.args
        chosen = "".join(f"{self.text(condition)} ? {self._arm(value)} : " for value, condition in branches)
        return f"({chosen}{self._arm(last)})"

    def _arm(self, value: sp.Expr) -> str:
        return f"(real){self.number(value)}" if value.is_Integer else self.text(value)

    def clip(self, argument: str, low: sp.Expr, high: sp.Expr) -> str:
        return f"({argument} < {low} ? (real){low} : {argument} > {high} ? (real){high} : {argument})"


_PRINTER = _C()


def spelling(name: str, prefix: str) -> str:
    """What the call of a row is spelled like: `R(tanh)`, or a helper as `R(lstm_sigmoid)`."""
    return native(lookup(name).closed, _PRINTER) or f"R({prefix}{name})"


def definition(name: str, prefix: str) -> str:
    """The source of a row's helper; empty where math.h has the row."""
    row = lookup(name)
    if native(row.closed, _PRINTER):
        return ""
    program = steps(row.closed)
    lines = [f"const real {temporary} = {_PRINTER.text(value)};" for temporary, value in program.temporaries]
    lines.append(f"return {_PRINTER.text(program.result)};")
    body = "".join(f"    {line}\n" for line in lines)
    return f"/* {plain(row.summary)} */\nstatic inline real R({prefix}{name})(real z)\n{{\n{body}}}\n"


def definitions(names: Iterable[str], prefix: str) -> str:
    """The source of all helpers that some rows take."""
    texts = (definition(name, prefix) for name in dict.fromkeys(names))
    return "\n".join(text for text in texts if text)
