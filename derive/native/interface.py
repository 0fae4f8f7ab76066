"""What the generic binding must know about one compiled cell. In: nothing. Out: `Interface`, a table of data.

The C backend writes the table beside its sources; nothing of a cell is known to the binding but this. For the
prefix `p` and a precision `f32` or `f64` the library exports, `q` standing for `p_f32` or `p_f64`:

    typedef struct { size_t <axes…>; } p_dims;                  in the order of `axes`
    typedef struct { int <options…>; void *crew; } p_options;   in the order of `options`; 0 asks for nothing
    structs of pointers to float or double, in the order of the tables:
    q_params, q_dparams, q_inputs, q_dinputs, q_state (initial, final and their gradients), q_outputs

    size_t q_packed_bytes(const p_dims *, const p_options *);   (size_t)-1 where a size overflows
    size_t q_tape_bytes(const p_dims *, const p_options *);
    size_t q_work_bytes(const p_dims *, const p_options *);     enough for forward, backward and step
    size_t q_tape_offset(const p_dims *, const p_options *, int index);     in bytes, of the entry of `tape`
    int q_pack(dims, params, void *packed, options);            the layout does not depend on time and batch
    int q_forward(dims, params, packed, inputs, initial, outputs, final, tape, work, options);
    int q_backward(dims, params, packed, inputs, initial, tape, doutputs, dfinal,
                   dparams, dinputs, dinitial, work, options);
    int q_forward_threads, q_backward_threads: the same, by at most options->parts threads
    int q_step(dims, params, packed, inputs, state, outputs, new_state, work, options);

    size_t p_crew_bytes(void);                                  of threads that wait for calls
    int p_crew_start(void *crew, int threads);                  the caller's thread among them

NULL: `packed` (packed in the workspace), `tape` of forward (inference), `initial`, `dfinal` and the state of
a step (zero), and any pointer in a struct of gradients (skipped). `packed`, `tape`, `work` and `crew` are aligned to
`ALIGNMENT` bytes. `step` is called with a time of 1. Each `int` is 0 or the index of a text in `errors`.
"""

from __future__ import annotations

from dataclasses import dataclass

ALIGNMENT = 64
MOST_THREADS = 64

AxisSum = str | tuple[str, ...]
"""One stored axis: a named size, or several that stand one after the other."""


@dataclass(frozen=True)
class Field:
    """An array: its name as the cell spells it, and an entry for each of its axes."""

    name: str
    shape: tuple[AxisSum, ...]


@dataclass(frozen=True)
class Interface:
    """One compiled cell.

    `axes` are time, batch, then the cell's own. Shapes of `inputs`, `states` and `outputs` are the cell's,
    without time and batch; those of `params` and of `tape` are complete. `options` are names.
    `errors` are texts by code, the first for success.
    """

    prefix: str
    precisions: tuple[str, ...]
    axes: tuple[str, ...]
    params: tuple[Field, ...]
    inputs: tuple[Field, ...]
    states: tuple[Field, ...]
    outputs: tuple[Field, ...]
    tape: tuple[Field, ...]
    options: tuple[str, ...]
    errors: tuple[str, ...]

    @property
    def time(self) -> str:
        return self.axes[0]

    @property
    def batch(self) -> str:
        return self.axes[1]
