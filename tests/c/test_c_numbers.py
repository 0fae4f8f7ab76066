"""C against NumPy and against the complex step of the oracle: every cell, awkward sizes, both precisions."""

import numpy as np
import pytest
from ccalls import problem_of
from cellfolder import (
    EVERY,
    SHIPPED,
    SIZES,
    Arguments,
    assert_close,
    bare,
    example,
    expected,
    module,
    named,
    numbers,
    results,
)
from ckernels import cell, inference, kernel, table

pytestmark = pytest.mark.needs("cc")


def bound(name):
    """Against NumPy, where fused multiply-adds round otherwise; a stranger may cancel at some sizes."""
    return 1e-13 if name in SHIPPED else 1e-12


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("kind", SIZES)
def test_double_precision_agrees_with_numpy_and_with_the_oracle(name, kind):
    problem, truth = example(name, kind)
    got = results(kernel(name), Arguments(kernel(name), problem))
    assert_close(got, results(module(name), Arguments(module(name), problem)), bound(name))
    assert_close(got, expected(truth), 1e-12 if name in SHIPPED else 5e-12)


def told(fields):
    """The axes that some arrays have."""
    return {a for field in fields for axis in field.shape for a in ((axis,) if isinstance(axis, str) else axis)}


@pytest.mark.parametrize("name", EVERY)
def test_sizes_across_tiles_agree_with_numpy_and_single_precision_with_double(name):
    problem = problem_of(name, 5, 17, 17, 6, 9, 5)  # beyond the tiles of the matrix product, and across its blocks
    wanted = results(module(name), Arguments(module(name), problem))
    assert_close(results(kernel(name), Arguments(kernel(name), problem)), wanted, bound(name))
    single = results(kernel(name), Arguments(kernel(name), problem, np.float32))
    theirs = results(module(name), Arguments(module(name), problem, np.float32))
    for key, array in wanted.items():
        assert single[key].dtype == np.float32
        scale, ours, numpys = (float(np.abs(a).max()) for a in (array, single[key] - array, theirs[key] - array))
        assert ours <= max(1e-5 * scale, 4 * numpys), (key, ours, numpys, scale)


@pytest.mark.parametrize("name", ["lstm", "gru_reset_after", "mlstm"])
def test_sums_longer_than_a_block_agree_with_numpy(name):
    problem = numbers(cell(name), {"T": 40, "B": 9} | {axis: 3 + k for k, axis in enumerate(cell(name).axes)})
    wanted = results(module(name), Arguments(module(name), problem))
    assert_close(results(kernel(name), Arguments(kernel(name), problem)), wanted, 1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_that_do_not_stay_near_at_once_agree_with_numpy(dtype):
    """Several runs of them pass a matrix, which has more blocks and panels than other tests give it."""
    ours, numpys = kernel("gru_reset_after"), module("gru_reset_after")
    rng = np.random.default_rng(0)
    params = ours.init({"d_x": 1201, "d_h": 517}, rng)
    x, dy = (rng.standard_normal((3, 101, size)) for size in (1201, 517))

    def trained(by, number):
        mine = by.Params(*(a.astype(number) for a in params))
        y, _, tape = by.forward(mine, x.astype(number))
        dparams, dx, _ = by.backward(mine, tape, dy.astype(number))
        return {"y": y, "dx": dx, **dparams._asdict()}

    assert_close(trained(ours, dtype), trained(numpys, np.float64), {np.float32: 1e-5, np.float64: 1e-13}[dtype])


@pytest.mark.parametrize("least", [61, 253], ids=["of one block", "of two blocks"])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru_reset_after"])
def test_long_rows_of_a_batch_of_one_agree_with_numpy(name, least):
    problem = numbers(cell(name), {"T": 4, "B": 1} | {axis: least + 5 * k for k, axis in enumerate(cell(name).axes)})
    wanted = results(module(name), Arguments(module(name), problem))
    assert_close(results(kernel(name), Arguments(kernel(name), problem)), wanted, 1e-13)


@pytest.mark.parametrize("name", EVERY)
def test_inference_steps_and_packed_parameters_agree_with_forward(name):
    made = kernel(name)
    given = Arguments(made, example(name, "distinct")[0])
    y, final, _ = made.forward(given.params, given.x, given.initial)
    wanted = {f"output {k}": v for k, v in named(made.Output, y).items()}
    wanted |= {f"final {k}": v for k, v in final._asdict().items()}
    assert_close(inference(name, given), wanted, 1e-14)
    prepared = made.prepare(given.params, {} if name in SHIPPED else given.sizes)
    assert made.prepare(prepared) is prepared
    state = given.initial
    for t in range(len(given.inputs[0])):
        y_t, state = made.step(prepared, bare(made.Inputs(*(a[t] for a in given.inputs))), state)
        assert_close(named(made.Output, y_t), {k: v[t] for k, v in named(made.Output, y).items()}, 1e-14)
    assert_close(state._asdict(), final._asdict(), 1e-14)


def test_what_is_made_of_parameters_alone_is_made_when_they_are_prepared():
    made = kernel("made_matrices")
    given = Arguments(made, example("made_matrices", "distinct")[0])
    params = given.params._replace(**{k: v.copy() for k, v in given.params._asdict().items()})
    prepared = made.prepare(params)
    for name in ("W", "V", "K", "P", "Q"):
        getattr(params, name)[:] = np.nan
    wanted, got = (made.forward(p, given.x, given.initial)[0] for p in (given.params, prepared))
    assert np.isfinite(wanted).all()
    assert np.array_equal(got, wanted)


def test_sizes_that_the_parameters_do_not_tell_are_asked_for():
    made = kernel("held_back")
    given = Arguments(made, example("held_back", "distinct")[0])
    message = r"^d_x: got no array that tells this size, expected it in prepare\(params, sizes\)$"
    for wants_sizes in (made.prepare, made.stream):
        with pytest.raises(ValueError, match=message):
            wants_sizes(given.params)
    with pytest.raises(ValueError, match=r"^params\.W: got shape"):
        made.prepare(given.params, {**given.sizes, "d_h": 1})
    stream = made.stream(made.prepare(given.params, given.sizes), given.initial)
    out = np.empty_like(given.doutputs[0][0])
    stream(made.Inputs(*(a[0] for a in given.inputs)), out)
    assert_close({"y": out}, {"y": made.forward(given.params, given.x, given.initial)[0][0]}, 1e-14)


@pytest.mark.parametrize("name", EVERY)
def test_omitted_states_are_zero(name):
    made, of = kernel(name), table(name)
    given = Arguments(made, example(name, "distinct")[0])
    if told((*of.params, *of.inputs)) != set(of.axes[2:]):
        pytest.skip("only the initial state tells the size of an axis")
    zero = made.State(*(np.zeros_like(a) for a in given.initial))
    _, _, tape = made.forward(given.params, given.x)
    _, _, same = made.forward(given.params, given.x, zero)
    short = made.backward(given.params, tape, given.dy)
    full = made.backward(given.params, same, given.dy, zero)
    for a, b in zip((*short[0], *short[2]), (*full[0], *full[2]), strict=True):
        assert np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize("name", EVERY)
def test_backward_may_be_repeated(name):
    made = kernel(name)
    given = Arguments(made, example(name, "distinct")[0])
    _, _, tape = made.forward(given.params, given.x, given.initial)
    first = made.backward(given.params, tape, given.dy, given.dfinal)
    second = made.backward(given.params, tape, given.dy, given.dfinal)
    for a, b in zip((*first[0], *first[2]), (*second[0], *second[2]), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("omitted", [False, True])
@pytest.mark.parametrize("name", EVERY)
def test_the_tape_offers_what_the_tape_of_numpy_offers(name, omitted):
    """Every named intermediate, and no other name: what C does not save is computed anew."""
    made, theirs = kernel(name), module(name)
    given = Arguments(theirs, example(name, "distinct")[0])
    if omitted and told((*table(name).params, *table(name).inputs)) != set(table(name).axes[2:]):
        pytest.skip("only the initial state tells the size of an axis")
    start = [] if omitted else [given.initial]
    _, _, ours = made.forward(given.params, given.x, *start)
    _, _, tape = theirs.forward(given.params, given.x, *start)
    names = [key for key in dir(tape) if not key.startswith("_")]
    assert names == [key for key in dir(ours) if not key.startswith("_")]
    assert set(names) >= {v.name for role in ("state", "local") for v in cell(name).of_role(role)}
    wanted = {key: np.asarray(getattr(tape, key)) for key in names}
    assert_close({key: np.asarray(getattr(ours, key)) for key in names}, wanted, bound(name))
