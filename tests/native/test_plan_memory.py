"""What remembered calls keep: memory for work and tapes, no array of a call; nothing leaks, no thread meets another."""

import ctypes
import gc
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from plancalls import T, bits, example, only_planned, run

from derive.native import extension, fastcall, interface, plan
from derive.native.fastcall import Kind

pytestmark = pytest.mark.skipif(extension.extension() is None, reason="no extension with this Python")


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


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


def test_room_for_a_tape_is_nobody_elses_while_any_part_of_it_is_referred_to(monkeypatch):
    monkeypatch.setattr(plan, "LEAST_LENT", 100)
    memory = plan.Memory()
    assert memory.lend(99).base is None
    first = memory.lend(100)
    part = first[8:16].view(np.float32).reshape(2, 1)[:1]
    whole = first.ctypes.data
    del first
    assert not np.shares_memory(memory.lend(100), part)
    del part
    assert memory.lend(60 + 40).ctypes.data == whole


def test_a_tape_keeps_what_it_says_while_others_come_and_go(make, monkeypatch):
    monkeypatch.setattr(plan, "LEAST_LENT", 0)
    kernel = make(dtype="float64")
    params, x, initial, dy, _ = example(kernel, np.float64)
    _, _, tape = kernel.forward(params, x, initial)
    view = getattr(tape, kernel.interface.tape[0].name)
    wanted = view.copy()
    gradients = bits(kernel.backward(params, tape, dy))
    for seed in range(2, 5):
        kernel.forward(*example(kernel, np.float64, seed=seed)[:3])
    assert bits(kernel.backward(params, tape, dy)) == gradients
    del tape
    for seed in range(2, 5):
        kernel.forward(*example(kernel, np.float64, seed=seed)[:3])
    assert np.array_equal(view, wanted)


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
