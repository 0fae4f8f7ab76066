"""The function table in NumPy.

In: names of rows. Out: how a row is called (`spelling`) and the source of the helpers that it takes
(`definitions`). Helpers keep the precision of their argument, pass NaN on, and give no warning for what
`np.where` computes and then leaves: there the argument is held to the branch's own interval.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable

import sympy as sp

from derive.backends.closedform import ATOM, Clip, Printer, is_decay, native, steps
from derive.backends.numpy import error_function
from derive.functions import Z, lookup
from derive.functions.pieces import breakpoints, intervals
from derive.language.remarks import plain

_ERROR_FUNCTION = ("erf", "erfc")
_DECAY = sp.Symbol("e")  # what `steps` calls exp(-|z|), which is at most 1


_PRIMITIVES = {
    **{name: f"np.{name}" for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh")},
    **{name: name for name in _ERROR_FUNCTION},
    "Abs": "np.abs",
}


class _NumPy(Printer):
    language = "NumPy"
    where = "derive/backends/numpy/functions.py"
    primitives = _PRIMITIVES

    def number(self, value: sp.Expr) -> str:
        return str(value) if value.is_Integer else repr(float(value))

    def power(self, base: str, exponent: int) -> tuple[str, int]:
        return f"{base}**{exponent}", ATOM

    def select(self, expr: sp.Piecewise) -> str:
        *branches, (last, _) = expr.args
        if len(branches) == 1 and branches[0][0] == 1 and last == _DECAY:
            return f"np.maximum({self.text(branches[0][1])}, {last})"  # as np.where, at half its cost
        text = self.text(last)
        for value, condition in reversed(branches):
            text = f"np.where({self.text(condition)}, {self.text(value)}, {text})"
        constant = all(value.is_number for value, _ in expr.args)
        return f"{text}.astype(z.dtype)" if constant else text

    def clip(self, argument: str, low: sp.Expr, high: sp.Expr) -> str:
        if high == sp.oo:
            return f"np.maximum({argument}, {self.number(low)})"
        if low == -sp.oo:
            return f"np.minimum({argument}, {self.number(high)})"
        return f"np.clip({argument}, {self.number(low)}, {self.number(high)})"


_PRINTER = _NumPy()


def spelling(name: str) -> str:
    """What the call of a row is spelled like: `np.tanh`, or the name of a helper."""
    return native(lookup(name).closed, _PRINTER) or name


def definition(name: str) -> str:
    """The source of a row's helper; empty where NumPy, or the error function, is all it takes."""
    row = lookup(name)
    if native(row.closed, _PRINTER):
        return ""
    quotient = without_choice(row.closed)
    if quotient is not None:
        note = "# where exp(-z) is infinite, the result is 0"
        lines = [f'with np.errstate(over="ignore"):  {note}', f"    return {_PRINTER.text(quotient)}"]
    else:
        program = steps(guarded(row.closed))
        lines = [f"{temporary} = {_PRINTER.text(value)}" for temporary, value in program.temporaries]
        lines.append(f"return {_PRINTER.text(program.result)}")
    return f'def {name}(z):\n    """{plain(row.summary)}"""\n' + "".join(f"    {line}\n" for line in lines)


def definitions(names: Iterable[str]) -> str:
    """The source of all helpers that some rows take, the error function included where one needs it."""
    rows = [lookup(name) for name in dict.fromkeys(names)]
    primitives = {type(node).__name__ for row in rows for node in row.closed.atoms(sp.Function)}
    wanted = [name for name in _ERROR_FUNCTION if name in primitives]
    parts = [inspect.getsource(getattr(error_function, name)) for name in wanted]
    if wanted:
        parts.insert(0, inspect.getsource(error_function.error_function_parts))
    parts += [text for text in (definition(row.name) for row in rows) if text]
    return "\n\n".join(parts)


def without_choice(expr: sp.Expr) -> sp.Expr | None:
    """The same function without asking for the sign of z, where exp(-z) may overflow: a constant over it.

    Only what is less than every normal number is lost where exp(-z) is infinite.
    """
    choices = expr.atoms(sp.Piecewise)
    if not choices or breakpoints(sp.Tuple(*(c for p in choices for _, c in p.args))) != (0,):
        return None
    u = sp.Dummy("u", positive=True)
    above, below = (_on_side(expr, sp.Integer(sign), u**sign) for sign in (1, -1))
    over, under = sp.fraction(sp.together(above))
    constant = over.is_number and abs(over) <= 1 and sp.degree(under, u) == 1 and not under.has(Z)
    return above.xreplace({u: sp.exp(-Z)}) if constant and sp.simplify(above - below) == 0 else None


def _on_side(expr: sp.Expr, sign: sp.Expr, decay: sp.Expr) -> sp.Expr:
    """An expression on one side of 0, in terms of exp(-|z|) there."""
    chosen = expr.replace(
        lambda node: isinstance(node, sp.Piecewise), lambda node: node.args[_chosen(node, sign)][0]
    )
    return chosen.replace(is_decay, lambda node: decay ** (-node.args[0] / sp.Abs(Z)))


def guarded(expr: sp.Expr) -> sp.Expr:
    """The same function; a branch that could overflow outside its interval sees z held to it."""
    if isinstance(expr, sp.Piecewise):
        return sp.Piecewise(*((_held(expr, k), condition) for k, (_, condition) in enumerate(expr.args)))
    return expr.func(*map(guarded, expr.args)) if expr.args else expr


def _held(choice: sp.Piecewise, branch: int) -> sp.Expr:
    value = choice.args[branch][0]
    if _is_tame(value):
        return value
    where = [
        interval
        for interval in intervals(breakpoints(sp.Tuple(*(condition for _, condition in choice.args))))
        if _chosen(choice, interval.inside) == branch
    ]
    low, high = where[0].lower, where[-1].upper
    return value if (low, high) == (-sp.oo, sp.oo) else value.xreplace({Z: Clip(Z, low, high)})


def _chosen(choice: sp.Piecewise, z: sp.Expr) -> int:
    return next(k for k, (_, holds) in enumerate(choice.args) if holds.subs(Z, z) == sp.true)


def _is_tame(value: sp.Expr) -> bool:
    """Whether a branch is finite at every z: linear in z, but for powers of exp(-|z|)."""
    bounded = sp.Dummy("e", positive=True)
    rest = value.replace(is_decay, lambda _: bounded)
    return not rest.has(Z) or bool(rest.is_polynomial(Z) and sp.degree(rest, Z) <= 1)
