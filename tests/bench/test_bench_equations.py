"""The equations that the benchmark gives to other libraries mean what the kernels compute; bad sizes are refused."""

from functools import partial

import numpy as np
import pytest
from cellfolder import EVERY, Arguments, assert_close, cell, module, named, numbers
from click.testing import CliRunner

from bench.any_cell import main
from bench.equations import step
from derive.functions import FUNCTIONS, evaluate

AXES = (3, 5, 4, 6, 2, 7)

NAMESPACE = {
    **{name: np.vectorize(partial(evaluate, name), otypes=[float]) for name in FUNCTIONS},
    "maximum": np.maximum,
    "minimum": np.minimum,
    "stop_gradient": lambda array: array,
}


@pytest.mark.parametrize("name", EVERY)
def test_equations_step_by_step_give_what_the_kernel_gives(name):
    of, made = cell(name), module(name)
    sizes = {"T": 3, "B": 2, **dict(zip(of.axes, AXES, strict=False))}
    given = Arguments(made, numbers(of, sizes))
    wanted = named(made.Output, made.forward(given.params, given.x, given.initial)[0])
    for n in range(sizes["B"]):
        before = {state: array[n] for state, array in given.initial._asdict().items()}
        for t in range(sizes["T"]):
            inputs = {each: array[t, n] for each, array in given.inputs._asdict().items()}
            before = step(of, sizes, np, NAMESPACE, {**given.params._asdict(), **inputs}, before)
            got = {output: before[output] for output in wanted}
            assert_close(got, {output: array[t, n] for output, array in wanted.items()}, 1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lstm", "--sizes", "d_x=3,d_h=x"], "'d_h=x': expected sizes such as T=50,B=16,d_x=64,d_h=128"),
        (["lstm", "--sizes", "d_x=3"], "lstm has also d_h"),
        (["lstm", "--sizes", "d_x=3,d_h=0"], "'d_h=0': expected sizes"),
        (["nobody", "--sizes", "d_x=3"], "no cell `nobody` is shipped"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(arguments, message):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code != 0
    assert message in done.output
