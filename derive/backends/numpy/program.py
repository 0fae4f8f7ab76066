"""Programs in NumPy: a schedule's steps as source lines.

In: a `Program`. Out: lines. Every variable is a plain name; one computed in a loop and kept is an array
over time, indexed `[t]` inside the loop; a state kept over time has T + 1 rows, of which `h` and `h_prev`
are two views; variables of a buffer are views of it. Coefficients that only a loop needs are computed for
some of its steps at a time, `now`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from derive.backends.arithmetic import selected
from derive.backends.numpy.expressions import Expressions
from derive.backends.numpy.joined import Joined
from derive.backends.numpy.layout import Buffer, Run
from derive.backends.numpy.neighbours import applied_to
from derive.backends.numpy.spelling import Spelling
from derive.schedule import Loop, Simple, Stack, Statement
from derive.schedule.graph import reads
from derive.system import TIME, Element, Equation, Names, Term, Var, elements

Notes = Mapping[str, str]


class ProgramPrinter:
    """Prints one program. `names`: gives names to what the author did not name; `notes`: variable → the author's
    equation, put beside the line that computes it; `matrices`: matrices stacked → their name; `wholes`: the parameters
    of what is `joined` → what their gradients are called."""

    def __init__(
        self,
        spelling: Spelling,
        names: Names,
        notes: Notes,
        matrices: dict[tuple[str, ...], str],
        joined: Sequence[Joined],
        wholes: Mapping[str, str],
    ) -> None:
        self.spelling, self.names, self.notes, self.matrices = spelling, names, notes, matrices
        self.program, self.schedule, self.layout = spelling.program, spelling.schedule, spelling.layout
        self.variables, self.identifiers, self.owner = spelling.variables, spelling.identifiers, spelling.owner
        self.transposes: dict[str, str] = {}
        self.wholes = wholes
        self.whole_at = {each.last: each for each in joined}
        self.parts = {stack for each in joined for stack in each.stacks}

    def lines(self) -> list[str]:
        """The whole program."""
        result: list[str] = []
        for buffer in self.layout.laid_out:
            if buffer not in self.layout.in_place:
                result += self._room(buffer, f"np.empty((T, B, {self.spelling.width(buffer)}), dtype)")
        for step in self.program.steps:
            if isinstance(step, Loop):
                result += self._loop(step)
            elif isinstance(step, Stack) and step in self.parts:
                result += self._whole(self.whole_at[step]) if step in self.whole_at else []
            elif not any(e.name in self.spelling.beside for e in step.equations):
                result += self._step(step, None)
        return result

    def _room(self, buffer: Buffer, room: str) -> list[str]:
        name = self.spelling.buffers[buffer]
        return [f"{name} = {room}", self.spelling.views(buffer, name, [self.spelling.length(n) for n in buffer])]

    # -- loops

    def _loop(self, loop: Loop) -> list[str]:
        lines = ["", *self._transposes(loop), *self._allocations(loop)]
        later = {e.name for q in loop.equations for t in q.terms for e in elements(t.body) if e.shift > 0}
        carried = [e.name for e in loop.equations if e.name in self.spelling.carried and e.name in later]
        lines += [f"{self.spelling.carried[n]} = {self.spelling.final(n)}" for n in carried]
        body = [line for step in loop.body for line in self._step(step, loop)]
        if carried:
            left = ", ".join(self.spelling.carried[n] for n in carried)
            body.append(f"{left} = {', '.join(self.spelling.named(n, loop) for n in carried)}")
        return [*lines, *self._turns(loop, body), ""]

    def _turns(self, loop: Loop, body: Sequence[str]) -> list[str]:
        """The loop itself; what is computed beside it, for some steps at a time, in a loop around it."""
        beside = self.layout.beside(loop)
        steps = "range(T)[now]" if beside else "range(T)"
        lines = [f"for t in {_directed(steps, loop)}:", *_indented(body)]
        if not beside:
            return lines
        axes = dict.fromkeys(self.spelling.axis(a) for s in beside for a in self.variables[s.equation.name].axes)
        width = f"max({', '.join(axes)})" if len(axes) > 1 else "".join(axes) or "1"
        coefficients = [line for step in beside for line in self._beside(step)]
        return [
            f"span = steps_at_once(B * {width})",
            f"for start in {_directed('range(0, T, span)', loop)}:",
            *_indented(["now = slice(start, start + span)", *coefficients, *lines]),
        ]

    def _beside(self, step: Statement) -> list[str]:
        """A coefficient for the steps at hand."""
        name = step.equation.name

        def spell(element: Element) -> str:
            text = self.identifiers[element.name]
            whole = self.variables[element.name].time and element.name not in self.spelling.beside
            return f"{text}[now]" if whole else text

        writer, equation = Expressions(spell, self.spelling.rank, time=True), step.equation
        value = writer.terms(equation.terms, equation.target.indices)
        if writer.lacks(equation.terms, [TIME]):
            inside = self.spelling.shape(self.variables[name], inside=True)
            value = f"np.broadcast_to({value}, (len(range(T)[now]), *{inside}))"
        return [f"{self.identifiers[name]} = {value}"]

    def _transposes(self, loop: Loop) -> list[str]:
        """The matrices that every turn of a loop multiplies by on their other side."""
        stacks = (s for s in loop.body if isinstance(s, Stack) and s.kind == "rows")
        matrices = dict.fromkeys(map(self._matrix, stacks))
        self.transposes = {name: self.names.fresh(f"{name}_T") for name in matrices}
        return [f"{turned} = transposed({name}, T, B)" for name, turned in self.transposes.items()]

    def _allocations(self, loop: Loop) -> list[str]:
        buffers, inside = self.spelling.buffers, {n for b in self.layout.laid_out for n in b}
        computed = {e.name for e in loop.equations}
        lines = [
            line
            for buffer, place in self.layout.in_place.items()
            if set(buffer) <= computed
            for line in self._room(buffer, f"{buffers[place]}  # each step in place of what it is made of")
        ]
        for equation in loop.equations:
            name = equation.name
            variable = self.variables[name]
            if _accumulates(loop, equation):
                lines.append(f"{self.identifiers[name]} = np.zeros({self.spelling.shape(variable)}, dtype)")
            elif name in self.schedule.delays:
                lines += self._history(variable)
            elif name in self.program.sequences and name not in inside and name not in self.owner:
                lines.append(f"{self.identifiers[name]} = np.empty({self.spelling.shape(variable)}, dtype)")
        return lines

    def _history(self, variable: Var) -> list[str]:
        """A state over time: T + 1 rows, the initial state first, and its two views."""
        now, before = self.identifiers[variable.name], self.identifiers[self.schedule.delays[variable.name]]
        shape = ", ".join(["T + 1", "B", *map(self.spelling.axis, variable.axes)])
        return [
            f"{now} = np.empty(({shape}), dtype)",
            f"{now}[0] = initial.{variable.about or variable.name}",
            f"{before}, {now} = {now}[:-1], {now}[1:]",
        ]

    # -- steps

    def _step(self, step: Simple, loop: Loop | None) -> list[str]:
        if isinstance(step, Stack):
            return [*self._headings(step.equations), *self._stack(step, loop)]
        run = self.layout.run(step)
        if run:
            return self._run(run, loop) if step == run[0] else []
        return self._statement(step, loop)

    def _run(self, run: Run, loop: Loop | None) -> list[str]:
        """One function called once for neighbours."""
        equations = [s.equation for s in run]
        names = [e.name for e in equations]
        argument = self.spelling.stretch([applied_to(e) for e in equations], loop)
        value = Expressions(lambda _: argument, self.spelling.rank, time=False).terms(
            equations[0].terms, equations[0].target.indices
        )
        if len(run) == 1:
            return self._noted(names[0], [f"{self.spelling.target(names[0], loop)} = {value}"])
        if self.spelling.buffer(names) in self.layout.laid_out:
            return [*self._headings(equations), f"{self.spelling.stretch(names, loop)} = {value}"]
        return [*self._headings(equations), self.spelling.views(names, value, list(map(self.spelling.length, names)))]

    def _statement(self, step: Statement, loop: Loop | None) -> list[str]:
        equation = step.equation
        source = equation.terms[0].body
        if isinstance(source, Element) and source.shift < 0:
            return self._delay(equation, loop)
        writer = self.spelling.writer(loop)
        terms = [
            Term(t.body, tuple(i for i in t.over if not (loop and i.axis == "T"))) for t in equation.terms
        ]
        terms = selected(terms, self.spelling.selectors)
        value = writer.terms(terms, equation.target.indices)
        if writer.lacks(terms, equation.target.indices) and not self.spelling.assigned_in_place(equation.name, loop):
            shape = self.spelling.shape(self.variables[equation.name], inside=loop is not None)
            constant = not reads(equation)
            value = f"np.full({shape}, {value}, dtype)" if constant else f"np.broadcast_to({value}, {shape})"
        target = self.spelling.target(equation.name, loop)
        text = f"{target} {'+=' if step.accumulate else '='} {value}"
        return self._noted(equation.name, [text])

    def _delay(self, equation: Equation, loop: Loop | None) -> list[str]:
        state = self.owner[equation.name]
        if loop is not None or self.spelling.single or state in self.program.given:
            return []
        now, before = self.identifiers[state], self.identifiers[equation.name]
        return [f"{before} = delayed({now}, initial.{state})"]

    def _stack(self, stack: Stack, loop: Loop | None) -> list[str]:
        matrix = self._matrix(stack)
        writer = self.spelling.writer(loop)
        if stack.kind == "rows":
            assert stack.shared is not None
            turned = self.transposes[matrix] if loop else f"{matrix}.T"
            product = writer.matmul(writer.spell(stack.shared), turned)
            return [*self._rows(stack, product), *self._rests(stack, writer, loop)]
        side = self._side_by_side(stack, loop)
        if stack.kind == "columns":
            [equation] = stack.equations
            value = writer.matmul(side, matrix)
            for rest in stack.rests[0]:
                value += f" + {writer.terms([rest], equation.target.indices)}"
            return [f"{self.spelling.target(equation.name, loop)} = {value}"]
        value = (
            f"outer_sum({side}, {writer.spell(stack.shared)}, 2)"
            if stack.shared
            else f"total({side}, 2)"
        )
        names = [self.identifiers[e.name] for e in stack.equations]
        return [f"{', '.join(names)} = split({value}, {', '.join(map(self.spelling.length, stack.members))}, axis=0)"]

    def _whole(self, joined: Joined) -> list[str]:
        """The whole gradients of some parameters."""
        writer = self.spelling.writer(None)
        shared = [writer.spell(s.shared) for s in joined.stacks if s.shared]
        value = f"outer_sum({self._side_by_side(joined.last, None)}, join({', '.join(shared)}), 2)"
        wholes = [self.wholes[param] for param in joined.params]
        blocks = zip(*(s.equations for s in joined.stacks), strict=True)
        self.spelling.stretches |= {w: tuple(e.name for e in b) for w, b in zip(wholes, blocks, strict=True)}
        widths = map(self.spelling.length, joined.last.members)
        return [f"{', '.join(wholes)} = split({value}, {', '.join(widths)}, axis=0)"]

    def _rows(self, stack: Stack, product: str) -> list[str]:
        buffer = self.spelling.buffer(stack.members)
        if buffer in self.layout.laid_out:
            return [f"{self.spelling.buffers[buffer]}[t] = {product}"]
        if self.layout.is_whole(stack):
            return [f"{self.spelling.buffers[buffer]} = {product}"]
        return [self.spelling.views(stack.members, product, [self.spelling.length(n) for n in stack.members])]

    def _rests(self, stack: Stack, writer: Expressions, loop: Loop | None) -> list[str]:
        if not self.layout.is_whole(stack):
            return self._rests_apart(stack, writer, loop)
        members, names = self.layout.rests(stack)
        apart = [] if members else self._rests_apart(stack, writer, loop)
        views = []
        if stack.members not in self.layout.laid_out:
            named = self.layout.alone if members else stack.members
            views = [f"{self.identifiers[n]} = {self.spelling.stretch([n], loop)}" for n in stack.members if n in named]
        if not members:
            return [*views, *apart]
        vectors = not self.variables[names[0]].time
        joined = f"join({', '.join(self.identifiers[n] for n in names)})"
        added = joined if vectors else self.spelling.stretch(names, loop)
        return [f"{self.spelling.stretch(members, loop)} += {added}", *views]

    def _rests_apart(self, stack: Stack, writer: Expressions, loop: Loop | None) -> list[str]:
        lines = []
        for equation, rest in zip(stack.equations, stack.rests, strict=True):
            if rest:
                target = self.spelling.target(equation.name, loop)
                lines.append(f"{target} += {writer.terms(rest, equation.target.indices)}")
        return lines

    def _side_by_side(self, stack: Stack, loop: Loop | None) -> str:
        buffer = self.spelling.buffer(stack.members)
        if buffer not in self.layout.laid_out:
            return f"join({', '.join(self.spelling.named(n, loop) for n in stack.members)})"
        return self.spelling.stretch(stack.members, loop)

    def _matrix(self, stack: Stack) -> str:
        if stack.kind == "outer":
            return ""
        key = tuple(m.name for m in stack.matrices)
        if key not in self.matrices:
            hint = stack.shared.name if stack.shared and stack.kind == "rows" else stack.equations[0].name
            about = self.variables[hint].about or hint
            self.matrices[key] = self.names.fresh(f"M_{about}")
        return self.matrices[key]

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


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _directed(steps: str, loop: Loop) -> str:
    return f"reversed({steps})" if loop.backward else steps


def _accumulates(loop: Loop, equation: Equation) -> bool:
    return any(isinstance(s, Statement) and s.accumulate and s.equation is equation for s in loop.body)
