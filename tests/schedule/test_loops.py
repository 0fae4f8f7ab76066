"""What the schedule finds: loops, hoisted and stacked products, the save set, what is kept over time."""

import pytest
from cellfolder import EVERY, derived

from derive.schedule import Loop, Stack
from derive.schedule.graph import reads
from derive.system import TIME, elements


def programs(name):
    schedule = derived(name).schedule
    return {"forward": schedule.forward, "backward": schedule.backward}


def matrix_products(program, variables, *, inside):
    """How often a program multiplies by a matrix of parameters over a feature axis, a stack being once."""
    count = 0
    for step, loop in program.simple_steps():
        if (loop is not None) != inside:
            continue
        if isinstance(step, Stack):
            count += step.kind != "outer"
        else:
            count += sum(_is_product(term, variables) for term in step.equation.terms)
    return count


def _is_product(term, variables):
    """A matrix of parameters times a vector; a matrix memory weighted and summed is none."""
    feature = [i for i in term.over if i.axis not in ("T", "B")]
    read = elements(term.body)
    matrix = [e for e in read if not variables[e.name].time and len(variables[e.name].axes) > 1]
    memory = [e for e in read if variables[e.name].time and len(variables[e.name].axes) > 1]
    return bool(feature and matrix and not memory)


def contractions_in_loops(program):
    return [e.name for step, loop in program.simple_steps() if loop for e in step.equations if _sums(e)]


def _sums(equation):
    return any(index.axis != "B" for term in equation.terms for index in term.over)


@pytest.mark.parametrize("name", ["mingru", "sru", "indrnn", "delay_line"])
def test_no_contraction_inside_any_loop(name):
    assert {key: contractions_in_loops(p) for key, p in programs(name).items()} == {"forward": [], "backward": []}
    assert all(any(isinstance(s, Loop) for s in p.steps) for p in programs(name).values())


def test_the_selective_state_space_model_multiplies_by_no_matrix_inside_a_loop():
    variables = derived("selective_ssm").schedule.variables
    for program in programs("selective_ssm").values():
        assert matrix_products(program, variables, inside=True) == 0


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [
        # (outside, inside) the loop. One product waits for the gate of gru and mgu. Where the operands of two
        # products overlap (what goes to W_hn h[t-1] and what goes to W_in x), they share a buffer.
        ("rnn", (1, 1), (1, 1)),
        ("lstm", (1, 1), (1, 1)),
        ("lstm_peephole", (1, 1), (1, 1)),
        ("gru", (1, 2), (1, 2)),
        ("gru_reset_after", (1, 1), (1, 1)),
        ("mgu", (1, 2), (1, 2)),
        ("slstm", (1, 1), (1, 1)),
        ("nas", (1, 1), (1, 1)),
    ],
)
def test_products_that_share_an_operand_are_one(name, forward, backward):
    variables = derived(name).schedule.variables
    for program, counts in zip(programs(name).values(), (forward, backward), strict=True):
        assert tuple(matrix_products(program, variables, inside=i) for i in (False, True)) == counts


@pytest.mark.parametrize("name", ["lstm", "gru", "lstm_peephole", "slstm"])
def test_gradients_of_matrices_that_share_an_operand_are_one_product(name):
    """One for what meets h[t-1] (or r * h[t-1]), one for what meets x; none inside the loop."""
    backward = programs(name)["backward"]
    outer = [s for s, loop in backward.simple_steps() if isinstance(s, Stack) and s.kind == "outer" and s.shared]
    assert all(len(s.matrices) > 1 for s in outer)
    assert len({s.shared.name for s in outer}) == len(outer) == 2
    assert not [e for step in backward.steps if isinstance(step, Loop) for e in step.equations if _over_time(e)]


def _over_time(equation):
    return any(TIME in term.over for term in equation.terms)


def test_what_the_lstm_saves():
    """Five vectors a step; tanh(c) and h are restored from them, and h[t-1], c[t-1] are views of h, c."""
    schedule = derived("lstm").schedule
    assert schedule.saved == ("f", "i", "g", "o", "c")
    restored = {e.name for e in schedule.backward.equations} & {e.name for e in schedule.forward.equations}
    assert restored == {"tanh_c", "h", "h_prev", "c_prev"}


@pytest.mark.parametrize("name", EVERY)
def test_what_is_saved_is_wanted_or_a_state(name):
    schedule = derived(name).schedule
    wanted = set(schedule.backward.given) | set(schedule.replay.given) | set(schedule.delays)
    delays = {delay: state for state, delay in schedule.delays.items()}
    wanted |= {delays[r] for e in schedule.backward.equations for r in reads(e) if r in delays}
    assert set(schedule.saved) <= wanted
    assert len(set(schedule.saved)) == len(schedule.saved)


@pytest.mark.parametrize("name", EVERY)
def test_what_is_restored_needs_no_product(name):
    """Recomputation is element by element: the backward pass repeats no contraction over time steps."""
    schedule = derived(name).schedule
    forward = {e.name for e in schedule.forward.equations}
    again = [e for e in schedule.backward.equations if e.name in forward]
    assert [e.name for e in again if _sums(e) and TIME in e.target.indices] == []


@pytest.mark.parametrize("name", EVERY)
def test_every_loop_needs_to_be_one(name):
    """Whatever stands in a loop reads something of the loop, or reduces a larger variable of it."""
    for program in programs(name).values():
        for loop in (s for s in program.steps if isinstance(s, Loop)):
            names = {e.name for e in loop.equations}
            assert [e.name for e in loop.equations if not names & set(reads(e))] == []


@pytest.mark.parametrize("name", EVERY)
def test_backward_runs_backward_and_forward_forward(name):
    directions = {
        key: {step.backward for step in program.steps if isinstance(step, Loop)}
        for key, program in programs(name).items()
    }
    assert directions["forward"] <= {False}
    assert directions["backward"] <= {True}


@pytest.mark.parametrize("name", EVERY)
def test_each_thing_is_computed_once(name):
    for program in programs(name).values():
        computed = [e.name for e in program.equations]
        assert len(set(computed)) == len(computed)
        assert not set(computed) & set(program.given)
        assert set(program.results) <= set(computed)


@pytest.mark.parametrize("name", EVERY)
def test_the_adjoint_of_a_matrix_memory_is_not_kept_over_time(name):
    schedule = derived(name).schedule
    memories = {s for s in schedule.delays if len(schedule.variables[s].axes) > 1}
    kept = schedule.backward.sequences
    assert {m for m in memories if schedule.bars[m] in kept or schedule.bars[schedule.delays[m]] in kept} == set()


@pytest.mark.parametrize("name", EVERY)
def test_one_step_has_no_loop(name):
    step = derived(name).schedule.step
    assert not any(isinstance(s, Loop) for s in step.steps)
    assert {e.name for e in step.equations} >= set(derived(name).schedule.delays)
