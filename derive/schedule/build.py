"""The schedule of a cell.

In: an `Adjoint` (which holds the forward system). Out: a `Schedule`. Reads as what it does: find the
save set, then for each program find its loops, hoist, fuse, stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from derive.calculus import Adjoint
from derive.schedule.graph import needed, reads, regions
from derive.schedule.model import Loop, Program, Schedule, Statement
from derive.schedule.passes import fused, hoisted, summands_named, without_aliases
from derive.schedule.save import save_set
from derive.schedule.stack import stacked
from derive.system import Equation, Names, System, Var


def schedule(adjoint: Adjoint) -> Schedule:
    """All programs of a cell, for the printers and the interpreter alike."""
    return _Scheduler(adjoint).run()


class _Scheduler:
    def __init__(self, adjoint: Adjoint) -> None:
        self.adjoint = adjoint
        self.system: System = adjoint.system
        self.variables: dict[str, Var] = dict(adjoint.system.variables)
        self.names = Names((*adjoint.system.variables, *adjoint.system.stored, *adjoint.system.axes))
        backward = {e.name for e in adjoint.equations}
        self.forward = [e for e in adjoint.system.equations if e.name not in backward]

    def run(self) -> Schedule:
        gradients = [self.adjoint.bars[v.name] for v in self._leaves() if v.name in self.adjoint.bars]
        backward = without_aliases(needed(self.adjoint.equations, gradients), set(gradients))
        wanted = {r for e in backward for r in reads(e)}
        saved = save_set(self.system, self.forward, sorted(wanted))
        restored = [e for e in self.forward if e.name not in saved]
        states = set(self.system.delays)
        named = [b for s in self.system.stored.values() for b in s.blocks.values()]
        outputs = [b for o in self.system.outputs for b in self.system.stored[o].blocks.values()]
        return Schedule(
            variables=self.variables,
            stored=self.system.stored,
            delays=self.system.delays,
            outputs=self.system.outputs,
            axes=self.system.axes,
            bars=self.adjoint.bars,
            seeds=self.adjoint.seeds,
            saved=saved,
            forward=self._program(self.forward, dict.fromkeys([*saved, *outputs, *states])),
            backward=self._program([*restored, *backward], gradients),
            step=self._single(dict.fromkeys([*outputs, *states])),
            replay=self._program(restored, [n for n in named if n not in saved]),
        )

    def _leaves(self) -> Iterable[Var]:
        return self.system.of_role("param", "input", "delay")

    def _program(self, equations: Sequence[Equation], results: Iterable[str]) -> Program:
        """Loops found, loop-invariant sums hoisted, reducing consumers fused, products stacked."""
        results = [r for r in results if any(e.name == r for e in equations)]
        equations = summands_named(needed(equations, results), self._fresh, self.variables)
        split = hoisted(regions(equations), self._fresh, self.variables)
        found = fused(regions(split), self._fresh, self.variables)
        steps, buffers = stacked(found, self.variables, self._fresh)
        computed = {e.name for step in steps for e in step.equations}
        given = dict.fromkeys(
            r for step in steps for e in step.equations for r in reads(e) if r not in computed
        )
        program = Program(steps, tuple(given), tuple(results), frozenset(), buffers)
        carried = {self.adjoint.bars[d] for d in self.system.delays.values()}
        return replace(program, sequences=_sequences(program, self.system.delays, carried))

    def _single(self, results: Iterable[str]) -> Program:
        """The forward equations at one time, the delays being given."""
        delays = set(self.system.delays.values())
        equations = needed([e for e in self.forward if e.name not in delays], results)
        steps = tuple(Statement(e) for e in equations)
        computed = {e.name for e in equations}
        given = dict.fromkeys(r for e in equations for r in reads(e) if r not in computed)
        return Program(steps, tuple(given), tuple(results), frozenset(), ())

    def _fresh(self, hint: str, like: Var) -> Var:
        variable = replace(like, name=self.names.fresh(hint), role="local", about=like.about or like.name)
        self.variables[variable.name] = variable
        return variable


def _sequences(program: Program, delays: Mapping[str, str], carried: set[str]) -> frozenset[str]:
    """What is computed in a loop and read outside it, or a result, or beside such a one in a buffer.

    A delay's values are those of its state one step earlier, so where the delay is kept, the state is.
    The adjoint of a delay is `carried` from turn to turn: of it, a result is only the last value.
    """
    owner = {delay: state for state, delay in delays.items()}
    loops = [s for s in program.steps if isinstance(s, Loop)]
    kept: set[str] = set()
    for loop in loops:
        inside = {e.name for e in loop.equations if _timed(e)}
        outside = set(program.results) - carried
        for step in program.steps:
            if step is not loop:
                outside |= {r for e in step.equations for r in reads(e)}
        kept |= {n for name in inside & outside for n in (name, owner.get(name, name))}
        for buffer in program.buffers:
            if set(buffer) & kept:
                kept |= set(buffer) & inside
    return frozenset(kept)


def _timed(equation: Equation) -> bool:
    return bool(equation.target.indices) and equation.target.indices[0].axis == "T"
