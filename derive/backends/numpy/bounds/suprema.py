"""Suprema of coefficients over a box: sums of products of factors, taken jointly where they share variables.

In: ways, each a product of factors. Out: lines over `factor`, `share` and `largest` of `templates/numpy/bounds.py.j2`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sympy as sp

from derive.backends.numpy.bounds.intervals import MOST_CORNERS, IntervalPrinter, is_affine, polynomial
from derive.bounds import Product
from derive.system import Element, Length, elements


@dataclass(frozen=True)
class Factor:
    """A factor of a coefficient: its source, the elements it reads, and whether they vary independently."""

    text: str
    reads: tuple[Element, ...]
    separable: bool = True


class SupremumPrinter:
    """Prints the supremum of a sum of shares, `share(weight, *ways)`."""

    def __init__(self, intervals: IntervalPrinter) -> None:
        self.intervals, self.scope, self.flow = intervals, intervals.scope, intervals.flow

    def ways(self, ways: Iterable[Product]) -> str:
        return ", ".join(f"[{', '.join(f.text for f in self.factors(way))}]" for way in ways)

    def factors(self, way: Product) -> list[Factor]:
        """The factors of a way; those of one variable together, and the numbers."""
        groups: dict[tuple[Element, ...], list[sp.Expr]] = {}
        for factor in way:
            groups.setdefault(elements(factor), []).append(factor)
        return [self._factor(read, sp.Mul(*parts)) for read, parts in groups.items()]

    def _factor(self, read: tuple[Element, ...], body: sp.Expr) -> Factor:
        function = self.intervals.function(body, read)
        names = "".join(f', "{self.scope.label(e)}"' for e in read)
        if len(read) <= MOST_CORNERS and is_affine(body, read):
            return Factor(f"factor({function}{names})", read)
        turns = _turns(body, read)
        if turns is None:
            return Factor(f"natural_factor({function}{names})", read, separable=False)
        return Factor(f"factor({function}{names}, turns={turns!r})", read)

    def largest(
        self, bound: str, name: str, shares: Sequence[str], factors: Sequence[Sequence[Factor]]
    ) -> Iterator[str]:
        """Lines that take the supremum of a sum of shares over the box."""
        variable = self.scope.variables[name]
        distinct = {f.text: f for way in factors for f in way}.values()
        count = Counter(e for f in distinct for e in f.reads)
        shared = {e for e in count if count[e] > 1} | {e for f in distinct if not f.separable for e in f.reads}
        split = [self.scope.label(e) for e in self._sorted(shared) if self.scope.variables[e.name].time]
        row = variable.element.feature_indices
        box = ", ".join(f"{self.scope.label(e)}={self.intervals.aligned(e, row)}" for e in self._sorted(count))
        yield f"{bound} = largest("
        yield f"    {self.scope.sizes(variable)},"
        yield f"    dict({box}),"
        yield "    ["
        yield from (f"        {share}," for share in shares)
        yield "    ],"
        if split:
            yield f"    split={tuple(split)!r},"
        yield ")"

    def _sorted(self, read: Iterable[Element]) -> list[Element]:
        return sorted(read, key=self.flow.system.place)


def _turns(body: sp.Expr, read: Sequence[Element]) -> tuple[float, ...] | None:
    """Where the slope of a polynomial of one element vanishes; None for any other body."""
    found = polynomial(body, read)
    if len(read) != 1 or found is None or body.atoms(Length):
        return None
    return tuple(sorted({float(root) for root in sp.real_roots(found.diff())}))


