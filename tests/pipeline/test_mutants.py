"""The proof kills: every small fault planted in any stage is found by the identity test.

What survives is listed with the reason why it is no fault. By default a part of the cells; with
DERIVE_FULL=1 every cell.
"""

import os
from functools import partial

import pytest
import sympy as sp
from cellfolder import EVERY, Arguments, cell, derived, example, expected, numpy_source, results, run_source
from equivalents import EQUIVALENT
from identity import hold, prove, question, small
from mutants import of_adjoint, of_schedule, of_system
from tilemutants import of_tiled

from derive import functions
from derive.backends import c
from derive.calculus import adjoint, linear
from derive.functions.verification import verified
from derive.pipeline.candidates import adjoint_candidate, schedule_candidate, tiled_candidate
from derive.pipeline.derivation import derive
from derive.proof import ProofError
from derive.system import NormalFormError

CELLS = ("rnn", "lstm", "gru", "mlstm", "indrnn", "kinks", "fast_weights", "two_layers", "mingru")
if os.environ.get("DERIVE_FULL"):
    CELLS = EVERY

# Besides a difference: what the checks between the stages and the interpreters say to nonsense.
REFUSED = (ProofError, NormalFormError, LookupError, RecursionError, ZeroDivisionError)


def survivors(name, mutants, candidate, batch=1):
    asked = question(cell(name), small(cell(name)) | {"B": batch})
    alive, count = set(), 0
    for label, mutant in mutants:
        count += 1
        try:
            hold(asked, candidate(mutant))
        except REFUSED:
            continue
        alive.add(label)
    assert count >= 10
    return alive


@pytest.mark.parametrize("name", CELLS)
def test_faults_of_the_front_end(name):
    alive = survivors(name, of_system(derived(name).system), lambda system: adjoint_candidate(adjoint(system)))
    assert alive == set(EQUIVALENT.get(("system", name), {}))


@pytest.mark.parametrize("name", CELLS)
def test_faults_of_the_adjoint(name):
    alive = survivors(name, of_adjoint(derived(name).adjoint), adjoint_candidate)
    assert alive == set(EQUIVALENT.get(("adjoint", name), {}))


@pytest.mark.parametrize("name", CELLS)
def test_faults_of_the_schedule(name):
    system = derived(name).system
    alive = survivors(name, of_schedule(derived(name).schedule), lambda s: schedule_candidate(s, system))
    assert alive == set(EQUIVALENT.get(("schedule", name), {}))


@pytest.mark.parametrize("name", CELLS)
def test_faults_of_what_c_is_printed_from(name):
    of = derived(name)
    pair = c.tiled(of.cell, of.schedule)
    candidate = partial(tiled_candidate, schedule=of.schedule, system=of.system)
    alive = survivors(name, of_tiled(pair), lambda wrong: candidate(*wrong), batch=2)
    assert alive == set(EQUIVALENT.get(("tiled", name), {}))


@pytest.mark.parametrize(("stage", "name"), sorted(EQUIVALENT))
def test_what_is_said_to_be_no_fault_is_planted(stage, name):
    """In every cell, those that are left out by default included."""
    of = derived(name)
    planted = {
        "system": of_system(of.system),
        "adjoint": of_adjoint(of.adjoint),
        "schedule": of_schedule(of.schedule),
        "tiled": of_tiled(c.tiled(of.cell, of.schedule)),
    }
    assert set(EQUIVALENT[stage, name]) <= {label for label, _ in planted[stage]}


@pytest.mark.parametrize("name", sorted(functions.FUNCTIONS))
def test_faults_of_a_function_row(name):
    """A wrong derivative would fool both sides of the identity test, so rows are proven on their own."""
    row, right = functions.lookup(name), functions.derivative(name)
    assert verified(row, right)
    wrong = [-right, 2 * right, right + 1, right / 3, right + functions.Y, sp.S.Zero, sp.S.One]
    for candidate in wrong:
        if sp.expand(candidate - right) != 0:
            assert not verified(row, candidate), candidate


def test_a_wrong_row_fools_the_identity_test_and_not_the_complex_step(monkeypatch):
    right = functions.derivative
    planted = 1 - functions.Y

    def wrong_row(name):
        return planted if name == "tanh" else right(name)

    for user in (functions, linear):
        monkeypatch.setattr(user, "derivative", wrong_row)
    wrong = derive(cell("rnn"))
    prove(wrong)
    assert not verified(functions.lookup("tanh"), planted)
    problem, reference = example("rnn", "distinct")
    made = run_source("rnn", numpy_source(wrong))
    got, wanted = results(made, Arguments(made, problem)), expected(reference)
    assert abs(got["gradient of W"] - wanted["gradient of W"]).max() > 1e-3
    assert abs(got["output h"] - wanted["output h"]).max() < 1e-14
