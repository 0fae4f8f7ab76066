"""Every set of instructions: the numbers of plain C, and a clear refusal of what cannot be followed."""

from pathlib import Path

import numpy as np
import pytest
from ccalls import MISPACKED, OK, UNSUPPORTED, Call, problem_of, stages
from cellfolder import EVERY, SHIPPED, assert_close

pytestmark = pytest.mark.needs("cc")
CELLS = pytest.mark.parametrize("name", EVERY)
CPU = Path("/proc/cpuinfo")
SETS = {"plain": 1, "avx2": 2, "avx512": 3, "neon": 4}
NUMBERS = [np.float32, np.float64]
ROUNDING = {np.float32: 2e-5, np.float64: 1e-13}
AWKWARD = {  # T, B, the cell's axes in turn
    "below vectors": (2, 1, 1, 3, 2),
    "beside vectors": (3, 7, 17, 15, 9),
    "beside tiles": (2, 3, 100, 33, 64),
}


def has(instructions, dtype=np.float64):
    """Whether a kernel follows this option here."""
    call = Call("rnn", dtype=dtype, set=SETS[instructions])
    return call.forward() == OK


def computed(name, dtype, instructions, sizes, packed=False):
    call = Call(name, dtype=dtype, problem=problem_of(name, *sizes), set=SETS[instructions])
    if packed:
        assert call.pack() == OK
    assert call.forward() == OK
    assert call.backward() == OK
    return call.results()


@CELLS
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("sizes", AWKWARD)
def test_every_set_agrees_with_plain_c(name, dtype, sizes):
    plain = computed(name, dtype, "plain", AWKWARD[sizes])
    for instructions in ("avx2", "avx512", "neon"):
        if has(instructions, dtype):
            got = computed(name, dtype, instructions, AWKWARD[sizes])
            assert_close(got, plain, ROUNDING[dtype] * (1 if name in SHIPPED else 10))
            if sizes == "beside vectors":
                assert_close(computed(name, dtype, instructions, AWKWARD[sizes], packed=True), got, 0)


def test_something_beyond_plain_c_is_tested_here():
    """What the processor says it has, the option finds; single precision alone has AVX-512."""
    if not CPU.exists():
        pytest.skip(f"no {CPU}")
    told = set(CPU.read_text().split())
    assert has("plain")
    assert has("avx2") == ({"avx2", "fma", "bmi2"} <= told)
    assert has("avx512", np.float32) == ({"avx512f", "avx512dq", "avx512vl", "avx512bw"} <= told)
    assert not has("avx512", np.float64)
    assert has("neon") == ("asimd" in told)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"set": -1}, {"set": 5}, {"set": 2**31 - 1}, {"parts": -1}, {"parts": 2, "part": 2}, {"parts": 2, "part": -1},
        {"parts": 1, "stage": -1}, {"parts": 1, "stage": 99}, {"checkpoint": -1}, {"checkpoint": 2, "parts": 1},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("name", ["lstm", "mlstm", "no_recurrence"])
def test_options_that_make_no_sense_are_refused_and_nothing_is_written(name, dtype, nonsense):
    refused(name, dtype, nonsense)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("instructions", SETS)
def test_a_set_that_this_machine_has_not_is_refused(instructions, dtype):
    if not has(instructions, dtype):
        refused("lstm", dtype, {"set": SETS[instructions]})


def refused(name, dtype, options):
    call = Call(name, dtype=dtype)
    assert call.pack() == OK
    written = (*call.outputs, *call.final, *call.gradients().values(), call.tape, call.work, call.packed)
    before = [array.copy() for array in written]
    assert call.forward(**options) == UNSUPPORTED
    assert call.backward(**options) == UNSUPPORTED
    if "parts" not in options or options["parts"] < 0:
        assert call.forward("forward_threads", **options) == UNSUPPORTED
        assert call.backward("backward_threads", **options) == UNSUPPORTED
        assert call.step(**options) == UNSUPPORTED
        packed = call.packed.copy()
        assert call.pack(**options) == UNSUPPORTED
        assert (call.packed == packed).all()
    for array, old in zip(written, before, strict=True):
        assert np.array_equal(array, old, equal_nan=True)


def test_the_last_stage_is_one_below_how_many_there_are():
    for name in SHIPPED:
        call = Call(name)
        for function, run in (("forward", call.forward), ("backward", call.backward)):
            count = stages(name, function)
            assert count >= 1
            assert [run(parts=1, stage=stage) for stage in range(count + 1)] == [OK] * count + [UNSUPPORTED]


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("name", SHIPPED)
def test_packed_for_one_set_is_refused_by_another(name, dtype):
    here = [k for instructions, k in SETS.items() if has(instructions, dtype)]
    for packed in here:
        call = Call(name, dtype=dtype, set=packed)
        assert call.pack() == OK
        for other in here:
            wanted = OK if other == packed else MISPACKED
            assert call.forward(set=other) == wanted
            assert call.backward(set=other) == wanted
            assert call.step(set=other) == wanted
        best = Call(name, dtype=dtype)
        best.packed = call.packed
        assert best.forward() == (OK if packed == max(here) else MISPACKED)
