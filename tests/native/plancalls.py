"""Calls of a small LSTM by every way, and what comes of them."""

from collections import namedtuple

import numpy as np

T, B, D, H = 5, 2, 3, 4
Same = namedtuple("Same", ["a", "W", "b"])
Turned = namedtuple("Turned", ["b", "a", "W"])
Wrapped = namedtuple("Wrapped", ["x"])


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
