"""Nests of loops in C, over vectors along their innermost axis. In: nests, pointers. Out: lines.

A nest goes along the last axis of its space. A sum is formed for a vector of its places at once; or, where what it adds
up lies along its own last index, for one place after the other, along that. What has no space is a vector of equal
lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from derive.backends.c.expressions import Expressions
from derive.backends.c.lines import braced, indented, looped
from derive.backends.c.memory import Memory
from derive.backends.c.phases import TOTAL, Multiply, Nest, Op, summed
from derive.backends.c.places import alone
from derive.backends.c.pointers import Pointers
from derive.system import Element, FirstMaximum, Index, Length, Term, elements


@dataclass(frozen=True)
class At:
    """Where an element is taken: a letter for each index, and the index that vectors go along, if any."""

    letters: Mapping[Index, str]
    along: Index | None


@dataclass(frozen=True)
class _Sums:
    """Lines that form sums, `before` the statements for a vector or `here`, at their head; and what the terms are."""

    before: list[str]
    here: list[str]
    totals: dict[Term, str]


@dataclass(frozen=True)
class _Address:
    """A place so many numbers behind a pointer."""

    base: str
    position: str

    @property
    def pointer(self) -> str:
        return f"{self.base} + {self.position}" if self.position else self.base

    @property
    def value(self) -> str:
        return f"{self.base}[{self.position}]" if self.position else f"*{self.base}"


class NestPrinter:
    """Prints nests. `notes`: for a variable, the comment with the author's equation, if not yet told; `shared`:
    whether parts may share the units."""

    def __init__(
        self,
        memory: Memory,
        pointers: Pointers,
        expressions: Expressions,
        notes: Callable[[str], list[str]],
        *,
        shared: bool,
    ) -> None:
        self.memory, self.pointers, self.expressions, self.notes = memory, pointers, expressions, notes
        self.shared = shared
        taken = {*memory.identifiers.values(), *memory.axes.values(), pointers.n}
        self.letters = [c for c in "ijklpqrvwxyz" if c not in taken] + [f"{c}_" for c in "ijklpq"]

    def lines(self, nests: Iterable[Nest]) -> list[str]:
        """Some nests, in order."""
        return [line for nest in nests for line in self._nest(nest)]

    def _nest(self, nest: Nest) -> list[str]:
        op = nest.ops[0]
        if isinstance(op, Multiply):
            return self.notes(op.target.name) + self._guarded(op, self._multiply(op))
        if op.terms[0].body.has(FirstMaximum):
            return self.notes(op.target.name) + self._first_maximum(op)
        at = At(self._letters(nest.space), nest.space[-1] if nest.space else None)
        sums = self._sums(nest, at)
        if len(nest.ops) == 1:
            lines = self._loops(nest.space, at, [*sums.here, self._point(op, at, sums.totals)], sums.before)
            return self.notes(op.target.name) + self._guarded(op, lines)
        body = [*sums.here]
        for point in nest.ops:
            body += [*self.notes(point.target.name), *self._guarded(point, [self._point(point, at, sums.totals)])]
        return self._loops(nest.space, at, body, sums.before)

    def _guarded(self, op: Op, lines: list[str]) -> list[str]:
        name = op.target.name
        if not self.memory.nullable(name):
            return lines
        head = f"if ({self.pointers.array(name)})"
        return [f"{head} {lines[0]}"] if len(lines) == 1 else braced(head, lines)

    # -- loops

    def _letters(self, *groups: Iterable[Index]) -> dict[Index, str]:
        indices = dict.fromkeys(i for group in groups for i in group)
        return dict(zip(indices, self.letters, strict=False))

    def _loops(self, indices: Sequence[Index], at: At, body: list[str], before: Sequence[str] = ()) -> list[str]:
        """`before`: what a turn begins with, for a whole vector or less."""
        for index in reversed(indices):
            letter, end = at.letters[index], self.memory.size(Length(index.axis))
            if index == at.along:
                start, end = self.memory.range(index.axis, shared=self.shared)
                head = f"for (size_t {letter} = {start}; {letter} < {end}; {letter} += LANES)"
                body = [f"VECTOR({end} - {letter},", *indented(body), ")"]
                body = braced(head, [*before, *body]) if before else [f"{head} {body[0]}", *body[1:]]
            else:
                body = looped(f"for (size_t {letter} = 0; {letter} < {end}; {letter}++)", body)
        return body

    # -- operations

    def _point(self, point: Op, at: At, totals: Mapping[Term, str]) -> str:
        value = self.expressions.joined([totals.get(term) or self._text(term.body, at) for term in point.terms])
        if self._is_scalar(point.target.name):
            return f"const vec {self.memory.identifiers[point.target.name]} = {value};"
        return self._store(point.target, value, at, add=point.add)

    def _sums(self, nest: Nest, at: At) -> _Sums:
        """The sums of a nest, those of the same once, and those over the same indices side by side."""
        found = _Sums([], [], {})
        terms = dict.fromkeys(term for op in nest.ops for term in op.terms if term.over)
        sums = dict.fromkeys((summed(term)[0], term.over) for term in terms)
        names = {each: self.memory.names.fresh("sum") for each in sums}
        for over in dict.fromkeys(term.over for term in terms):
            here = {body: name for (body, indices), name in names.items() if indices == over}
            kept = {body: name for body, name in here.items() if _lies_along(body, over[-1], at.along)}
            for body, name in here.items():
                if body not in kept:
                    found.here.extend(self._sum_of_vectors(body, name, over, at))
            if kept:
                lines = self._sums_along(kept, over, at)
                (found.here if at.along is None else found.before).extend(lines)
        for term in terms:
            body, whole = summed(term)
            found.totals[term] = self._text(whole, at, total=names[body, term.over])
        return found

    def _sum_of_vectors(self, body: sp.Expr, name: str, over: tuple[Index, ...], at: At) -> list[str]:
        """A sum for all places of a vector at once."""
        inside = At(self._letters(at.letters, over), at.along)
        *outer, last = over
        part = self.memory.names.fresh(f"{name}_part") if outer else name
        count = self.memory.size(Length(last.axis))
        line = f"SUM({part}, {inside.letters[last]}, {count}, {self._text(body, inside)})"
        if not outer:
            return [line]
        return [f"vec {name} = V(0);", *self._loops(outer, inside, [line, f"{name} += {part};"])]

    def _sums_along(self, sums: Mapping[sp.Expr, str], over: tuple[Index, ...], at: At) -> list[str]:
        """Sums along the last of their indices; with `at.along` for one place of its vector after the other."""
        letters = self._letters(at.letters, over)
        inside = At({**letters, at.along: self.letters[len(letters)]} if at.along else letters, over[-1])
        parts = {name: self.memory.names.fresh(f"{name}_parts") for name in sums.values()}
        added = [f"{parts[name]} += KEEP({self._text(body, inside)});" for body, name in sums.items()]
        lines = [*(f"vec {each} = V(0);" for each in parts.values()), *self._loops(over, inside, added)]
        if at.along is None:
            return [*lines, *(f"const vec {name} = V(vec_sum({each}));" for name, each in parts.items())]
        start, place = at.letters[at.along], inside.letters[at.along]
        rows = {name: self.memory.names.fresh(f"{name}_rows") for name in parts}
        lines += [f"{rows[name]}[{place} - {start}] = {each};" for name, each in parts.items()]
        end = f"smaller({start} + LANES, {self.memory.size(Length(at.along.axis))})"
        return [
            *(f"vec {each}[LANES] = {{V(0)}};" for each in rows.values()),
            *braced(f"for (size_t {place} = {start}; {place} < {end}; {place}++)", lines),
            *(f"const vec {name} = vec_sums({each});" for name, each in rows.items()),
        ]

    def _multiply(self, op: Multiply) -> list[str]:
        row, column = op.target.feature_indices
        rows, columns, depth = (Length(index.axis) for index in (row, column, op.over))
        operands = [
            text
            for element, indices in ((op.left, (row, op.over)), (op.right, (op.over, column)))
            for text in (self._start(element), *(self.memory.size(self._stride(element, index)) for index in indices))
        ]
        arguments = [
            *map(self.memory.size, (rows, columns, depth)), *operands,
            self._start(op.target), self.memory.size(self._stride(op.target, row)), str(int(op.add)),
        ]  # fmt: skip
        return [f"NAME(multiply)({', '.join(arguments)});"]

    def _first_maximum(self, op: Op) -> list[str]:
        """One where the operand is largest first, else zero."""
        operand, *along = op.terms[0].body.args
        space = op.target.feature_indices
        at = At(self._letters(space), None)
        inner = [i for i in space if i in along]
        find = [
            f"const real value = vec_first({self._text(operand, at)});",
            *braced("if (position == 0 || value > best)", ["best = value;", "first = position;"]),
            "position++;",
        ]
        mark = [self._store(op.target, "V(position++ == first)", at, add=False)]
        body = [
            "real best = 0;",
            "size_t first = 0, position = 0;",
            *self._loops(inner, at, find),
            "position = 0;",
            *self._loops(inner, at, mark),
        ]
        outer = [i for i in space if i not in along]
        return self._loops(outer, at, body) if outer else ["{", *indented(body), "}"]

    # -- elements

    def _text(self, body: sp.Expr, at: At, total: str = "") -> str:
        return self.expressions.text(body, lambda e: total if e == TOTAL else self._load(e, at), at.along)

    def _is_scalar(self, name: str) -> bool:
        """Whether a variable of C holds it."""
        scope = self.memory.scope(name)
        return scope == "local" or (scope == "row" and not self.memory.variables[name].axes)

    def _load(self, element: Element, at: At) -> str:
        name = element.name
        if name not in self.pointers.owners and self._is_scalar(name):
            return self.memory.identifiers[name]
        address, step = self._address(element, at)
        if step is None:
            return f"V({address.value})"
        if step == 1:
            return f"GET({address.pointer})"
        return f"vec_gather({address.pointer}, {self.memory.size(step)}, lanes)"

    def _store(self, target: Element, value: str, at: At, *, add: bool) -> str:
        address, step = self._address(target, at)
        if add:
            value = f"{self._load(target, at)} + {value}"
        if step is None:
            return f"{address.value} = vec_first({value});"
        assert step == 1, "vectors go along the last axis of what is written"
        return f"PUT({address.pointer}, {value});"

    def _address(self, element: Element, at: At) -> tuple[_Address, sp.Expr | None]:
        """Where an element is, and how far apart its lanes are; None where vectors go along another index."""
        variable, strides = self.memory.variables[element.name], self._strides(element)
        pointer, step = self._start(element), self._stride(element, at.along)
        letters = [at.letters[i] for i in self._features(element)]
        if strides == alone(variable).strides:
            position = self._dense(variable.axes, letters)
        else:
            position = " + ".join(
                letter if stride == 1 else f"{letter} * {self.memory.factor(stride)}"
                for letter, stride in zip(letters, strides, strict=True)
            )
        return _Address(pointer, position), None if step == 0 else step

    def _start(self, element: Element) -> str:
        """A pointer to a variable's first number, at the present time and row if it has them."""
        timed = self.memory.variables[element.name].time
        return self.pointers.row(element.name, element.shift) if timed else self.memory.base(element.name)

    def _strides(self, element: Element) -> tuple[sp.Expr, ...]:
        return self.memory.place(self.pointers.owners.get(element.name, element.name)).strides

    def _stride(self, element: Element, index: Index | None) -> sp.Expr:
        """How far apart numbers are along an index."""
        return sp.Add(*(s for i, s in zip(self._features(element), self._strides(element), strict=True) if i == index))

    def _features(self, element: Element) -> Sequence[sp.Basic]:
        return element.indices[2:] if self.memory.variables[element.name].time else element.indices

    def _dense(self, axes: tuple[str, ...], letters: list[str]) -> str:
        """The position in an array without gaps."""
        if not letters:
            return ""
        text = letters[0]
        for axis, letter in zip(axes[1:], letters[1:], strict=True):
            text = f"({text})" if "+" in text else text
            text = f"{text} * {self.memory.size(Length(axis))} + {letter}"
        return text


def _lies_along(body: sp.Expr, summed_over: Index, target: Index | None) -> bool:
    """Whether a sum's elements rather lie along its index than along the target's, or as well."""

    def apart(index: Index) -> int:
        indices = [element.feature_indices for element in elements(body)]
        return sum(len(each) for each in indices if index in each and each[-1] != index)

    return target is None or apart(summed_over) <= apart(target)
