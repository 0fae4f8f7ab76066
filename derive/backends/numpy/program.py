"""Programs in NumPy: a schedule's steps as source lines.

In: a `Program`. Out: lines. Every variable is a plain name; one computed in a loop and kept is an array
over time, indexed `[t]` inside the loop; a state kept over time has T + 1 rows, of which `h` and `h_prev`
are two views; variables of a buffer are views of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from derive.backends.numpy.expressions import Expressions
from derive.schedule import Loop, Program, Schedule, Simple, Stack, Statement
from derive.system import Element, Equation, Names, Term, Var, elements

Notes = Mapping[str, str]


class ProgramPrinter:
    """Prints one program. `identifiers`: variable → its name in the source; `notes`: variable → the
    author's equation, put beside the line that computes it; `matrices`: matrices stacked → their name."""

    def __init__(
        self,
        schedule: Schedule,
        program: Program,
        identifiers: Mapping[str, str],
        names: Names,
        notes: Notes,
        matrices: dict[tuple[str, ...], str],
        *,
        single: bool = False,
    ) -> None:
        self.schedule, self.program, self.identifiers, self.names = schedule, program, identifiers, names
        local = names.fork()
        self.variables = schedule.variables
        self.notes, self.matrices, self.single = notes, matrices, single
        self.order = {name: k for k, name in enumerate(_reading_order(schedule))}
        self.laid_out = [b for b in program.buffers if set(b) & program.sequences]
        self.buffers = {b: local.fresh(f"{identifiers[b[0]]}_stack") for b in program.buffers}
        self.transposes: dict[str, str] = {}
        self.owner = {delay: state for state, delay in schedule.delays.items()}
        self.carried = {schedule.bars[d]: f"d{s}_next" for s, d in schedule.delays.items()}
        self.carried = {bar: local.fresh(hint) for bar, hint in self.carried.items()}

    def lines(self) -> list[str]:
        """The whole program."""
        result: list[str] = []
        for buffer in self.laid_out:
            widths = [self._length(n) for n in buffer]
            result.append(f"{self.buffers[buffer]} = np.empty((T, B, {_total(widths)}), dtype)")
            result.append(self._views(buffer, self.buffers[buffer], widths))
        for step in self.program.steps:
            result += self._loop(step) if isinstance(step, Loop) else self._step(step, None)
        return result

    # -- loops

    def _loop(self, loop: Loop) -> list[str]:
        lines = ["", *self._transposes(loop), *self._allocations(loop)]
        later = {e.name for q in loop.equations for t in q.terms for e in elements(t.body) if e.shift > 0}
        carried = [e.name for e in loop.equations if e.name in self.carried and e.name in later]
        lines += [f"{self.carried[n]} = {self._final(n)}" for n in carried]
        lines.append(f"for t in {'reversed(range(T))' if loop.backward else 'range(T)'}:")
        for step in loop.body:
            lines += [f"    {line}" for line in self._step(step, loop)]
        if carried:
            left = ", ".join(self.carried[n] for n in carried)
            lines.append(f"    {left} = {', '.join(self._spell_name(n, loop) for n in carried)}")
        return [*lines, ""]

    def _transposes(self, loop: Loop) -> list[str]:
        """The matrices that every turn of a loop multiplies by on their other side."""
        stacks = (s for s in loop.body if isinstance(s, Stack) and s.kind == "rows")
        matrices = dict.fromkeys(map(self._matrix, stacks))
        self.transposes = {name: self.names.fresh(f"{name}_T") for name in matrices}
        return [f"{turned} = transposed({name}, T, B)" for name, turned in self.transposes.items()]

    def _allocations(self, loop: Loop) -> list[str]:
        lines = []
        inside = {n for b in self.laid_out for n in b}
        for equation in loop.equations:
            name = equation.name
            variable = self.variables[name]
            if _accumulates(loop, equation):
                lines.append(f"{self.identifiers[name]} = np.zeros({self._shape(variable)}, dtype)")
            elif name in self.schedule.delays:
                lines += self._history(variable)
            elif name in self.program.sequences and name not in inside and name not in self.owner:
                lines.append(f"{self.identifiers[name]} = np.empty({self._shape(variable)}, dtype)")
        return lines

    def _history(self, variable: Var) -> list[str]:
        """A state over time: T + 1 rows, the initial state first, and its two views."""
        now, before = self.identifiers[variable.name], self.identifiers[self.schedule.delays[variable.name]]
        shape = ", ".join(["T + 1", "B", *map(self._axis, variable.axes)])
        return [
            f"{now} = np.empty(({shape}), dtype)",
            f"{now}[0] = initial.{variable.about or variable.name}",
            f"{before}, {now} = {now}[:-1], {now}[1:]",
        ]

    def _final(self, name: str) -> str:
        state = self.owner[self.variables[name].about]
        return f"dfinal.{state}"

    # -- steps

    def _step(self, step: Simple, loop: Loop | None) -> list[str]:
        if isinstance(step, Stack):
            return [*self._headings(step.equations), *self._stack(step, loop)]
        return self._statement(step, loop)

    def _statement(self, step: Statement, loop: Loop | None) -> list[str]:
        equation = step.equation
        source = equation.terms[0].body
        if isinstance(source, Element) and source.shift < 0:
            return self._delay(equation, loop)
        writer = self._writer(loop)
        terms = [
            Term(t.body, tuple(i for i in t.over if not (loop and i.axis == "T"))) for t in equation.terms
        ]
        value = writer.terms(terms, equation.target.indices)
        if writer.lacks(terms, equation.target.indices) and not self._assigned_in_place(equation.name, loop):
            shape = self._shape(self.variables[equation.name], inside=loop is not None)
            constant = not reads_of([equation])
            value = f"np.full({shape}, {value}, dtype)" if constant else f"np.broadcast_to({value}, {shape})"
        target = self._target(equation.name, loop)
        text = f"{target} {'+=' if step.accumulate else '='} {value}"
        return self._noted(equation.name, [text])

    def _delay(self, equation: Equation, loop: Loop | None) -> list[str]:
        state = self.owner[equation.name]
        if loop is not None or self.single or state in self.program.given:
            return []
        now, before = self.identifiers[state], self.identifiers[equation.name]
        return [f"{before} = delayed({now}, initial.{state})"]

    def _stack(self, stack: Stack, loop: Loop | None) -> list[str]:
        matrix = self._matrix(stack)
        writer = self._writer(loop)
        if stack.kind == "rows":
            assert stack.shared is not None
            turned = self.transposes[matrix] if loop else f"{matrix}.T"
            product = writer.matmul(writer.spell(stack.shared), turned)
            return [*self._rows(stack, product, loop), *self._rests(stack, writer, loop)]
        side = self._side_by_side(stack, loop)
        if stack.kind == "columns":
            [equation] = stack.equations
            value = writer.matmul(side, matrix)
            for rest in stack.rests[0]:
                value += f" + {writer.terms([rest], equation.target.indices)}"
            return [f"{self._target(equation.name, loop)} = {value}"]
        value = (
            f"outer_sum({side}, {writer.spell(stack.shared)}, 2)"
            if stack.shared
            else f"total({side}, 2)"
        )
        names = [self.identifiers[e.name] for e in stack.equations]
        return [f"{', '.join(names)} = split({value}, {', '.join(map(self._length, stack.members))}, axis=0)"]

    def _rows(self, stack: Stack, product: str, loop: Loop | None) -> list[str]:
        buffer = self._buffer(stack.members)
        widths = [self._length(n) for n in stack.members]
        if buffer in self.laid_out:
            return [f"{self.buffers[buffer]}[t] = {product}"]
        return [self._views(stack.members, product, widths)]

    def _rests(self, stack: Stack, writer: Expressions, loop: Loop | None) -> list[str]:
        lines = []
        for equation, rest in zip(stack.equations, stack.rests, strict=True):
            if rest:
                target = self._target(equation.name, loop)
                lines.append(f"{target} += {writer.terms(rest, equation.target.indices)}")
        return lines

    def _views(self, names: Sequence[str], value: str, widths: Sequence[str]) -> str:
        return (
            f"{', '.join(self.identifiers[n] for n in names)} = split({value}, {', '.join(widths)}, axis=-1)"
        )

    def _side_by_side(self, stack: Stack, loop: Loop | None) -> str:
        buffer = self._buffer(stack.members)
        if buffer not in self.laid_out:
            return f"join({', '.join(self._spell_name(n, loop) for n in stack.members)})"
        text = self.buffers[buffer]
        start = buffer.index(stack.members[0])
        before, width = buffer[:start], stack.members
        if len(stack.members) == len(buffer):
            return f"{text}[t]" if loop else text
        low = _total([self._length(n) for n in before]) if before else ""
        high = _total([self._length(n) for n in (*before, *width)])
        return f"{text}[{'t' if loop else '...'}, {':, ' if loop else ''}{low}:{high}]"

    def _buffer(self, members: Sequence[str]) -> tuple[str, ...]:
        return next(b for b in self.program.buffers if set(members) <= set(b))

    def _matrix(self, stack: Stack) -> str:
        if stack.kind == "outer":
            return ""
        key = tuple(m.name for m in stack.matrices)
        if key not in self.matrices:
            hint = stack.shared.name if stack.shared and stack.kind == "rows" else stack.equations[0].name
            about = self.variables[hint].about or hint
            self.matrices[key] = self.names.fresh(f"M_{about}")
        return self.matrices[key]

    # -- spelling

    def _writer(self, loop: Loop | None) -> Expressions:
        timed = loop is None and not self.single

        def spell(element: Element) -> str:
            return self._spell(element, loop)

        return Expressions(spell, self._rank, time=timed)

    def _rank(self, name: str) -> int:
        return self.order[name]

    def _spell(self, element: Element, loop: Loop | None) -> str:
        name = self.identifiers[element.name]
        if element.shift > 0:
            if loop and element.name in {e.name for e in loop.equations}:
                return self.carried[element.name]
            later = f"advanced({name}, {self._final(element.name)})"
            return f"{later}[t]" if loop else later
        return self._spell_name(element.name, loop)

    def _spell_name(self, variable: str, loop: Loop | None) -> str:
        """A variable at the time at hand: an array's row, or what is there for this turn only."""
        name = self.identifiers[variable]
        if loop is None or not self.variables[variable].time:
            return name
        passing = variable in {e.name for e in loop.equations} and variable not in self.program.sequences
        return name if passing and not self._state_history(variable) else f"{name}[t]"

    def _state_history(self, name: str) -> bool:
        return name in self.owner or name in self.schedule.delays

    def _target(self, name: str, loop: Loop | None) -> str:
        identifier = self.identifiers[name]
        if (
            loop
            and self.variables[name].time
            and (name in self.program.sequences or name in self.schedule.delays)
        ):
            return f"{identifier}[t]"
        if not loop and any(name in b for b in self.laid_out):
            return f"{identifier}[...]"
        return identifier

    def _assigned_in_place(self, name: str, loop: Loop | None) -> bool:
        return self._target(name, loop).endswith("]")

    def _length(self, name: str) -> str:
        return self._axis(self.variables[name].axes[0])

    def _axis(self, axis: str) -> str:
        return self.identifiers[f"axis {axis}"]

    def _shape(self, variable: Var, *, inside: bool = False) -> str:
        lead = ["T", "B"] if variable.time else []
        sizes = [*(lead[1:] if inside or self.single else lead), *map(self._axis, variable.axes)]
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"

    # -- comments

    def _noted(self, name: str, lines: list[str]) -> list[str]:
        note = self.notes.get(name)
        if not note:
            return lines
        if len(lines[0]) + len(note) < 92:
            return [f"{lines[0]:<48}  # {note}", *lines[1:]]
        return [f"# {note}", *lines]

    def _headings(self, equations: Iterable[Equation]) -> list[str]:
        found = [self.notes[e.name] for e in equations if e.name in self.notes]
        return [f"# {note}" for note in dict.fromkeys(found)]


def _total(widths: Iterable[str]) -> str:
    """A sum of lengths, equal ones counted."""
    counted = Counter(widths)
    return " + ".join(width if number == 1 else f"{number} * {width}" for width, number in counted.items())


def _accumulates(loop: Loop, equation: Equation) -> bool:
    return any(isinstance(s, Statement) and s.accumulate and s.equation is equation for s in loop.body)


def _reading_order(schedule: Schedule) -> list[str]:
    """Where a variable comes in a product: adjoints, matrices, what is computed, states and inputs."""
    ranks = {"adjoint": 0, "seed": 1, "param": 2, "local": 3, "state": 4, "delay": 5, "input": 6}
    return [v.name for v in sorted(schedule.variables.values(), key=lambda v: ranks[v.role])]


def functions_used(programs: Iterable[Program]) -> list[str]:
    """The functions of the table that some programs apply, in a fixed order."""
    names = {
        application.row_name
        for program in programs
        for equation in program.equations
        for term in equation.terms
        for application in term.body.atoms()
        if hasattr(application, "row_name")
    }
    names |= {
        term.body.row_name
        for program in programs
        for equation in program.equations
        for term in equation.terms
        if hasattr(term.body, "row_name")
    }
    return sorted(names)


def direct_reads(program: Program) -> set[str]:
    """The variables read otherwise than as a matrix of a stack."""
    found: set[str] = set()
    for step, _ in program.simple_steps():
        if isinstance(step, Stack):
            found |= {e.name for rest in step.rests for term in rest for e in elements(term.body)}
            found |= {step.shared.name} if step.shared else set()
        else:
            found |= reads_of(step.equations)
    return found


def reads_of(equations: Iterable[Equation]) -> set[str]:
    """Every variable that some equations read."""
    return {e.name for equation in equations for term in equation.terms for e in elements(term.body)}
