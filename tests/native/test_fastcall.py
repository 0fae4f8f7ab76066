"""The C extension against ctypes: it is there, takes what it may, gives the same values, and leaks nothing."""

import ctypes
import dataclasses
import gc
import subprocess
import sys
import sysconfig
import threading
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from derive.native import CompileFailed, Field, Kernel, extension, fastcall, functions

D, H, B = 3, 4, 2
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", "-fsyntax-only"]
headers = pytest.mark.skipif(
    extension.headers() is None or bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="no headers of this Python, or one that has no limited API",
)


@pytest.fixture(params=["float32", "float64"])
def case(request, make):
    """A kernel, its parameters, inputs of 6 steps, an initial state."""
    kernel, rng = make(dtype=request.param), np.random.default_rng(1)
    params = kernel.init({"d_x": D, "d_h": H}, rng)
    x = rng.normal(size=(6, B, D)).astype(request.param)
    return kernel, params, x, kernel.State(*rng.normal(size=(2, B, H)).astype(request.param))


def by_ctypes(stream):
    """The same stream without the extension."""
    stream._step = None
    return stream


def output(kernel, dtype, batch=B):
    return kernel.Output(*np.full((2, batch, H), np.nan, dtype))


@headers
def test_where_python_has_headers_the_extension_makes_the_steps(case):
    kernel, params, x, initial = case
    assert extension.extension() is not None
    stream = kernel.stream(params, initial)
    stream._checked_call = None
    stream(x[0], output(kernel, x.dtype))


@pytest.mark.parametrize("command", [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("gcc", "clang")])
@headers
def test_compiles_without_a_warning(command):
    told = extension.flags(extension.headers())
    run = subprocess.run([command, *STRICT, *told, extension.SOURCE], check=False, capture_output=True, text=True)
    assert run.stderr == ""
    assert run.returncode == 0


@headers
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("long", [False, True])
def test_values_are_those_of_ctypes_bit_for_bit(case, packed, long, monkeypatch):
    kernel, params, x, initial = case
    monkeypatch.setattr(fastcall, "LONG", 0 if long else 1 << 62)
    given = kernel.prepare(params) if packed else params
    streams = kernel.stream(given, initial), by_ctypes(kernel.stream(given, initial))
    outs = output(kernel, x.dtype), output(kernel, x.dtype)
    for x_t in x:
        for stream, out in zip(streams, outs, strict=True):
            assert stream(x_t, out) is out
        for a, b in zip((*outs[0], *streams[0].state), (*outs[1], *streams[1].state), strict=True):
            assert a.tobytes() == b.tobytes()


@headers
def test_both_ways_share_the_state(case):
    kernel, params, x, initial = case
    mixed, plain = kernel.stream(params, initial), by_ctypes(kernel.stream(params, initial))
    step, out, wanted = mixed._step, output(kernel, x.dtype), output(kernel, x.dtype)
    for t, x_t in enumerate(x):
        mixed._step = step if t % 3 else None
        mixed(x_t, out)
        plain(x_t, wanted)
        assert out.h.tobytes() == wanted.h.tobytes()
        assert mixed.state.s.tobytes() == plain.state.s.tobytes()


def shifted(array):
    """A copy of the array at an address that is no multiple of its item's size."""
    memory = np.empty(array.nbytes + 1, np.uint8)
    copy = memory[1:].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def frozen(array):
    array = array.copy()
    array.flags.writeable = False
    return array


Other = namedtuple("Other", ["a", "b"])
Same = namedtuple("Same", ["h", "s"])
Wrapped = namedtuple("Wrapped", ["x"])

WRONG = {
    "list": (lambda x: x.tolist(), lambda o: o),
    "none": (lambda x: None, lambda o: o),
    "buffer that is no array": (memoryview, lambda o: o),
    "bytes swapped": (lambda x: x.astype(x.dtype.newbyteorder()), lambda o: o),
    "other floats": (lambda x: x.astype(np.float16), lambda o: o),
    "integers of that size": (lambda x: x.view(f"i{x.itemsize}"), lambda o: o),
    "one row": (lambda x: x[:1], lambda o: o),
    "more columns": (lambda x: np.zeros((B, D + 1), x.dtype), lambda o: o),
    "no batch": (lambda x: x[0], lambda o: o),
    "one axis more": (lambda x: x[None], lambda o: o),
    "strided": (lambda x: np.repeat(x, 2, axis=1)[:, ::2], lambda o: o),
    "columns first": (np.asfortranarray, lambda o: o),
    "not aligned": (shifted, lambda o: o),
    "two inputs": (lambda x: Same(x, x), lambda o: o),
    "out: array": (lambda x: x, lambda o: o.h),
    "out: tuple": (lambda x: x, tuple),
    "out: other names": (lambda x: x, lambda o: Other(*o)),
    "out: none": (lambda x: x, lambda o: None),
    "out: integers": (lambda x: x, lambda o: o._replace(s=o.s.view(f"i{o.s.itemsize}"))),
    "out: shape": (lambda x: x, lambda o: o._replace(h=o.h[:1])),
    "out: strided": (lambda x: x, lambda o: o._replace(s=np.asfortranarray(o.s))),
    "out: read-only": (lambda x: x, lambda o: o._replace(s=frozen(o.s))),
    "out: not aligned": (lambda x: x, lambda o: o._replace(h=shifted(o.h))),
}


@headers
@pytest.mark.parametrize("wrong", WRONG)
def test_refusals_are_those_of_ctypes_and_change_nothing(case, wrong):
    kernel, params, x, initial = case
    change_x, change_out = WRONG[wrong]
    stream = kernel.stream(params, initial)
    told = []
    for each in (stream, by_ctypes(kernel.stream(params, initial))):
        out = output(kernel, x.dtype)
        with pytest.raises((TypeError, ValueError)) as caught:
            each(change_x(x[0]), change_out(out))
        told.append((type(caught.value), str(caught.value)))
        assert np.isnan(out.h).all()
        assert each.state.h.tobytes() == initial.h.tobytes()
    assert told[0] == told[1]
    wanted = kernel.step(params, x[0], initial)[0]
    assert np.array_equal(stream(x[0], output(kernel, x.dtype)).h, wanted.h)


@headers
def test_a_subclass_of_arrays_is_left_to_ctypes(case):
    kernel, params, x, initial = case

    class Mine(np.ndarray):
        pass

    stream, out = kernel.stream(params, initial), output(kernel, x.dtype)
    assert not stream._step(x[0].view(Mine), out)
    assert np.array_equal(stream(x[0].view(Mine), out).h, kernel.step(params, x[0], initial)[0].h)


@headers
def test_named_tuples_are_taken_by_their_fields(case):
    kernel, params, x, initial = case
    step = kernel.stream(params, initial)._step
    h, s = output(kernel, x.dtype)
    assert step(Wrapped(x[0]), Same(h, s))
    assert np.array_equal(h, kernel.step(params, x[0], initial)[0].h)
    assert not step(Same(x[0], x[0]), Same(h, s))
    assert not step(x[0])
    assert not step(x[0], Same(h, s), None)


@headers
def test_each_array_has_its_own_shape(case, library, interface):
    _, params, x, initial = case
    outputs = Field("h", ("d_h",)), Field("s", ("d_h", "d_x"))  # more memory than the cell writes
    wider = Kernel(library, dataclasses.replace(interface, outputs=outputs), lambda *_: None, lambda *_: None)
    step = wider.stream(params, initial)._step
    h, s = np.empty((B, H), x.dtype), np.empty((B, H, D), x.dtype)
    assert step(x[0], Same(h, s))
    for wrong in (Same(s, h), Same(h, h), Same(s, s), Same(h, s[..., :1].copy())):
        assert not step(x[0], wrong)


@headers
def test_what_the_step_refuses_is_raised(case):
    kernel, params, x, initial = case
    stream = kernel.stream(params, initial)
    stream._dims[3] = 0
    with pytest.raises(ValueError, match=r"^leak\.step: a size of zero or too large \(T = 1, .* d_h = 0\)$"):
        stream(x[0], output(kernel, x.dtype))
    assert np.array_equal(stream.state.h, initial.h)


def test_both_languages_agree_on_the_most_arrays():
    assert f"#define MOST {fastcall.MOST} " in extension.SOURCE.read_text()


@headers
def test_more_arrays_than_the_extension_takes_go_through_ctypes(case, monkeypatch):
    kernel, params, x, initial = case
    monkeypatch.setattr(fastcall, "MOST", 1)
    stream = kernel.stream(params, initial)
    assert stream._step is None
    stream(x[0], output(kernel, x.dtype))


def resident() -> int:
    """The bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@headers
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc/self/statm")
def test_calls_leak_neither_memory_nor_references(case):
    kernel, params, x, initial = case
    stream, x_t, out = kernel.stream(params, initial), x[0] * 0, output(kernel, x.dtype)
    step, read_only = stream._step, out._replace(s=frozen(out.s))
    objects = [x_t, out, out.h, x_t.dtype, np.ndarray, out._fields, read_only, read_only.s, step, True, False, None]

    def call(times):
        for _ in range(times):
            stream(x_t, out)
            step(x_t, read_only)
            step(None, out)

    call(1000)
    before, memory = [sys.getrefcount(each) for each in objects], resident()
    call(100_000)
    after = [sys.getrefcount(each) for each in objects]
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 100
    assert resident() - memory < 1 << 20


@headers
def test_a_bound_step_owns_what_it_reads_and_lets_go_of_it(case):
    kernel, params, x, initial = case
    own = kernel.Params(*(array.copy() for array in params))
    counts = [sys.getrefcount(array) for array in own]
    stream = kernel.stream(own, initial)
    step = stream._step
    del stream
    gc.collect()
    rubbish = [np.full_like(x, 7) for _ in range(50)]
    out = output(kernel, x.dtype)
    assert step(x[0], out)
    assert np.array_equal(out.h, kernel.step(params, x[0], initial)[0].h)
    del step, rubbish
    assert [sys.getrefcount(array) for array in own] == counts


@headers
def test_streams_of_two_threads_do_not_meet(case, monkeypatch):
    kernel, params, x, initial = case
    monkeypatch.setattr(fastcall, "LONG", 0)
    prepared, states = kernel.prepare(params), [None, None]

    def run(place):
        stream, out = kernel.stream(prepared, initial), output(kernel, x.dtype)
        for _ in range(300):
            for x_t in x / 8:
                stream(x_t, out)
        states[place] = stream.state.h.tobytes()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states[0] == states[1] is not None


@headers
def test_another_layout_of_the_table_is_refused():
    module = extension.extension()
    with pytest.raises(TypeError, match=r"^table: got one of another layout$"):
        module.bind((ctypes.c_char * (ctypes.sizeof(fastcall.Table) - 1))())
    with pytest.raises(TypeError, match="bytes-like object"):
        module.bind(None)


def test_without_headers_steps_go_through_ctypes(case, monkeypatch, tmp_path):
    kernel, params, x, initial = case
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    assert extension.extension.__wrapped__() is None
    wanted, _ = kernel.step(params, x[0], initial)
    for module in (fastcall, functions):
        monkeypatch.setattr(module, "extension", lambda: None)
    stream, out = kernel.stream(params, initial), output(kernel, x.dtype)
    assert stream._step is None
    assert np.array_equal(stream(x[0], out).h, wanted.h)
    assert np.array_equal(kernel.step(params, x[0], initial)[0].s, wanted.s)


@headers
def test_addresses_are_those_of_the_arrays():
    arrays = [np.zeros(()), frozen(np.ones((2, 3))), np.empty((0, 4)), np.zeros(5, np.uint8)]
    assert functions.pointers(arrays) == bytes(functions.struct_of(arrays))
    assert functions.pointers([]) == b""
    with pytest.raises(ValueError, match="contiguous"):
        functions.pointers([np.zeros((4, 4)).T[:2]])


def test_headers_that_do_not_compile_are_no_obstacle(monkeypatch, tmp_path):
    (tmp_path / "Python.h").write_text("#error not here\n")
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(CompileFailed, match="not here"):
        extension.compiled({"a.c": "#include <Python.h>\n"}, "a.c", extension.flags(extension.headers()))
    assert extension.extension.__wrapped__() is None
