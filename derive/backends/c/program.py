"""A program in C. In: phases, and the homes of their variables. Out: the lines of a function's body."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import sympy as sp

from derive.backends.c.calls import Calls
from derive.backends.c.expressions import Expressions
from derive.backends.c.memory import Memory
from derive.backends.c.phases import Nest, Once, Op, Phase, Product, Rows, Scatter, Turns
from derive.backends.c.places import alone
from derive.backends.c.pointers import Pointers
from derive.system import Element, FirstMaximum, Index, Length, Term

INDENT = "    "


def indented(lines: Iterable[str]) -> list[str]:
    """Lines one level deeper."""
    return [INDENT + line for line in lines]


def braced(head: str, body: list[str]) -> list[str]:
    """A block."""
    return [f"{head} {{", *indented(body), "}"]


class ProgramPrinter:
    """Prints phases. `note`: for a variable, the author's equation that its values come from."""

    def __init__(
        self,
        memory: Memory,
        pointers: Pointers,
        calls: Calls,
        expressions: Expressions,
        note: Callable[[str], str],
    ) -> None:
        self.memory, self.pointers, self.calls, self.expressions = memory, pointers, calls, expressions
        self.note = note
        self.told: set[str] = set()
        taken = {*memory.identifiers.values(), *memory.sizes.values(), pointers.n}
        self.letters = [c for c in "ijklpqruvwxyz" if c not in taken] + [f"{c}_" for c in "ijklpq"]

    def lines(self, phases: Iterable[Phase]) -> list[str]:
        """All phases."""
        result: list[str] = []
        for phase in phases:
            if isinstance(phase, Product):
                result += self._notes(phase.for_) + self.calls.at_all_times(phase)
            elif isinstance(phase, Once):
                result += self._nests(phase.nests)
            else:
                result += self._turns(phase)
        return result

    def _notes(self, name: str) -> list[str]:
        text = self.note(name)
        if not text or text in self.told:
            return []
        self.told.add(text)
        return [f"/* {text} */"]

    # -- loops

    def _turns(self, turns: Turns) -> list[str]:
        self.pointers.begin_turns()
        body: list[str] = []
        for item in turns.items:
            if isinstance(item, Rows):
                body += self._rows(item)
            else:
                body += self._notes(item.for_) + self.calls.at_time(item)
        head = "for (size_t t = T; t-- > 0;)" if turns.backward else "for (size_t t = 0; t < T; t++)"
        return braced(head, [*self.pointers.of_turn(), *body])

    def _rows(self, rows: Rows) -> list[str]:
        self.pointers.begin_rows(op.target.name for nest in rows.nests for op in nest.ops)
        body = self._nests(rows.nests)
        n = self.pointers.n
        return braced(f"for (size_t {n} = 0; {n} < B; {n}++)", [*self.pointers.of_row(), *body])

    def _loops(self, indices: Iterable[Index], letters: Mapping[Index, str], body: list[str]) -> list[str]:
        for index in reversed(tuple(indices)):
            letter, end = letters[index], self.memory.size(Length(index.axis))
            head = f"for (size_t {letter} = 0; {letter} < {end}; {letter}++)"
            single = len(body) == 1 or (len(body) == 2 and body[0].startswith("for") and not body[0].endswith("{"))
            body = [head, *indented(body)] if single else braced(head, body)
        return body

    def _letters(self, *groups: Iterable[Index]) -> dict[Index, str]:
        indices = dict.fromkeys(i for group in groups for i in group)
        return dict(zip(indices, self.letters, strict=False))

    # -- nests

    def _nests(self, nests: Iterable[Nest]) -> list[str]:
        return [line for nest in nests for line in self._nest(nest)]

    def _nest(self, nest: Nest) -> list[str]:
        op = nest.ops[0]
        if isinstance(op, Scatter):
            return self._notes(op.target.name) + self._guarded(op, self._scatter(op))
        if op.terms[0].body.has(FirstMaximum):
            return self._notes(op.target.name) + self._first_maximum(op)
        letters = self._letters(nest.space)
        if len(nest.ops) == 1:
            return self._notes(op.target.name) + self._guarded(
                op, self._loops(nest.space, letters, self._point(op, letters))
            )
        body: list[str] = []
        for point in nest.ops:
            *before, assignment = self._point(point, letters)
            body += [*self._notes(point.target.name), *before, *self._guarded(point, [assignment])]
        return self._loops(nest.space, letters, body)

    def _guarded(self, op: Op, lines: list[str]) -> list[str]:
        name = op.target.name
        if not self.memory.nullable(name):
            return lines
        head = f"if ({self.pointers.array(name)})"
        return [f"{head} {lines[0]}"] if len(lines) == 1 else braced(head, lines)

    def _point(self, point: Op, letters: dict[Index, str]) -> list[str]:
        lines: list[str] = []
        parts: list[str] = []
        for term in point.terms:
            if term.over:
                total = self.memory.names.fresh("sum")
                lines += self._sum(total, term, letters)
                parts.append(total)
            else:
                parts.append(self._text(term.body, letters))
        value = self.expressions.joined(parts)
        if self._is_scalar(point.target.name):
            return [*lines, f"const real {self.memory.identifiers[point.target.name]} = {value};"]
        sign = "+=" if getattr(point, "add", False) else "="
        return [*lines, f"{self._element(point.target, letters)} {sign} {value};"]

    def _sum(self, total: str, term: Term, letters: dict[Index, str]) -> list[str]:
        further = self._letters(letters, term.over)
        body = [f"{total} += {self._text(term.body, further)};"]
        return [f"real {total} = 0;", *self._loops(term.over, further, body)]

    def _scatter(self, op: Scatter) -> list[str]:
        space = op.target.feature_indices
        letters = self._letters(space, op.term.over)
        body = [f"{self._element(op.target, letters)} += {self._text(op.term.body, letters)};"]
        return self._loops((*op.term.over, *space), letters, body)

    def _first_maximum(self, op: Op) -> list[str]:
        """One where the operand is largest first, else zero."""
        operand, *along = op.terms[0].body.args
        space = op.target.feature_indices
        letters = self._letters(space)
        inner = [i for i in space if i in along]
        find = [
            f"const real value = {self._text(operand, letters)};",
            *braced("if (position == 0 || value > best)", ["best = value;", "first = position;"]),
            "position++;",
        ]
        mark = [f"{self._element(op.target, letters)} = (real)(position++ == first);"]
        body = [
            "real best = 0;",
            "size_t first = 0, position = 0;",
            *self._loops(inner, letters, find),
            "position = 0;",
            *self._loops(inner, letters, mark),
        ]
        outer = [i for i in space if i not in along]
        return self._loops(outer, letters, body) if outer else ["{", *indented(body), "}"]

    # -- elements

    def _text(self, body: sp.Expr, letters: Mapping[Index, str]) -> str:
        return self.expressions.text(body, lambda element: self._element(element, letters))

    def _is_scalar(self, name: str) -> bool:
        """Whether a variable of C holds it."""
        scope = self.memory.scope(name)
        return scope == "local" or (scope == "row" and not self.memory.variables[name].axes)

    def _element(self, element: Element, letters: Mapping[Index, str]) -> str:
        name, variable = element.name, self.memory.variables[element.name]
        if name not in self.pointers.owners and self._is_scalar(name):
            return self.memory.identifiers[name]
        pointer = self.pointers.row(name, element.shift) if variable.time else self.memory.base(name)
        place = self.memory.place(self.pointers.owners.get(name, name))
        features = element.indices[2:] if variable.time else element.indices
        if place.strides == alone(variable).strides:
            return f"{pointer}[{self._dense(variable.axes, [letters[i] for i in features])}]"
        parts = [
            letters[i] if stride == 1 else f"{letters[i]} * {self.memory.factor(stride)}"
            for i, stride in zip(features, place.strides, strict=True)
        ]
        return f"{pointer}[{' + '.join(parts)}]"

    def _dense(self, axes: tuple[str, ...], letters: list[str]) -> str:
        """The position in an array without gaps."""
        if not letters:
            return "0"
        text = letters[0]
        for axis, letter in zip(axes[1:], letters[1:], strict=True):
            text = f"({text})" if "+" in text else text
            text = f"{text} * {self.memory.size(Length(axis))} + {letter}"
        return text
