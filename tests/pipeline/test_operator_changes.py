"""Nothing holds for the shipped cells only: change any operator of any of them, and all follows.

By default one change to each operator, of a kind that goes round; with DERIVE_FULL=1 every change.
"""

import os
from dataclasses import replace

import numpy as np
import pytest
from cellfolder import (
    SHIPPED,
    Arguments,
    assert_close,
    cell,
    expected,
    numbers,
    numpy_source,
    results,
    run_source,
    source,
)
from changes import changes
from identity import prove

from derive.language import parse
from derive.pipeline.derivation import derive
from derive.proof import complex_step

FULL = bool(os.environ.get("DERIVE_FULL"))


def chosen():
    for name in SHIPPED:
        for place, options in enumerate(changes(cell(name))):
            yield from options if FULL else [options[place % len(options)]]


@pytest.mark.parametrize("change", list(chosen()), ids=lambda c: c.label)
def test_output_proof_and_gradients_follow(change):
    of = replace(parse(change.text), name=change.cell)
    derived = derive(of)
    text = numpy_source(derived)
    assert equations(text) != equations(source(change.cell))
    prove(derived)
    problem = numbers(of, {"T": 2, "B": 1} | {axis: 2 + k % 2 for k, axis in enumerate(of.axes)})
    made = run_source("changed", text)
    with np.errstate(all="raise"):
        got = results(made, Arguments(made, problem))
    assert_close(got, expected(complex_step(of, problem)), 1e-11)


def equations(text):
    """The code of forward, without comments: the author's text is repeated in them."""
    body = text[text.index("\ndef forward(") : text.index("\ndef step(")]
    return [line.partition("  #")[0].rstrip() for line in body.splitlines()]


def test_every_operator_is_changed():
    """As many as there are operators in the text (a power of the language and `@` count as one each)."""
    counted = {name: len(changes(cell(name))) for name in SHIPPED}
    assert counted["rnn"] == 5  # tanh, @, @, +, +
    assert counted["gru"] == 3 * 3 + 1 + 4  # three gates of a call, `@`, `+`; `r *`; `* + (1 -) *`
    assert min(counted.values()) >= 5
