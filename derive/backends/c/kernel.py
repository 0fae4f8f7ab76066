"""The functions of a cell in C.

In: a cell and its schedule. Out: a `Kernel`, the lines of each function and the layouts of its buffers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from derive.backends.c import sizes
from derive.backends.c.calls import Calls
from derive.backends.c.cost import Buffer, Cost, Operations, caller, operations
from derive.backends.c.expressions import Expressions
from derive.backends.c.layouts import Layout, Layouts
from derive.backends.c.lines import braced, looped
from derive.backends.c.memory import Homes, Memory
from derive.backends.c.names import allocator, local, member
from derive.backends.c.nests import NestPrinter
from derive.backends.c.notes import notes, told_once
from derive.backends.c.packing import pack_all
from derive.backends.c.panels import Panels
from derive.backends.c.phases import Apply, Constants, Once, products
from derive.backends.c.places import Outside, blocks_of, width
from derive.backends.c.pointers import Pointers
from derive.backends.c.program import ProgramPrinter, Stage
from derive.backends.c.storage import Life, Tiled, lives, side_by_side
from derive.backends.c.tiles import Tiler
from derive.backends.c.together import by_units
from derive.language.syntax import Cell, Variable
from derive.schedule import Program, Schedule, Statement
from derive.system import Equation, Term, Var


@dataclass(frozen=True)
class Body:
    """A function's inside: declarations, then the stages. `regions`: how many parts its workspace has;
    `together`: whether parts may share the units instead of the rows."""

    name: str
    declared: tuple[str, ...]
    stages: tuple[Stage, ...]
    panels: bool
    regions: int
    together: bool


@dataclass(frozen=True)
class Kernel:
    """All that the template of the body places."""

    forward: Body
    backward: Body
    make: tuple[str, ...]
    fill: tuple[str, ...]
    layouts: tuple[Layout, ...]
    functions: tuple[str, ...]
    arrays: tuple[tuple[str, int], ...]
    widths: tuple[str, ...]
    effort: tuple[str, ...]
    counts: dict[str, int]
    cost: Cost


class Builder:
    """Builds the functions of one cell."""

    def __init__(self, cell: Cell, schedule: Schedule) -> None:
        self.cell, self.schedule = cell, schedule
        self.variables: dict[str, Var] = dict(schedule.variables)
        self.bars = dict(schedule.bars)
        self.identifiers = {name: local(name) for name in (*schedule.variables, *schedule.axes)}
        self.axes = {"T": "T", "B": "B"} | {axis: local(axis) for axis in schedule.axes}
        self.names = allocator(self.identifiers.values())
        self.places = {b: p for name in schedule.stored for b, p in blocks_of(schedule, name).items()}
        self.saved = {name: k for k, name in enumerate(schedule.saved)}
        self.owners = {delay: state for state, delay in schedule.delays.items()}
        self.carried = {schedule.bars[d]: s for s, d in schedule.delays.items() if d in schedule.bars}
        self.expressions = Expressions(self.axes.__getitem__)
        self.layouts = Layouts(self.axes)
        self.backward_program = self._with_zeros(schedule.backward)
        self.panels = Panels(self.variables)
        self.note = notes(cell, schedule, self.variables)
        self.operations: dict[str, Operations] = {}
        self.constants: list[Constants] = []

    def run(self) -> Kernel:
        """Every function and layout."""
        tiled = self.tiled()
        self._place_constants(*tiled)
        forward_memory, forward = self._forward(tiled[0])
        backward_memory, backward = self._backward(tiled[1])
        layouts = (
            self.layouts.packed(self.panels),
            self.layouts.layout("tape_layout", [(n, self._sequence(n)) for n in self.schedule.saved]),
            self.layouts.work("forward_layout", forward_memory, panels=forward.panels),
            self.layouts.work("backward_layout", backward_memory, panels=backward.panels),
        )
        return Kernel(
            forward=forward,
            backward=backward,
            make=self._make(),
            fill=self._fill(),
            layouts=layouts,
            functions=tuple(self.expressions.functions),
            arrays=tuple((name, len(found)) for name, found in self.arrays().items()),
            widths=self.layouts.widths(self.arrays()),
            effort=self._effort(tiled[0]),
            counts={
                "panels": max(1, len(self.panels.parts)),
                "forward_panels": max(1, self.panels.count("forward")),
                "saved": max(1, len(self.saved)),
                "forward": max(1, forward.regions + forward.panels),
                "backward": max(1, backward.regions + backward.panels),
                "matrices": int(forward.panels or backward.panels),
                "forward_together": int(forward.together),
                "backward_together": int(backward.together),
            },
            cost=self._cost(layouts, (forward, backward)),
        )

    def _effort(self, forward: Tiled) -> tuple[str, ...]:
        """The statement that tells how many operations a step takes for one sequence, a function counted as eight."""
        found = operations([phase for phase in forward.phases if not isinstance(phase, Once)], self.variables)
        total = sp.expand((found.products + found.elementwise + 8 * found.functions) / (sizes.T * sizes.B))
        text = sizes.checked(total, self.axes.__getitem__)
        return (*(self.layouts.used([text]) or ["(void)dims;"]), f"return {text};")

    def _cost(self, layouts: Sequence[Layout], bodies: Sequence[Body]) -> Cost:
        packed, tape, *work = layouts
        matrices = Buffer(packed.sizes, units=1)
        of_forward = Buffer(packed.sizes[: self.panels.count("forward")], units=1)
        own = matrices if any(body.panels for body in bodies) else None
        forward, backward = (Buffer(layout.sizes, matrices=own) for layout in work)
        of = self.operations
        return Cost(
            forward=of["forward"],
            backward=of["backward"],
            tape=Buffer(tape.sizes),
            packed=matrices,
            packed_forward=of_forward,
            forward_work=forward,
            backward_work=backward,
            caller=caller(self.arrays()),
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

    def tiled(self) -> tuple[Tiled, Tiled]:
        """Forward and backward as they are printed."""
        return self._tiled_forward(self._of_forward()), self._tiled_backward(self._of_backward())

    def _tiled_forward(self, outside: Mapping[str, Outside]) -> Tiled:
        kept = [*self.saved, *self.schedule.delays]
        return self._tiled(self.schedule.forward, outside, kept, backward=False)

    def _tiled_backward(self, outside: Mapping[str, Outside]) -> Tiled:
        return self._tiled(self.backward_program, outside, self.carried, backward=True)

    def _tiled(
        self, program: Program, outside: Mapping[str, Outside], kept: Iterable[str], *, backward: bool
    ) -> Tiled:
        """`kept`: what is needed when the program is over, at its last turn."""
        schedule = replace(self.schedule, variables=self.variables)
        phases = Tiler(schedule, program, self._dense, self._fresh, backward=backward).run()
        found = lives(phases, self.variables, self.owners)
        for name in kept:
            life = found.get(name)
            if life and life.scope in ("local", "row"):
                found[name] = Life("turn")
        return Tiled(phases, self.variables, self.owners, found, frozenset({*outside, *self.saved}))

    def _print(
        self, tiled: Tiled, outside: Mapping[str, Outside], *, forward: bool
    ) -> tuple[Memory, list[Stage], bool]:
        phases, found = tiled.phases, tiled.lives
        user = "forward" if forward else "backward"
        phases = tuple(phase for phase in phases if not isinstance(phase, Constants))
        self.operations[user] = operations((*self.constants, *phases), self.variables)
        applied = [p for p in products(phases) if isinstance(p, Apply) and len(p.targets) > 1]
        groups = {name: product.targets for product in applied for name in product.targets}
        saved = {n: k for n, k in self.saved.items() if n not in outside}
        placed = {*outside, *saved, *self.owners, *self.owners.values(), *self.carried, *groups}
        groups |= side_by_side(phases, found, placed)
        names = allocator(self.identifiers.values())
        homes = Homes(outside, saved, self.panels.made, tapes=forward)
        memory = Memory(self.schedule, self.variables, found, groups, homes, self.identifiers, self.axes, names)
        pointers = Pointers(memory, self.owners, self.carried)
        together = by_units(phases)
        calls = Calls(memory, pointers, self.panels, user, together=together)
        printer = ProgramPrinter(memory, pointers, calls, self.expressions, self.note, together=together)
        return memory, printer.stages(phases), together

    def _place_constants(self, forward: Tiled, backward: Tiled) -> None:
        """Of what is made of parameters alone, what either program needs is among what is prepared."""
        self.constants = [phase for phase in forward.phases if isinstance(phase, Constants)]
        names = [op.target.name for phase in self.constants for nest in phase.nests for op in nest.ops]
        for name in names:
            if any(name in tiled.lives and tiled.lives[name].scope == "lasting" for tiled in (forward, backward)):
                self.panels.number(name, "forward", "backward")

    def _of_forward(self) -> dict[str, Outside]:
        """What forward has in arrays of the caller."""
        return {
            **self._outside("params", "param"),
            **self._outside("inputs", "input"),
            **self._outside("outputs", "output"),
        }

    def _of_backward(self) -> dict[str, Outside]:
        """What backward has in arrays of the caller."""
        seeds = {self.schedule.seeds[b]: o for b, o in self._outside("doutputs", "output").items()}
        return {
            **self._outside("params", "param"),
            **self._outside("inputs", "input"),
            **seeds,
            **self._outside("dparams", "param", bars=self.bars),
            **self._outside("dinputs", "input", bars=self.bars),
        }

    def _forward(self, tiled: Tiled) -> tuple[Memory, Body]:
        outside, states = self._of_forward(), list(self.schedule.delays)
        memory, stages, together = self._print(tiled, outside, forward=True)
        copies = []
        for name, number in self.saved.items():
            if name in outside:
                copied = self._copy(memory, name, "T", memory.base(name), memory.tape(number))
                copies.append(f"if (tape) {copied}")
        copies += [self._copy_state(memory, state, state, "final", memory.turns(state)) for state in states]
        stages.append(Stage("rows", _by_one_part(copies, together)))
        return memory, self._body(memory, "forward", stages, together)

    def _backward(self, tiled: Tiled) -> tuple[Memory, Body]:
        outside = self._of_backward()
        memory, stages, together = self._print(tiled, outside, forward=False)
        copies = [self._copy_state(memory, bar, state, "dinitial", "1") for bar, state in self.carried.items()]
        return memory, self._body(memory, "backward", _with_rows(stages, _by_one_part(copies, together)), together)

    def _copy_state(self, memory: Memory, name: str, state: str, struct: str, turns: str | None) -> str:
        """Copy what a variable holds at its last turn into the caller's; `turns`: how many are kept."""
        row = memory.factor(sizes.B * memory.place(name).row)
        time = {None: f" + (T - 1) * {row}", "1": ""}.get(turns, f" + (T - 1) % {turns} * {row}")
        target = f"{struct}->{member(state)}"
        return f"if ({target}) {self._copy(memory, name, '1', f'{memory.base(name)}{time}', target)}"

    def _copy(self, memory: Memory, name: str, times: str, source: str, target: str) -> str:
        """Copy a variable's rows to where they lie without gaps."""
        row, count = memory.place(name).row, width(self.variables[name])
        arguments = [
            times, "end - begin", memory.size(count),
            memory.from_begin(source, row), memory.size(sizes.B * row), memory.size(row),
            memory.from_begin(target, count), memory.size(sizes.B * count),
        ]  # fmt: skip
        return f"NAME(copy)({', '.join(arguments)});"

    def _body(self, memory: Memory, name: str, stages: Sequence[Stage], together: bool) -> Body:
        declared = list(memory.lines.values())
        made: list[str] = []
        first: list[str] = []
        if memory.starts:
            unset = " || ".join(f"{pointer} == zeros" for pointer in memory.starts)
            amount = memory.size(memory.regions["zeros"].size)
            first += looped(f"if (part == 0 && ({unset}))", [f"memset(zeros, 0, {amount} * sizeof(real));"])
        panels = self.panels.count(name) > 0
        if panels:
            first.insert(0, f"if (!packed) NAME(fill)(dims, params, own, for_{name}, part, parts);")
            if self.panels.made:
                made.append("if (!packed) NAME(make)(dims, params, own);")
            own = f"real *const own = WORK({len(memory.regions)});"
            declared = [
                own, "const real *const panels = packed ? packed : own;", "size_t panels_at[Q(groups)];",
                "Q(packed_layout)(dims, panels_at);", *declared,
            ]  # fmt: skip
        if memory.kept:
            saved = "size_t saved_at[Q(entries)] = {0};"
            constant = "const " if name == "backward" else ""
            layout = f"{'if (tape) ' if name == 'forward' else ''}Q(tape_layout)(dims, saved_at);"
            declared = [f"{constant}real *const saved = tape;", saved, layout, *declared]
        if memory.regions or panels:
            at = [f"size_t at[Q({name}_regions)];", f"Q({name}_layout)(dims, parts, at);"]
            declared = ["real *const memory = work;", *at, *declared]
        stages = _joined([Stage("alone", tuple(made)), Stage("packing", tuple(first)), *stages])
        lines = [*declared, *(line for stage in stages for line in stage.lines)]
        return Body(
            name=name,
            declared=(*self.layouts.used(lines), *declared),
            stages=stages,
            panels=panels,
            regions=len(memory.regions),
            together=together,
        )

    def _prepared(self, lines: Sequence[str], memory: Memory) -> tuple[str, ...]:
        """The lines of a function that prepares parameters, with what they need before them."""
        if not lines:
            return ()
        places = ("size_t panels_at[Q(groups)];", "Q(packed_layout)(dims, panels_at);")
        lines = [*memory.lines.values(), *lines]
        return (*self.layouts.used(lines), *places, *lines)

    def _make(self) -> tuple[str, ...]:
        """Makes what is made of parameters alone."""
        memory = self._packed_memory(makes=True)
        pointers = Pointers(memory, self.owners, self.carried)
        printer = NestPrinter(memory, pointers, self.expressions, told_once(self.note), shared=False)
        return self._prepared([line for each in self.constants for line in printer.lines(each.nests)], memory)

    def _fill(self) -> tuple[str, ...]:
        """Packs matrices."""
        memory = self._packed_memory(makes=False)
        return self._prepared(pack_all(memory, self.panels), memory)

    def _packed_memory(self, *, makes: bool) -> Memory:
        homes = Homes(self._outside("params", "param"), {}, self.panels.made, makes=makes)
        names = allocator(self.identifiers.values())
        local = {op.target.name: Life("local") for each in self.constants for nest in each.nests for op in nest.ops}
        return Memory(self.schedule, self.variables, local, {}, homes, self.identifiers, self.axes, names)

    def arrays(self) -> dict[str, Sequence[Variable]]:
        """The caller's arrays, in the order of their structs."""
        outputs = [self.cell.variables[name] for name in self.cell.outputs]
        of_role = self.cell.of_role
        return {"params": of_role("param"), "inputs": of_role("input"), "states": of_role("state"), "outputs": outputs}


def _by_one_part(lines: Sequence[str], together: bool) -> tuple[str, ...]:
    """Lines that copy rows: where parts share the units, one of them does all rows."""
    return tuple(braced("if (u == 0)", list(lines)) if together and lines else lines)


def _with_rows(stages: Sequence[Stage], lines: Sequence[str]) -> list[Stage]:
    """Further lines, row by row, in front of the sums at the end."""
    number = len(stages)
    while number > 0 and stages[number - 1].kind == "gather":
        number -= 1
    return [*stages[:number], Stage("rows", tuple(lines)), *stages[number:]]


def _joined(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Without empty stages, neighbours of a kind being one."""
    found: list[Stage] = []
    for stage in stages:
        if found and stage.lines and found[-1].kind == stage.kind:
            found[-1] = Stage(stage.kind, (*found[-1].lines, *stage.lines))
        elif stage.lines:
            found.append(stage)
    return tuple(found)
