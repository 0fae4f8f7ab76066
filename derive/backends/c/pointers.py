"""How the loops of a function reach the values of the present time and row.

In: variables, as they are asked for. Out: pointers, and the declarations to put at the top of each loop.
A pointer inside the loop over the batch carries its variable's name and points at the variable's row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from derive.backends.c.memory import Memory
from derive.backends.c.sizes import B


class Pointers:
    """`owners`: delay → its state; `carried`: the adjoint of a delay → the state."""

    def __init__(self, memory: Memory, owners: Mapping[str, str], carried: Mapping[str, str]) -> None:
        self.memory, self.owners, self.carried = memory, owners, carried
        taken = set(memory.identifiers.values()) | set(memory.axes.values())
        self.n = next(c for c in ("n", "b", "m", "n_") if c not in taken)
        self.tn = memory.names.fresh("tn")
        self._timed = False
        self._views: dict[tuple[str, int], str] = {}
        self._rows: dict[tuple[str, int], str] = {}
        self._names: dict[str, str] = {}
        self._written: set[str] = set()

    # -- what a loop declares

    def begin_turns(self) -> None:
        """A loop over time begins."""
        self._views = {}

    def begin_rows(self, written: Iterable[str]) -> None:
        """A loop over the batch begins, which writes some variables."""
        self._rows = {}
        self._timed = False
        self._written = set(written)

    def of_turn(self) -> list[str]:
        """The declarations at the top of the loop over time."""
        return list(self._views.values())

    def of_row(self) -> list[str]:
        """The declarations at the top of the loop over the batch."""
        number = [f"const size_t {self.tn} = t * B + {self.n};"] if self._timed else []
        return [*number, *self._rows.values()]

    # -- pointers

    def all(self, name: str, *, part: int = 0) -> str:
        """A pointer to a variable's values at all times (`part` 0), at the first (-1) or behind it (1)."""
        owner = self.owners.get(name)
        if owner is not None:
            return self.memory.boundary(owner, "initial") if part < 0 else self.memory.base(owner)
        base = self.memory.base(name)
        return f"{base} + {self.memory.size(B * self.memory.place(name).row)}" if part > 0 else base

    def from_time(self, name: str, time: str) -> str:
        """A pointer to a variable's values at some time and later; it is kept for all times."""
        return f"{self.memory.base(name)} + {time} * {self._turn_size(name)}"

    def at(self, name: str) -> str:
        """A pointer to what a variable holds at the present time."""
        base, time = self._base_and_time(name, 0)
        return f"{base} + {time} * {self._turn_size(name)}" if time else base

    def row(self, name: str, shift: int = 0) -> str:
        """A pointer to a variable's present row."""
        pointer = self._name(f"{name}_next") if shift else self.memory.identifiers[name]
        if (name, shift) not in self._rows:
            memory = self.memory
            row = memory.place(self.owners.get(name, name)).row
            start, time = self._base_and_time(name, shift)
            if name in self.owners or memory.scope(name) != "row":
                if time == "t":
                    self._timed = True
                number = {"": self.n, "t": self.tn}.get(time, f"({time} * B + {self.n})")
                if row != 1:
                    number = f"{number} * {memory.factor(row)}"
                elif time not in ("", "t"):
                    number = number[1:-1]
                start += f" + {number}"
            if memory.nullable(name):
                start = f"{memory.base(name)} ? {start} : NULL"
            kind = "real *restrict " if name in self._written and not shift else "const real *"
            self._rows[name, shift] = f"{kind}{pointer} = {start};"
        return pointer

    def _base_and_time(self, name: str, shift: int) -> tuple[str, str]:
        """A pointer, and how many turns behind it the present time's values lie, if any do."""
        if name in self.owners:
            return self._view(name, self.owners[name], -1), ""
        if shift:
            return self._view(name, name, shift), ""
        base, turns = self.memory.base(name), self.memory.turns(name)
        if turns == "1" or self.memory.scope(name) == "row":
            return base, ""
        return base, "t" if turns is None else f"t % {turns}"

    def array(self, name: str) -> str:
        """A pointer to a variable's row, or to all it holds where it has no time."""
        return self.row(name) if self.memory.variables[name].time else self.memory.base(name)

    def _view(self, name: str, source: str, shift: int) -> str:
        """A pointer to what a variable holds one step earlier or later."""
        pointer = self._name(f"{name}_t" if shift < 0 else f"{name}_next_t")
        if (name, shift) not in self._views:
            if shift < 0:
                inside, time, edge = "t > 0", "(t - 1)", self.memory.boundary(source, "initial")
            else:
                inside, time, edge = (
                    "t + 1 < T",
                    "(t + 1)",
                    self.memory.boundary(self.carried[source], "dfinal"),
                )
            base, turns = self.memory.base(source), self.memory.turns(source)
            time = time if turns is None else f"{time} % {turns}"
            there = f"{base} + {time} * {self._turn_size(source)}"
            self._views[name, shift] = f"const real *{pointer} = {inside} ? {there} : {edge};"
        return pointer

    def _name(self, hint: str) -> str:
        if hint not in self._names:
            self._names[hint] = self.memory.names.fresh(hint)
        return self._names[hint]

    def _turn_size(self, name: str) -> str:
        return self.memory.factor(B * self.memory.place(name).row)
