"""The intermediate form: equations over indexed scalars, time and batch being indices like any other.

In: nothing. Out: the types that every later stage reads. A system is immutable; an equation says

    target[indices] = Σ over its terms of  Σ_{over} body

and is in normal form when
* a body is a polynomial in elements (constants may contain lengths of axes), or one function of the
  table applied to one element and standing alone in its equation, or a `FirstMaximum`;
* the target's indices are canonical: `TIME`, `BATCH` where the variable has time, then one `Index`
  per axis, numbered by occurrence of the axis; the indices summed over are numbered behind them;
* only a delay (`h_prev[t] = h[t-1]`) and, in an adjoint, its transpose look at another time.

Excluded: nested sums, functions inside sums, function arguments that are not elements.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import sympy as sp

from derive.language.syntax import Shape


class Index(sp.Symbol):  # type: ignore[misc]
    """The position along an axis; several along one axis are told apart by their number."""

    __slots__ = ()

    def __new__(cls, axis: str, number: int = 0) -> Index:
        index: Index = super().__new__(cls, f"{axis}.{number}", integer=True)
        return index

    @property
    def axis(self) -> str:
        """The name of the axis; `T` for time and `B` for the batch."""
        return str(self.name.rpartition(".")[0])


TIME = Index("T")
BATCH = Index("B")


class Length(sp.Symbol):  # type: ignore[misc]
    """The length of an axis, a constant of the equations."""

    __slots__ = ()

    def __new__(cls, axis: str) -> Length:
        length: Length = super().__new__(cls, axis, integer=True, positive=True)
        return length


class Element(sp.Expr):  # type: ignore[misc]
    """One scalar of a variable: `f[t, n, i]`. Differentiable with respect to, as a symbol is."""

    is_commutative = True
    is_real = True
    _diff_wrt = True

    def __new__(cls, name: str | sp.Symbol, *indices: sp.Expr) -> Element:
        element: Element = super().__new__(cls, sp.Symbol(str(name)), *indices)
        return element

    @property
    def name(self) -> str:
        """The variable."""
        return str(self.args[0].name)

    @property
    def indices(self) -> tuple[sp.Expr, ...]:
        """Where in the variable: time and batch first, if it has them."""
        return tuple(self.args[1:])

    @property
    def shift(self) -> int:
        """How far from `t` the element is looked at: 0, or ±1 in a delay."""
        if self.indices and TIME in self.indices[0].free_symbols:
            return int(self.indices[0] - TIME)
        return 0

    @property
    def feature_indices(self) -> tuple[Index, ...]:
        """The indices besides time and batch."""
        return tuple(i for i in self.indices if isinstance(i, Index) and i not in (TIME, BATCH))

    def _eval_derivative(self, symbol: sp.Basic) -> sp.Expr:
        return sp.S.One if self == symbol else sp.S.Zero

    def _sympystr(self, printer: object) -> str:
        return f"{self.name}[{', '.join(map(str, self.indices))}]"


class FirstMaximum(sp.Function):  # type: ignore[misc]
    """`FirstMaximum(a[…, k], k)`: one at the first largest `a` along the indices named, else zero.

    Constant almost everywhere, so its derivative is zero; it selects in a maximum's gradient.
    """

    def _eval_derivative(self, symbol: sp.Basic) -> sp.Expr:
        return sp.S.Zero


Role = Literal["input", "state", "param", "local", "delay", "adjoint", "seed", "tangent"]


@dataclass(frozen=True)
class Block:
    """Which part of a stored variable a block is: per axis the number of the part."""

    of: str
    parts: tuple[int, ...]


@dataclass(frozen=True)
class Var:
    """A variable of a system.

    `time`: one value per time step and sequence of the batch, otherwise one for all. `about`: the
    variable that this one is the delay, adjoint, seed or tangent of; for a temporary, the author's
    variable whose equation it came from. `held`: its value passes, its gradient does not.
    """

    name: str
    role: Role
    axes: tuple[str, ...]
    time: bool
    about: str = ""
    held: bool = False

    @property
    def indices(self) -> tuple[Index, ...]:
        """The canonical indices."""
        count: Counter[str] = Counter()
        features = []
        for axis in self.axes:
            features.append(Index(axis, count[axis]))
            count[axis] += 1
        return (TIME, BATCH, *features) if self.time else tuple(features)

    @property
    def element(self) -> Element:
        """The variable at its canonical indices."""
        return Element(self.name, *self.indices)


@dataclass(frozen=True)
class Term:
    """`Σ_{over} body`; no sum where `over` is empty."""

    body: sp.Expr
    over: tuple[Index, ...] = ()


@dataclass(frozen=True)
class Equation:
    """`target = Σ terms`."""

    target: Element
    terms: tuple[Term, ...]

    @property
    def name(self) -> str:
        """The variable that is defined."""
        return self.target.name


@dataclass(frozen=True)
class Stored:
    """A variable as its author has it: its shape, and the variable that holds each block of it."""

    shape: Shape
    blocks: Mapping[tuple[int, ...], str]


@dataclass(frozen=True)
class System:
    """Equations in an order in which each reads what stands before it, or another time.

    `stored`: for each name of the cell, its shape and blocks. `delays`: state → its delay.
    """

    name: str
    variables: Mapping[str, Var]
    equations: tuple[Equation, ...]
    stored: Mapping[str, Stored]
    delays: Mapping[str, str]
    outputs: tuple[str, ...]
    axes: tuple[str, ...]
    _by_name: dict[str, Equation] = field(init=False, repr=False, compare=False)
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {e.name: e for e in self.equations})
        object.__setattr__(self, "_places", {name: k for k, name in enumerate(self.variables)})

    def equation(self, name: str) -> Equation | None:
        """The equation that defines a variable; None for what is given."""
        return self._by_name.get(name)

    def place(self, element: Element) -> tuple[int, object]:
        """A key to sort elements by that does not depend on how variables are called."""
        return self._places[element.name], element.sort_key()

    def of_role(self, *roles: Role) -> tuple[Var, ...]:
        """The variables of some roles, in order."""
        return tuple(v for v in self.variables.values() if v.role in roles)


def elements(expression: sp.Basic) -> tuple[Element, ...]:
    """Every element of an expression once, in a fixed order."""
    return tuple(sorted(expression.atoms(Element), key=sp.default_sort_key))


def elementwise(term: Term) -> bool:
    """Whether a term's value at a place needs others at the same place only."""
    return not term.over and not term.body.has(FirstMaximum)


def indices_of(expression: sp.Basic) -> set[Index]:
    """Every index that occurs in an expression."""
    return {s for s in expression.free_symbols if isinstance(s, Index)}


def multiplied(over: Iterable[Index], *summed: sp.Expr) -> tuple[sp.Expr, tuple[Index, ...]]:
    """What of a sum's indices only multiplies it, as what is `summed` lacks them: their lengths; and the others."""
    over, used = tuple(over), set().union(*map(indices_of, summed))
    return sp.Mul(*(Length(i.axis) for i in over if i not in used)), tuple(i for i in over if i in used)


def _renaming(target: Iterable[Index], over: Iterable[Index]) -> dict[Index, Index]:
    count: Counter[str] = Counter()
    renaming = {}
    for index in (*target, *over):
        if index in (TIME, BATCH):
            continue
        renaming[index] = Index(index.axis, count[index.axis])
        count[index.axis] += 1
    return renaming


def canonical(target: Element, terms: Iterable[Term]) -> Equation:
    """The equation with canonical indices: free ones by position, summed ones numbered behind."""
    free = [i for i in target.indices if isinstance(i, Index)]

    def renamed() -> Iterator[Term]:
        for term in terms:
            renaming = _renaming(free, term.over)
            yield Term(term.body.xreplace(renaming), tuple(renaming.get(i, i) for i in term.over))

    return Equation(target.xreplace(_renaming(free, ())), tuple(renamed()))
