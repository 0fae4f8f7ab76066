"""The variables of a system while it grows: what is declared, and the temporaries that are named.

In: a cell, then terms. Out: variables, blocks of what is stored, equations. Equal sums of terms get one
name, whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product as cartesian

import sympy as sp

from derive.language import syntax as tree
from derive.language.expanded import flat, walk_expanded
from derive.language.syntax import Axis, Cell, Shape
from derive.system.model import (
    BATCH,
    TIME,
    Element,
    Equation,
    Index,
    Role,
    Stored,
    Term,
    Var,
    canonical,
    elements,
    indices_of,
)
from derive.system.names import Names


@dataclass(frozen=True)
class Slot:
    """Where along an axis of an expression: which part, and the index within the part."""

    part: int
    index: Index


Slots = tuple[Slot, ...]


class Workspace:
    """Variables and equations, in the order in which they come to be.

    `about`: the author's variable whose equation is being worked on.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.names = Names((*cell.variables, *cell.axes))
        self.variables: dict[str, Var] = {}
        self.equations: list[Equation] = []
        self.stored: dict[str, Stored] = {}
        self.delays: dict[str, str] = {}
        self.about = ""
        self._named: dict[tuple[Equation, bool], str] = {}
        self._indices = 0

    def declare(self) -> None:
        """Enter what the cell declares, and the delay of each state."""
        for role in ("input", "state", "param"):
            for variable in self.cell.of_role(role):
                self.store(variable.name, role, variable.shape, role != "param")
        for state in self.cell.of_role("state"):
            axes = _axes(state.shape, (0,) * len(state.shape))
            name = self.names.fresh(f"{state.name}_prev")
            self.variables[name] = Var(name, "delay", axes, time=True, about=state.name)
            self.delays[state.name] = name
            shifted = self.variables[state.name].element.xreplace({TIME: TIME - 1})
            self.equations.append(Equation(self.variables[name].element, (Term(shifted),)))

    def store(self, name: str, role: Role, shape: Shape, time: bool) -> None:
        """Enter one of the cell's variables: one block for every combination of parts of its axes."""
        blocks = {}
        for parts in parts_of(shape):
            block = (
                name if len(parts_of(shape)) == 1 else self.names.fresh(self._block_name(name, shape, parts))
            )
            blocks[parts] = block
            self.variables[block] = Var(block, role, _axes(shape, parts), time, about=name)
        self.stored[name] = Stored(shape, blocks)

    def _block_name(self, name: str, shape: Shape, parts: tuple[int, ...]) -> str:
        """`W_fh` where `W_f` meets `h` as a part, `W_f1` where that part has no name of its own."""
        suffix = ""
        for axis, (extent, part) in enumerate(zip(shape, parts, strict=True)):
            if len(extent.parts) > 1:
                suffix += self._part_name(name, axis, part)
        return f"{name}{suffix}" if "_" in name else f"{name}_{suffix}"

    def _part_name(self, name: str, axis: int, part: int) -> str:
        for equation in self.cell.equations:
            for node in walk_expanded(equation.value):
                if isinstance(node, tree.Contraction) and axis == len(node.left.shape) - 1:
                    met = isinstance(node.left, tree.Reference) and node.left.name == name
                    if met and isinstance(node.right, tree.Concatenation):
                        operand = flat(node.right)[part]
                        if isinstance(operand, tree.Reference):
                            return operand.name
        return str(part + 1)

    def emit(self, name: str, slots: Slots, terms: Sequence[Term]) -> None:
        """Enter the equation of a variable; whoever names the same sum later gets this variable."""
        over_time = self.variables[name].time
        if over_time == timed(terms):
            self._named.setdefault((_anonymous(slots, terms), False), name)
        if over_time:
            terms = [self._once(term, slots) for term in terms]
        lead = (TIME, BATCH) if over_time else ()
        target = Element(name, *lead, *(s.index for s in slots))
        self.equations.append(canonical(target, gathered(terms)))

    def _once(self, term: Term, slots: Slots) -> Term:
        """A sum without time under a name of its own, for it to be formed once and not at every step."""
        if not term.over or timed([term]):
            return term
        used = tuple(slot for slot in slots if slot.index in indices_of(term.body))
        return Term(self.name(f"{self.about}_sum", used, [term]))

    def name(self, hint: str, slots: Slots, terms: Sequence[Term], *, held: bool = False) -> Element:
        """The element of a temporary that stands for a sum of terms; equal ones share a name."""
        time = timed(terms)
        key = (_anonymous(slots, terms), held)
        name = self._named.get(key)
        if name is None:
            name = self.names.fresh(hint)
            axes = tuple(s.index.axis for s in slots)
            self.variables[name] = Var(name, "local", axes, time, about=self.about, held=held)
            self.emit(name, slots, terms)
            self._named[key] = name
        lead = (TIME, BATCH) if time else ()
        return Element(name, *lead, *(s.index for s in slots))

    def slots(self, shape: Shape, parts: tuple[int, ...]) -> Slots:
        """Fresh indices for some parts of a shape."""
        return tuple(Slot(p, self._fresh(axis.parts[p])) for axis, p in zip(shape, parts, strict=True))

    def along(self, axis: Axis) -> Iterator[Slot]:
        """For each part of an axis, a fresh index to sum over."""
        for part, name in enumerate(axis.parts):
            yield Slot(part, self._fresh(name))

    def _fresh(self, axis: str) -> Index:
        self._indices += 1
        return Index(axis, 1000 + self._indices)


def parts_of(shape: Shape) -> list[tuple[int, ...]]:
    """Every combination of parts of the axes of a shape."""
    return list(cartesian(*(range(len(axis.parts)) for axis in shape)))


def timed(terms: Iterable[Term]) -> bool:
    """Whether some terms change over time."""
    return any(TIME in e.indices for term in terms for e in elements(term.body))


def gathered(terms: Sequence[Term]) -> tuple[Term, ...]:
    """The sum-free terms as one, in front; the sums behind, in the author's order."""
    plain = sp.Add(*(t.body for t in terms if not t.over))
    sums = tuple(t for t in terms if t.over)
    return sums if plain == 0 and sums else (Term(plain), *sums)


def _axes(shape: Shape, parts: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(axis.parts[p] for axis, p in zip(shape, parts, strict=True))


def _anonymous(slots: Slots, terms: Sequence[Term]) -> Equation:
    """What a sum of terms is, whatever it is called."""
    lead = (TIME, BATCH) if timed(terms) else ()
    return canonical(Element("?", *lead, *(s.index for s in slots)), gathered(terms))
