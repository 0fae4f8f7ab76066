"""Remembered calls refuse what checked ones refuse, in the same words, and accept what has to be copied."""

import ctypes

import numpy as np
import pytest
from plancalls import B, D, H, Same, T, Turned, Wrapped, bits, example, only_planned, run

from derive.native import extension, plan
from derive.native.arrays import Sizes
from derive.native.fastcall import Kind

pytestmark = pytest.mark.skipif(extension.extension() is None, reason="no extension with this Python")


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def strided(array):
    return np.repeat(array, 2, axis=-1)[..., ::2]


def shifted(array):
    """A copy of the array at an address that is no multiple of its item's size."""
    copy = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


class Mine(np.ndarray):
    pass


def subclassed(array):
    return array.view(Mine)


@pytest.mark.parametrize("change", [strided, np.asfortranarray, shifted, subclassed])
def test_what_has_to_be_copied_is_accepted_after_a_planned_call(make, dtype, change):
    kernel = make(dtype=dtype)
    params, x, initial, dy, dfinal = example(kernel, dtype)
    wanted = [run(kernel, params, x, initial, dy, dfinal) for _ in range(2)][1]
    changed = params._replace(W=change(params.W)), change(x), initial, dy._replace(s=change(dy.s)), dfinal
    assert bits(*run(kernel, *changed)) == bits(*wanted)
    assert bits(*run(only_planned(kernel), params, x, initial, dy, dfinal)) == bits(*wanted)


WRONG = {
    "x: none": {"x": lambda x: None},
    "x: list": {"x": lambda x: x.tolist()},
    "x: dtype": {"x": lambda x: x.astype(np.float16)},
    "x: integers": {"x": lambda x: x.view(f"i{x.itemsize}")},
    "x: bytes swapped": {"x": lambda x: x.astype(x.dtype.newbyteorder())},
    "x: columns": {"x": lambda x: np.zeros((*x.shape[:-1], D + 1), x.dtype)},
    "x: axes": {"x": lambda x: x[0]},
    "x: two": {"x": lambda x: (x, x)},
    "params: none": {"params": lambda p: None},
    "params: tuple": {"params": tuple},
    "params: turned": {"params": lambda p: Turned(p.b, p.a, p.W)},
    "params: list inside": {"params": lambda p: p._replace(b=p.b.tolist())},
    "params: dtype": {"params": lambda p: p._replace(b=p.b.astype(np.float16))},
    "params: shape": {"params": lambda p: p._replace(W=p.W[:2].copy())},
    "params: scalar": {"params": lambda p: p._replace(a=p.a.reshape(1))},
    "initial: params": {"initial": lambda s: Same(*s, s[0])},
    "initial: array": {"initial": lambda s: s[0]},
    "initial: batch": {"initial": lambda s: s._replace(h=s.h[:1].copy())},
    "dy: array": {"dy": lambda y: y[0]},
    "dy: time": {"dy": lambda y: type(y)(*(each[1:].copy() for each in y))},
    "dy: dtype": {"dy": lambda y: y._replace(s=y.s.astype(np.int32))},
    "dfinal: batch": {"dfinal": lambda s: s._replace(s=s.s[:1].copy())},
    "dfinal: tuple": {"dfinal": tuple},
    "threads: zero": {"threads": lambda _: 0},
    "threads: float": {"threads": lambda _: 2.0},
    "threads: list": {"threads": lambda _: [2]},
    "checkpoint: zero": {"checkpoint": lambda _: 0},
    "checkpoint: float": {"checkpoint": lambda _: 2.0},
}
CALLS = {
    "forward": (("params", "x", "initial"), ("threads", "checkpoint")),
    "backward": (("params", "tape", "dy", "dfinal"), ("threads",)),
    "step": (("params", "x", "initial"), ()),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_refusals_are_those_of_a_kernel_that_remembers_nothing(make, dtype, wrong):
    told = []
    for warm in (True, False):
        kernel = make(dtype=dtype)
        arguments = dict(zip(("params", "x", "initial", "dy", "dfinal"), example(kernel, dtype), strict=True))
        arguments |= {"threads": 2, "checkpoint": 2}
        arguments["tape"] = kernel.forward(*list(arguments.values())[:3], checkpoint=2)[2]
        changed = {**arguments, **{name: make_wrong(arguments[name]) for name, make_wrong in WRONG[wrong].items()}}
        for call, (places, names) in CALLS.items():
            if call == "step":
                arguments["x"] = arguments["x"][0]
                changed["x"] = None if changed["x"] is None else changed["x"][0]
            if not set(WRONG[wrong]) & {*places, *names}:
                continue
            given, broken = (
                ([each[name] for name in places], {name: each[name] for name in names}) for each in (arguments, changed)
            )
            if warm:
                for _ in range(2):
                    getattr(kernel, call)(*given[0], **given[1])
            with pytest.raises((TypeError, ValueError, ctypes.ArgumentError)) as caught:
                getattr(kernel, call)(*broken[0], **broken[1])
            told.append((call, warm, type(caught.value), str(caught.value)))
            if warm:
                getattr(only_planned(kernel), call)(*given[0], **given[1])
                for name in ("forward", "backward", "step"):
                    delattr(kernel, f"_checked_{name}")
    half = len(told) // 2
    assert half
    assert [(a[0], *a[2:]) for a in told[:half]] == [(b[0], *b[2:]) for b in told[half:]]


def test_what_c_refuses_is_told_again(make):
    kernel = make(dtype="float64")
    params, x, initial, *_ = example(kernel, np.float64)
    for _ in range(3):
        with pytest.raises(ValueError, match=r"^leak\.forward: a size of zero or too large \(T = 0, B = 2"):
            kernel.forward(params, x[:0], initial)


def test_precisions_take_turns(make):
    kernel = make()
    for _ in range(3):
        tapes = {}
        for name in ("float32", "float64"):
            params, x, initial, dy, dfinal = example(kernel, np.dtype(name))
            wanted = run(make(dtype=name), params, x, initial, dy, dfinal)
            for given in (params, kernel.prepare(params)):
                assert bits(*run(kernel, given, x, initial, dy, dfinal)[:3]) == bits(*wanted[:3])
            tapes[name] = kernel.forward(params, x, initial)[2]
        with pytest.raises(TypeError, match=r"^tape: got another kernel's, of float32, expected its own, of float64$"):
            kernel.backward(params, tapes["float32"], dy, dfinal)
        single = example(kernel, np.float32)[0]
        for given in (single, kernel.prepare(single)):
            with pytest.raises(TypeError, match=r"^x: got float64, expected float32$"):
                kernel.forward(given, x, initial)
            with pytest.raises(TypeError, match=r"^tape: got another kernel's, of float64, expected its own, of float"):
                kernel.backward(given, tapes["float64"], dy, dfinal)


def test_what_another_kernel_prepared_or_kept_is_refused_after_planned_calls(make):
    kernel, other = make(dtype="float64"), make(dtype="float64")
    params, x, initial, dy, dfinal = example(kernel, np.float64)
    for _ in range(2):
        for each in (kernel, other):
            run(each, params, x, initial, dy, dfinal)
            run(each, each.prepare(params), x, initial, dy, dfinal)
    with pytest.raises(TypeError, match=r"^params: got what another kernel prepared, expected its own$"):
        kernel.forward(other.prepare(params), x, initial)
    with pytest.raises(TypeError, match=r"^tape: got another kernel's, of float64, expected its own"):
        kernel.backward(params, other.forward(params, x, initial)[2], dy, dfinal)
    larger = kernel.Params(params.a, np.zeros((H + 1, H + 1 + D)), np.zeros(H + 1))
    tape = kernel.forward(params, x, initial)[2]
    for given in (larger, kernel.prepare(larger)):
        with pytest.raises(ValueError, match=r"^params\.W: got shape \(5, 8\), expected \(d_h = 4, d_h \+ d_x"):
            kernel.backward(given, tape, dy, dfinal)


def test_gradients_of_another_length_than_the_tape_are_refused_after_planned_calls(make):
    kernel = make(dtype="float64")
    cases = [example(kernel, np.float64, times=times) for times in (T, 2)]
    tapes = [kernel.forward(*case[:3])[2] for case in cases]
    for _ in range(2):
        for case, tape in zip(cases, tapes, strict=True):
            kernel.backward(case[0], tape, *case[3:])
        for case, tape, times in ((cases[1], tapes[0], 2), (cases[0], tapes[1], T)):
            told = rf"^dy\.h: got shape \({times}, 2, 4\), expected \(T = {T + 2 - times}, B = 2, d_h = 4\)$"
            with pytest.raises(ValueError, match=told):
                kernel.backward(case[0], tape, *case[3:])


def test_parameters_prepared_with_told_sizes_have_plans_of_their_own(make):
    kernel = make(dtype="float64")
    params, x, initial, *_ = example(kernel, np.float64)
    first, told = kernel.prepare(params), kernel.prepare(params, {"d_x": D})
    assert first.sizes is kernel.prepare(params).sizes
    assert first.sizes is not told.sizes
    assert bits(*kernel.forward(first, x, initial)[:2]) == bits(*kernel.forward(told, x, initial)[:2])
    for given in (first, told):
        with pytest.raises(ValueError, match=r"^x: got shape \(5, 2, 4\), expected \(T = 5, B = 2, d_x = 3\)$"):
            kernel.forward(given, np.zeros((T, B, D + 1)), initial)


def step_plan(kernel, inputs):
    """The plan of a step, its inputs expected in this way."""
    functions, told = kernel._functions[np.dtype("float64")], kernel.interface
    arguments = (
        (Kind.NAMED, told.params, ()), plan.NOTHING, (inputs, told.inputs, ("B",)), plan.NOTHING,
        (Kind.RESULT, told.outputs, ("B",)), (Kind.RESULT, told.states, ("B",)), plan.MEMORY,
    )  # fmt: skip
    return plan.Plan(functions, "step", Sizes({"T": 1, "B": B, "d_x": D, "d_h": H}), arguments, {})


def test_a_single_array_is_taken_only_where_it_may_stand_alone(make):
    kernel = make(dtype="float64")
    params, x, *_ = example(kernel, np.float64)
    for inputs in (Kind.ALONE, Kind.NAMED):
        planned = step_plan(kernel, inputs)
        outputs, new = planned.fresh()
        work = planned.functions.buffer("work", planned.dims)
        assert planned.call(params, None, Wrapped(x[0]), None, outputs, new, work)
        assert planned.call(params, None, x[0], None, outputs, new, work) is (inputs is Kind.ALONE)
        assert bits(outputs) == bits(kernel.step(params, x[0])[0])


def test_the_extension_declines_whatever_is_not_expected(make):
    kernel = make(dtype="float64")
    params, x, initial, *_ = example(kernel, np.float64)
    planned = step_plan(kernel, Kind.ALONE)
    outputs, new = planned.fresh()
    work = planned.functions.buffer("work", planned.dims)
    right = [params, None, x[0], None, outputs, new, work]
    assert planned.call(*right)
    for place, wrong in enumerate((None, work, None, initial, list(outputs), (*new, new[0]), None)):
        assert not planned.call(*right[:place], wrong, *right[place + 1 :])
    assert not planned.call(*right[:-1])
    assert not planned.call(*right, None)
    prepared = (Kind.POINTERS, kernel.interface.params, ())
    bytes_wanted = plan.Plan(planned.functions, "step", planned.sizes, (prepared, *planned._arguments[1:]), {})
    assert bytes_wanted.call(kernel.prepare(params).pointers, *right[1:])
    for wrong in (None, params, b"", kernel.prepare(params).pointers[:-1]):
        assert not bytes_wanted.call(wrong, *right[1:])
