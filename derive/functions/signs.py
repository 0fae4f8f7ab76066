"""Where an expression changes its sign on an open interval: a proof, not a sample.

In: an expression in `Z`, smooth on an open interval, over z, exp, log, erf and powers. Out: every point where its sign
changes, exactly or between two fractions, and the sign on each part between them.

Every factor of the numerator is looked at alone. One that is a polynomial of small degree in z or in one exponential is
solved. Any other follows Rolle: between two sign changes of its derivative it is monotone, so the signs at both ends
tell whether it has a zero there, and bisection finds it. The derivative is treated in the same way. It is simpler if
the factor is divided beforehand by what makes one of its coefficients constant or lets its degree fall, and log and
erf give way to what they are integrals of; so this ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise

import sympy as sp

from derive.functions.enclosures import Bounds, bounds_of, plain, rational, sign, sign_at, sign_of
from derive.functions.limits import limit
from derive.functions.pieces import Interval
from derive.functions.primitives import Z

_COARSE = Fraction(1, 2**12)
_FINEST = Fraction(1, 2**400)
_DEEPEST = 80
_FARTHEST, _NEAREST = 60, 500


@dataclass(frozen=True)
class Root:
    """The one zero of `of` between `lower` and `upper`; `exact` where it is known as a constant."""

    lower: Fraction
    upper: Fraction
    of: sp.Expr
    exact: sp.Expr | None = None

    @property
    def at(self) -> Bounds:
        return self.lower, self.upper

    def refined(self, width: Fraction) -> Root:
        """The same zero, enclosed at least so narrowly."""
        if self.upper - self.lower <= width:
            return self
        if self.exact is not None:
            return replace(self, **dict(zip(("lower", "upper"), bounds_of(self.exact), strict=True)))
        left = sign_at(self.of, self.lower)
        lower, upper = self.lower, self.upper
        while upper - lower > width:
            middle = (lower + upper) / 2
            here = sign_at(self.of, middle)
            if here == 0:
                return known(rational(middle), self.of)
            lower, upper = (middle, upper) if here == left else (lower, middle)
        return replace(self, lower=lower, upper=upper)


def known(exact: sp.Expr, of: sp.Expr) -> Root:
    """A zero that is a constant."""
    return Root(*bounds_of(exact), of, exact)


@dataclass(frozen=True)
class Signs:
    """`signs[k]` before `changes[k]`, ascending; a single 0 for what is zero everywhere."""

    changes: tuple[Root, ...]
    signs: tuple[int, ...]


def signs(expr: sp.Expr, interval: Interval) -> Signs:
    """Where the sign changes, and what it is in between."""
    return _signs(plain(expr), interval.lower, interval.upper, 0)


def zeros(expr: sp.Expr, interval: Interval) -> tuple[Root, ...]:
    """All zeros that a factor of the numerator has; the sign need not change there."""
    return _separate([root for factor, _ in factors(plain(expr))[0] for root in _roots(factor, interval, 0)])


def factors(expr: sp.Expr) -> tuple[list[tuple[sp.Expr, int]], list[tuple[sp.Expr, int]]]:
    """Numerator and denominator as powers of irreducible factors that depend on z; positive ones are left out."""
    atoms = _atoms(expr)
    fraction = sp.fraction(sp.cancel(sp.together(_in_symbols(expr, atoms))))
    back = {symbol: node for node, symbol in atoms.items()}
    split = [
        [
            (factor.xreplace(back), power)
            for factor, power in _irreducible(part, [Z, *atoms.values()])
            if factor.xreplace(back).has(Z) and not (factor.is_Symbol and factor.is_positive)
        ]
        for part in fraction
    ]
    return split[0], split[1]


def _irreducible(part: sp.Expr, symbols: Sequence[sp.Symbol]) -> list[tuple[sp.Expr, int]]:
    """Factors of a polynomial in symbols; constants such as √2 and π are symbols of their own meanwhile."""
    constants = [node for node in part.atoms(sp.Pow, sp.NumberSymbol, sp.Function) if node.is_number]
    letters = {constant: sp.Dummy() for constant in sorted(constants, key=sp.default_sort_key)}
    factors = sp.factor_list(part.subs(letters), *symbols, *letters.values())[1]
    back = {letter: constant for constant, letter in letters.items()}
    return [(factor.subs(back), power) for factor, power in factors]


def _atoms(expr: sp.Expr) -> dict[sp.Expr, sp.Symbol]:
    """A symbol for each exponential (commensurate ones share it), root, logarithm and error function of z."""
    nodes = sorted((n for n in expr.atoms(sp.Function, sp.Pow) if n.has(Z)), key=sp.default_sort_key)
    found: dict[sp.Expr, sp.Symbol] = {}
    steps: dict[sp.Expr, sp.Rational] = {}
    for node in nodes:
        match node:
            case sp.exp():
                rate, rest = node.args[0].as_coeff_Mul(rational=True)
                steps[rest] = sp.gcd(steps.get(rest, 0), rate)
            case sp.Pow() if not node.exp.is_Integer:
                found[sp.sqrt(node.base)] = sp.Symbol(f"p{len(found)}", positive=True)
            case sp.log() | sp.erf():
                found[node] = sp.Symbol(f"q{len(found)}", real=True)
            case sp.Function():
                raise TypeError(f"{node} is no function whose sign changes can be proven")
    return found | {
        sp.exp(step * rest): sp.Symbol(f"e{k}", positive=True) for k, (rest, step) in enumerate(steps.items())
    }


def _in_symbols(expr: sp.Expr, atoms: dict[sp.Expr, sp.Symbol]) -> sp.Expr:
    exponents = {node.args[0].as_coeff_Mul(rational=True)[1]: node for node in atoms if isinstance(node, sp.exp)}

    def walk(node: sp.Expr) -> sp.Expr:
        if node in atoms:
            return atoms[node]
        if isinstance(node, sp.exp) and node.has(Z):
            rate, rest = node.args[0].as_coeff_Mul(rational=True)
            return atoms[exponents[rest]] ** (rate / exponents[rest].args[0].as_coeff_Mul(rational=True)[0])
        if isinstance(node, sp.Pow) and node.has(Z) and not node.exp.is_Integer:
            return atoms[sp.sqrt(node.base)] ** (2 * node.exp)
        return node.func(*map(walk, node.args)) if node.args else node

    return walk(expr)


@cache
def _signs(expr: sp.Expr, lower: sp.Expr, upper: sp.Expr, depth: int) -> Signs:
    interval = Interval(lower, upper)
    odd = [factor for factor, power in factors(expr)[0] if power % 2]
    roots = _separate([root for factor in odd for root in _roots(factor, interval, depth)])
    found = [_sign_between(expr, a, b) for a, b in pairwise(_walls(interval, roots))]
    kept = [k for k in range(len(roots)) if found[k] != found[k + 1]]
    return Signs(tuple(roots[k] for k in kept), (found[0], *(found[k + 1] for k in kept)))


Wall = Fraction | None


def _walls(interval: Interval, roots: Sequence[Root]) -> list[tuple[Wall, Wall]]:
    """Ends and roots from below and from above; None is an infinite end."""
    lower, upper = (None if end.is_infinite else bounds_of(end) for end in (interval.lower, interval.upper))
    return [lower or (None, None), *(root.at for root in roots), upper or (None, None)]


def _inside(a: Wall, b: Wall, share: Fraction = Fraction(1, 2)) -> Fraction:
    if a is None:
        return Fraction(0) if b is None else b - 2 * share
    return a + 2 * share if b is None else a + (b - a) * share


def _sign_between(expr: sp.Expr, left: tuple[Wall, Wall], right: tuple[Wall, Wall]) -> int:
    """The sign at some point between two neighbouring walls, hence on all of that part."""
    if expr == 0:
        return 0
    for k in range(1, 8):
        point = _inside(left[1], right[0], Fraction(k, 2 * k + 1))
        found = sign(expr, (point, point))
        if found:
            return found
    raise ArithmeticError(f"the sign of {expr} between {left[1]} and {right[0]} is not seen")


def _separate(roots: Sequence[Root]) -> tuple[Root, ...]:
    """Ascending, without doubles, so narrow that no two enclosures touch."""
    width, unique = _COARSE, list({root.exact if root.exact is not None else root: root for root in roots}.values())
    while width > _FINEST:
        ordered = sorted(unique, key=lambda root: root.at)
        if all(a.upper < b.lower for a, b in pairwise(ordered)):
            return tuple(ordered)
        width /= 2**20
        unique = [root.refined(width) for root in unique]
    raise ArithmeticError(f"zeros too close to tell apart, near {float(unique[0].lower)}")


def _roots(factor: sp.Expr, interval: Interval, depth: int) -> list[Root]:
    """The zeros of an irreducible factor inside the interval."""
    solved = _solved(factor)
    if solved is not None:
        return [known(r, factor) for r in solved if sign_of(r - interval.lower) > 0 and sign_of(interval.upper - r) > 0]
    if depth > _DEEPEST:
        raise ArithmeticError(f"no derivative up to the {depth}th has zeros that are known")
    if _definite(factor, interval):
        return []
    divisor = _divisor(factor)
    walls = _divided(divisor, interval, depth)
    ends = (interval.lower, *(wall.exact for wall in walls), interval.upper)
    found = [root for a, b in pairwise(ends) for root in _between_turns(factor, divisor, Interval(a, b), depth)]
    return found + [known(wall.exact, factor) for wall in walls if _sign_at(factor, wall) == 0]


def _divisor(factor: sp.Expr) -> sp.Expr:
    """What to divide by so that the derivative is simpler.

    With a logarithm or an error function: the coefficient of its highest power, which then is a constant. Otherwise
    the product of exponentials whose coefficient has the lowest degree in z, which then falls.
    """
    atoms = _atoms(factor)
    polynomial, back = _in_symbols(factor, atoms), {symbol: node for node, symbol in atoms.items()}
    integrals = [node for node in atoms if isinstance(node, sp.log | sp.erf)]
    if integrals:
        outermost = max(integrals, key=lambda node: sum(node.has(other) for other in integrals))
        return sp.LC(polynomial, atoms[outermost]).xreplace(back)
    symbols = sorted(back, key=str)
    if not symbols:
        return sp.S.One
    terms = sp.Poly(polynomial, *symbols).terms()
    powers, _ = min(terms, key=lambda term: (sp.degree(term[1], Z) if term[1].has(Z) else 0, term[0]))
    return sp.Mul(*(symbol**power for symbol, power in zip(symbols, powers, strict=True))).xreplace(back)


def _divided(divisor: sp.Expr, interval: Interval, depth: int) -> tuple[Root, ...]:
    """Where the divisor is zero, which divides the interval."""
    found = _separate([root for part, _ in factors(divisor)[0] for root in _roots(part, interval, depth + 1)])
    for root in found:
        if root.exact is None:
            raise ArithmeticError(f"a coefficient is zero near {float(root.lower)}, at no constant that is known")
    return found


def _solved(factor: sp.Expr) -> list[sp.Expr] | None:
    """The real zeros of a polynomial of degree 1 or 2 in z or in one exponential."""
    atoms = _atoms(factor)
    polynomial = _in_symbols(factor, atoms)
    if not atoms and sp.degree(polynomial, Z) <= 2:
        return [r for r in sp.roots(polynomial, Z) if r.is_real]
    if len(atoms) != 1 or polynomial.has(Z):
        return None
    ((atom, symbol),) = atoms.items()
    rate = atom.args[0] / Z
    if not isinstance(atom, sp.exp) or rate.has(Z) or sp.degree(polynomial, symbol) > 2:
        return None
    free = sp.Dummy()
    return [sp.log(r) / rate for r in sp.roots(polynomial.subs(symbol, free), free) if r.is_real and sign_of(r) > 0]


def _definite(factor: sp.Expr, interval: Interval) -> bool:
    """Whether all terms of the polynomial are seen to have the same sign."""
    atoms = _atoms(factor)
    side = 1 if interval.lower >= 0 else -1 if interval.upper <= 0 else 0
    if side == 0 or not all(symbol.is_positive for symbol in atoms.values()):
        return False
    magnitude = sp.Dummy(positive=True)
    terms = sp.Poly(_in_symbols(factor, atoms).subs(Z, side * magnitude), magnitude, *atoms.values()).coeffs()
    return len({sign_of(coefficient) for coefficient in terms}) == 1


def _between_turns(factor: sp.Expr, divisor: sp.Expr, interval: Interval, depth: int) -> list[Root]:
    """At most one zero on each part where the quotient of both is monotone; the divisor has none."""
    quotient = factor / divisor
    slope = _signs(sp.diff(quotient, Z), interval.lower, interval.upper, depth + 1)
    turns = [_narrowed(factor, root) for root in slope.changes]
    side = _sign_between(divisor, *_walls(interval, ()))
    ends = [side * sign_of(limit(quotient, interval.lower, 1)), side * sign_of(limit(quotient, interval.upper, -1))]
    levels = [ends[0], *(_sign_at(factor, root) for root in turns), ends[1]]
    found = [replace(root, of=factor) for root, level in zip(turns, levels[1:-1], strict=True) if level == 0]
    walls = _walls(interval, turns)
    for k, direction in enumerate(slope.signs):
        # what is monotone and tends to 0 at an end has a known sign beside it
        left, right = levels[k] or side * direction, levels[k + 1] or -side * direction
        if left * right < 0:
            found.append(_bisected(factor, walls[k][1], walls[k + 1][0], left))
    return found


def _narrowed(factor: sp.Expr, root: Root) -> Root:
    """So narrow that the factor has one sign there, unless it is zero at that point."""
    width = _COARSE
    while root.exact is None and sign(factor, root.at) == 0 and width > _FINEST:
        width /= 2**20
        root = root.refined(width)
    return root


def _sign_at(factor: sp.Expr, root: Root) -> int:
    if root.exact is not None:
        return sign_of(factor.subs(Z, root.exact))
    found = sign(factor, root.at)
    if found == 0:
        raise ArithmeticError(f"whether {factor} is zero where it turns, near {float(root.lower)}, is not seen")
    return found


def _bisected(factor: sp.Expr, a: Wall, b: Wall, left: int) -> Root:
    """The zero of a monotone factor whose sign beside `a` is `left` and beside `b` the opposite."""
    middle = _inside(a, b)
    here = sign_at(factor, middle)
    if here == 0:
        return known(rational(middle), factor)
    if here == left:
        ends = (middle, _towards(factor, middle, b, 1, -left))
    else:
        ends = (_towards(factor, middle, a, -1, left), middle)
    return Root(*ends, factor).refined(_COARSE)


def _towards(factor: sp.Expr, start: Fraction, wall: Wall, side: int, wanted: int) -> Fraction:
    """A point between start and wall, ever closer to the wall, with the wanted sign."""
    for k in range(_FARTHEST if wall is None else _NEAREST):
        point = start + side * (1 << k) if wall is None else wall + (start - wall) * Fraction(1, 2 << k)
        if sign_at(factor, point) == wanted:
            return point
    raise ArithmeticError(f"{factor} has no sign {wanted} near {wall}")
