"""The functions of a cell in C.

In: a cell and its schedule. Out: a `Kernel`, the lines of each function and the layouts of its buffers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from derive.backends.c import sizes
from derive.backends.c.calls import Calls
from derive.backends.c.expressions import Expressions
from derive.backends.c.memory import Memory
from derive.backends.c.names import allocator, local, member
from derive.backends.c.notes import notes
from derive.backends.c.panels import Panels
from derive.backends.c.phases import Phase, Product, Turns
from derive.backends.c.places import Outside, blocks_of, width
from derive.backends.c.pointers import Pointers
from derive.backends.c.program import ProgramPrinter
from derive.backends.c.storage import Life, lives
from derive.backends.c.tiles import Tiler
from derive.language.syntax import Cell
from derive.schedule import Program, Schedule, Statement
from derive.system import Equation, Term, Var

_ARGUMENTS = {
    "forward": ("initial", "final"),
    "backward": ("initial", "dfinal", "dparams", "dinputs", "dinitial"),
}


@dataclass(frozen=True)
class Layout:
    """The parts of a buffer: `sizes` are the declarations that `places` need."""

    name: str
    sizes: tuple[str, ...]
    places: tuple[str, ...]


@dataclass(frozen=True)
class Body:
    """A function's inside: declarations, then statements."""

    name: str
    lines: tuple[str, ...]
    panels: bool
    tape: bool
    regions: int
    unused: tuple[str, ...]


@dataclass(frozen=True)
class Kernel:
    """All that the template of the body places."""

    forward: Body
    backward: Body
    fill: tuple[str, ...]
    layouts: tuple[Layout, ...]
    functions: tuple[str, ...]
    fits: tuple[str, ...]
    counts: dict[str, int]


class Builder:
    """Builds the functions of one cell; `note` tells the author's equation for a variable."""

    def __init__(self, cell: Cell, schedule: Schedule, prefix: str) -> None:
        self.cell, self.schedule, self.prefix = cell, schedule, prefix
        self.variables: dict[str, Var] = dict(schedule.variables)
        self.bars = dict(schedule.bars)
        self.identifiers = {name: local(name) for name in (*schedule.variables, *schedule.axes)}
        self.axes = {"T": "T", "B": "B"} | {axis: local(axis) for axis in schedule.axes}
        self.names = allocator(self.identifiers.values())
        self.places = {b: p for name in schedule.stored for b, p in blocks_of(schedule, name).items()}
        self.saved = {name: k for k, name in enumerate(schedule.saved)}
        self.owners = {delay: state for state, delay in schedule.delays.items()}
        self.carried = {schedule.bars[d]: s for s, d in schedule.delays.items() if d in schedule.bars}
        self.expressions = Expressions(f"{prefix}_", self.axes.__getitem__)
        self.backward_program = self._with_zeros(schedule.backward)
        self.panels = Panels(self.variables, self._outside("params", "param"))
        self.note = notes(cell, schedule, self.variables)

    def run(self) -> Kernel:
        """Every function and layout."""
        forward_memory, forward = self._forward()
        backward_memory, backward = self._backward()
        return Kernel(
            forward=forward,
            backward=backward,
            fill=self._fill(),
            layouts=(
                self._layout("packed_layout", self.panels.regions()),
                self._layout("tape_layout", [(n, self._sequence(n)) for n in self.schedule.saved]),
                self._work("forward_layout", forward_memory, forward),
                self._work("backward_layout", backward_memory, backward),
            ),
            functions=tuple(self.expressions.functions),
            fits=self._fits(),
            counts={
                "panels": max(1, len(self.panels.regions())),
                "saved": max(1, len(self.saved)),
                "forward": max(1, forward.regions + forward.panels),
                "backward": max(1, backward.regions + backward.panels),
            },
        )

    def _sequence(self, name: str) -> sp.Expr:
        return sizes.T * sizes.B * width(self.variables[name])

    # -- variables

    def _fresh(self, hint: str, like: Var) -> Var:
        name = self.names.fresh(hint)
        self.variables[name] = replace(like, name=name, role="local", about=like.about or like.name)
        self.identifiers[name] = name
        return self.variables[name]

    def _with_zeros(self, program: Program) -> Program:
        """The backward program, in which what has no gradient gets zeros."""
        zeros = []
        for variable in self.schedule.variables.values():
            if variable.role in ("param", "input") and variable.name not in self.bars:
                bar = self._fresh(f"d{variable.name}", variable)
                self.bars[variable.name] = bar.name
                zeros.append(Statement(Equation(bar.element, (Term(sp.S.Zero),))))
        return replace(program, steps=(*program.steps, *zeros))

    def _outside(self, struct: str, role: str, *, bars: Mapping[str, str] | None = None) -> dict[str, Outside]:
        """The blocks of all variables of a role, or their adjoints, in a struct of the caller."""
        found = {}
        for variable in self.cell.variables.values():
            if variable.role == role or (role == "output" and variable.name in self.schedule.outputs):
                for block in self.schedule.stored[variable.name].blocks.values():
                    name = block if bars is None else bars[block]
                    nullable = struct in ("dparams", "dinputs")
                    found[name] = Outside(struct, member(variable.name), self.places[block], nullable)
        return found

    def _dense(self, name: str) -> bool:
        about = {bar: v for v, bar in (*self.bars.items(), *self.schedule.seeds.items())}
        place = self.places.get(about.get(name, name))
        return place is None or place.dense

    # -- functions

    def _print(
        self, program: Program, outside: Mapping[str, Outside], kept: Iterable[str], *, forward: bool
    ) -> tuple[Memory, list[str]]:
        schedule = replace(self.schedule, variables=self.variables)
        phases = Tiler(schedule, program, self._dense, self._fresh, backward=not forward).run()
        found = lives(phases, self.variables, self.owners)
        for name in kept:
            life = found.get(name)
            if life and life.scope in ("local", "row"):
                found[name] = Life("turn")
        groups = {n: p.targets for p in _products(phases) for n in p.targets if len(p.targets) > 1}
        saved = {n: k for n, k in self.saved.items() if n not in outside}
        names = allocator(self.identifiers.values())
        memory = Memory(
            schedule,
            self.variables,
            found,
            groups,
            outside,
            saved,
            self.identifiers,
            self.axes,
            names,
            writes=forward,
        )
        pointers = Pointers(memory, self.owners, self.carried)
        calls = Calls(memory, pointers, self.panels)
        return memory, ProgramPrinter(memory, pointers, calls, self.expressions, self.note).lines(phases)

    def _forward(self) -> tuple[Memory, Body]:
        outside = {
            **self._outside("params", "param"),
            **self._outside("inputs", "input"),
            **self._outside("outputs", "output"),
        }
        states = list(self.schedule.delays)
        memory, lines = self._print(self.schedule.forward, outside, [*self.saved, *states], forward=True)
        for name, number in self.saved.items():
            if name in outside:
                place, columns = memory.place(name), memory.size(width(self.variables[name]))
                lines.append(
                    f"if (tape) NAME(copy)(T * B, {columns}, {memory.base(name)}, {memory.size(place.row)}, "
                    f"saved + saved_at[{number}], {columns});"
                )
        for state in states:
            lines.append(self._copy_state(memory, state, state, "final", memory.turns(state)))
        return memory, self._body(memory, "forward", lines)

    def _backward(self) -> tuple[Memory, Body]:
        seeds = {self.schedule.seeds[b]: o for b, o in self._outside("doutputs", "output").items()}
        outside = {
            **self._outside("params", "param"),
            **self._outside("inputs", "input"),
            **seeds,
            **self._outside("dparams", "param", bars=self.bars),
            **self._outside("dinputs", "input", bars=self.bars),
        }
        memory, lines = self._print(self.backward_program, outside, self.carried, forward=False)
        for bar, state in self.carried.items():
            lines.append(self._copy_state(memory, bar, state, "dinitial", "1"))
        return memory, self._body(memory, "backward", lines)

    def _copy_state(self, memory: Memory, name: str, state: str, struct: str, turns: str | None) -> str:
        """Copy what a variable holds at its last turn into the caller's; `turns`: how many are kept."""
        count = memory.size(width(self.variables[name]))
        row = memory.size(sizes.B * memory.place(name).row)
        time = {None: f" + (T - 1) * ({row})", "1": ""}.get(turns, f" + (T - 1) % {turns} * ({row})")
        target = f"{struct}->{member(state)}"
        distance = memory.size(memory.place(name).row)
        source = f"{memory.base(name)}{time}, {distance}"
        return f"if ({struct} && {target}) NAME(copy)(B, {count}, {source}, {target}, {count});"

    def _body(self, memory: Memory, name: str, lines: Sequence[str]) -> Body:
        declared = list(memory.lines.values())
        if memory.starts:
            unset = " || ".join(f"{pointer} == zeros" for pointer in memory.starts)
            amount = memory.size(memory.regions["zeros"].size)
            order = [line for line in declared if " zeros = " in line]
            declared = [*order, *(line for line in declared if line not in order)]
            declared.append(f"if ({unset}) memset(zeros, 0, {_factors(amount)} * sizeof(real));")
        text = "\n".join([*declared, *lines])
        used = self._used(text)
        return Body(
            name=name,
            lines=(*used, *declared, *lines),
            panels="panels_at[" in text,
            tape="saved_at[" in text,
            regions=len(memory.regions),
            unused=tuple(a for a in _ARGUMENTS[name] if not re.search(rf"\b{a}\b", text)),
        )

    def _used(self, text: str) -> list[str]:
        """The declarations of the sizes that some lines use."""
        return [
            f"const size_t {name} = dims->{member(axis)};"
            for axis, name in self.axes.items()
            if re.search(rf"(?<![\w>]){name}\b", text)
        ]

    # -- layouts

    def _layout(self, name: str, regions: Iterable[tuple[str, sp.Expr]], further: Sequence[str] = ()) -> Layout:
        places = [
            f"at[{k}] = place(&end, {sizes.checked(size, self.axes.__getitem__)}, UNIT); /* {note} */"
            for k, (note, size) in enumerate(regions)
        ]
        places += further
        declared = self._used("\n".join(places))
        if further:
            declared.append(f"size_t panels_at[{len(self.panels.regions())}];")
        elif not declared:
            declared.append("(void)dims;")
        if not places:
            declared.append("(void)at;")
        return Layout(name, tuple(declared), tuple(places))

    def _work(self, name: str, memory: Memory, body: Body) -> Layout:
        regions = [(region.note, region.size) for region in memory.regions.values()]
        further = []
        if body.panels:
            number = body.regions
            further = [f"at[{number}] = place(&end, NAME(packed_layout)(dims, panels_at), UNIT); /* matrices */"]
        return self._layout(name, regions, further)

    def _fill(self) -> tuple[str, ...]:
        outside = self._outside("params", "param")
        memory = Memory(
            self.schedule,
            self.variables,
            {},
            {},
            outside,
            {},
            self.identifiers,
            self.axes,
            self.names,
            writes=False,
        )
        calls = []
        for number, matrix, rows, columns, row, start, length in self.panels.copies():
            target = f"panels + panels_at[{number}]" + ("" if start == 0 else f" + {memory.size(start)}")
            arguments = [*map(memory.size, (rows, columns)), memory.base(matrix), memory.size(row), target]
            calls.append(f"NAME(transpose)({', '.join(arguments)}, {memory.size(length)});")
        lines = [*memory.lines.values(), *calls]
        return (*self._used("\n".join(lines)), *lines)

    def _fits(self) -> tuple[str, ...]:
        """The sizes of the caller's arrays, each once."""
        found: dict[str, None] = {}
        for variable in self.cell.variables.values():
            size = sp.Mul(*(sizes.length(axis) for axis in variable.shape))
            if variable.role == "input" or variable.name in self.cell.outputs:
                size = sizes.T * sizes.B * size
            elif variable.role == "state":
                size = sizes.B * size
            elif variable.role != "param":
                continue
            found[sizes.checked(size, lambda axis: f"dims->{member(axis)}")] = None
        return tuple(found)


def _factors(amount: str) -> str:
    return f"({amount})" if "+" in amount else amount


def _products(phases: Iterable[Phase]) -> Iterable[Product]:
    for phase in phases:
        for item in phase.items if isinstance(phase, Turns) else (phase,):
            if isinstance(item, Product):
                yield item
