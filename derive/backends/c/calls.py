"""Calls of the routines for matrix products. In: a `Product`. Out: the lines that carry it out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import sympy as sp

from derive.backends.c.lines import braced
from derive.backends.c.memory import Memory
from derive.backends.c.panels import Group, Panels, group_of
from derive.backends.c.phases import Apply, Gather, Outer, Product
from derive.backends.c.places import width
from derive.backends.c.pointers import Pointers
from derive.backends.c.sizes import BAND, B, Whole


class Calls:
    """Prints the products of one function, `user`. `panels`: the packed matrices; `together`: parts may share the
    columns of a result."""

    def __init__(self, memory: Memory, pointers: Pointers, panels: Panels, user: str, *, together: bool) -> None:
        self.memory, self.pointers, self.panels, self.user, self.together = memory, pointers, panels, user, together
        self.variables = memory.variables

    def at_time(self, product: Product) -> list[str]:
        """A product inside a turn."""
        if isinstance(product, Gather):
            return self._gather(product, "B", at_time=True)
        pointers = {n: self.pointers.at(n) for n in _timed(product)}
        return self._guarded(product, self._apply(product, "1", pointers, back="t % 2"))

    def ahead(self, product: Apply) -> list[str]:
        """A product for a chunk of times from `first`, its results lying in turn."""
        start = {n: self.pointers.from_time(n, "first") for n in _timed(product)[1:]}
        start[product.targets[0]] = self.memory.base(product.targets[0])
        return self._apply(product, "smaller(chunk, T - first)", start)

    def at_all_times(self, product: Product) -> list[str]:
        """A product over the whole sequence; where an operand looks back, its first step is apart."""
        if isinstance(product, Gather):
            return self._gather(product, "T * B", at_time=False)
        names = _timed(product)
        if not any(n in self.pointers.owners for n in names):
            return self._guarded(product, self._apply(product, "T", {n: self.pointers.all(n) for n in names}))
        first = self._apply(product, "1", {n: self.pointers.all(n, part=-1) for n in names})
        others = self._apply(product, "T - 1", {n: self.pointers.all(n, part=1) for n in names})
        return self._guarded(product, [*first, *others])

    def _guarded(self, product: Apply, calls: Sequence[str]) -> list[str]:
        if not self.memory.nullable(product.targets[0]):
            return list(calls)
        return braced(f"if ({self.memory.base(product.targets[0])})", list(calls))

    # -- matrices applied to rows

    def _apply(self, product: Apply, times: str, pointers: Mapping[str, str], back: str = "0") -> list[str]:
        size, found = self.memory.size, self._factors(product)
        target, row = product.targets[0], self._row(product.targets[0])
        columns = self.panels.shape(found[0][1])[1]
        factors = [self._factor(left, group, pointers) for left, group in found]
        given = f"(NAME(factor)[]){{{', '.join(factors)}}}"
        arguments = [
            times, "end - begin", size(columns), str(len(factors)), given,
            self.memory.from_begin(pointers[target], row), size(B * row), size(row), str(int(product.add)), back,
            *(["u", "us"] if self.together else ["0", "1"]),
        ]  # fmt: skip
        return [f"NAME(apply)({', '.join(arguments)});"]

    def _factors(self, product: Apply) -> list[tuple[str, Group]]:
        """What a product multiplies: the first of some operands that lie side by side, and all their matrices."""
        runs = self.memory.runs(product.factors)
        return [(run[0].left, group_of(run, self.variables)) for run in runs]

    def _factor(self, left: str, group: Group, pointers: Mapping[str, str]) -> str:
        size, row = self.memory.size, self._row(left)
        depth, _ = self.panels.shape(group)
        start = self.memory.from_begin(pointers[left], row)
        panel = f"PANELS({self.panels.number(group, self.user)})"
        return f"{{{', '.join([start, size(B * row), size(row), size(depth), panel])}}}"

    # -- sums over rows

    def _gather(self, product: Gather, rows: str, *, at_time: bool) -> list[str]:
        size, add = self.memory.size, int(product.add)
        share = "0, 1" if at_time else "part, parts"  # inside a loop one part does it alone
        if not product.rights:
            [target], [left] = product.targets, product.lefts
            operand = f"&(NAME(operand)){self._operand(left, at_time)}"
            arguments = [rows, size(width(self.variables[left])), operand, self.memory.base(target), str(add)]
            return [f"NAME(sum)({', '.join(arguments)}, {share});"]
        sums = {(s.left, s.right): s for s in product.sums}
        joined = self._joined(product, sums)
        lefts = [self._side(left, at_time) for left in product.lefts]
        rights = [self._side(right, at_time, joined=right != run[0]) for run in joined for right in run]
        results = [[self._result(sums.get((left, run[0]))) for run in joined] for left in product.lefts]
        packed = sp.Add(BAND, *(Whole(width(self.variables[n])) for n in product.rights))
        return [
            f"NAME(gather)({len(lefts)}, (NAME(side)[]){{{', '.join(lefts)}}},",
            f"    {len(rights)}, (NAME(side)[]){{{', '.join(rights)}}}, (NAME(result)[]){{",
            *(f"        {', '.join(row)}," for row in results),
            f"    }}, {rows}, {self.memory.scratch(packed)}, {add}, {share});",
        ]

    def _joined(self, product: Gather, sums: Mapping[tuple[str, str | None], Outer]) -> list[list[str]]:
        """The right operands in runs: in one run, the results of each go on where those of the one before end."""
        following = {
            right: after
            for right, after in itertools.permutations(product.rights, 2)
            if all(self._adjoin(right, sums.get((left, right)), sums.get((left, after))) for left in product.lefts)
        }
        runs = []
        for right in product.rights:
            if right not in following.values():
                runs.append([right])
                while runs[-1][-1] in following:
                    runs[-1].append(following[runs[-1][-1]])
        return runs

    def _adjoin(self, right: str, one: Outer | None, other: Outer | None) -> bool:
        """Whether rows of one result, as long as those of `right`, go on in another; or there is neither."""
        if one is None or other is None:
            return one is other
        first, then = (self.memory.homes.outside.get(each.target) for each in (one, other))
        if not first or not then or (first.struct, first.member) != (then.struct, then.member):
            return False
        distance, row = then.place.offset - first.place.offset, self._result_row(one) - self._result_row(other)
        return bool(row == 0 and sp.expand(distance - width(self.variables[right])) == 0)

    def _side(self, name: str, at_time: bool, *, joined: bool = False) -> str:
        size = self.memory.size(width(self.variables[name]))
        return f"{{{self._operand(name, at_time)}, {size}, {int(joined)}}}"

    def _result(self, one: Outer | None) -> str:
        if one is None:
            return "{NULL, 0}"
        return f"{{{self.memory.base(one.target)}, {self.memory.size(self._result_row(one))}}}"

    def _result_row(self, one: Outer) -> sp.Expr:
        """How far the rows of a result are apart."""
        height = len(self.variables[one.left].axes)
        place = self.memory.place(one.target)
        return place.strides[height - 1] if height else width(self.variables[one.target])

    def _operand(self, name: str, at_time: bool) -> str:
        row = self.memory.size(self._row(name))
        if at_time:
            return f"{{NULL, {self.pointers.at(name)}, 0, {row}}}"
        if name in self.pointers.owners:
            first, rest = self.pointers.all(name, part=-1), self.memory.base(self.pointers.owners[name])
            return f"{{{first}, {rest}, B, {row}}}"
        return f"{{NULL, {self.pointers.all(name)}, 0, {row}}}"

    def _row(self, name: str) -> sp.Expr:
        return self.memory.place(self.pointers.owners.get(name, name)).row


def _timed(product: Apply) -> list[str]:
    """The first target, and what is multiplied."""
    return [product.targets[0], *(factor.left for factor in product.factors)]
