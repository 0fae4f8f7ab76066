"""What the proof examines: the adjoint equations, the scheduled programs that the printers get, the step Jacobian.

In: an `Adjoint`, a `Schedule`, two `Tiled` programs or a `Flow`. Out: a candidate: a function from an arithmetic and a
problem to outputs and gradients, in the shapes that the author knows, or to the blocks of the Jacobian.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from derive.backends.c import Tiled, run_tiled
from derive.bounds import Flow, step_blocks
from derive.calculus import Adjoint
from derive.functions.ring import Ring
from derive.proof import Candidate, JacobianCandidate, Problem, Result
from derive.schedule import Schedule, run_backward, run_forward
from derive.system import System, Var, evaluate
from derive.system.blocks import join, split

Array = np.ndarray[Any, Any]


def adjoint_candidate(adjoint: Adjoint) -> Candidate:
    """The equations themselves, each element evaluated by its equation."""

    def run(ring: Ring, problem: Problem) -> Result:
        given = _given(adjoint.system, problem) | _seeds(adjoint.system, adjoint.seeds, problem)
        outside = dict(problem.initial)
        for state, delay in adjoint.system.delays.items():
            outside[adjoint.bars[delay]] = problem.dfinal[state]
        value = evaluate(adjoint.system, ring, problem.sizes, given, outside)
        return _result(adjoint.system, adjoint.bars, ring, problem, value, value)

    return run


def schedule_candidate(schedule: Schedule, system: System) -> Candidate:
    """The programs after hoisting, stacking, recomputation and saving, carried out step by step."""

    def run(ring: Ring, problem: Problem) -> Result:
        given = _given(system, problem)
        forward = run_forward(schedule, ring, problem.sizes, given, problem.initial)
        given |= _seeds(system, schedule.seeds, problem)
        backward = run_backward(
            schedule, ring, problem.sizes, given, forward, problem.initial, problem.dfinal
        )
        return _result(system, schedule.bars, ring, problem, forward.__getitem__, backward.__getitem__)

    return run


def tiled_candidate(forward: Tiled, backward: Tiled, schedule: Schedule, system: System) -> Candidate:
    """What the C printer gets: the schedule's programs in phases, values being there as long as the C keeps them."""

    def run(ring: Ring, problem: Problem) -> Result:
        given, sizes = _given(system, problem), problem.sizes
        values = run_tiled(forward, ring, sizes, given, problem.initial)
        saved = {name: values[name] for name in schedule.saved}
        ends = {schedule.bars[delay]: problem.dfinal[state] for state, delay in schedule.delays.items()}
        given |= _seeds(system, schedule.seeds, problem) | saved
        gradients = run_tiled(backward, ring, sizes, given, {**problem.initial, **ends})
        return _there(_result(system, schedule.bars, ring, problem, values.__getitem__, gradients.__getitem__))

    return run


def jacobian_candidate(flow: Flow) -> JacobianCandidate:
    """The blocks of the step Jacobian, each element followed through the step's differentials."""

    def run(ring: Ring, problem: Problem) -> Mapping[tuple[str, str], Array]:
        arrays: dict[str, Array] = {}
        given, old = _given(flow.system, problem), {flow.delays[s]: problem.initial[s][None] for s in flow.delays}
        value = evaluate(flow.system, ring, problem.sizes, given | old, {})

        def read(name: str, position: tuple[int, ...]) -> Any:
            if name not in arrays:
                arrays[name] = value(name)
            return arrays[name][position]

        return step_blocks(flow, ring, problem.sizes, read)

    return run


def _given(system: System, problem: Problem) -> dict[str, Array]:
    return split(system.stored, {**problem.params, **problem.inputs}, problem.sizes)


def _seeds(system: System, seeds: Mapping[str, str], problem: Problem) -> dict[str, Array]:
    blocks = split(system.stored, problem.doutputs, problem.sizes)
    return {seeds[block]: array for block, array in blocks.items()}


def _result(
    system: System,
    bars: Mapping[str, str],
    ring: Ring,
    problem: Problem,
    value: Callable[[str], Array],
    gradient: Callable[[str], Array],
) -> Result:
    zero = ring.number(Fraction(0))

    def stored(name: str) -> Array:
        blocks = {b: value(b) for b in system.stored[name].blocks.values()}
        return join(system.stored[name], blocks)

    def bar(name: str) -> Array:
        blocks = {}
        for block in system.stored[name].blocks.values():
            if block in bars:
                blocks[block] = gradient(bars[block])
            else:
                blocks[block] = np.full(_extents(system.variables[block], problem), zero, dtype=object)
        return join(system.stored[name], blocks)

    return Result(
        outputs={name: stored(name) for name in system.outputs},
        final={name: stored(name)[-1] for name in system.delays},
        dparams={name: bar(name) for name in problem.params},
        dinputs={name: bar(name) for name in problem.inputs},
        dinitial={state: gradient(bars[delay])[0] for state, delay in system.delays.items()},
    )


def _there(result: Result) -> Result:
    """The same; raises `LookupError` where something in it was not computed."""
    for group in (result.outputs, result.final, result.dparams, result.dinputs, result.dinitial):
        for name, array in group.items():
            if any(value is None for value in np.ravel(array)):
                raise LookupError(f"{name} is a result but was not computed")
    return result


def _extents(variable: Var, problem: Problem) -> tuple[int, ...]:
    return tuple(problem.sizes[i.axis] for i in variable.indices)
