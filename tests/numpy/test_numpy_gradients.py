"""Generated NumPy against the oracle: outputs, final states, every gradient by the complex step."""

import numpy as np
import pytest
from cellfolder import EVERY, SIZES, Arguments, assert_close, cell, example, expected, module, results


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("name", EVERY)
def test_complex_step(name, kind):
    problem, reference = example(name, kind)
    assert_close(results(module(name), Arguments(module(name), problem)), expected(reference), 1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_float32_stays_and_is_as_near_as_its_digits(name):
    made, (problem, reference) = module(name), example(name, "distinct")
    got = results(made, Arguments(made, problem, np.float32))
    assert {key: array.dtype for key, array in got.items()} == dict.fromkeys(got, np.float32)
    assert_close(got, expected(reference), 2e-5)


@pytest.mark.parametrize("name", EVERY)
def test_float32_stays_on_the_tape(name):
    made, (problem, _) = module(name), example(name, "distinct")
    given = Arguments(made, problem, np.float32)
    _, _, tape = made.forward(given.params, given.x, given.initial)
    kept = {*tape._arrays, *made.REPLAYED}
    assert {key: getattr(tape, key).dtype for key in kept} == dict.fromkeys(kept, np.float32)


@pytest.mark.parametrize("name", EVERY)
def test_every_leaf_has_a_gradient(name):
    """No gradient is zero throughout, except for an input that no equation reads."""
    _, reference = example(name, "distinct")
    unread = [v.name for v in cell(name).of_role("input") if v.name not in _read(cell(name))]
    zero = [leaf for leaf, gradient in reference.gradients().items() if not np.any(gradient)]
    assert zero == unread


def _read(of):
    text = "\n".join(line.partition("#")[0] for line in of.source.splitlines() if "=" in line)
    return {word for line in text.splitlines() for word in _words(line.partition("=")[2])}


def _words(text):
    return "".join(c if c.isalnum() or c == "_" else " " for c in text).split()
