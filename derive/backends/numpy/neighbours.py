"""Which variables lie side by side in NumPy: those of one function together, so that it is called once.

In: programs. Out: the same ones. Where a matrix product serves several equations of a loop, the results that
one function is applied to stand beside each other in its buffer, and what the function makes of them beside
each other in another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from derive.functions import ScalarFunction
from derive.schedule import Loop, Program, Simple, Stack, Statement, Step
from derive.schedule.graph import addends
from derive.system import Element, Equation

Kinds = Mapping[str, str]
"""Variable → the function that is applied to it, or to what it is a part or the adjoint of."""


def kinds_of(programs: Sequence[Program], bars: Mapping[str, str]) -> Kinds:
    """The functions by which buffers are put in order: in all programs alike, as they share matrices."""
    kinds: dict[str, str] = {}
    for equation in (e for program in programs for e in program.equations):
        argument = applied_to(equation)
        if argument:
            kinds.setdefault(argument, equation.terms[0].body.row_name)
    for equation in (e for program in programs for e in program.equations if e.name in kinds):
        for summand in (a for term in equation.terms if not term.over for a in addends(term.body)):
            if isinstance(summand, Element) and summand.indices == equation.target.indices:
                kinds.setdefault(summand.name, kinds[equation.name])
    return kinds | {bars[name]: kind for name, kind in kinds.items() if name in bars}


def applied_to(equation: Equation) -> str:
    """The variable whose value at the same place a function is applied to; empty where it is something else."""
    [term, *others] = equation.terms
    if others or not isinstance(term.body, ScalarFunction):
        return ""
    argument = term.body.args[0]
    same = isinstance(argument, Element) and argument.indices == equation.target.indices
    return argument.name if same else ""


def arranged(program: Program, kinds: Kinds) -> Program:
    """The program with its buffers in order of functions, and buffers for what these make."""
    order = {name: k for buffer in program.buffers for k, name in enumerate(_in_order(program, buffer, kinds))}
    buffers = [tuple(sorted(buffer, key=order.__getitem__)) for buffer in program.buffers]
    steps: list[Step] = []
    for step in program.steps:
        if isinstance(step, Loop):
            body = [_reordered(s, order) for s in step.body]
            made = _made(body, {n for b in buffers for n in b})
            buffers += made
            steps.append(replace(step, body=_gathered(body, made)))
        else:
            steps.append(_reordered(step, order))
    kept = program.sequences
    kept |= {n for b in buffers if set(b) & kept for n in b if _in_a_loop(program, n)}
    return replace(program, steps=tuple(steps), buffers=tuple(buffers), sequences=kept)


def _in_a_loop(program: Program, name: str) -> bool:
    return any(e.name == name for s in program.steps if isinstance(s, Loop) for e in s.equations)


def _in_order(program: Program, buffer: tuple[str, ...], kinds: Kinds) -> tuple[str, ...]:
    """A buffer with the names of one kind together, as far as the same stacks use them."""
    stacks = [set(s.members) for s, _ in program.simple_steps() if isinstance(s, Stack)]
    first = list(dict.fromkeys(kinds.get(name, name) for name in buffer))
    parts = groupby(buffer, key=lambda name: [name in members for members in stacks])
    return tuple(n for _, part in parts for n in sorted(part, key=lambda name: first.index(kinds.get(name, name))))


def _reordered(step: Simple, order: Mapping[str, int]) -> Simple:
    if not isinstance(step, Stack):
        return step
    places = sorted(range(len(step.members)), key=lambda k: order[step.members[k]])
    members, matrices = tuple(step.members[k] for k in places), tuple(step.matrices[k] for k in places)
    if step.kind == "columns":
        return replace(step, members=members, matrices=matrices)
    equations, rests = tuple(step.equations[k] for k in places), tuple(step.rests[k] for k in places)
    return replace(step, members=members, matrices=matrices, equations=equations, rests=rests)


def _made(body: Iterable[Simple], taken: set[str]) -> list[tuple[str, ...]]:
    """For every product of several rows, what functions make of its results: all in one buffer, or one a function."""
    steps = list(body)
    result = []
    for stack in (s for s in steps if isinstance(s, Stack) and s.kind == "rows"):
        makes = {name: [s.equations[0] for s in steps if applied_to(s.equations[0]) == name] for name in stack.members}
        single = {name: found[0] for name, found in makes.items() if len(found) == 1 and found[0].name not in taken}
        if len(single) == len(stack.members):
            result.append(tuple(e.name for e in single.values()))
            continue
        for _, run in groupby(stack.members, key=lambda name: _kind(single.get(name), name)):
            names = list(run)
            if len(names) > 1:
                result.append(tuple(single[name].name for name in names))
    return result


def _kind(equation: Equation | None, name: str) -> str:
    return equation.terms[0].body.row_name if equation else name


def _gathered(body: Sequence[Simple], made: Iterable[tuple[str, ...]]) -> tuple[Simple, ...]:
    """The body with the statements of each buffer that functions make in its order, where the first stood."""
    steps = list(body)
    for buffer in made:
        own = {s.equations[0].name: s for s in steps if isinstance(s, Statement) and s.equations[0].name in buffer}
        place = min(map(steps.index, own.values()))
        rest = [s for s in steps if s not in own.values()]
        steps = [*rest[:place], *(own[name] for name in buffer), *rest[place:]]
    return tuple(steps)
