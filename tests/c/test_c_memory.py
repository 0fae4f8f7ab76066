"""Every cell's C under the sanitizers and valgrind: awkward sizes, buffers of exactly the size asked for."""

import pytest
from cellfolder import EVERY
from ckernels import driver, run, table, written

CELLS = pytest.mark.parametrize("name", EVERY)


def awkward(name):
    """T, B and the cell's axes: ones, primes, sizes on both sides of the tiles."""
    axes = len(table(name).axes) - 2
    return [
        [1, 1, *[1] * axes],
        [1, 3, *[2 + k % 2 for k in range(axes)]],
        [3, 1, *[3 - k % 2 for k in range(axes)]],
        [4, 5, *[(5, 8, 1)[k % 3] for k in range(axes)]],
        [2, 4, *[(4, 9, 3)[k % 3] for k in range(axes)]],
    ]


def build(name, compiler, folder, *flags):
    source = written(name, folder)
    program = []
    for precision in ("f32", "f64"):
        (folder / f"driver_{precision}.c").write_text(driver(name, precision, awkward(name)))
        program.append(folder / precision)
    run([compiler, "-std=c99", "-ffp-contract=fast", "-g", *flags, "-c", "-o", "cell.o", source], folder)
    for precision, path in zip(("f32", "f64"), program, strict=True):
        run([compiler, "-std=c11", "-g", *flags, f"driver_{precision}.c", "cell.o", "-lm", "-o", path], folder)
    return program


@CELLS
@pytest.mark.needs("gcc")
def test_sanitizers_find_nothing(name, tmp_path):
    flags = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
    for program in build(name, "gcc", tmp_path, *flags):
        assert "done" in run([program], tmp_path)


@CELLS
@pytest.mark.needs("gcc", "valgrind")
def test_valgrind_finds_nothing(name, tmp_path):
    for program in build(name, "gcc", tmp_path, "-O1"):
        found = run(["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", program], tmp_path)
        assert found.strip() == "done"
