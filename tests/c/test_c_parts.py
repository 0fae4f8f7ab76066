"""Work in parts, by hand or by threads: the same bits for any number of parts, in any order."""

import random
import threading

import numpy as np
import pytest
from ccalls import OK, Call, problem_of, stages
from cellfolder import EVERY, SHIPPED, Arguments
from ckernels import driver, kernel, run, table, texts, written

from derive.native.arrays import address

pytestmark = pytest.mark.needs("cc")
CELLS = pytest.mark.parametrize("name", EVERY)
SIZES = (4, 7, 17, 6, 9, 5)  # T, B, the cell's axes in turn
LARGE = (24, 40, 96, 64, 48)  # where threads are started
FEW_ROWS = (150, 2, 96, 130, 70)  # where they share the units of a layer
ONE_ROW = (60, 1, 70, 130, 100)  # and each reads its panels one by one
FEW_WIDE = (40, 2, 257, 270, 261)  # and the layer has but one matrix
MANY_ROWS = (64, 12, 24, 20, 22)  # where threads are started for matrices of each sequence
PLAIN = 1  # the set of instructions that the header calls so


def whole(name, dtype, sizes, **options):
    call = Call(name, dtype=dtype, problem=problem_of(name, *sizes), **options)
    assert call.forward() == OK
    assert call.backward() == OK
    return call.results()


def in_parts(name, dtype, sizes, parts, packed, seed, **options):
    """All stages, the parts of each in an order of chance."""
    call = Call(name, dtype=dtype, problem=problem_of(name, *sizes), parts=parts, **options)
    call.tape[:], call.work[:] = 255, 255
    if packed:
        assert call.pack(parts=0, **options) == OK
    order = random.Random(seed)
    for function, done in (("forward", call.forward), ("backward", call.backward)):
        for stage in range(stages(name, function)):
            for part in order.sample(range(parts), parts):
                assert done(parts=parts, part=part, stage=stage, **options) == OK
    return call.results()


def same(got, wanted):
    assert got.keys() == wanted.keys()
    for key, array in wanted.items():
        assert np.array_equal(got[key], array, equal_nan=True), key


@CELLS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_number_of_parts_in_any_order_gives_the_same_bits(name, dtype):
    wanted = whole(name, dtype, SIZES)
    for parts in (1, 2, 3, 5, 11):  # the last is more than sequences in the batch
        same(in_parts(name, dtype, SIZES, parts, packed=parts % 2 == 0, seed=parts), wanted)


@pytest.mark.parametrize("name", ["lstm", "mlstm", "indrnn"])
def test_parts_of_plain_c_too(name):
    for sizes in (SIZES, (3, 1, 5, 4)):
        wanted = whole(name, np.float64, sizes, set=PLAIN)
        for parts in (2, 4):
            same(in_parts(name, np.float64, sizes, parts, packed=False, seed=parts, set=PLAIN), wanted)


def by_threads(name, dtype, sizes, threads, **options):
    call = Call(name, dtype=dtype, problem=problem_of(name, *sizes), parts=threads, **options)
    assert call.forward("forward_threads") == OK
    assert call.backward("backward_threads") == OK
    return call.results()


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_give_the_same_bits(name, dtype):
    wanted = whole(name, dtype, LARGE)
    for threads in (1, 2, 5):
        same(by_threads(name, dtype, LARGE, threads), wanted)
    same(by_threads(name, dtype, SIZES, 3), whole(name, dtype, SIZES))


@CELLS
def test_threads_of_every_cell_give_the_same_bits(name):
    """Where they can; else they share the rows."""
    shared = "together) = 1" in "".join(texts(name).values())
    for sizes in (FEW_ROWS, ONE_ROW, FEW_WIDE) if shared else (MANY_ROWS,):
        same(by_threads(name, np.float32, sizes, 3), whole(name, np.float32, sizes))


def test_threads_that_wait_give_the_same_bits_and_may_be_more_or_fewer_than_asked_for():
    wanted = whole("gru", np.float32, LARGE)
    functions = kernel("lstm")._functions[np.dtype(np.float32)]
    crew = functions.crew(3)
    for threads in (2, 3, 2, 5, 1, 3):
        for _ in range(20):
            same(by_threads("gru", np.float32, LARGE, threads, crew=address(crew)), wanted)
    functions._get("crew_end", 1, None)(address(crew))


def test_threads_that_are_busy_or_gone_after_a_fork_are_done_without():
    wanted = whole("lstm", np.float32, LARGE)
    functions = kernel("lstm")._functions[np.dtype(np.float32)]
    crew = functions.crew(2)
    found = {}

    def work(place):
        found[place] = [by_threads("lstm", np.float32, LARGE, 2, crew=address(crew)) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for results in found.values():
        for result in results:
            same(result, wanted)
    assert len(found) == 3
    functions._get("crew_end", 1, None)(address(crew))
    crew[:] = 0
    same(by_threads("lstm", np.float32, LARGE, 2, crew=address(crew)), wanted)


def test_more_threads_than_a_call_may_start_are_as_many_as_it_may():
    same(by_threads("lstm", np.float32, LARGE, 1000), whole("lstm", np.float32, LARGE))


def test_threads_of_a_call_from_python_are_validated():
    made = kernel("lstm")
    given = Arguments(made, problem_of("lstm", *SIZES))
    y, _, tape = made.forward(given.params, given.x, given.initial, threads=2)
    for asked in (0, -1):
        message = rf"^threads: got {asked}, expected a number of at least 1$"
        with pytest.raises(ValueError, match=message):
            made.forward(given.params, given.x, given.initial, threads=asked)
        with pytest.raises(ValueError, match=message):
            made.backward(given.params, tape, given.dy, threads=asked)
    for asked in (1.5, "2"):
        with pytest.raises(TypeError):
            made.forward(given.params, given.x, given.initial, threads=asked)
    assert np.array_equal(made.forward(given.params, given.x, given.initial, threads=1)[0], y)


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("name", ["lstm", "gru", "mlstm", "lstm_layernorm"])
def test_threads_do_not_race(name, tmp_path):
    """Sizes at which threads are started: many rows, and few, where they share the units."""
    source = written(name, tmp_path)
    axes = len(table(name).axes) - 2
    sizes = [[8, 24, *[64, 72, 40][:axes]], [40, 2, *[64, 130, 70][:axes]]]
    (tmp_path / "driver.c").write_text(driver(name, sizes, ["f32"]))
    flags = ["-std=c11", "-O1", "-g", "-DDERIVE_PLAIN", "-fsanitize=thread", "-pthread"]
    run(["gcc", *flags, "driver.c", source, "-lm", "-o", "watched"], tmp_path)
    found = run([tmp_path / "watched", "1", "3"], tmp_path, TSAN_OPTIONS="halt_on_error=1")
    assert found.strip() == "done"
