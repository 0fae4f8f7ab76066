"""Every cell's C under the sanitizers and valgrind: awkward sizes, buffers of exactly the size asked for.

Valgrind watches the code as it is used, plain C and AVX2 (it knows no AVX-512), of the shipped cells and of every
third of the others. The sanitizers watch what has been compiled for them: of some cells every set of instructions, of
the others plain C alone, which has the same layouts. With DERIVE_FULL=1 both take every set of every cell.
"""

import pytest
from cellfolder import EVERY, FULL, sample
from ckernels import driver, library, run, table, written

EVERY_SET = EVERY if FULL else ("lstm", "gru", "lstm_layernorm", "mlstm")


def awkward(name):
    """T, B and the cell's axes: ones, primes, sizes on both sides of the tiles."""
    axes = len(table(name).axes) - 2
    return [
        [1, 1, *[1] * axes],
        [1, 3, *[2 + k % 2 for k in range(axes)]],
        [3, 1, *[3 - k % 2 for k in range(axes)]],
        [4, 5, *[(5, 8, 1)[k % 3] for k in range(axes)]],
        [2, 4, *[(4, 9, 17)[k % 3] for k in range(axes)]],
    ]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.needs("gcc")
def test_sanitizers_find_nothing(name, tmp_path):
    source = written(name, tmp_path)
    (tmp_path / "driver.c").write_text(driver(name, awkward(name)))
    flags = ["-O0", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    flags += [] if name in EVERY_SET else ["-DDERIVE_PLAIN"]
    run(["gcc", "-std=c11", "-pthread", *flags, "driver.c", source, "-lm", "-o", "watched"], tmp_path)
    assert run([tmp_path / "watched"], tmp_path).strip() == "done"


@pytest.mark.parametrize("name", ["lstm", "gru", "mlstm"])
@pytest.mark.needs("clang")
def test_clang_finds_no_undefined_behaviour(name, tmp_path):
    """It looks at pointers more closely than GCC. A trap needs no library, which not every clang comes with."""
    source = written(name, tmp_path)
    (tmp_path / "driver.c").write_text(driver(name, awkward(name)))
    flags = ["-O0", "-DDERIVE_PLAIN", "-fsanitize=undefined", "-fsanitize-trap=undefined"]
    run(["clang", "-std=c11", "-pthread", *flags, "driver.c", source, "-lm", "-o", "watched"], tmp_path)
    assert run([tmp_path / "watched"], tmp_path).strip() == "done"


@pytest.mark.parametrize("name", sample(3))
@pytest.mark.needs("gcc", "valgrind")
def test_valgrind_finds_nothing(name, tmp_path):
    written(name, tmp_path)
    (tmp_path / "driver.c").write_text(driver(name, awkward(name)))
    run(["gcc", "-std=c11", "-g", "driver.c", library(name), "-lm", "-o", "watched"], tmp_path)
    found = run(["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", tmp_path / "watched"], tmp_path)
    assert found.strip() == "done"
