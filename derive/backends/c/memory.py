"""What a function keeps where: declarations and regions of memory, as they turn out to be needed.

In: requests while a program is printed. Out: the lines to put in front of it, and its workspace.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from derive.backends.c import sizes
from derive.backends.c.names import member
from derive.backends.c.phases import Factor
from derive.backends.c.places import Outside, Place, alone, beside, width
from derive.backends.c.storage import Life
from derive.schedule import Schedule
from derive.system import Names, Var


@dataclass(frozen=True)
class Homes:
    """What does not live in the workspace: in arrays of the caller; on the tape, by the place in it; among what is
    prepared, by the place there. `tapes`: whether the program writes the tape, which then may be missing; `makes`:
    whether it writes what is prepared."""

    outside: Mapping[str, Outside]
    saved: Mapping[str, int]
    made: Mapping[str, int]
    tapes: bool = False
    makes: bool = False

    def __contains__(self, name: str) -> bool:
        return name in self.outside or name in self.saved or name in self.made


@dataclass(frozen=True)
class Region:
    """A stretch of memory: how many elements, and what it is for."""

    size: sp.Expr
    note: str


class Memory:
    """Where one program's variables are."""

    def __init__(
        self,
        schedule: Schedule,
        variables: Mapping[str, Var],
        lives: Mapping[str, Life],
        groups: Mapping[str, tuple[str, ...]],
        homes: Homes,
        identifiers: Mapping[str, str],
        axes: Mapping[str, str],
        names: Names,
    ) -> None:
        self.schedule, self.variables, self.lives, self.groups = schedule, variables, lives, groups
        self.homes, self.identifiers, self.names = homes, identifiers, names
        self.lines: dict[str, str] = {}
        self.regions: dict[str, Region] = {}
        self.starts: list[str] = []
        self.kept: set[int] = set()
        self._bases: dict[str, str] = {}
        self._scratch: set[sp.Expr] = set()
        self._zeros: set[sp.Expr] = set()
        self._ranges: dict[str, tuple[str, str]] = {}
        self.axes = axes

    # -- sizes

    def size(self, size: sp.Expr) -> str:
        """A size in plain arithmetic."""
        return sizes.text(size, self.axes.__getitem__)

    def factor(self, size: sp.Expr) -> str:
        """A size as a factor."""
        text = self.size(size)
        return f"({text})" if " " in text else text

    def from_begin(self, pointer: str, row: sp.Expr) -> str:
        """Where this part's rows begin."""
        return f"{pointer} + begin * {self.factor(row)}" if row != 1 else f"{pointer} + begin"

    # -- variables

    def place(self, name: str) -> Place:
        """How a variable's rows lie."""
        if name in self.homes.outside:
            return self.homes.outside[name].place
        group = self.groups.get(name, (name,))
        if len(group) == 1:
            return alone(self.variables[name])
        widths = [width(self.variables[n]) for n in group]
        before = sp.Add(*widths[: group.index(name)])
        return beside(self.variables[name], before, sp.Add(*widths))

    def runs(self, factors: Sequence[Factor]) -> list[list[Factor]]:
        """The factors of a product, in one those whose operands lie side by side."""

        def position(factor: Factor) -> tuple[int, int]:
            group = self.groups.get(factor.left, (factor.left,))
            first = next(k for k, other in enumerate(factors) if other.left in group)
            return first, group.index(factor.left)

        found: list[list[Factor]] = []
        for factor in sorted(factors, key=position):
            if found and self._follows(found[-1][-1], factor):
                found[-1].append(factor)
            else:
                found.append([factor])
        return found

    def _follows(self, factor: Factor, other: Factor) -> bool:
        group = self.groups.get(factor.left, ())
        return (factor.left, other.left) in itertools.pairwise(group) and factor.turned == other.turned

    def nullable(self, name: str) -> bool:
        """Whether a variable's array may be missing."""
        return name in self.homes.outside and self.homes.outside[name].nullable

    def scope(self, name: str) -> str:
        """How long a variable lives, or `outside`."""
        if name in self.homes:
            return "outside"
        return self.lives[name].scope

    def turns(self, name: str) -> str | None:
        """How many turns a variable is kept for, as text; None where for all."""
        if name in self.homes.outside or (name in self.homes.saved and not self.homes.tapes):
            return None
        life = self.lives[name]
        if life.scope == "sequence":
            return None
        if life.scope == "chunk":
            self.lines.setdefault("chunk", "const size_t chunk = RUN / B + 1;")
            return "chunk"
        if name in self.homes.saved:
            text = "last" if life.slots == 1 else "last_two"
            self.lines.setdefault(text, f"const size_t {text} = tape ? T : {life.slots};")
            return text
        return str(life.slots)

    def base(self, name: str) -> str:
        """The pointer to a variable's first element, declared where it was not yet."""
        outside = self.homes.outside.get(name)
        if outside and outside.place.offset == 0 and not self.variables[name].time:
            return f"{outside.struct}->{outside.member}"
        if name not in self._bases:
            timeless = not self.variables[name].time and self.scope(name) != "row"
            identifier = self.identifiers[name]
            pointer = identifier if timeless else self.names.fresh(f"{identifier}_0")
            self._bases[name] = pointer
            self.lines[f"base {name}"] = self._declaration(name, pointer)
        return self._bases[name]

    def _declaration(self, name: str, pointer: str) -> str:
        if name in self.homes.outside:
            return self._of_caller(self.homes.outside[name], pointer)
        if name in self.homes.saved:
            return self._of_tape(name, pointer)
        if name in self.homes.made:
            return f"{'' if self.homes.makes else 'const '}real *{pointer} = PANELS({self.homes.made[name]});"
        return f"real *{pointer} = {self._region(name)};"

    def _of_caller(self, outside: Outside, pointer: str) -> str:
        source = f"{outside.struct}->{outside.member}"
        offset = "" if outside.place.offset == 0 else f" + {self.size(outside.place.offset)}"
        const = "" if outside.struct in ("outputs", "dparams", "dinputs") else "const "
        if outside.nullable and offset:
            return f"{const}real *{pointer} = PART({source}, {offset.removeprefix(' + ')});"
        return f"{const}real *{pointer} = {source}{offset};"

    def _of_tape(self, name: str, pointer: str) -> str:
        kept = self.tape(self.homes.saved[name])
        if not self.homes.tapes:
            return f"const real *{pointer} = {kept};"
        return f"real *{pointer} = tape ? {kept} : {self._region(name)};"

    def tape(self, entry: int) -> str:
        """The address of an entry of the tape."""
        self.kept.add(entry)
        return f"SAVED({entry})"

    def _region(self, name: str) -> str:
        """The address of a variable in the workspace."""
        group = self.groups.get(name, (name,))
        place = self.place(name)
        life = self.lives[name]
        if life.scope == "row":
            own = sizes.Whole(place.row)
            address = self.region(group[0], sizes.PARTS * own, ", ".join(group))
            return f"{address} + part * {self.factor(own)}"
        whole = sizes.T * sizes.B
        chunk = sizes.Smallest(whole, sizes.RUN + sizes.B)
        count = {"lasting": sp.S.One, "turn": life.slots * sizes.B, "chunk": chunk}.get(life.scope, whole)
        address = self.region(group[0], count * place.row, ", ".join(group))
        return address if place.offset == 0 else f"{address} + {self.size(place.offset)}"

    def region(self, key: str, size: sp.Expr, note: str) -> str:
        """The address of a stretch of the workspace."""
        self.regions.setdefault(key, Region(size, note))
        return self._at(key)

    def _at(self, key: str) -> str:
        return f"WORK({list(self.regions).index(key)})"

    def scratch(self, row: sp.Expr) -> str:
        """The address of SPAN packed rows so broad, for one product at a time; each part of the work has its own."""
        self._scratch.add(row)
        largest = sizes.Largest(*sorted(self._scratch, key=str))
        self.regions["scratch"] = Region(sizes.PARTS * sizes.SPAN * largest, "rows packed for a product")
        self.lines["scratch"] = f"const size_t scratch = {self.size(sizes.SPAN * largest)};"
        return f"{self._at('scratch')} + part * scratch"

    def range(self, axis: str, *, shared: bool) -> tuple[str, str]:
        """From where to where a loop along an axis goes; `shared`: through this part's share of it."""
        end = self.axes[axis]
        if not shared:
            return "0", end
        if axis not in self._ranges:
            low, high = (self.names.fresh(f"{end}_{which}") for which in ("low", "high"))
            share = f"NAME(share)({end}, LANES, u"
            self.lines[f"range {axis}"] = f"const size_t {low} = {share}, us), {high} = {share} + 1, us);"
            self._ranges[axis] = low, high
        return self._ranges[axis]

    # -- the values before the first and behind the last step

    def boundary(self, state: str, struct: str) -> str:
        """A pointer to a state outside the sequence: the caller's, or zeros."""
        key = f"boundary {struct} {state}"
        if key not in self.lines:
            name = self.identifiers[state]
            pointer = self.names.fresh(f"{name}_start" if struct == "initial" else f"d{name}_end")
            self._bases[key] = pointer
            self.starts.append(pointer)
            source = f"{struct}->{member(state)}"
            zeros = self.zeros(state)
            self.lines[key] = f"const real *{pointer} = {source} ? {source} : {zeros};"
        return self._bases[key]

    def zeros(self, state: str) -> str:
        """A pointer to zeros, enough of them for this state."""
        self._zeros.add(sizes.B * width(self.variables[state]))
        largest = sizes.Largest(*sorted(self._zeros, key=str))
        self.regions["zeros"] = Region(largest, "zeros")
        self.lines.setdefault("zeros", f"real *zeros = {self._at('zeros')};")
        return "zeros"
