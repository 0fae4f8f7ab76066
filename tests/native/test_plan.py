"""Calls remembered from a checked one give the same bits."""

import numpy as np
import pytest
from plancalls import Same, Wrapped, bits, example, only_planned, run

from derive.native import extension, interface

pytestmark = pytest.mark.skipif(extension.extension() is None, reason="no extension with this Python")


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("from_zero", [False, True])
@pytest.mark.parametrize("options", [{}, {"threads": 1}, {"threads": 2}, {"checkpoint": 2}], ids=str)
def test_values_are_those_of_checked_calls_bit_for_bit(make, dtype, packed, from_zero, options):
    kernel = make(dtype=dtype)
    params, x, initial, dy, dfinal = example(kernel, dtype)
    given = kernel.prepare(params) if packed else params
    arguments = (given, x, None, dy, None) if from_zero else (given, x, initial, dy, dfinal)
    checked = run(kernel, *arguments, **options)
    planned = run(only_planned(kernel), *arguments, **options)
    assert bits(*planned) == bits(*checked)
    assert not any(np.shares_memory(a, b) for a, b in zip(planned[0], checked[0], strict=True))


def test_other_values_of_the_same_shapes_are_planned_too(make, dtype):
    kernel = make(dtype=dtype)
    run(kernel, *example(kernel, dtype))
    only_planned(kernel)
    for seed in range(2, 5):
        other = example(kernel, dtype, seed)
        assert bits(*run(kernel, *other)) == bits(*run(make(dtype=dtype), *other))


def test_a_tape_offers_the_same(make, dtype):
    kernel = make(dtype=dtype)
    params, x, initial, *_ = example(kernel, dtype)
    checked = kernel.forward(params, x, initial)[2]
    planned = only_planned(kernel).forward(params, x, initial)[2]
    assert planned._inputs[0] is x
    assert planned._initial[0] is initial.h
    assert dir(planned) == dir(checked)
    assert bits(planned.h, planned.s, planned.twice_s) == bits(checked.h, checked.s, checked.twice_s)
    assert planned._buffer.ctypes.data % interface.ALIGNMENT == 0


def test_tapes_of_either_way_serve_both_ways(make, dtype):
    kernel = make(dtype=dtype)
    params, x, initial, dy, dfinal = example(kernel, dtype)
    tapes = [kernel.forward(params, x, initial)[2] for _ in range(2)]
    gradients = [kernel.backward(params, tapes[i], dy, dfinal) for i in (1, 0, 0, 1)]
    assert all(bits(*each) == bits(*gradients[0]) for each in gradients)


def frozen(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def test_named_tuples_count_by_their_fields_and_read_only_arrays_are_read(make, dtype):
    kernel = make(dtype=dtype)
    params, x, initial, dy, dfinal = example(kernel, dtype)
    wanted = run(kernel, params, x, initial, dy, dfinal)
    kernel.backward(params, kernel.forward(params, Wrapped(x), initial)[2], dy, dfinal)
    only_planned(kernel)
    read_only = [type(each)(*map(frozen, each)) for each in (params, initial, dy, dfinal)]
    assert bits(*run(kernel, read_only[0], frozen(x), *read_only[1:])) == bits(*wanted)
    assert bits(*run(kernel, Same(*params), x, initial, dy, dfinal)) == bits(*wanted)
    wrapped = kernel.forward(params, Wrapped(x), initial)
    assert bits(*wrapped[:2]) == bits(*wanted[:2])
    assert bits(*kernel.backward(params, wrapped[2], dy, dfinal)) == bits(*wanted[2])
