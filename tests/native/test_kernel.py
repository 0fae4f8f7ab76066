"""The binding against the same cell in NumPy: values, gradients, shapes and refusals."""

import dataclasses
import gc

import numpy as np
import pytest

from derive.native import Kernel, NativeError
from derive.native.arrays import REMEMBERED, Sizes
from derive.native.functions import Functions

T, B, D, H = 5, 2, 3, 4
TOLERANCE = {"float32": 2e-6, "float64": 1e-14}


def reference(params, x, h, s):
    """The cell by its two equations."""
    hs, ss = [], []
    for x_t in x:
        h = params.a * h + np.concatenate([h, x_t], axis=1) @ params.W.T + params.b
        s = s + h
        hs.append(h)
        ss.append(s)
    return np.array(hs), np.array(ss)


def error(a, b):
    return np.max(np.abs(a - b)) / np.max(np.abs(b))


@pytest.fixture(params=["float32", "float64"])
def case(request, make):
    kernel = make(dtype=request.param)
    rng = np.random.default_rng(1)
    params = kernel.init({"d_x": D, "d_h": H}, rng)
    x = rng.normal(size=(T, B, D)).astype(request.param)
    initial = kernel.State(*rng.normal(size=(2, B, H)).astype(request.param))
    return kernel, params, x, initial, TOLERANCE[request.param]


def test_forward_agrees_with_numpy(case):
    kernel, params, x, initial, tolerance = case
    y, final, tape = kernel.forward(params, x, initial)
    h, s = reference(params, x, *initial)
    assert y._fields == final._fields == ("h", "s")
    for got, wanted in ((y.h, h), (y.s, s), (final.h, h[-1]), (final.s, s[-1]), (tape.h, h), (tape.s, s)):
        assert got.dtype == x.dtype
        assert got.shape == wanted.shape
        assert error(got, wanted) <= tolerance


def test_omitted_initial_state_is_zero(case):
    kernel, params, x, _, tolerance = case
    y, _, _ = kernel.forward(params, x)
    h, _ = reference(params, x, np.zeros((B, H)), np.zeros((B, H)))
    assert error(y.h, h) <= tolerance


def loss_terms(kernel, rng, dtype):
    dy = kernel.Output(*rng.normal(size=(2, T, B, H)).astype(dtype))
    return dy, kernel.State(*rng.normal(size=(2, B, H)).astype(dtype))


def test_backward_agrees_with_complex_step(case):
    kernel, params, x, initial, tolerance = case
    rng = np.random.default_rng(2)
    dy, dfinal = loss_terms(kernel, rng, x.dtype)
    _, _, tape = kernel.forward(params, x, initial)
    dparams, dx, dinitial = kernel.backward(params, tape, dy, dfinal)

    def loss(arrays):
        h, s = reference(kernel.Params(*arrays[:3]), *arrays[3:])
        return (h * dy.h).sum() + (s * dy.s).sum() + (h[-1] * dfinal.h).sum() + (s[-1] * dfinal.s).sum()

    point = [np.asarray(array, np.complex128) for array in (*params, x, *initial)]
    for place, gradient in enumerate((*dparams, dx, *dinitial)):
        assert gradient.dtype == x.dtype
        wanted = np.empty(point[place].shape)
        for index in np.ndindex(wanted.shape):
            moved = [array.copy() for array in point]
            moved[place][index] += 1e-30j
            wanted[index] = loss(moved).imag * 1e30
        assert gradient.shape == wanted.shape
        assert error(gradient, wanted) <= 10 * tolerance


def test_backward_may_be_called_again_and_omitted_dfinal_is_zero(case):
    kernel, params, x, initial, _ = case
    dy, _ = loss_terms(kernel, np.random.default_rng(3), x.dtype)
    _, _, tape = kernel.forward(params, x, initial)
    zero = kernel.State(*np.zeros((2, B, H), x.dtype))
    first, second = kernel.backward(params, tape, dy), kernel.backward(params, tape, dy, zero)
    for a, b in zip((*first[0], first[1], *first[2]), (*second[0], second[1], *second[2]), strict=True):
        assert np.array_equal(a, b)
        assert not np.shares_memory(a, b)


@pytest.mark.parametrize("packed", [False, True])
def test_steps_and_stream_agree_with_forward(case, packed):
    kernel, params, x, initial, tolerance = case
    given = kernel.prepare(params) if packed else params
    y, final, _ = kernel.forward(given, x, initial, tape=False)
    stream = kernel.stream(given, initial)
    out = kernel.Output(*np.empty((2, B, H), x.dtype))
    state = initial
    for t in range(T):
        y_t, state = kernel.step(given, x[t], state)
        assert stream(x[t], out) is out
        for wanted, stepped, streamed in zip(y, y_t, out, strict=True):
            assert error(stepped, wanted[t]) <= tolerance
            assert error(streamed, wanted[t]) <= tolerance
    for wanted, stepped, streamed in zip(final, state, stream.state, strict=True):
        assert error(stepped, wanted) <= tolerance
        assert error(streamed, wanted) <= tolerance
    assert not np.shares_memory(initial.h, stream.state.h)


def test_stream_without_a_state_starts_at_zero_for_a_batch_of_one(case):
    kernel, params, x, _, tolerance = case
    out = kernel.Output(*np.empty((2, 1, H), x.dtype))
    kernel.stream(params)(x[0, :1], out)
    h, _ = reference(params, x[:1, :1], np.zeros((1, H)), np.zeros((1, H)))
    assert error(out.h, h[0]) <= tolerance


def test_prepared_parameters_are_packed_and_used(case):
    kernel, params, x, initial, tolerance = case
    prepared = kernel.prepare(params)
    prepared.packed[:] = 0  # W as C sees it
    y, _, tape = kernel.forward(prepared, x, initial)
    without = params._replace(W=np.zeros_like(params.W))
    h, _ = reference(without, x, *initial)
    assert error(y.h, h) <= tolerance
    kernel.backward(prepared, tape, y)


def test_precision_follows_the_parameters_where_none_is_fixed(make):
    kernel = make()
    for dtype in (np.float32, np.float64):
        params = kernel.Params(*(np.zeros(shape, dtype) for shape in ((), (H, H + D), (H,))))
        y, _, _ = kernel.forward(params, np.zeros((T, B, D), dtype))
        assert y.h.dtype == dtype


def test_nothing_but_strided_arrays_is_copied(case):
    kernel, params, x, initial, _ = case
    _, _, tape = kernel.forward(params, x, initial)
    assert tape._inputs[0] is x
    assert tape._initial[0] is initial.h
    strided = np.asfortranarray(x)
    y, _, _ = kernel.forward(params, strided, initial)
    assert np.array_equal(y.h, kernel.forward(params, x, initial)[0].h)


def test_arrays_live_as_long_as_c_needs_them(case):
    kernel, params, x, initial, _ = case
    y, _, tape = kernel.forward(params, x.copy(), initial)
    wanted = kernel.backward(params, tape, y)[1].copy()
    stream = kernel.stream(kernel.Params(*(array.copy() for array in params)))
    gc.collect()
    rubbish = [np.full_like(x, 7) for _ in range(50)]
    assert np.array_equal(kernel.backward(params, tape, y)[1], wanted)
    out = kernel.Output(*np.empty((2, 1, H), x.dtype))
    assert np.all(np.isfinite(stream(x[0, :1], out).h))
    assert len(rubbish) == 50


def test_tape_views_are_read_only_and_the_rest_is_asked_of_the_numpy_kernel(case):
    kernel, params, x, initial, _ = case
    _, _, tape = kernel.forward(params, x, initial)
    assert {"h", "s"} <= set(dir(tape))
    with pytest.raises(ValueError, match="read-only"):
        tape.h[:] = 0
    assert np.array_equal(tape.twice_s, 2 * tape.s)
    assert "twice_s" in dir(tape)
    with pytest.raises(AttributeError, match="gate"):
        _ = tape.gate


def test_flatten_and_unflatten_are_inverse_and_views(case):
    kernel, params, *_ = case
    vector = kernel.flatten(params)
    assert vector.shape == (1 + H * (H + D) + H,)
    back = kernel.unflatten(vector, {"d_x": D, "d_h": H})
    for a, b in zip(params, back, strict=True):
        assert np.array_equal(a, b)
        assert np.shares_memory(b, vector)
        assert a.shape == b.shape
    with pytest.raises(ValueError, match=r"^vector: got shape \(32,\), .* contiguous vector of 33$"):
        kernel.unflatten(vector[1:], {"d_x": D, "d_h": H})


def test_a_numpy_scalar_is_a_scalar_parameter(case):
    kernel, params, x, initial, _ = case
    updated = params._replace(a=params.a - params.a.dtype.type(0.5) * params.a)
    assert isinstance(updated.a, np.generic)
    y, _, _ = kernel.forward(updated, x, initial)
    wanted, _, _ = kernel.forward(params._replace(a=np.asarray(updated.a)), x, initial)
    assert np.array_equal(y.h, wanted.h)


def zeros(kernel, **changed):
    shapes = {"a": (), "W": (H, H + D), "b": (H,), **changed}
    return kernel.Params(**{name: np.zeros(shape, np.float64) for name, shape in shapes.items()})


@pytest.mark.parametrize(
    ("kind", "call", "message"),
    [
        (
            TypeError,
            lambda k: k.forward(zeros(k), np.zeros((T, B, D), np.float32)),
            "x: got float32, expected float64",
        ),
        (TypeError, lambda k: k.forward(zeros(k), [[[1.0]]]), "x: got list, expected an array of float64"),
        (
            TypeError,
            lambda k: k.forward(zeros(k), np.zeros((T, B, D), ">f8")),
            "x: got >f8, expected float64",
        ),
        (
            TypeError,
            lambda k: k.forward((1, 2, 3), None),
            "params: got tuple, expected a NamedTuple of a, W, b",
        ),
        (
            TypeError,
            lambda k: k.forward(zeros(k), np.zeros((T, B, D)), zeros(k)),
            "initial: got a NamedTuple of a, W, b, expected a NamedTuple of h, s",
        ),
        (
            ValueError,
            lambda k: k.forward(zeros(k), np.zeros((T, B, D + 1))),
            "x: got shape (5, 2, 4), expected (T = 5, B = 2, d_x = 3)",
        ),
        (
            ValueError,
            lambda k: k.forward(zeros(k), np.zeros((T, D))),
            "x: got shape (5, 3), expected (T, B, d_x = 3)",
        ),
        (
            ValueError,
            lambda k: k.forward(zeros(k, b=(7,)), np.zeros((T, B, D))),
            "params.b: got shape (7,), expected (d_h = 4)",
        ),
        (
            ValueError,
            lambda k: k.forward(zeros(k, W=(H, 2)), np.zeros((T, B, D))),
            "params.W: got shape (4, 2), expected (d_h = 4, d_h + d_x = 7)",
        ),
        (
            ValueError,
            lambda k: k.forward(zeros(k), np.zeros((T, B, D)), k.State(np.zeros((3, H)), np.zeros((B, H)))),
            "initial.h: got shape (3, 4), expected (B = 2, d_h = 4)",
        ),
        (
            ValueError,
            lambda k: k.forward(zeros(k), np.zeros((0, B, D))),
            "leak.forward: a size of zero or too large (T = 0, B = 2, d_x = 3, d_h = 4)",
        ),
        (
            TypeError,
            lambda k: k.backward(zeros(k), None, None),
            "tape: got NoneType, expected the tape of a forward call",
        ),
        (
            ValueError,
            lambda k: k.stream(zeros(k))(np.zeros((2 * D, 1)).T[:, ::2], k.Output(*np.zeros((2, 1, H)))),
            "x_t: got an array that has to be copied, expected a C-contiguous one",
        ),
    ],
)
def test_refusals_name_argument_got_and_expected(make, kind, call, message):
    with pytest.raises(kind) as caught:
        call(make(dtype="float64"))
    assert str(caught.value) == message


def test_sizes_of_earlier_calls_are_remembered_and_refusals_come_again(make):
    kernel = make(dtype="float64")
    params = zeros(kernel)
    for _ in range(2):
        for times in (T, T + 1):
            y, _, tape = kernel.forward(params, np.zeros((times, B, D)))
            assert y.h.shape == (times, B, H)
            assert kernel.backward(params, tape, y)[1].shape == (times, B, D)
        with pytest.raises(ValueError, match=r"^x: got shape \(5, 2, 4\), expected \(T = 5, B = 2, d_x = 3\)$"):
            kernel.forward(params, np.zeros((T, B, D + 1)))
        with pytest.raises(ValueError, match=r"^initial\.h: got shape \(3, 4\), expected \(B = 2, d_h = 4\)$"):
            kernel.forward(params, np.zeros((T, B, D)), kernel.State(np.zeros((3, H)), np.zeros((B, H))))


def test_what_is_remembered_does_not_grow_with_the_lengths():
    start = Sizes()
    first = start.match("x", (1, B), ("T", "B"))
    assert start.match("x", (1, B), ("T", "B")) is first
    assert start.known == {}
    for times in range(1, 1000):
        assert start.match("x", (times, B), ("T", "B")).complete(("T", "B")).known == {"T": times, "B": B}
        assert len(start._remembered) <= REMEMBERED


def test_tape_of_other_sizes_or_of_another_kernel_is_refused(make):
    kernel = make(dtype="float64")
    _, _, tape = kernel.forward(zeros(kernel), np.zeros((T, B, D)))
    dy = kernel.Output(*np.zeros((2, T, B, H)))
    other = zeros(kernel, W=(H + 1, H + 1 + D), b=(H + 1,))
    with pytest.raises(ValueError, match=r"^params\.W: got shape \(5, 8\), expected \(d_h = 4, d_h \+ d_x"):
        kernel.backward(other, tape, dy)
    single = make(dtype="float32")
    with pytest.raises(TypeError, match=r"^tape: got another kernel's, of float64, expected its own"):
        single.backward(single.init({"d_x": D, "d_h": H}, np.random.default_rng(0)), tape, dy)
    with pytest.raises(TypeError, match=r"^params: got what another kernel prepared, expected its own$"):
        single.forward(kernel.prepare(zeros(kernel)), np.zeros((T, B, D)))


def test_out_of_a_stream_must_be_writeable(make):
    kernel = make(dtype="float64")
    out = kernel.Output(*np.zeros((2, 1, H)))
    out.s.flags.writeable = False
    with pytest.raises(ValueError, match=r"^out\.s: got a read-only array, expected one to write into$"):
        kernel.stream(zeros(kernel))(np.zeros((1, D)), out)


def test_sizes_that_overflow_are_told(library, interface):
    functions = Functions(library, interface, "f64")
    dims = functions.dims({"T": 2**40, "B": 2**20, "d_x": D, "d_h": H})
    with pytest.raises(OverflowError, match=r"^leak: sizes that cannot be addressed \(T = 109951"):
        functions.buffer("tape", dims)


def test_unknown_precision_and_missing_function_are_told(make, library, interface):
    with pytest.raises(TypeError, match=r"^dtype: got float16, expected float32 or float64$"):
        make(dtype="float16")
    with pytest.raises(NativeError, match=r"^the library has no function wrong_f32_packed_bytes$"):
        Kernel(library, dataclasses.replace(interface, prefix="wrong"), lambda *_: None, lambda *_: None)
