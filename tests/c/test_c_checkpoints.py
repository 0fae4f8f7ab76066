"""Sequences in segments: the gradients are those of the whole, and the tape is small."""

import numpy as np
import pytest
from cellfolder import EVERY, Arguments, assert_close, example, results
from ckernels import kernel

from derive.native.functions import DTYPES

pytestmark = pytest.mark.needs("cc")
CELLS = pytest.mark.parametrize("name", EVERY)


@CELLS
@pytest.mark.parametrize("kind", ["distinct", "one step"])
def test_segments_of_any_length_give_what_the_whole_gives(name, kind):
    made = kernel(name)
    problem, _ = example(name, kind)
    given = Arguments(made, problem)
    whole = results(made, given)
    steps = problem.sizes["T"]
    for length in {1, 2, steps - 1 or 1, steps, steps + 3}:
        for threads in (1, 2):
            assert_close(results(made, given, checkpoint=length, threads=threads), whole, 1e-12)


def test_a_tape_of_states_is_small_and_offers_nothing_else():
    made = kernel("lstm")
    functions = made._functions[DTYPES["f64"]]
    dims = functions.dims({"T": 400, "B": 8, "d_x": 16, "d_h": 16})
    whole = functions.buffer("tape", dims).nbytes
    states = functions.buffer("tape", dims, functions.options(checkpoint=20)).nbytes
    assert whole == 5 * 400 * 8 * 16 * 8
    assert states == 2 * 19 * 8 * 16 * 8
    peak = [whole + functions.buffer("work", dims).nbytes]
    peak += [states + functions.buffer("work", dims, functions.options(checkpoint=20)).nbytes]
    assert peak[1] < peak[0] / 4

    given = Arguments(made, example("lstm", "distinct")[0])
    _, _, tape = made.forward(given.params, given.x, checkpoint=2)
    with pytest.raises(AttributeError, match=r"tape\.f: not kept with checkpoint=2; call forward without it"):
        _ = tape.f
    assert "f" not in dir(tape)


def test_a_length_below_one_is_refused():
    made = kernel("lstm")
    given = Arguments(made, example("lstm", "distinct")[0])
    with pytest.raises(ValueError, match="checkpoint: got 0, expected a number of at least 1"):
        made.forward(given.params, given.x, checkpoint=0)
    assert np.isfinite(made.forward(given.params, given.x, checkpoint=1)[0]).all()
