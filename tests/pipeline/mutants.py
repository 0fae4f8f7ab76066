"""Small faults, planted one at a time in what a stage made.

In: a system, an adjoint or a schedule. Out: for each fault a label and the faulty thing. Faults in an
equation: a term dropped, with the wrong sign, with a wrong factor; an index pair transposed; another time;
another function. Faults in a program: a step dropped, before what it reads, or outside its loop; a loop run
the wrong way; rests, members and matrices of a stack; what is saved, kept over time or accumulated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import sympy as sp

from derive import functions
from derive.calculus import Adjoint
from derive.schedule import Loop, Program, Schedule, Stack, Statement
from derive.schedule.graph import reads
from derive.system import TIME, Equation, System, Term, elements

Mutant = tuple[str, Any]


def of_equation(equation: Equation) -> Iterator[tuple[str, Equation]]:
    for k, term in enumerate(equation.terms):
        for label, bodies in _bodies(term.body):
            terms = [*equation.terms[:k], *(Term(b, term.over) for b in bodies), *equation.terms[k + 1 :]]
            yield f"{equation.name}: {label} of term {k}", replace(equation, terms=tuple(terms) or (Term(sp.S.Zero),))


def _bodies(body: sp.Expr) -> Iterator[tuple[str, list[sp.Expr]]]:
    if isinstance(body, functions.ScalarFunction):
        other = "sigmoid" if body.row_name != "sigmoid" else "tanh"
        yield "function", [functions.application(other)(*body.args)]
        return
    if not isinstance(body, sp.Function):
        addends = sorted(sp.Add.make_args(body), key=sp.default_sort_key)
        for k, addend in enumerate(addends):
            rest = body - addend
            yield f"addend {k} dropped", [rest] if rest != 0 else []
            yield f"sign of addend {k}", [rest - addend]
            yield f"factor of addend {k}", [rest + 2 * addend]
    for element in elements(body):
        if element.shift:
            yield f"time of {element.name}", [body.xreplace({element: element.xreplace({TIME: TIME - element.shift})})]
        pair = element.feature_indices
        if len(pair) == 2 and pair[0].axis == pair[1].axis:
            turned = element.func(element.args[0], *element.indices[:-2], pair[1], pair[0])
            yield f"transpose of {element.name}", [body.xreplace({element: turned})]


def of_system(system: System) -> Iterator[Mutant]:
    for k, equation in enumerate(system.equations):
        for label, wrong in of_equation(equation):
            yield label, replace(system, equations=(*system.equations[:k], wrong, *system.equations[k + 1 :]))
    for name, variable in system.variables.items():
        if system.equation(name) is not None:
            changed = {**system.variables, name: replace(variable, held=not variable.held)}
            yield (
                f"{name}: gradient {'let through' if variable.held else 'held back'}",
                replace(system, variables=changed),
            )


def of_adjoint(adjoint: Adjoint) -> Iterator[Mutant]:
    forward = len(adjoint.system.equations) - len(adjoint.equations)
    for k, equation in enumerate(adjoint.equations, start=forward):
        for label, wrong in of_equation(equation):
            equations = (*adjoint.system.equations[:k], wrong, *adjoint.system.equations[k + 1 :])
            system = replace(adjoint.system, equations=equations)
            yield label, replace(adjoint, system=system, equations=equations[forward:])


def of_schedule(schedule: Schedule) -> Iterator[Mutant]:
    for which in ("forward", "backward"):
        for label, program in _of_program(getattr(schedule, which)):
            yield f"{which}, {label}", replace(schedule, **{which: program})
    for name in schedule.saved:
        yield f"saved without {name}", replace(schedule, saved=tuple(s for s in schedule.saved if s != name))


def _of_program(program: Program) -> Iterator[tuple[str, Program]]:
    for label, steps in _of_steps(program.steps):
        yield label, replace(program, steps=steps)
    for name in sorted(program.sequences):
        yield f"{name} not kept", replace(program, sequences=program.sequences - {name})


def _of_steps(steps: tuple[Any, ...]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for k, step in enumerate(steps):
        before, after = steps[:k], steps[k + 1 :]
        name = "/".join(e.name for e in step.equations)
        yield f"{name}: step dropped", (*before, *after)
        if after and {e.name for e in step.equations} & {r for e in after[0].equations for r in reads(e)}:
            yield f"{name}: behind what reads it", (*before, after[0], step, *after[1:])
        for label, wrong in _of_step(step):
            yield label, (*before, wrong, *after)
        if isinstance(step, Loop):
            inside = {r for e in step.equations for r in reads(e)}
            for n, inner in enumerate(step.body):
                if {e.name for e in inner.equations} & inside:
                    rest = replace(step, body=(*step.body[:n], *step.body[n + 1 :]))
                    moved = "/".join(e.name for e in inner.equations)
                    yield f"{moved}: in front of its loop", (*before, inner, rest, *after)
                    yield f"{moved}: behind its loop", (*before, rest, inner, *after)


def _of_step(step: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(step, Statement):
        for label, wrong in of_equation(step.equation):
            yield label, replace(step, equation=wrong)
        if step.accumulate:
            yield f"{step.equation.name}: not accumulated", replace(step, accumulate=False)
    elif isinstance(step, Loop):
        yield f"loop of {step.equations[0].name}: wrong way", replace(step, backward=not step.backward)
        for label, body in _of_steps(step.body):
            yield label, replace(step, body=body)
    elif isinstance(step, Stack):
        yield from _of_stack(step)


def _of_stack(stack: Stack) -> Iterator[tuple[str, Stack]]:
    name = f"stack of {stack.equations[0].name}"
    yield f"{name}: members exchanged", replace(stack, members=(stack.members[1], stack.members[0], *stack.members[2:]))
    turned = (stack.matrices[1], stack.matrices[0], *stack.matrices[2:])
    yield f"{name}: matrices exchanged", replace(stack, matrices=turned)
    for k, rest in enumerate(stack.rests):
        for n in range(len(rest)):
            less = (*stack.rests[:k], (*rest[:n], *rest[n + 1 :]), *stack.rests[k + 1 :])
            yield f"{name}: rest {n} of member {k} dropped", replace(stack, rests=less)
