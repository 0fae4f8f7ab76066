"""Calls remembered from a checked one: the same bits, the same refusals, nothing leaked, no thread in another's way."""

import ctypes
import gc
import sys
import threading
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from derive.native import extension, fastcall, interface, plan
from derive.native.arrays import Sizes
from derive.native.fastcall import Kind

T, B, D, H = 5, 2, 3, 4

pytestmark = pytest.mark.skipif(extension.extension() is None, reason="no extension with this Python")


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def example(kernel, dtype, seed=1, times=T):
    """Parameters, inputs, an initial state; what comes back from the outputs and the final state."""
    rng = np.random.default_rng(seed)

    def some(*shape):
        return rng.normal(size=shape).astype(dtype)

    params = kernel.Params(*(np.asarray(a, dtype) for a in kernel.init({"d_x": D, "d_h": H}, rng)))
    states = [kernel.State(some(B, H), some(B, H)) for _ in range(2)]
    return params, some(times, B, D), states[0], kernel.Output(some(times, B, H), some(times, B, H)), states[1]


def never(*_, **__):
    raise AssertionError("this call was to be made by the extension")


def only_planned(kernel):
    """The same kernel, if every further call is like an earlier one."""
    for name in ("_checked_forward", "_checked_backward", "_checked_step"):
        setattr(kernel, name, never)
    return kernel


def bits(*results):
    """The bytes of all arrays in nested tuples."""
    return [each.tobytes() if isinstance(each, np.ndarray) else bits(*each) for each in results]


def run(kernel, params, x, initial, dy, dfinal, **options):
    """Forward, backward with its tape, and a step."""
    shared = {name: value for name, value in options.items() if name == "threads"}
    y, final, tape = kernel.forward(params, x, initial, **options)
    gradients = kernel.backward(params, tape, dy, dfinal, **shared)
    inferred = kernel.forward(params, x, initial, tape=False, **shared)[:2]
    return y, final, gradients, inferred, kernel.step(params, x[0], initial)


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


Same = namedtuple("Same", ["a", "W", "b"])
Turned = namedtuple("Turned", ["b", "a", "W"])
Wrapped = namedtuple("Wrapped", ["x"])


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
        (outputs, new), _ = planned.fresh()
        work = planned.functions.buffer("work", planned.dims)
        assert planned.call(params, None, Wrapped(x[0]), None, outputs, new, work)
        assert planned.call(params, None, x[0], None, outputs, new, work) is (inputs is Kind.ALONE)
        assert bits(outputs) == bits(kernel.step(params, x[0])[0])


def test_the_extension_declines_whatever_is_not_expected(make):
    kernel = make(dtype="float64")
    params, x, initial, *_ = example(kernel, np.float64)
    planned = step_plan(kernel, Kind.ALONE)
    (outputs, new), _ = planned.fresh()
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


def test_memory_for_work_is_kept_and_never_shared(monkeypatch):
    memory = plan.Memory()
    first, second = memory.take(100), memory.take(100)
    assert not np.shares_memory(first, second)
    memory.give_back(first)
    assert memory.take(100) is first
    memory.give_back(first)
    assert memory.take(101).size == 101
    monkeypatch.setattr(plan, "MOST_BYTES", 50)
    memory.give_back(second)
    assert memory.take(10) is not second


def test_results_do_not_lie_in_memory_that_the_next_call_works_in(make, dtype):
    kernel = make(dtype=dtype)
    given = example(kernel, dtype)
    run(kernel, *given)
    kept = run(only_planned(kernel), *given)
    before = bits(*kept)
    run(kernel, *example(kernel, dtype, seed=2))
    assert bits(*kept) == before


def test_both_languages_agree_on_what_they_share():
    source = extension.SOURCE.read_text()
    assert f"#define MOST_ARGUMENTS {fastcall.MOST_ARGUMENTS} " in source
    assert f"#define MOST_PLANNED {fastcall.MOST_PLANNED} " in source
    assert f"#define ALIGNMENT {interface.ALIGNMENT} " in source
    told = source[source.index("enum kind {") : source.index("};", source.index("enum kind {"))]
    assert [line.split()[0].strip(",") for line in told.splitlines()[1:] if line.strip()] == [k.name for k in Kind]
    with pytest.raises(TypeError, match=r"^table: got one of another layout$"):
        extension.extension().bind_plan((ctypes.c_char * (ctypes.sizeof(fastcall.Planned) + 1))())


def test_more_arrays_than_a_planned_call_takes_are_checked(make, monkeypatch):
    monkeypatch.setattr(fastcall, "MOST_PLANNED", 3)
    kernel = make(dtype="float64")
    case = example(kernel, np.float64)
    assert bits(*run(kernel, *case)) == bits(*run(kernel, *case))


def test_without_the_extension_nothing_is_remembered(make, monkeypatch):
    planned, plain = make(dtype="float64"), make(dtype="float64")
    case = example(planned, np.float64)
    wanted = [run(planned, *case) for _ in range(2)][1]
    for module in (fastcall, plan):
        monkeypatch.setattr(module, "extension", lambda: None)
    assert bits(*run(plain, *case)) == bits(*run(plain, *case)) == bits(*wanted)
    assert not plain._plans._plans


def test_plans_do_not_grow_with_the_lengths(make, monkeypatch):
    monkeypatch.setattr(plan, "MOST_PLANS", 5)
    kernel = make(dtype="float64")
    for times in (*range(1, 12), 3, 3):
        run(kernel, *example(kernel, np.float64, times=times))
        assert len(kernel._plans._plans) <= 5


def resident() -> int:
    """The bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc/self/statm")
def test_planned_and_declined_calls_leak_neither_memory_nor_references(make, dtype):
    kernel = make(dtype=dtype)
    params, x, initial, dy, dfinal = example(kernel, dtype)
    prepared, wrong = kernel.prepare(params), params._replace(b=params.b[:2])
    objects = [*params, x, *initial, *dy, *dfinal, params, prepared, wrong, dtype, np.ndarray, None, True, False]
    objects += [prepared.pointers, prepared.packed, params._fields]

    def call(times):
        for _ in range(times):
            for given in (params, prepared):
                run(kernel, given, x, initial, dy, dfinal)
            with pytest.raises(ValueError, match="b: got shape"):
                kernel.forward(wrong, x, initial)

    call(200)
    gc.collect()
    before, memory = [sys.getrefcount(each) for each in objects], resident()
    call(5_000)
    gc.collect()
    after = [sys.getrefcount(each) for each in objects]
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 100
    assert resident() - memory < 1 << 20


def test_plans_hold_no_array_of_a_call_and_go_with_the_kernel(make):
    kernel = make(dtype="float64")
    case = example(kernel, np.float64)
    held = [each for argument in case for each in (argument if isinstance(argument, tuple) else [argument])]
    counts = [sys.getrefcount(each) for each in held]
    for _ in range(2):
        run(kernel, *case)
    gc.collect()
    assert [sys.getrefcount(each) for each in held] == counts
    functions = kernel._functions[np.dtype("float64")]
    del kernel
    gc.collect()
    assert sys.getrefcount(functions) == 2


def test_threads_that_share_a_kernel_do_not_meet(make, monkeypatch):
    monkeypatch.setattr(plan, "MOST_PLANS", 4)
    kernel, wrong = make(), []
    cases = [example(kernel, np.dtype(name), times=times) for name in ("float32", "float64") for times in (2, T)]
    wanted = [bits(*run(make(), *case)) for case in cases]

    def work(place):
        for turn in range(300):
            which = (place + turn // 3) % len(cases)
            if bits(*run(kernel, *cases[which])) != wanted[which]:
                wrong.append(which)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
