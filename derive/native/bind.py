"""A compiled cell with the interface of a NumPy kernel. In: a library and its table. Out: a `Kernel`.

Nothing is copied on the way to C except an array that is not contiguous; results are fresh NumPy arrays.
"""

from __future__ import annotations

import ctypes
import math
import operator
import os
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from derive.native.arrays import Array, Sizes, checked, members, refusal, shape_of
from derive.native.fastcall import Argument, Kind
from derive.native.functions import DTYPES, Functions, pointer, pointers
from derive.native.interface import MOST_THREADS, Field, Interface
from derive.native.plan import MEMORY, NOTHING, Memory, Plan, Plans
from derive.native.stream import Stream
from derive.native.tape import Tape

Init = Callable[[Mapping[str, int], np.random.Generator, np.dtype[Any]], Any]
TapeOf = Callable[[Any, Any, Any, Mapping[str, int], Mapping[str, Array]], Any]

_TELLS_AFFINITY = hasattr(os, "sched_getaffinity")


class Prepared:
    """Checked parameters, packed for C if `packed` is set. The arrays must not change while it is in use."""

    def __init__(self, functions: Functions, arrays: list[Array], sizes: Sizes) -> None:
        self.functions = functions
        self.arrays = arrays
        self.pointers = pointers(arrays)
        self.sizes = sizes
        self.packed: Array | None = None


class Kernel:
    """One cell, compiled. `dtype` fixes the precision; without it, the parameters decide. `source` is the
    text that was compiled and `cell` what it was derived from, where the caller has them.

    `init(sizes, rng, dtype)` makes parameters; `tape_of(params, inputs, initial, sizes, saved)` makes what
    computes the intermediates that the C does not save. Both are those of the NumPy kernel of the same cell.
    A NamedTuple is accepted by its fields, so those of that kernel will do.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        interface: Interface,
        init: Init,
        tape_of: TapeOf,
        dtype: Any = None,
        *,
        cell: Any = None,
        source: str = "",
    ) -> None:
        self.interface = interface
        self.cell, self.source = cell, source
        self.dtype = None if dtype is None else np.dtype(dtype)
        self.Params = _named_tuple("Params", interface.params)
        self.State = _named_tuple("State", interface.states)
        self.Inputs = _named_tuple("Inputs", interface.inputs)
        self.Output = _named_tuple("Output", interface.outputs)
        self._init = init
        self._tape_of = tape_of
        self._sequence = (interface.time, interface.batch)
        self._batch = (interface.batch,)
        self._unknown = Sizes()
        self._plans, self._memory, self._tapes = Plans(), Memory(), Memory()
        offered = {DTYPES[precision]: precision for precision in interface.precisions}
        wanted = offered if dtype is None else [np.dtype(dtype)]
        if any(each not in offered for each in wanted):
            raise TypeError(refusal("dtype", np.dtype(dtype), " or ".join(map(str, offered))))
        self._functions = {each: Functions(library, interface, offered[each]) for each in wanted}

    def init(self, sizes: Mapping[str, int], rng: np.random.Generator) -> Any:
        """Parameters by the scheme that the cell states; float64 where the kernel leaves the choice."""
        return self._init(sizes, rng, max(self._functions, key=lambda dtype: dtype.itemsize))

    def prepare(self, params: Any, sizes: Mapping[str, int] | None = None) -> Prepared:
        """Parameters checked and packed once, and what is made of them alone; accepted wherever parameters are. `sizes`
        are those that the parameters alone do not tell."""
        given = self._bind(params)
        if given.packed is not None:
            return given
        own = {axis: size for axis, size in (sizes or {}).items() if axis not in self._sequence}
        told = Sizes(own) if own else self._unknown  # whose continuations plans are told apart by
        for field, array in zip(self.interface.params, given.arrays, strict=True):
            told = told.match(f"params.{field.name}", array.shape, field.shape)
        prepared = Prepared(given.functions, given.arrays, told)
        whole = told.knowing(**dict.fromkeys(self._sequence, 1)).complete(
            self.interface.axes, "it in prepare(params, sizes)"
        )
        dims = given.functions.dims(whole.known)
        prepared.packed = given.functions.buffer("packed", dims)
        given.functions.call("pack", dims, given.pointers, pointer(prepared.packed))
        return prepared

    def forward(
        self,
        params: Any,
        x: Any,
        initial: Any = None,
        *,
        tape: bool = True,
        threads: int | None = None,
        checkpoint: int | None = None,
    ) -> tuple[Any, Any, Tape | None]:
        """The outputs, the final state, and the tape for backward (None with `tape=False`).

        `threads`: at most how many; without it, as many as there are cores that this process may use. The
        result has the same bits for any number. `checkpoint`: keep only the state of every so many steps, and let
        backward compute the rest again; about the root of T takes least memory.
        """
        key = _key(params, threads, checkpoint, "forward", initial is None, (not tape, _shape(x)))
        plan = self._plans.get(key)
        if plan is not None:
            outputs, final = plan.fresh()
            room = plan.room(self._tapes)
            if plan.run(self._memory, *_passed(params), x, initial, outputs, final, room):
                inputs = x if isinstance(x, tuple) else (x,)
                kept = None if room is None else self._tape(plan, params, inputs, initial, room, checkpoint)
                return self._alone(self.Output, outputs), self.State(*final), kept
        return self._checked_forward(key, params, x, initial, tape, threads, checkpoint)

    def _checked_forward(
        self, key: object, params: Any, x: Any, initial: Any, tape: bool, threads: int | None, checkpoint: int | None
    ) -> tuple[Any, Any, Tape | None]:
        interface, bound = self.interface, self._bind(params)
        functions = bound.functions
        given = members("x", x, interface.inputs, alone=True)
        inputs, sizes = checked(given, interface.inputs, self._sequence, functions.dtype, bound.sizes)
        start, sizes = self._state("initial", initial, functions.dtype, sizes)
        sizes = sizes.complete(interface.axes)
        cut = _checkpoint(checkpoint) if tape else 0
        arguments = (
            *self._params_of(bound),
            (Kind.ALONE, interface.inputs, self._sequence),
            self._state_of(start),
            (Kind.RESULT, interface.outputs, self._sequence),
            (Kind.RESULT, interface.states, self._batch),
            MEMORY if tape else NOTHING,
            MEMORY,
        )

        def make() -> Plan:
            chosen = {"parts": _threads(threads), "checkpoint": cut}
            return Plan(functions, "forward_threads", sizes, arguments, chosen, keeps=bool(tape))

        plan = self._plans.agreed(key, functions, sizes, make)
        outputs, final = plan.fresh()
        room = plan.room(self._tapes)
        work = functions.buffer("work", plan.dims, plan.options)
        kept = None if room is None else self._tape(plan, bound, tuple(inputs), start, room, cut)
        functions.call(
            "forward_threads", plan.dims, bound.pointers, pointer(bound.packed), pointers(inputs), pointers(start),
            pointers(outputs), pointers(final), pointer(kept._buffer if kept else None), pointer(work),
            options=plan.options,
        )  # fmt: skip
        return self._alone(self.Output, outputs), self.State(*final), kept

    def backward(
        self, params: Any, tape: Tape, dy: Any, dfinal: Any = None, *, threads: int | None = None
    ) -> tuple[Any, Any, Any]:
        """The gradients of the parameters, the inputs and the initial state; the tape can be used again.

        `threads` as in `forward`.
        """
        key = plan = None
        if isinstance(tape, Tape):
            made = tape._functions, tape._sizes, tape._initial is None
            key = _key(params, threads, tape._checkpoint, "backward", dfinal is None, made)
            plan = self._plans.get(key)
        if plan is not None:
            dparams, dinputs, dinitial = plan.fresh()
            if plan.run(
                self._memory, *_passed(params), tape._inputs, tape._initial, tape._room, dy, dfinal,
                dparams, dinputs, dinitial,
            ):  # fmt: skip
                return self.Params(*dparams), self._alone(self.Inputs, dinputs), self.State(*dinitial)
        return self._checked_backward(key, params, tape, dy, dfinal, threads)

    def _checked_backward(
        self, key: object, params: Any, tape: Tape, dy: Any, dfinal: Any, threads: int | None
    ) -> tuple[Any, Any, Any]:
        interface, bound = self.interface, self._bind(params)
        functions, dtype = bound.functions, bound.functions.dtype
        if not isinstance(tape, Tape):
            raise TypeError(refusal("tape", type(tape).__name__, "the tape of a forward call"))
        if tape._functions is not functions:
            got = f"another kernel's, of {tape._functions.dtype}"
            raise TypeError(refusal("tape", got, f"its own, of {dtype}"))
        sizes = tape._sizes
        for field, array in zip(interface.params, bound.arrays, strict=True):
            sizes = sizes.match(f"params.{field.name}", array.shape, field.shape)
        given = members("dy", dy, interface.outputs, alone=True)
        doutputs, sizes = checked(given, interface.outputs, self._sequence, dtype, sizes)
        end, _ = self._state("dfinal", dfinal, dtype, sizes)
        arguments = (
            *self._params_of(bound),
            (Kind.CHECKED, interface.inputs, self._sequence),
            NOTHING if tape._initial is None else (Kind.CHECKED, interface.states, self._batch),
            MEMORY,
            (Kind.ALONE, interface.outputs, self._sequence),
            self._state_of(end),
            (Kind.RESULT, interface.params, ()),
            (Kind.RESULT, interface.inputs, self._sequence),
            (Kind.RESULT, interface.states, self._batch),
            MEMORY,
        )

        def make() -> Plan:
            chosen = {"parts": _threads(threads), "checkpoint": tape._checkpoint}
            return Plan(functions, "backward_threads", tape._sizes, arguments, chosen)

        plan = self._plans.agreed(key, functions, tape._sizes, make)
        dparams, dinputs, dinitial = plan.fresh()
        work = functions.buffer("work", plan.dims, plan.options)
        functions.call(
            "backward_threads", plan.dims, bound.pointers, pointer(bound.packed), pointers(tape._inputs),
            pointers(tape._initial), pointer(tape._buffer), pointers(doutputs), pointers(end),
            pointers(dparams), pointers(dinputs), pointers(dinitial), pointer(work), options=plan.options,
        )  # fmt: skip
        return self.Params(*dparams), self._alone(self.Inputs, dinputs), self.State(*dinitial)

    def step(self, params: Any, x_t: Any, state: Any = None) -> tuple[Any, Any]:
        """The output and the new state after one step; an omitted state is zero."""
        key = _key(params, 1, None, "step", state is None, _shape(x_t))
        plan = self._plans.get(key)
        if plan is not None:
            outputs, new = plan.fresh()
            if plan.run(self._memory, *_passed(params), x_t, state, outputs, new):
                return self._alone(self.Output, outputs), self.State(*new)
        return self._checked_step(key, params, x_t, state)

    def _checked_step(self, key: object, params: Any, x_t: Any, state: Any) -> tuple[Any, Any]:
        interface, bound = self.interface, self._bind(params)
        functions, sizes = bound.functions, bound.sizes.knowing(**{interface.time: 1})
        given = members("x_t", x_t, interface.inputs, alone=True)
        inputs, sizes = checked(given, interface.inputs, self._batch, functions.dtype, sizes)
        old, sizes = self._state("state", state, functions.dtype, sizes)
        sizes = sizes.complete(interface.axes)
        arguments = (
            *self._params_of(bound),
            (Kind.ALONE, interface.inputs, self._batch),
            self._state_of(old),
            (Kind.RESULT, interface.outputs, self._batch),
            (Kind.RESULT, interface.states, self._batch),
            MEMORY,
        )
        plan = self._plans.agreed(key, functions, sizes, lambda: Plan(functions, "step", sizes, arguments, {}))
        outputs, new = plan.fresh()
        work = functions.buffer("work", plan.dims, plan.options)
        functions.call(
            "step", plan.dims, bound.pointers, pointer(bound.packed), pointers(inputs), pointers(old),
            pointers(outputs), pointers(new), pointer(work), options=plan.options,
        )  # fmt: skip
        return self._alone(self.Output, outputs), self.State(*new)

    def stream(self, params: Any, state: Any = None) -> Stream:
        """Steps without allocation, from this state; an omitted state is zero, for a batch of one."""
        bound = self.prepare(params)
        functions, sizes = bound.functions, bound.sizes.knowing(**{self.interface.time: 1})
        start, sizes = self._state("state", state, functions.dtype, sizes)
        if start is None:
            sizes = sizes.knowing(**{self.interface.batch: 1})
        known = sizes.complete(self.interface.axes).known
        beginning = self._zero_state(functions.dtype, known) if start is None else start
        return Stream(functions, (bound.arrays, bound.packed), beginning, known, self.State)

    def flatten(self, params: Any) -> Array:
        """All parameters in one fresh vector, in the order of their fields."""
        return np.concatenate([array.ravel() for array in self._bind(params).arrays])

    def unflatten(self, vector: Any, sizes: Mapping[str, int]) -> Any:
        """Parameters that are views of such a vector: changing one changes the other."""
        try:
            shapes = [shape_of(field, (), sizes) for field in self.interface.params]
        except KeyError as missing:
            raise ValueError(refusal("sizes", dict(sizes), f"also {missing.args[0]}")) from None
        if any(size < 1 for shape in shapes for size in shape):
            raise ValueError(refusal("sizes", dict(sizes), "whole numbers of at least 1"))
        if not isinstance(vector, np.ndarray) or (self.dtype or vector.dtype) != vector.dtype:
            got = getattr(vector, "dtype", type(vector).__name__)
            raise TypeError(refusal("vector", got, f"an array of {self.dtype or 'float32 or float64'}"))
        *starts, end = np.cumsum([0, *map(math.prod, shapes)])
        if vector.shape != (end,) or not vector.flags.c_contiguous:
            got = f"shape {vector.shape}, strides {vector.strides}"
            raise ValueError(refusal("vector", got, f"a contiguous vector of {end}"))
        pieces = np.split(vector, starts[1:])
        return self.Params(*(piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)))

    def _bind(self, params: Any) -> Prepared:
        """Checked parameters with the functions of their precision."""
        if isinstance(params, Prepared):
            if params.functions not in self._functions.values():
                raise TypeError(refusal("params", "what another kernel prepared", "its own"))
            return params
        given = members("params", params, self.interface.params, alone=False)
        dtype = next((getattr(value, "dtype", None) for _, value in given), None)
        functions = self._functions.get(dtype) or next(iter(self._functions.values()))
        arrays, sizes = checked(given, self.interface.params, (), functions.dtype, self._unknown)
        return Prepared(functions, arrays, sizes)

    def _state(
        self, argument: str, value: Any, dtype: np.dtype[Any], sizes: Sizes
    ) -> tuple[tuple[Array, ...] | None, Sizes]:
        if value is None:
            return None, sizes
        given = members(argument, value, self.interface.states, alone=False)
        arrays, sizes = checked(given, self.interface.states, self._batch, dtype, sizes)
        return tuple(arrays), sizes

    def _zero_state(self, dtype: np.dtype[Any], sizes: Mapping[str, int]) -> list[Array]:
        return [np.zeros(shape_of(field, self._batch, sizes), dtype) for field in self.interface.states]

    def _params_of(self, bound: Prepared) -> tuple[Argument, Argument]:
        """What a plan expects for parameters like these, and for what was packed of them."""
        if bound.packed is None:
            return (Kind.NAMED, self.interface.params, ()), NOTHING
        return (Kind.POINTERS, self.interface.params, ()), MEMORY

    def _state_of(self, state: object) -> Argument:
        """What a plan expects for a state like this one."""
        return NOTHING if state is None else (Kind.NAMED, self.interface.states, self._batch)

    def _tape(
        self, plan: Plan, params: Any, inputs: Any, start: Any, room: Array, checkpoint: int | None
    ) -> Tape:
        functions, known = plan.functions, plan.sizes.known

        def whole(saved: Mapping[str, Array]) -> Any:
            arrays = params.arrays if isinstance(params, Prepared) else params
            initial = self._zero_state(functions.dtype, known) if start is None else start
            return self._tape_of(self.Params(*arrays), self.Inputs(*inputs), self.State(*initial), known, saved)

        return Tape(functions, plan.sizes, plan.dims, inputs, start, room, whole, checkpoint or 0)

    @staticmethod
    def _alone(make: Callable[..., Any], arrays: Sequence[Array]) -> Any:
        """One array as it is, several as a NamedTuple."""
        return arrays[0] if len(arrays) == 1 else make(*arrays)


def _key(
    params: Any, threads: int | None, checkpoint: int | None, call: str, from_zero: bool, further: object
) -> object:
    """What tells calls apart beside their arrays; None for what no plan is made for, to be checked each time."""
    parts = _cores() if threads is None else threads
    if type(parts) is not int or not (checkpoint is None or type(checkpoint) is int):
        return None
    if isinstance(params, Prepared):
        further = params.functions, params.sizes, further
    return call, from_zero, parts, checkpoint, further


def _passed(params: Any) -> tuple[Any, Any]:
    """The first two arguments of a planned call."""
    return (params.pointers, params.packed) if isinstance(params, Prepared) else (params, None)


def _shape(value: object) -> tuple[int, ...] | None:
    return value.shape if type(value) is np.ndarray else None


def _cores() -> int:
    """How many this process may use, at this moment."""
    return len(os.sched_getaffinity(0)) if _TELLS_AFFINITY else os.cpu_count() or 1


def _threads(asked: int | None) -> int:
    """How many threads: what was asked for, or the cores that this process may use; no more than the C code has."""
    return min(_cores() if asked is None else _positive("threads", asked), MOST_THREADS)


def _checkpoint(asked: int | None) -> int:
    """After how many steps the state is kept; 0 where everything is."""
    return 0 if asked is None else _positive("checkpoint", asked)


def _positive(argument: str, value: int) -> int:
    told = refusal(argument, repr(value), "a number of at least 1")
    if not hasattr(value, "__index__"):
        raise TypeError(told)
    if value < 1:
        raise ValueError(told)
    return operator.index(value)


def _named_tuple(name: str, fields: Sequence[Field]) -> Any:
    return namedtuple(name, [field.name for field in fields])
