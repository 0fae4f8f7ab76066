"""The C interface called directly: what may be NULL, what is refused, which arrays may be the same."""

import numpy as np
import pytest
from ccalls import EMPTY, MISALIGNED, MISPACKED, NULL, OK, OVERFLOW, UNSUPPORTED, Call, members
from cellfolder import EVERY, assert_close
from ckernels import table

from derive.native.arrays import aligned
from derive.native.functions import pointer

pytestmark = pytest.mark.needs("cc")
CELLS = pytest.mark.parametrize("name", EVERY)


@CELLS
def test_any_gradient_may_be_skipped_and_the_others_stay(name):
    whole = Call(name)
    assert whole.forward() == OK
    assert whole.backward() == OK
    wanted = whole.gradients()
    assert all(np.isfinite(array).all() for array in wanted.values())
    for group in ("dparams", "dinputs", "dinitial"):
        for number in (None, *range(len(getattr(whole, group)))):
            call = Call(name)
            call.tape = whole.tape
            if number is None:
                setattr(call, group, None)
            else:
                getattr(call, group)[number] = None
            assert call.backward() == OK
            got = call.gradients()
            assert len(got) == len(wanted) - (1 if number is not None else len(getattr(whole, group)))
            for key, array in got.items():
                assert np.array_equal(array, wanted[key]), key


@CELLS
def test_final_states_may_be_skipped_and_may_overwrite_the_initial_ones(name):
    whole = Call(name)
    assert whole.forward() == OK
    call = Call(name)
    call.final = None
    assert call.forward() == OK
    for got, wanted in zip(call.outputs, whole.outputs, strict=True):
        assert np.array_equal(got, wanted)
    call = Call(name)
    call.final = call.initial
    assert call.forward() == OK
    for got, wanted in zip(call.initial, whole.final, strict=True):
        assert np.array_equal(got, wanted)
    assert whole.backward() == OK
    call = Call(name)
    call.tape, call.dinitial = whole.tape, call.dfinal
    assert call.backward() == OK
    assert_close(call.gradients(), whole.gradients(), 0)


@CELLS
def test_a_missing_member_of_a_state_is_zero(name):
    for number in range(len(Call(name).initial)):
        with_zero, with_null = Call(name), Call(name)
        for group in ("initial", "dfinal"):
            getattr(with_zero, group)[number][:] = 0
            getattr(with_null, group)[number] = None
        for call in (with_zero, with_null):
            assert call.forward() == OK
            assert call.backward() == OK
        for got, wanted in zip(with_null.outputs, with_zero.outputs, strict=True):
            assert np.array_equal(got, wanted, equal_nan=True)
        for key, wanted in with_zero.gradients().items():
            assert np.array_equal(with_null.gradients()[key], wanted, equal_nan=True), key


@CELLS
def test_gradients_overwrite_and_scratch_memory_may_hold_anything(name):
    clean, dirty = Call(name), Call(name)
    for call, value in ((clean, 0), (dirty, 255)):
        for buffer in (call.tape, call.work):
            buffer[:] = value
        for array in call.gradients().values():
            array[...] = value
        assert call.forward() == OK
        call.work[:] = value
        assert call.backward() == OK
    for key, wanted in clean.gradients().items():
        assert np.array_equal(dirty.gradients()[key], wanted), key


@CELLS
def test_every_argument_that_is_needed_is_missed(name):
    for group in ("params", "inputs", "outputs"):
        for number in (None, *range(len(getattr(Call(name), group)))):
            call = Call(name)
            if number is None:
                if not getattr(call, group):
                    continue
                setattr(call, group, None)
            else:
                getattr(call, group)[number] = None
            assert call.forward() == NULL, (group, number)
    call = Call(name)
    call.work = None
    assert call.forward() == NULL
    for group in ("params", "inputs", "doutputs", "tape", "work"):
        call = Call(name)
        setattr(call, group, None)
        assert call.backward() == NULL, group
    call = Call(name)
    assert call.run("pack", call.dims, members(call.params), None) == NULL
    assert call.run("pack", None, members(call.params), pointer(call.work)) == NULL
    assert call.run("step", None, None, None, None, None, None, None, None) == NULL


@CELLS
def test_a_size_of_zero_is_refused(name):
    for axis in table(name).axes:
        call = Call(name)
        call.sizes[axis] = 0
        assert call.forward() == EMPTY, axis
        assert call.backward() == EMPTY, axis


@CELLS
def test_steps_and_packed_matrices_ask_for_no_time(name):
    call, timeless = Call(name), Call(name)
    call.sizes["T"], timeless.sizes["T"] = 1, 0
    assert timeless.functions.size("work", timeless.dims) == call.functions.size("work", call.dims)
    timeless.sizes["B"] = 0
    for each in (call, timeless):
        each.packed = each.functions.buffer("packed", each.dims)
        each.packed[:] = 0  # between matrices nothing is written
        assert each.pack() == OK
    assert np.array_equal(call.packed, timeless.packed)


@CELLS
def test_inference_takes_less_and_computes_the_same_bits(name):
    whole, inferring = Call(name), Call(name, inference=1)
    whole.tape = inferring.tape = None
    for call in (whole, inferring):
        assert call.pack() == OK
        assert call.forward() == OK
        call.first = [array.copy() for array in call.results().values()]
        assert call.step() == OK
        call.first += call.results().values()
    for buffer in ("packed", "work"):
        assert getattr(inferring, buffer).size <= getattr(whole, buffer).size
    for got, wanted in zip(inferring.first, whole.first, strict=True):
        assert np.array_equal(got, wanted, equal_nan=True)


@CELLS
def test_what_is_for_inference_serves_nothing_else(name):
    call = Call(name, inference=1)
    assert call.pack() == OK
    assert call.forward() == UNSUPPORTED  # writes a tape
    assert call.backward() == UNSUPPORTED
    assert call.forward(inference=0) == MISPACKED
    assert call.backward(inference=0) == MISPACKED
    assert all(np.isnan(array).all() for array in call.results().values())
    call.tape = call.packed = None
    assert call.forward() == UNSUPPORTED  # would have to pack


@CELLS
def test_sizes_that_overflow_are_found_before_memory_is_touched(name):
    for axis in table(name).axes:
        for size in (2**64 - 1, 2**63, 2**62, 2**61):
            call = Call(name)
            call.sizes |= dict.fromkeys(call.sizes, 1) | {axis: size}
            used = call.run("forward", call.dims, *rest(call))
            assert used == OVERFLOW, (axis, size)
    call = Call(name)
    call.sizes |= dict.fromkeys(("T", "B"), 2**33)
    assert call.run("forward", call.dims, *rest(call)) == OVERFLOW
    assert call.functions._sizes["tape"](call.dims, None) == (2**64 - 1 if table(name).tape else 64)


def rest(call):
    return (
        members(call.params), None, members(call.inputs), members(call.initial), members(call.outputs),
        members(call.final), pointer(call.tape), pointer(call.work),
    )  # fmt: skip


@CELLS
def test_what_is_packed_for_other_sizes_is_refused(name):
    call = Call(name)
    assert call.pack() == OK
    for axis in table(name).axes[2:]:
        call.sizes[axis] += 1
        assert call.forward() == MISPACKED, axis
        assert call.backward() == MISPACKED, axis
        call.sizes[axis] -= 1


@pytest.mark.parametrize("option", ["part", "stage"])
def test_a_part_of_nothing_is_refused(option):
    call = Call("lstm")
    assert call.forward(**{option: 1}) == UNSUPPORTED
    assert call.backward(**{option: 1}) == UNSUPPORTED


def test_buffers_that_are_not_aligned_are_refused():
    for buffer in ("tape", "work", "packed"):
        call = Call("lstm")
        setattr(call, buffer, aligned(4096)[8:])
        assert call.forward() == MISALIGNED, buffer
        assert call.backward() == MISALIGNED, buffer
    call = Call("lstm")
    assert call.run("pack", call.dims, members(call.params), pointer(aligned(4096)[8:])) == MISALIGNED


@CELLS
def test_the_tape_holds_what_its_table_says(name):
    call = Call(name)
    fields = table(name).tape
    offset = call.functions._tape_offset
    assert [offset(call.dims, None, k) for k in (-1, len(fields))] == [2**64 - 1] * 2
    assert call.forward() == OK
    ends = []
    for k, field in enumerate(fields):
        start = offset(call.dims, None, k)
        count = int(np.prod([call.sizes[axis] for axis in field.shape]))
        assert start % 64 == 0
        assert not ends or start >= ends[-1]
        ends.append(start + 8 * count)
        assert np.isfinite(call.tape[start : ends[-1]].view(np.float64)).all(), field.name
    assert not ends or ends[-1] <= call.tape.size


def test_every_error_has_a_text():
    assert len(table("lstm").errors) == MISPACKED + 1
