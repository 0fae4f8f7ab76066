"""A program in C. In: phases, and the homes of their variables. Out: the stages of a function's body.

A stage is what may be done in parts at the same time, each stage behind the one before:

packing  matrices, and zeros to start from: part i of n packs its share
rows     row by row of the batch: part i of n does its share of the rows
gather   sums over time and batch: part i of n does its share of each result
alone    what the first part does by itself
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from derive.backends.c.calls import Calls
from derive.backends.c.expressions import Expressions
from derive.backends.c.lines import braced
from derive.backends.c.memory import Memory
from derive.backends.c.nests import NestPrinter
from derive.backends.c.notes import Note, told_once
from derive.backends.c.phases import Gather, Nest, Once, Phase, Product, Rows, Turns
from derive.backends.c.pointers import Pointers

Kind = Literal["packing", "rows", "gather", "alone"]


@dataclass(frozen=True)
class Stage:
    """Lines, and how they may be done in parts."""

    kind: Kind
    lines: tuple[str, ...]


class ProgramPrinter:
    """Prints phases. `note`: for a variable, the author's equation that its values come from; `together`: parts
    may share the units instead of the rows, and then meet behind each item."""

    def __init__(
        self,
        memory: Memory,
        pointers: Pointers,
        calls: Calls,
        expressions: Expressions,
        note: Note,
        *,
        together: bool,
    ) -> None:
        self.memory, self.pointers, self.calls, self.together = memory, pointers, calls, together
        self.notes = told_once(note)
        self.once = NestPrinter(memory, pointers, expressions, self.notes, shared=False)
        self.nests = NestPrinter(memory, pointers, expressions, self.notes, shared=together)

    def stages(self, phases: Iterable[Phase]) -> list[Stage]:
        """The stages of all phases, in order."""
        return [stage for phase in phases for stage in self._phase(phase)]

    def _phase(self, phase: Phase) -> list[Stage]:
        if isinstance(phase, Once):
            return [Stage("alone", tuple(self.once.lines(phase.nests)))]
        if isinstance(phase, Turns):
            return [Stage("rows" if self._by_rows(phase) else "alone", tuple(self._turns(phase)))]
        lines = [*self._about(phase), *self.calls.at_all_times(phase)]
        if isinstance(phase, Gather):
            return [Stage("gather", tuple(lines))]
        return [Stage("rows", (*lines, *self._meet()))]

    def _by_rows(self, turns: Turns) -> bool:
        """Whether nothing is gathered over the batch inside a loop."""
        for item in turns.items:
            if isinstance(item, Gather):
                return False
            if isinstance(item, Rows) and not all(self._timed(nest) for nest in item.nests):
                return False
        return True

    def _timed(self, nest: Nest) -> bool:
        return all(self.memory.variables[op.target.name].time for op in nest.ops)

    def _about(self, product: Product) -> list[str]:
        """What is multiplied; or the equation, where that is all of it."""
        if isinstance(product, Gather):
            return self.notes(product.for_)
        through = (f"{factor.left} through {', '.join(factor.matrices)}" for factor in product.factors)
        return [f"/* {'; '.join(through)} */"]

    # -- loops

    def _turns(self, turns: Turns) -> list[str]:
        self.pointers.begin_turns()
        body = self._ahead(turns)
        for item in turns.items:
            if isinstance(item, Rows):
                body += self._rows(item)
            else:
                body += self._about(item) + self.calls.at_time(item)
            body += self._meet()
        head = "for (size_t t = T; t-- > 0;)" if turns.backward else "for (size_t t = 0; t < T; t++)"
        return braced(head, [*self.pointers.of_turn(), *body])

    def _ahead(self, turns: Turns) -> list[str]:
        """What is done for a chunk of times before the first of them."""
        lines = [line for product in turns.ahead for line in (*self._about(product), *self.calls.ahead(product))]
        if not lines:
            return []
        begins = "(t + 1) % chunk == 0 || t == T - 1" if turns.backward else "t % chunk == 0"
        first = "t / chunk * chunk" if turns.backward else "t"
        return braced(f"if ({begins})", [f"const size_t first = {first};", *lines, *self._meet()])

    def _meet(self) -> list[str]:
        return ["if (us > 1) meet(room);"] if self.together else []

    def _rows(self, rows: Rows) -> list[str]:
        self.pointers.begin_rows(op.target.name for nest in rows.nests for op in nest.ops)
        body = self.nests.lines(rows.nests)
        n = self.pointers.n
        return braced(f"for (size_t {n} = begin; {n} < end; {n}++)", [*self.pointers.of_row(), *body])
