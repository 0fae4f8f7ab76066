"""Expressions in NumPy: how a term of an equation is written.

In: a body over elements, and how each element is spelled. Out: source text. Time and batch are the
leading axes; what an element lacks of the result's indices is broadcast.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from string import ascii_lowercase

import sympy as sp

from derive.backends.arithmetic import Select, spread
from derive.backends.numpy.functions import spelling
from derive.functions import ScalarFunction
from derive.system import BATCH, TIME, Element, FirstMaximum, Index, Length, Term, elements

Spell = Callable[[Element], str]
Rank = Callable[[str], int]

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)


class Expressions:
    """Writes bodies. `spell`: an element's source; `rank`: where a variable comes in a product;
    `time`: whether arrays have a time axis here (not inside a loop); `batch`: whether a batch axis;
    `constants`: the variables that are numbers of Python, which arrays of any precision may meet."""

    def __init__(
        self, spell: Spell, rank: Rank, *, time: bool, batch: bool = True, constants: Collection[str] = ()
    ) -> None:
        self.spell, self.rank, self.constants = spell, rank, constants
        self.absent = {i for i, there in ((TIME, time), (BATCH, batch)) if not there}

    def axes(self, indices: Sequence[sp.Expr]) -> list[Index]:
        """The array axes that indices stand for here."""
        plain = [i if isinstance(i, Index) else TIME for i in indices]
        return [i for i in plain if i not in self.absent]

    def terms(self, terms: Sequence[Term], target: Sequence[Index]) -> str:
        """The sum of some terms, as an array over the target's indices."""
        text = ""
        for term in terms:
            part = self.sum(term, target) if term.over else self.plain(term.body, target)
            if not text:
                text = part
            elif part.startswith("-"):
                text += f" - {part[1:]}"
            else:
                text += f" + {part}"
        return text

    def plain(self, body: sp.Expr, target: Sequence[Index]) -> str:
        """A sum-free body, aligned with the target's indices."""
        if isinstance(body, FirstMaximum):
            return self._first_maximum(body)
        return self._write(body, self.axes(target))[0]

    def lacks(self, terms: Sequence[Term], target: Sequence[Index]) -> bool:
        """Whether some index of the target is in no element, so that the result needs broadcasting."""
        present = {i for t in terms for e in elements(t.body) for i in self.axes(e.indices)}
        return not set(self.axes(target)) <= present

    # -- sums

    def matmul(self, left: str, right: str) -> str:
        """The product of a matrix with what is over time here, or at one time."""
        return _product(left, right, over_time=TIME not in self.absent)

    def sum(self, term: Term, target: Sequence[Index]) -> str:
        """A sum over indices: a matrix product where it is one, otherwise einsum or an explicit sum."""
        over = self.axes(term.over)
        goal = self.axes(target)
        coefficient, factors = _factors(term.body)
        if not over or factors is None:
            return self._explicit(term.body, over, goal)
        scalars = [self.spell(f) for f in factors if not self.axes(f.indices)]
        ordered = sorted((f for f in factors if self.axes(f.indices)), key=lambda e: self.rank(e.name))
        product = _scale(coefficient, self._product(ordered, over, goal))
        return " * ".join([*scalars, _wrap(product)]) if scalars else product

    def _product(self, factors: list[Element], over: list[Index], goal: list[Index]) -> str:
        axes = [self.axes(f.indices) for f in factors]
        here = [i for i in goal if any(i in ax for ax in axes)]
        text = self._contraction([self.spell(f) for f in factors], axes, over, here)
        aligned = align(text, here, goal)
        return aligned if aligned == text or "@" not in text else align(f"({text})", here, goal)

    def _contraction(
        self, names: list[str], axes: list[list[Index]], over: list[Index], goal: list[Index]
    ) -> str:
        """The sum of a product over some axes, as an array over `goal`, each of whose axes occurs."""
        if over == [TIME, BATCH] and all(a == [*over, *goal] for a in axes):
            return f"total({' * '.join(names)}, 2)"
        if len(names) == 1:
            dropped = tuple(axes[0].index(i) for i in over)
            kept = [i for i in axes[0] if i not in over]
            return align(f"{names[0]}.sum(axis={_axis(dropped)})", kept, goal)
        if len(names) == 2:
            for a, b in ((0, 1), (1, 0)):
                found = _matmul(names[a], axes[a], names[b], axes[b], over, goal)
                if found:
                    return found
        letters = _letters(i for ax in axes for i in ax)
        signature = ",".join("".join(letters[i] for i in ax) for ax in axes)
        result = "".join(letters[i] for i in goal)
        return f'np.einsum("{signature}->{result}", {", ".join(names)})'

    def _explicit(self, body: sp.Expr, over: list[Index], goal: list[Index]) -> str:
        lead = [i for i in over if i in (TIME, BATCH)]
        space = [*lead, *goal, *(i for i in over if i not in lead)]
        text, _ = self._write(body, space)
        if not over:
            return text
        dropped = tuple(k for k in range(len(lead))) + tuple(
            k - len(space) for k in range(len(lead) + len(goal), len(space))
        )
        return f"({text}).sum(axis={_axis(dropped)})"

    def _first_maximum(self, body: FirstMaximum) -> str:
        element = body.args[0]
        axes = self.axes(element.indices)
        places = tuple(axes.index(i) - len(axes) for i in body.args[1:])
        text = self.spell(element)
        if places == tuple(range(-len(places), 0)):
            return f"first_maximum({text}, {len(places)})"
        place = places[0]
        return f"np.moveaxis(first_maximum(np.moveaxis({text}, {place}, -1), 1), -1, {place})"

    # -- sum-free bodies

    def _write(self, body: sp.Expr, goal: list[Index]) -> tuple[str, int]:
        if isinstance(body, Element):
            text = align(self.spell(body), self.axes(body.indices), goal)
            return text, _ATOM
        if isinstance(body, ScalarFunction):
            inner, _ = self._write(body.args[0], goal)
            name = spelling(body.row_name)
            if body.row_name != "recip" and all(e.name in self.constants for e in elements(body)):
                number = inner if name.startswith("np.") else f"np.float64({inner})"
                return f"float({name}({number}))", _ATOM
            return (
                (f"1 / {_wrap(inner)}", _PRODUCT) if body.row_name == "recip" else (f"{name}({inner})", _ATOM)
            )
        if isinstance(body, Select):
            return f"np.where({', '.join(self._write(argument, goal)[0] for argument in body.args)})", _ATOM
        if isinstance(body, Length):
            return body.name, _ATOM
        if body.is_Number:
            return _number(body), _ATOM if body >= 0 else _SIGN
        if isinstance(body, sp.Pow):
            base, level = self._write(body.base, goal)
            if body.exp == -1:
                return f"1 / {base if level == _ATOM else f'({base})'}", _PRODUCT
            return f"{base if level == _ATOM else f'({base})'}**{body.exp}", _POWER
        if isinstance(body, sp.Mul):
            return self._mul(body, goal)
        if isinstance(body, sp.Add):
            return self._add(body, goal), _SUM
        raise TypeError(
            f"NumPy has no spelling for {type(body).__name__} in {body}; give it one in expressions.py"
        )

    def _mul(self, body: sp.Mul, goal: list[Index]) -> tuple[str, int]:
        number, rest = body.as_coeff_Mul()
        above = [a for a in sp.Mul.make_args(rest) if not _below(a)]
        below = [1 / a for a in sp.Mul.make_args(rest) if _below(a)]
        sign, number = ("-", -number) if number < 0 else ("", number)
        parts = [self._factor(a, goal) for a in spread(sorted(above, key=self._factor_key))]
        if number.is_Rational and number.p == 1 and number.q != 1:
            below.append(sp.Integer(number.q))
        elif number != 1 or not parts:
            parts.insert(0, _number(number))
        text = " * ".join(parts)
        for divisor in below:
            text += f" / {self._factor(divisor, goal)}"
        return sign + text, _SIGN if sign else _PRODUCT

    def _factor(self, body: sp.Expr, goal: list[Index]) -> str:
        text, level = self._write(body, goal)
        return text if level >= _POWER else f"({text})"

    def _add(self, body: sp.Add, goal: list[Index]) -> str:
        text = ""
        for argument in sorted(body.args, key=self._addend_key):
            part, _ = self._write(argument, goal)
            if not text:
                text = part
            else:
                text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
        return text

    def _ranks(self, body: sp.Expr) -> list[int]:
        return sorted(self.rank(e.name) for e in elements(body))

    def _factor_key(self, body: sp.Expr) -> tuple[object, ...]:
        return (bool(elements(body)), self._ranks(body), body.sort_key())

    def _addend_key(self, body: sp.Expr) -> tuple[object, ...]:
        return (bool(body.as_coeff_Mul()[0] < 0), bool(elements(body)), self._ranks(body), body.sort_key())


def _below(body: sp.Expr) -> bool:
    return isinstance(body, sp.Pow) and bool(body.exp.is_negative)


def _factors(body: sp.Expr) -> tuple[sp.Expr, list[Element] | None]:
    """A constant and elements whose product the body is; None for the latter where it is not one."""
    constant, found = sp.S.One, []
    for factor in sp.Mul.make_args(body):
        if isinstance(factor, Element):
            found.append(factor)
        elif not factor.has(Element):
            constant = constant * factor
        elif isinstance(factor, sp.Pow) and isinstance(factor.base, Element) and factor.exp == 2:
            found += [factor.base, factor.base]
        else:
            return sp.S.One, None
    return constant, found


def _matmul(
    left: str, have: list[Index], right: str, other: list[Index], over: list[Index], goal: list[Index]
) -> str | None:
    """`left @ right`, with `right.T`, or a product summed over time and batch, where it is one."""
    if len(over) == 1 and BATCH not in other and len(other) <= 2:
        [k] = over
        rest = [i for i in other if i != k]
        if have[-1] == k and k in other and not set(rest) & set(have) and goal == [*have[:-1], *rest]:
            text = f"{right}.T" if len(other) == 2 and other[-1] == k else right
            return _product(left, text, over_time=len(other) == 2 and TIME in have)
    summed = [i for i in (TIME, BATCH) if i in over]
    if summed and over == summed and have[: len(summed)] == summed == other[: len(summed)]:
        rest = [*have[len(summed) :], *other[len(summed) :]]
        if rest == goal and len(set(rest)) == len(rest) and len(have) > len(summed) < len(other):
            return f"outer_sum({left}, {right}, {len(summed)})"
    return None


def _product(left: str, right: str, *, over_time: bool) -> str:
    """`left @ right`; over time by the helper, for NumPy would make a product of each time's rows."""
    return f"product({left}, {right})" if over_time else f"{left} @ {right}"


def align(text: str, have: list[Index], goal: list[Index]) -> str:
    """Source for an array over `have`, transposed and broadcast to the order of `goal`."""
    wanted = [i for i in goal if i in have]
    if wanted != have:
        order = tuple(have.index(i) for i in wanted)
        text = f"{text}.T" if order == (1, 0) else f"{text}.transpose{order}"
    if not have:
        return text
    slots = [":" if i in have else "None" for i in goal]
    while slots and slots[0] == "None":
        slots.pop(0)
    if "None" not in slots:
        return text
    if slots[-1] == "None":
        first = slots.index("None")
        if all(s == "None" for s in slots[first:]):
            return f"{text}[..., {', '.join(slots[first:])}]"
    return f"{text}[{', '.join(slots)}]"


def _scale(coefficient: sp.Expr, text: str) -> str:
    """A constant times a sum that is written already."""
    if coefficient == 1:
        return text
    factor = text if text.endswith(")") and "@" not in text else f"({text})"
    if coefficient == -1:
        return f"-{factor}"
    numerator, denominator = coefficient.as_numer_denom()
    if numerator == 1:
        return f"{factor} / {denominator if denominator.is_Atom else f'({denominator})'}"
    return f"{_number(coefficient) if coefficient.is_Number else f'({coefficient})'} * {factor}"


def _number(value: sp.Expr) -> str:
    return str(value) if value.is_Integer else repr(float(value))


def _axis(axes: tuple[int, ...]) -> str:
    return str(axes[0]) if len(axes) == 1 else str(axes)


def _wrap(text: str) -> str:
    return text if text.isidentifier() or text.endswith("]") else f"({text})"


def _letters(indices: Iterable[Index]) -> dict[Index, str]:
    """A letter for each index: t for time, n for the batch."""
    features = (i for i in dict.fromkeys(indices) if i not in (TIME, BATCH))
    others = (letter for letter in ascii_lowercase if letter not in "tn")
    return {TIME: "t", BATCH: "n", **dict(zip(features, others, strict=False))}
