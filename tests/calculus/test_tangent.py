"""The forward reading against the complex step: tangents of a cell, and Hessian times vector."""

import numpy as np
import pytest
from cellfolder import EVERY, assert_close, cell, derived, numbers

from derive.calculus import forward
from derive.proof.oracle import run
from derive.proof.rings import Complexes
from derive.system import evaluate
from derive.system.blocks import join, split

STEP = 1e-30
RING = Complexes()
SECOND_ORDER = ("rnn", "lstm", "gru", "mlstm", "indrnn", "cornn", "selective_ssm", "matrix_products")


def sizes_of(name):
    return {"T": 3, "B": 2} | {axis: 2 + k % 2 for k, axis in enumerate(cell(name).axes)}


def arrays(group):
    return {name: np.asarray(array, complex) for name, array in group.items()}


def parts(array):
    return np.array([[z.real, z.imag] for z in np.ravel(array)]).T.reshape(2, *np.shape(array))


@pytest.mark.parametrize("name", EVERY)
def test_tangents_are_the_complex_step(name):
    of, system = cell(name), derived(name).system
    problem, direction = numbers(of, sizes_of(name), 1), numbers(of, sizes_of(name), 2)
    groups = ("params", "inputs", "initial")
    moved = [
        {k: a + 1j * STEP * arrays(getattr(direction, g))[k] for k, a in arrays(getattr(problem, g)).items()}
        for g in groups
    ]
    outputs, final = run(of, RING, problem.sizes, *moved)

    tangent = forward(system)
    dots = {v.about: v.name for v in tangent.variables.values() if v.role == "tangent"}
    given = split(system.stored, {**arrays(problem.params), **arrays(problem.inputs)}, problem.sizes)
    moving = split(system.stored, {**arrays(direction.params), **arrays(direction.inputs)}, problem.sizes)
    given |= {dots[block]: array for block, array in moving.items()}
    boundary = arrays(problem.initial) | {dots[s]: a for s, a in arrays(direction.initial).items()}
    value = evaluate(tangent, RING, problem.sizes, given, boundary)

    wanted, got = {}, {}
    for kind, group in (("output", outputs), ("final", final)):
        for key, array in group.items():
            real, imaginary = parts(array)
            wanted |= {f"{kind} {key}": real, f"{kind} {key}'": imaginary / STEP}
            at = slice(None) if kind == "output" else -1
            blocks = system.stored[key].blocks.values()
            got[f"{kind} {key}"] = join(system.stored[key], {b: value(b)[at].astype(complex).real for b in blocks})
            got[f"{kind} {key}'"] = join(
                system.stored[key], {b: value(dots[b])[at].astype(complex).real for b in blocks}
            )
    assert_close(got, wanted, 1e-12)


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_hessian_times_vector(name):
    """forward(equations ∪ adjoint) is the derivative of the gradient: complex step of the adjoint itself."""
    bars = derived(name).adjoint
    system = bars.system
    problem, direction = numbers(cell(name), sizes_of(name), 1), numbers(cell(name), sizes_of(name), 2)

    def leaves(source):
        given = split(system.stored, {**arrays(source.params), **arrays(source.inputs)}, problem.sizes)
        seeds = split(system.stored, arrays(source.doutputs), problem.sizes)
        given |= {bars.seeds[block]: array for block, array in seeds.items()}
        edge = arrays(source.initial)
        edge |= {bars.bars[delay]: arrays(source.dfinal)[state] for state, delay in system.delays.items()}
        return given, edge

    given, edge = leaves(problem)
    moving, moving_edge = leaves(direction)
    moved = evaluate(
        system,
        RING,
        problem.sizes,
        {k: a + 1j * STEP * moving[k] for k, a in given.items()},
        {k: a + 1j * STEP * moving_edge[k] for k, a in edge.items()},
    )
    tangent = forward(system)
    dots = {v.about: v.name for v in tangent.variables.values() if v.role == "tangent"}
    value = evaluate(
        tangent,
        RING,
        problem.sizes,
        given | {dots[k]: a for k, a in moving.items()},
        edge | {dots[k]: a for k, a in moving_edge.items()},
    )
    wanted, got = {}, {}
    for leaf in (*system.of_role("param", "input"), *(system.variables[d] for d in system.delays.values())):
        if leaf.name in bars.bars:
            bar = bars.bars[leaf.name]
            wanted[leaf.name] = parts(moved(bar))[1] / STEP
            got[leaf.name] = value(dots[bar]).astype(complex).real
    assert any(np.any(array) for array in wanted.values())
    assert_close(got, wanted, 1e-11)


def test_a_tangent_is_a_system_that_can_be_differentiated_again():
    twice = forward(forward(derived("rnn").system))
    assert sum(v.role == "tangent" for v in twice.variables.values()) > 2 * len(derived("rnn").system.variables)
