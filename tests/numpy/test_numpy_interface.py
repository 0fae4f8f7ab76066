"""What a generated NumPy module offers besides gradients: steps, streams, tapes, parameters."""

import io
from dataclasses import replace

import numpy as np
import pytest
from cellfolder import EVERY, SHIPPED, Arguments, assert_close, bare, cell, example, module, results

import derive
from derive.language import syntax
from derive.proof.oracle import run
from derive.proof.rings import Complexes

ROUNDING = 1e-13


@pytest.fixture(params=EVERY)
def name(request):
    return request.param


@pytest.fixture
def made(name):
    return module(name)


@pytest.fixture
def given(name, made):
    return Arguments(made, example(name, "distinct")[0])


def every(arrays):
    return {str(k): array for k, array in enumerate(arrays if isinstance(arrays, tuple) else (arrays,))}


def same_bits(a, b):
    assert a.keys() == b.keys()
    assert [key for key in a if a[key].tobytes() != b[key].tobytes() or a[key].shape != b[key].shape] == []


def test_inference_agrees_with_training(made, given):
    y, final, _ = made.forward(given.params, given.x, given.initial)
    y2, final2, tape = made.forward(given.params, given.x, given.initial, tape=False)
    assert tape is None
    assert_close(every(y2), every(y), ROUNDING)
    assert_close(final2._asdict(), final._asdict(), ROUNDING)


def test_steps_agree_with_forward(made, given):
    y, final, _ = made.forward(given.params, given.x, given.initial)
    state = given.initial
    for t in range(y[0].shape[0] if isinstance(y, tuple) else y.shape[0]):
        y_t, state = made.step(given.params, bare(made.Inputs(*(a[t] for a in given.inputs))), state)
        assert_close(every(y_t), {k: a[t] for k, a in every(y).items()}, ROUNDING)
    assert type(state) is made.State
    assert_close(state._asdict(), final._asdict(), ROUNDING)


def test_a_stream_agrees_with_forward_and_fills_what_it_is_given(made, given):
    y, _, _ = made.forward(given.params, given.x, given.initial)
    stream = made.stream(made.prepare(given.params, given.sizes), given.initial)
    x_t = made.Inputs(*(np.empty_like(a[0]) for a in given.inputs))
    out = made.Output(*(np.empty_like(a[0]) for a in given.doutputs))
    for t in range(len(given.doutputs[0])):
        for buffer, array in zip(x_t, given.inputs, strict=True):
            buffer[...] = array[t]  # the same buffers again and again, as in real time
        assert stream(bare(x_t), bare(out)) is bare(out)
        assert_close(every(bare(out)), {k: a[t] for k, a in every(y).items()}, ROUNDING)


def test_prepared_parameters_are_accepted_everywhere(name, made, given):
    prepared = made.prepare(given.params, {} if name in SHIPPED else given.sizes)
    assert made.prepare(prepared) is prepared
    y, final, tape = made.forward(given.params, given.x, given.initial)
    y2, final2, tape2 = made.forward(prepared, given.x, given.initial)
    same_bits({**every(y), **final._asdict()}, {**every(y2), **final2._asdict()})
    gradients, gradients2 = (
        made.backward(p, t, given.dy, given.dfinal) for p, t in ((given.params, tape), (prepared, tape2))
    )
    for a, b in zip(gradients, gradients2, strict=True):
        same_bits(every(a), every(b))
    x_t = bare(made.Inputs(*(a[0] for a in given.inputs)))
    same_bits(every(made.step(prepared, x_t)[0]), every(made.step(given.params, x_t)[0]))
    out = bare(made.Output(*(np.empty_like(a[0]) for a in given.doutputs)))
    same_bits(every(made.stream(prepared)(x_t, out)), every(made.step(given.params, x_t)[0]))


def test_sizes_that_the_parameters_do_not_tell_are_asked_for():
    made = module("held_back")
    given = Arguments(made, example("held_back", "distinct")[0])
    message = r"^d_x: got no array that tells this size, expected it in prepare\(params, sizes\)$"
    for wants_sizes in (made.prepare, made.stream, derive.build(cell("held_back"), backend="numpy").prepare):
        with pytest.raises(ValueError, match=message):
            wants_sizes(given.params)
    with pytest.raises(ValueError, match=r"^params\.W: got shape"):
        made.prepare(given.params, {**given.sizes, "d_h": 1})


def test_backward_again_gives_the_same_bits(made, given):
    _, _, tape = made.forward(given.params, given.x, given.initial)
    first = made.backward(given.params, tape, given.dy, given.dfinal)
    other = made.Output(*(2 * d for d in given.doutputs))
    made.backward(given.params, tape, bare(other))
    for key in made.REPLAYED:
        getattr(tape, key)
    again = made.backward(given.params, tape, given.dy, given.dfinal)
    for a, b in zip(first, again, strict=True):
        same_bits(every(a), every(b))


def test_what_is_omitted_is_zero(made, given):
    zero = made.State(*(np.zeros_like(a) for a in given.initial))
    y, final, tape = made.forward(given.params, given.x)
    y2, final2, tape2 = made.forward(given.params, given.x, zero)
    same_bits({**every(y), **final._asdict()}, {**every(y2), **final2._asdict()})
    for a, b in zip(
        made.backward(given.params, tape, given.dy), made.backward(given.params, tape2, given.dy, zero), strict=True
    ):
        same_bits(every(a), every(b))
    x_t = bare(made.Inputs(*(a[0] for a in given.inputs)))
    same_bits(every(made.step(given.params, x_t)[1]), every(made.step(given.params, x_t, zero)[1]))


def test_the_tape_offers_every_named_intermediate(name, made, given):
    problem, _ = example(name, "distinct")
    parameters = {v.name for v in cell(name).of_role("param")}
    names = [v.name for role in ("state", "local") for v in cell(name).of_role(role)]
    watched = replace(cell(name), outputs=tuple(names))
    values, _ = run(watched, Complexes(), problem.sizes, problem.params, problem.inputs, problem.initial)
    _, _, tape = made.forward(given.params, given.x, given.initial)
    timeless = set()
    for equation in cell(name).equations:
        inner = equation.target not in cell(name).outputs and cell(name).variables[equation.target].role == "local"
        if inner and _names(equation.value) <= parameters | timeless:
            timeless.add(equation.target)
    wanted = {key: values[key].astype(complex).real for key in names}
    wanted = {key: array[0, 0] if key in timeless else array for key, array in wanted.items()}
    assert_close({key: np.asarray(getattr(tape, key)) for key in names}, wanted, 1e-12)


def _names(node):
    if isinstance(node, syntax.Reference):
        return {node.name}
    parts = node.operands if isinstance(node, syntax.Concatenation | syntax.Apply) else ()
    fields = ("operand", "left", "right", "base", "body")
    return set().union(*(_names(n) for n in (*parts, *(getattr(node, f) for f in fields if hasattr(node, f)))))


def test_the_tape_names_what_it_has(made, given):
    _, _, tape = made.forward(given.params, given.x, given.initial)
    with pytest.raises(AttributeError, match="the tape has no nonsense; it has "):
        _ = tape.nonsense
    assert not hasattr(tape, "__deepcopy__")


def test_flatten_and_unflatten_are_inverse_and_unflatten_gives_views(made, given):
    vector = made.flatten(given.params)
    views = made.unflatten(vector, given.sizes)
    assert type(views) is made.Params
    same_bits(views._asdict(), given.params._asdict())
    assert all(np.shares_memory(view, vector) for view in views)
    assert vector.ndim == 1
    assert vector.size == sum(np.size(p) for p in given.params)
    with pytest.raises(ValueError, match=rf"^vector: got shape \({vector.size + 1},\), expected \({vector.size},\)$"):
        made.unflatten(np.zeros(vector.size + 1), given.sizes)


def test_parameters_on_disk(made, given, tmp_path):
    path = tmp_path / "params.npz"
    derive.save_params(path, given.params)
    loaded = derive.load_params(path, made)
    assert type(loaded) is made.Params
    same_bits(loaded._asdict(), given.params._asdict())


def test_parameters_of_another_cell_are_refused(tmp_path):
    gru = module("gru")
    derive.save_params(tmp_path / "p.npz", gru.init({"d_x": 2, "d_h": 3}, np.random.default_rng(0)))
    with pytest.raises(ValueError, match=r"missing .*'W_f'.*unexpected .*'W_r'"):
        derive.load_params(tmp_path / "p.npz", module("lstm"))
    (tmp_path / "p.npz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"p\.npz: not an \.npz file"):
        derive.load_params(tmp_path / "p.npz", gru)


def test_parameters_of_another_dtype_are_refused(tmp_path):
    kernel = derive.build(cell("rnn"))
    params = kernel.init({"d_x": 2, "d_h": 3}, np.random.default_rng(0))
    for dtype in (np.float32, np.int64, complex):
        derive.save_params(tmp_path / "p.npz", params._replace(W=params.W.astype(dtype)))
        with pytest.raises(ValueError, match=rf"p\.npz: W is of {np.dtype(dtype)}, expected float64"):
            derive.load_params(tmp_path / "p.npz", kernel)


def test_a_cell_may_have_no_parameters(tmp_path):
    kernel = derive.build(derive.parse("input x : d\nstate h : d\nh[t] = h[t-1] / 2 + x", name="leak"))
    derive.save_params(tmp_path / "p.npz", kernel.Params())
    assert derive.load_params(tmp_path / "p.npz", kernel) == kernel.Params()


@pytest.mark.parametrize("given", [{"W": np.zeros(2)}, {}, None])
def test_what_are_no_parameters_is_not_saved(given, tmp_path):
    with pytest.raises(TypeError, match="expected the Params of a kernel"):
        derive.save_params(tmp_path / "p.npz", given)
    assert not (tmp_path / "p.npz").exists()


@pytest.mark.parametrize("backend", ["numpy", pytest.param("c", marks=pytest.mark.needs("cc"))])
def test_vectors_of_parameters_are_held_to_the_kernel(backend):
    kernel = derive.build(cell("rnn"), backend=backend)
    sizes = {"d_x": 2, "d_h": 3}
    params = kernel.init(sizes, np.random.default_rng(0))
    assert kernel.dtype == np.float64
    vector = kernel.flatten(kernel.prepare(params))
    assert np.array_equal(kernel.unflatten(vector, sizes).W, params.W)
    for wrong, size in ((vector.astype(np.float32), sizes), (list(vector), sizes), (vector, sizes | {"d_x": 0})):
        with pytest.raises((TypeError, ValueError), match="expected"):
            kernel.unflatten(wrong, size)


def test_arguments_are_not_changed_and_results_are_not_theirs(made, given):
    arrays = [*given.params, *given.inputs, *given.initial, *given.doutputs, *given.dfinal]
    for array in arrays:
        array.flags.writeable = False
    y, final, tape = made.forward(given.params, given.x, given.initial)
    gradients = made.backward(given.params, tape, given.dy, given.dfinal)
    x_t = bare(made.Inputs(*(a[0] for a in given.inputs)))
    y_t, state = made.step(given.params, x_t, given.initial)
    made.forward(given.params, given.x, given.initial, tape=False)
    returned = [a for group in (y, final, *gradients, y_t, state) for a in every(group).values()]
    for k, array in enumerate(returned):
        assert not any(np.shares_memory(array, other) for other in (*arrays, *returned[:k])), k
        array[...] = 0
    assert np.any(made.backward(given.params, tape, given.dy, given.dfinal)[0][0])


def test_arrays_that_are_not_contiguous(made, given):
    def scattered(group):
        return type(group)(*(np.repeat(a[..., None], 2, axis=-1)[..., 0] if a.ndim else a for a in group))

    apart = Arguments.__new__(Arguments)
    for key, value in vars(given).items():
        setattr(apart, key, scattered(value) if isinstance(value, tuple) else value)
    assert not any(a.flags.c_contiguous for a in apart.inputs if a.size > 1)
    assert_close(results(made, apart), results(made, given), ROUNDING)


def test_init_follows_the_scheme_of_the_cell(name, made):
    sizes = {axis: 40 + 3 * k for k, axis in enumerate(made.AXES)}
    params = made.init(sizes, np.random.default_rng(1))
    again = made.init(sizes, np.random.default_rng(1), np.float32)
    assert type(params) is made.Params
    for variable in cell(name).of_role("param"):
        array = getattr(params, variable.name)
        shape = tuple(sum(sizes[part] for part in axis.parts) for axis in variable.shape)
        assert np.shape(array) == shape
        assert array.dtype == np.float64
        assert getattr(again, variable.name).dtype == np.float32
        assert np.allclose(getattr(again, variable.name), array, rtol=1e-6, atol=1e-7)
        _assert_scheme(cell(name).inits[variable.name], array, sizes)


def _assert_scheme(init, array, sizes):
    value = None if init.value is None else _number(init.value, sizes)
    if init.scheme == "constant":
        assert np.all(array == value)
    elif init.scheme == "uniform":
        assert np.abs(array).max() <= value
        assert np.abs(array).max() >= 0.85 * value
        assert abs(array.std() / (value / np.sqrt(3)) - 1) < 0.2
    elif init.scheme == "normal":
        assert abs(array.std() / value - 1) < 0.2
    elif init.scheme == "glorot":
        bound = np.sqrt(6 / (array.shape[-1] + array.shape[-2]))
        assert 0.85 * bound <= np.abs(array).max() <= bound
    else:
        assert init.scheme == "orthogonal"
        short = array if array.shape[0] <= array.shape[1] else array.T
        assert np.allclose(short @ short.T, np.eye(len(short)), atol=1e-12)


def _number(node, sizes):
    """An `init` expression, worked out from its tree."""
    match node:
        case syntax.Number():
            return float(node.value)
        case syntax.Size():
            return sizes[node.axis]
        case syntax.Negative():
            return -_number(node.operand, sizes)
        case syntax.Apply(function="sqrt"):
            return np.sqrt(_number(node.operands[0], sizes))
        case syntax.Power():
            return _number(node.base, sizes) ** node.exponent
        case syntax.Binary():
            left, right = _number(node.left, sizes), _number(node.right, sizes)
            return {"+": left + right, "-": left - right, "*": left * right, "/": right and left / right}[node.operator]
    raise TypeError(node)


ALL_SCHEMES = """
input x : d_x
state h : d_h
param W : d_h, d_h
init W = orthogonal
init V = orthogonal
init U = glorot
init N = normal(1 / sqrt(d_h + d_x))
init a = uniform(1 / 4)
init b = -1 / 2
init c = normal(2)
h[t] = tanh(W @ h[t-1] + U @ x + N @ x + V @ x + a + b + c)
"""


def test_every_scheme_of_initialisation():
    from cellfolder import numpy_source, run_source

    from derive.pipeline.derivation import derive as derive_all

    own = replace(derive.parse(ALL_SCHEMES), name="schemes")
    made = run_source("schemes", numpy_source(derive_all(own)))
    sizes = {"d_x": 30, "d_h": 60}
    params = made.init(sizes, np.random.default_rng(0))
    for variable in own.of_role("param"):
        _assert_scheme(own.inits[variable.name], getattr(params, variable.name), sizes)
    flat = made.init({"d_x": 60, "d_h": 30}, np.random.default_rng(0)).V
    assert np.allclose(flat @ flat.T, np.eye(30), atol=1e-12)


def test_init_says_which_size_is_missing():
    with pytest.raises(ValueError, match=r"^sizes: got \{'d_x': 2\}, expected also d_h$"):
        module("lstm").init({"d_x": 2}, np.random.default_rng(0))


def test_the_text_runs_from_a_file(tmp_path):
    """Nothing in the text depends on how it was loaded."""
    from cellfolder import source

    path = tmp_path / "own.py"
    path.write_text(source("lstm"), encoding="utf-8")
    namespace = {"__name__": "own"}
    with io.open_code(str(path)) as file:
        exec(compile(file.read(), str(path), "exec"), namespace)  # noqa: S102
    assert namespace["AXES"] == ("d_x", "d_h")
