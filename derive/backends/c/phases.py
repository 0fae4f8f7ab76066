"""A program as C carries it out: the types. In: nothing. Out: what `tiles` builds and the printer reads.

What is a matrix product over rows of a batch is an `Apply` or a `Gather`, a call of a routine; all else is done in
`Nest`s: element by element, as many equations in one as have the same index space, or two matrices in a `Multiply`. The
nests between two products form `Rows`, done sequence by sequence of the batch; what needs time forms `Turns`.
Excluded: where a variable is stored, and any text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sympy as sp

from derive.system import Element, Index, Term, elements


@dataclass(frozen=True)
class Factor:
    """Σ_k matrices[k,:] left[t,n,k], or with `turned` Σ_k matrices[:,k] left[t,n,k], the matrices side by side."""

    left: str
    matrices: tuple[str, ...]
    turned: bool


@dataclass(frozen=True)
class Apply:
    """targets[t,n,:] = the sum of the factors, over the whole sequence or inside `Turns` at one time.

    Several targets lie side by side. `add`: onto what they hold. `for_`: the variable whose equation this is.
    """

    targets: tuple[str, ...]
    factors: tuple[Factor, ...]
    for_: str
    add: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable that takes part."""
        return (*self.targets, *(n for factor in self.factors for n in (factor.left, *factor.matrices)))


@dataclass(frozen=True)
class Outer:
    """target[i,k] = Σ_{t,n} left[t,n,i] right[t,n,k]; without right, Σ_{t,n} left."""

    target: str
    left: str
    right: str | None


@dataclass(frozen=True)
class Gather:
    """Sums over time and batch at once: of outer products that share operands, no two sharing both, or one of a single
    operand."""

    sums: tuple[Outer, ...]
    for_: str
    add: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """What is summed up."""
        return tuple(s.target for s in self.sums)

    @property
    def lefts(self) -> tuple[str, ...]:
        """The left operands, each once."""
        return tuple(dict.fromkeys(s.left for s in self.sums))

    @property
    def rights(self) -> tuple[str, ...]:
        """The right operands, each once."""
        return tuple(dict.fromkeys(s.right for s in self.sums if s.right))

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable that takes part."""
        return (*self.targets, *self.lefts, *self.rights)


Product = Apply | Gather


@dataclass(frozen=True)
class Point:
    """An equation element by element; its sums run over features only. `add`: onto the target."""

    target: Element
    terms: tuple[Term, ...]
    add: bool = False


@dataclass(frozen=True)
class Multiply:
    """target[i,j] = Σ_k left[i,k] right[k,j], or any of both with its axes exchanged; a call of a routine. `add`: onto
    the target."""

    target: Element
    left: Element
    right: Element
    over: Index
    add: bool = False

    @property
    def terms(self) -> tuple[Term, ...]:
        """What it is equal to."""
        return (Term(self.left * self.right, (self.over,)),)


Op = Point | Multiply


@dataclass(frozen=True)
class Nest:
    """Operations in one nest of loops over a space of features, or a single one with loops of its own."""

    space: tuple[Index, ...]
    ops: tuple[Op, ...]


@dataclass(frozen=True)
class Rows:
    """Nests to carry out for each sequence of the batch."""

    nests: tuple[Nest, ...]


@dataclass(frozen=True)
class Turns:
    """Items to carry out for each time, the last time first if `backward`.

    `ahead`: products that serve these turns alone, carried out for a chunk of times before the first of them.
    """

    backward: bool
    items: tuple[Rows | Product, ...]
    ahead: tuple[Apply, ...] = ()


@dataclass(frozen=True)
class Once:
    """Nests over variables without time."""

    nests: tuple[Nest, ...]


@dataclass(frozen=True)
class Constants(Once):
    """Those over what is made of parameters alone, which may be done once for many calls."""


Phase = Product | Turns | Once


def products(phases: Iterable[Phase]) -> Iterator[Product]:
    """Every product, those inside turns among them."""
    for phase in phases:
        for item in (*phase.ahead, *phase.items) if isinstance(phase, Turns) else (phase,):
            if isinstance(item, Product):
                yield item


def read_by(op: Op) -> tuple[Element, ...]:
    """Every element that an operation reads."""
    return tuple(e for term in op.terms for e in elements(term.body))


TOTAL = Element("the sum")
"""What `summed` calls a sum that has been taken; no variable has a space in its name."""


def summed(term: Term) -> tuple[sp.Expr, sp.Expr]:
    """What a sum is taken of, and the term given its `TOTAL`: factors that are the same all along come to it once."""
    factors = sp.Mul.make_args(term.body)
    inside = [f for f in factors if any(set(e.indices) & set(term.over) for e in elements(f))]
    if not inside:
        return term.body, TOTAL
    return sp.Mul(*inside), sp.Mul(TOTAL, *(f for f in factors if f not in inside))
