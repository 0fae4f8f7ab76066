"""What of a program NumPy does at once: found before it is printed.

In: a program. Out: a `Layout`: which statements are one call, what a product's results are added to at once,
which buffers take whose place, and which coefficients are computed beside their loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise

from derive.backends.numpy.neighbours import applied_to
from derive.schedule import Loop, Program, Stack, Statement
from derive.schedule.graph import reads
from derive.system import Element, Term, Var, elements, elementwise

Buffer = tuple[str, ...]
Run = tuple[Statement, ...]


class Layout:
    """Of one program. `laid_out`: the buffers that have room for every time; the others are there for one."""

    def __init__(self, program: Program, variables: Mapping[str, Var]) -> None:
        self.program, self.variables = program, variables
        self.laid_out = [b for b in program.buffers if set(b) & program.sequences]
        self._home = {name: buffer for buffer in program.buffers for name in buffer}

    def is_whole(self, stack: Stack) -> bool:
        """Whether a product's results are one array, not only its parts under their names."""
        return stack.kind == "rows" and stack.members in self._whole

    def run(self, statement: Statement) -> Run:
        """The statements that one call carries out, this one among them; empty where it stands for itself."""
        return next((run for run in self._runs if statement in run), ())

    def rests(self, stack: Stack) -> tuple[Buffer, Buffer]:
        """Which of a product's results are added at once to what; both empty where that cannot be."""
        added = [(name, _only_element(rest)) for name, rest in zip(stack.members, stack.rests, strict=True) if rest]
        members, names = (tuple(column) for column in zip(*added, strict=True)) if added else ((), ())
        if stack.kind != "rows" or not self.are_neighbours(members) or "" in names:
            return (), ()
        vectors = all(not self.variables[n].time and len(self.variables[n].axes) == 1 for n in names)
        return (members, names) if vectors or self.are_neighbours(names) else ((), ())

    def are_neighbours(self, names: Sequence[str]) -> bool:
        """Whether some variables stand side by side in a buffer, in this order."""
        return all(pair in pairwise(self._home.get(pair[0], ())) for pair in pairwise(names)) and bool(
            self._home.keys() >= set(names)
        )

    @cached_property
    def alone(self) -> set[str]:
        """The variables that are read by their own names."""
        found = set(self.program.results)
        for step, _ in self.program.simple_steps():
            if isinstance(step, Stack):
                found |= {step.shared.name} if step.shared else set()
                found |= {n for n in step.members if step.kind != "rows" and self._home[n] not in self.laid_out}
                rests = () if self.is_whole(step) and self.rests(step)[0] else step.rests
                found |= {e.name for rest in rests for term in rest for e in elements(term.body)}
            elif not self.run(step):
                found |= set(reads(step.equation))
        return found

    @cached_property
    def in_place(self) -> Mapping[Buffer, Buffer]:
        """Buffers that functions make out of a product's results, each with the one whose place it takes.

        That is what the results were added to, each step of which is read once, before it is overwritten.
        """
        found = {}
        for step, loop in self.program.simple_steps():
            if not isinstance(step, Stack) or not loop or not self.is_whole(step):
                continue
            _, source = self.rests(step)
            makes = [self._made_of(name) for name in step.members]
            target = self._home.get(makes[0], ())
            if list(target) == makes and target in self.laid_out and self._may_go(source):
                found[target] = source
        return found

    def beside(self, loop: Loop) -> Run:
        """The statements in front of a loop that only it needs, element by element: done for some steps at a time."""
        inside = {name for step in loop.body for e in step.equations for name in reads(e)}
        elsewhere = {
            name
            for step, around in self.program.simple_steps()
            if around != loop
            for e in step.equations
            for name in reads(e)
        }
        return tuple(
            step
            for step in self.program.steps
            if isinstance(step, Statement) and step.equation.name in inside - elsewhere and self._may_wait(step)
        )

    # -- details

    @cached_property
    def _products(self) -> dict[str, Stack]:
        """Member → the product of a loop that it is a row of."""
        stacks = (s for s, loop in self.program.simple_steps() if loop and isinstance(s, Stack) and s.kind == "rows")
        return {name: stack for stack in stacks for name in stack.members}

    @cached_property
    def _candidates(self) -> list[Run]:
        found: list[list[Statement]] = []
        for step, loop in self.program.simple_steps():
            if loop and isinstance(step, Statement) and applied_to(step.equation) in self._products:
                if found and self._continues(found[-1][-1], step):
                    found[-1].append(step)
                else:
                    found.append([step])
        return list(map(tuple, found))

    def _continues(self, last: Statement, step: Statement) -> bool:
        one, other = last.equation, step.equation
        same = one.terms[0].body.func == other.terms[0].body.func
        pairs = ((applied_to(one), applied_to(other)), (one.name, other.name))
        return same and all(map(self.are_neighbours, pairs))

    @cached_property
    def _whole(self) -> set[Buffer]:
        found = {self._home[applied_to(run[0].equation)] for run in self._candidates if len(run) > 1}
        for stack in dict.fromkeys(self._products.values()):
            _, names = self.rests(stack)
            if names and names[0] in self._home:
                found |= {stack.members, self._home[names[0]]}
        return found

    @cached_property
    def _runs(self) -> list[Run]:
        return [run for run in self._candidates if self._home[applied_to(run[0].equation)] in self._whole]

    def _made_of(self, name: str) -> str:
        """What a function makes of a variable in a loop, where it alone reads it."""
        made = [run for run in self._runs if any(applied_to(s.equation) == name for s in run)]
        if name in self.alone or len(made) != 1:
            return ""
        [statement] = [s for s in made[0] if applied_to(s.equation) == name]
        return statement.equation.name

    def _may_go(self, source: Buffer) -> bool:
        """Whether a buffer over time is computed here, outside loops, and read by one product's sum alone."""
        computed = {e.name for step in self.program.steps if not isinstance(step, Loop) for e in step.equations}
        return source in self.program.buffers and set(source) <= computed and not set(source) & self.alone

    def _may_wait(self, step: Statement) -> bool:
        """Whether some times of a variable can be computed without the others, and are a vector each or less."""
        variable = self.variables[step.equation.name]
        terms = step.equation.terms
        return (
            variable.time
            and len(variable.axes) < 2
            and variable.name not in {*self.program.results, *self._home}
            and all(map(elementwise, terms))
            and not any(e.shift for t in terms for e in elements(t.body))
        )


def _only_element(terms: Sequence[Term]) -> str:
    """The variable that some terms are, at its own time; empty where they are more than one element."""
    if len(terms) != 1 or terms[0].over or not isinstance(terms[0].body, Element) or terms[0].body.shift:
        return ""
    return terms[0].body.name
