"""What a generated NumPy module refuses, and that it says which argument, what it got, what it expected."""

# ruff: noqa: E501 - a table reads best with a case a line

import numpy as np
import pytest
from cellfolder import EVERY, Arguments, bare, example, module


class Call:
    """The arguments of one call to each function of the lstm, to be spoilt one at a time."""

    def __init__(self, name="lstm"):
        self.made = module(name)
        given = Arguments(self.made, example(name, "distinct")[0])
        self.params, self.x, self.initial = given.params, given.x, given.initial
        self.dy, self.dfinal = given.dy, given.dfinal
        self.x_t = bare(self.made.Inputs(*(a[0] for a in given.inputs)))

    def forward(self):
        return self.made.forward(self.params, self.x, self.initial)

    def infer(self):
        return self.made.forward(self.params, self.x, self.initial, tape=False)

    def backward(self):
        good = Call()
        return self.made.backward(self.params, good.forward()[2], self.dy, self.dfinal)

    def step(self):
        return self.made.step(self.params, self.x_t, self.initial)

    def stream(self):
        return self.made.stream(self.params, self.initial)(self.x_t, self.x_t)

    def prepare(self):
        return self.made.prepare(self.params)

    def flatten(self):
        return self.made.flatten(self.params)


def single(array):
    return array.astype(np.float32)


SPOILT = [
    # argument, how it is spoilt, what is called, the error, the message
    ("x", single, "forward", TypeError, "x: got float32, expected float64"),
    ("x", single, "infer", TypeError, "x: got float32, expected float64"),
    ("x", lambda a: a.astype(int), "forward", TypeError, "x: got int64, expected an array of float32 or float64"),
    ("x", lambda a: a.astype(complex), "forward", TypeError, "x: got complex128, expected an array of float32"),
    ("x", lambda a: a.astype(np.float16), "forward", TypeError, "x: got float16, expected an array of float32"),
    ("x", lambda a: a.tolist(), "forward", TypeError, "x: got list, expected an array of float32 or float64"),
    ("x", lambda a: None, "forward", TypeError, "x: got NoneType, expected an array of float32 or float64"),
    ("x", lambda a: a[0], "forward", ValueError, r"x: got shape \(2, 3\), expected \(T.*, B.*, d_x = 3\)"),
    ("x", lambda a: a[..., :2], "forward", ValueError, r"x: got shape \(3, 2, 2\), expected \(.*d_x = 3\)"),
    ("x", lambda a: a[:0], "forward", ValueError, r"x: got shape \(0, 2, 3\), expected "),
    ("x", lambda a: a[:, :0], "forward", ValueError, r"x: got shape \(3, 0, 3\), expected "),
    ("x_t", single, "step", TypeError, "x_t: got float32, expected float64"),
    ("x_t", lambda a: a[None], "step", ValueError, r"x_t: got shape \(1, 2, 3\), expected \(B.*, d_x = 3\)"),
    ("x_t", lambda a: a[:1], "step", ValueError, r"state\.h: got shape \(2, 4\), expected \(B = 1, d_h = 4\)"),
    ("x_t", single, "stream", TypeError, "x_t: got float32, expected float64"),
    ("initial", lambda s: s._replace(c=single(s.c)), "forward", TypeError, r"initial\.c: got float32, expected float64"),
    ("initial", lambda s: s._replace(c=s.c[:1]), "forward", ValueError, r"initial\.c: got shape \(1, 4\), expected \(B = 2, d_h = 4\)"),
    ("initial", lambda s: s._replace(h=0.0), "forward", TypeError, r"initial\.h: got float, expected an array of float32 or float64"),
    ("initial", tuple, "forward", TypeError, r"initial: got tuple, expected State\(h, c\)"),
    ("initial", lambda s: s.h, "forward", TypeError, r"initial: got ndarray, expected State\(h, c\)"),
    ("initial", lambda s: s._replace(h=single(s.h)), "step", TypeError, r"state\.h: got float32, expected float64"),
    ("dy", single, "backward", TypeError, "dy: got float32, expected float64"),
    ("dy", lambda a: a[:2], "backward", ValueError, r"dy: got shape \(2, 2, 4\), expected \(T = 3, B = 2, d_h = 4\)"),
    ("dfinal", lambda s: s._replace(c=s.c[:, :1]), "backward", ValueError, r"dfinal\.c: got shape \(2, 1\), expected \(B = 2, d_h = 4\)"),
    ("params", lambda p: p._replace(b_f=single(p.b_f)), "forward", TypeError, r"params\.b_f: got float32, expected float64"),
    ("params", lambda p: p._replace(b_f=p.b_f[:2]), "forward", ValueError, r"params\.b_\w: got shape .*, expected \(d_h = \d\)"),
    ("params", lambda p: p._replace(W_i=p.W_i[:, 1:]), "forward", ValueError, r"params\.W_\w: got shape \(4, \d\), expected"),
    ("params", lambda p: p._replace(W_i=p.W_i.T), "forward", ValueError, r"params\.W_i: got shape \(7, 4\), expected \(.*d_h"),
    ("params", lambda p: p._replace(W_i=p.W_i.tolist()), "prepare", TypeError, r"params\.W_i: got list, expected an array"),
    ("params", lambda p: dict(p._asdict()), "forward", TypeError, r"params: got dict, expected Params\(W_f, b_f, "),
    ("params", tuple, "flatten", TypeError, r"params: got tuple, expected Params\(W_f, "),
    ("params", lambda p: p[0], "backward", TypeError, r"params: got ndarray, expected Params\("),
]  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "spoil", "function", "error", "message"),
    SPOILT,
    ids=[f"{k}-{s[0]}-{s[2]}" for k, s in enumerate(SPOILT)],
)
def test_refused(argument, spoil, function, error, message):
    call = Call()
    setattr(call, argument, spoil(getattr(call, argument)))
    with pytest.raises(error, match="^" + message):
        getattr(call, function)()


def test_backward_wants_a_tape():
    call = Call()
    with pytest.raises(TypeError, match=r"^tape: got NoneType, expected the tape of a forward call$"):
        call.made.backward(call.params, call.infer()[2], call.dy)


def test_a_tape_of_another_precision_is_refused():
    double, half = Call(), Call()
    half.params = type(half.params)(*map(single, half.params))
    half.initial = type(half.initial)(*map(single, half.initial))
    half.x = single(half.x)
    tape = half.forward()[2]
    with pytest.raises(TypeError, match=r"^tape: got one of float32, expected one of float64$"):
        double.made.backward(double.params, tape, double.dy)


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros((2, 4), np.float32), TypeError, r"an array of float32, shape \(2, 4\), expected an array of float64"),
        (np.zeros((2, 3)), TypeError, r"an array of float64, shape \(2, 3\), expected an array of float64, shape \(2, 4\)"),
        ([0.0], TypeError, "list, expected an array of float64"),
        (np.broadcast_to(0.0, (2, 4)), ValueError, "a read-only array, expected one to write into"),
    ],
    ids=["dtype", "shape", "type", "read-only"],
)
def test_a_stream_that_refuses_stays_where_it_is(out, error, message):
    call = Call()
    stream = call.made.stream(call.params, call.initial)
    with pytest.raises(error, match=f"^out: got {message}"):
        stream(call.x_t, out)
    assert stream.state is call.initial


@pytest.mark.parametrize("function", ["init", "unflatten"])
@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"d_x": 3}, r"sizes: got \{'d_x': 3\}, expected also d_h"),
        ({"d_x": 3, "d_h": 0}, "sizes: got d_h = 0, expected a whole number of at least 1"),
        ({"d_x": 3, "d_h": 2.0}, r"sizes: got d_h = 2\.0, expected a whole number of at least 1"),
    ],
    ids=["missing", "zero", "broken"],
)
def test_sizes_are_asked_for(function, sizes, message):
    made = module("lstm")
    given = {"init": (sizes, np.random.default_rng(0)), "unflatten": (np.zeros(3), sizes)}
    with pytest.raises(ValueError, match=f"^{message}$"):
        getattr(made, function)(*given[function])


def test_a_vector_of_another_length_is_refused():
    for length in (1, 10, 1000):
        with pytest.raises(ValueError, match=rf"^vector: got shape \({length},\), expected \(128,\)$"):
            module("lstm").unflatten(np.zeros(length), {"d_x": 3, "d_h": 4})


def test_several_inputs_come_as_a_tuple_of_their_own():
    call = Call("second_order")
    assert len(call.x) == 3
    with pytest.raises(TypeError, match=r"^x: got ndarray, expected Inputs\(x, spare, drive\)$"):
        call.made.forward(call.params, call.x[0])
    call.x = call.x._replace(spare=single(call.x.spare))
    with pytest.raises(TypeError, match=r"^x\.spare: got float32, expected float64$"):
        call.forward()


def test_a_tuple_of_another_cell_is_refused():
    call = Call()
    call.initial = module("gru").State(call.initial.h)
    with pytest.raises(TypeError, match=r"^initial: got State.*, expected State\(h, c\)$"):
        call.forward()


@pytest.mark.parametrize("name", EVERY)
def test_the_fields_are_as_the_cell_spells_them(name):
    from cellfolder import cell

    made, of = module(name), cell(name)
    for kind, role in ((made.Params, "param"), (made.State, "state"), (made.Inputs, "input")):
        assert kind._fields == tuple(v.name for v in of.of_role(role))
    assert made.Output._fields == of.outputs
