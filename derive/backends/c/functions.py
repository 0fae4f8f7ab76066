"""The function table in C, as vector code: once for every precision and instruction set.

In: names of rows. Out: how a row is called (`spelling`) and the source of the helpers that it takes
(`definitions`). The text stands after `derive_functions.h`, which has the primitives, and is compiled once a
precision and instruction set under the macros that vectors.h asks for: a row is a function of a `vec`.
Both arms of a selection are computed, and bits choose: what is not chosen may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

from derive.backends.c.elementary import shared_functions
from derive.backends.closedform import PRODUCT, Printer, native, steps
from derive.functions import lookup
from derive.language.remarks import plain

__all__ = ["definition", "definitions", "is_long", "shared_functions", "spelling"]

_OWN = ("exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "erfc")
_PRIMITIVES = {**{name: f"NAME({name})" for name in _OWN}, "sqrt": "vec_sqrt", "Abs": "NAME(fabs)"}


class _C(Printer):
    language = "C"
    where = "derive/backends/c/functions.py"
    primitives = _PRIMITIVES

    def number(self, value: sp.Expr) -> str:
        return f"V({value})" if value.is_Integer and abs(value) < 2**24 else f"V({float(value)!r})"

    def power(self, base: str, exponent: int) -> tuple[str, int]:
        return " * ".join([base] * exponent), PRODUCT

    def select(self, expr: sp.Piecewise) -> str:
        *branches, (last, _) = expr.args
        text = self.text(last)
        for value, condition in reversed(branches):
            text = f"vec_choose(MASK({self.text(condition)}), {self.text(value)}, {text})"
        return text

    def clip(self, argument: str, low: sp.Expr, high: sp.Expr) -> str:
        if high != sp.oo:
            argument = f"NAME(at_most)({argument}, {self.number(high)})"
        return argument if low == -sp.oo else f"NAME(at_least)({argument}, {self.number(low)})"


_PRINTER = _C()


def spelling(name: str) -> str:
    """What the call of a row is spelled like: a primitive, or a helper as `NAME(sigmoid)`."""
    return native(lookup(name).closed, _PRINTER) or f"NAME({name})"


def is_long(name: str) -> bool:
    """Whether a row needs a function of `derive_functions.h`: about a hundred cycles from argument to value."""
    return any(applied.func.__name__ in _OWN for applied in lookup(name).closed.atoms(sp.Function))


def definition(name: str) -> str:
    """The source of a row's helper; empty where a primitive is the row."""
    row = lookup(name)
    if native(row.closed, _PRINTER):
        return ""
    program = steps(row.closed)
    lines = [f"const vec {temporary} = {_PRINTER.text(value)};" for temporary, value in program.temporaries]
    lines.append(f"return {_PRINTER.text(program.result)};")
    body = "".join(f"    {line}\n" for line in lines)
    return f"/* {plain(row.summary)} */\nINLINE vec NAME({name})(vec z)\n{{\n{body}}}\n"


def definitions(names: Iterable[str]) -> str:
    """The source of all helpers that some rows take."""
    texts = (definition(name) for name in dict.fromkeys(names))
    return "\n".join(text for text in texts if text)
