"""Exact algebra on closed forms without branches: is it zero, and a stable way to write it.

Both treat functions as atoms: after `exp(k z)` is a power of one atom, an expression is a rational
function, and `cancel` and `factor` decide. `sympy.simplify` is not needed, nor would it be fast enough.
"""

from __future__ import annotations

import sympy as sp

from derive.functions.primitives import Z


def vanishes(expr: sp.Expr) -> bool:
    """Whether an expression in one positive or real symbol is seen to be identically zero."""
    plain = sp.expand_power_exp(sp.expand_log(expr.rewrite(sp.exp)))
    exponents = sorted((node.args[0] for node in plain.atoms(sp.exp)), key=sp.default_sort_key)
    steps: dict[sp.Expr, sp.Rational] = {}
    for coefficient, rest in (exponent.as_coeff_Mul(rational=True) for exponent in exponents):
        steps[rest] = sp.gcd(steps.get(rest, 0), coefficient)
    bases = {rest: sp.Dummy() for rest in steps}

    def power(exponent: sp.Expr) -> sp.Expr:
        coefficient, rest = exponent.as_coeff_Mul(rational=True)
        return bases[rest] ** (coefficient / steps[rest])

    rational = plain.replace(lambda node: isinstance(node, sp.exp), lambda node: power(node.args[0]))
    return bool(sp.cancel(sp.together(rational)) == 0)


def tidy(expr: sp.Expr, side: int) -> sp.Expr:
    """The same function on one side of zero, with few operations and no growing exponential.

    `exp(k z)` becomes a power of exp(-|z|) (`side` is 1 where z >= 0, -1 where z <= 0, 0 where both).
    Where no denominator has z, the result is a polynomial in z with factored coefficients, since
    multiplying out would cancel; otherwise it is factored as a whole.
    """
    decay = sp.Dummy("e")
    powers = expr.replace(
        lambda node: isinstance(node, sp.exp) and side != 0 and (node.args[0] / Z).is_Integer,
        lambda node: decay ** (-side * node.args[0] / Z),
    )
    calls = sorted((node for node in powers.atoms(sp.Function) if node.has(Z)), key=sp.default_sort_key)
    outermost = [node for node in calls if not any(node != other and other.has(node) for other in calls)]
    atoms = {node: sp.Dummy(f"f{k}") for k, node in enumerate(outermost)}
    back = {atom: node for node, atom in atoms.items()} | {decay: sp.exp(-sp.Abs(Z))}
    numerator, denominator = sp.fraction(sp.cancel(sp.together(powers.xreplace(atoms))))
    if denominator.has(Z) or not numerator.is_polynomial(Z):
        return sp.factor(numerator / denominator).xreplace(back)
    terms = sp.Poly(numerator, Z).terms()
    return sp.Add(*(sp.factor(c / denominator) * Z**degree for (degree,), c in terms)).xreplace(back)
