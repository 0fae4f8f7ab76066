"""The code for AArch64, compiled by a cross compiler and run by an emulator, against plain C on this machine."""

import numpy as np
import pytest
from ckernels import driver, run, table, written

pytestmark = pytest.mark.needs("gcc", "aarch64-linux-gnu-gcc", "qemu-aarch64")
PLAIN, NEON = "1", "4"
ROUNDING = {"f32": 1e-4, "f64": 1e-12}


def awkward(name):
    axes = len(table(name).axes) - 2
    return [[2, 1, *[1 + k % 2 for k in range(axes)]], [3, 7, *[(17, 5, 6)[k % 3] for k in range(axes)]]]


def arrays(file):
    """What the driver wrote: how many numbers, then those, again and again."""
    numbers = np.fromfile(file)
    found, start = [], 0
    while start < len(numbers):
        end = start + 1 + int(numbers[start])
        found.append(numbers[start + 1 : end])
        start = end
    return found


@pytest.mark.parametrize("name", ["lstm", "gru_reset_after", "mlstm", "kinks"])
def test_neon_agrees_with_plain_c(name, tmp_path):
    source, sizes = written(name, tmp_path), awkward(name)
    (tmp_path / "driver.c").write_text(driver(name, sizes, list(ROUNDING), least=-0.4))
    flags = ["-std=c11", "-O2", "-ffp-contract=fast", "-pthread", "driver.c", source, "-lm"]
    run(["gcc", "-DDERIVE_PLAIN", *flags, "-o", "here"], tmp_path)
    run(["aarch64-linux-gnu-gcc", "-static", *flags, "-o", "there"], tmp_path)
    run([tmp_path / "here", PLAIN, "0", "plain"], tmp_path)
    run(["qemu-aarch64", "there", NEON, "0", "neon"], tmp_path)
    wanted, got = arrays(tmp_path / "plain"), arrays(tmp_path / "neon")
    assert len(got) == len(wanted) > 40
    assert any((ours != plain).any() for ours, plain in zip(got, wanted, strict=True)), "the same code twice"
    each = len(wanted) // (len(sizes) * len(ROUNDING))
    for start in range(0, len(wanted), each):
        rounding = list(ROUNDING.values())[start // each % len(ROUNDING)]
        largest = max(np.abs(array).max() for array in wanted[start : start + each])
        for k in range(start, start + each):
            scale, error = np.abs(wanted[k]).max(), np.abs(got[k] - wanted[k]).max()
            assert error <= rounding * (scale if scale > 1e-4 * largest else largest), (k, error, scale)


def test_another_machines_sets_are_refused(tmp_path):
    """The driver leaves out a set that is refused, so it writes nothing."""
    source = written("rnn", tmp_path)
    (tmp_path / "driver.c").write_text(driver("rnn", awkward("rnn")))
    flags = ["-std=c11", "-O1", "-pthread", "-static", "driver.c", source, "-lm", "-o", "there"]
    run(["aarch64-linux-gnu-gcc", *flags], tmp_path)
    for asked, empty in (("1", False), ("2", True), ("3", True), ("4", False)):
        run(["qemu-aarch64", "there", asked, "0", "results"], tmp_path)
        assert (arrays(tmp_path / "results") == []) == empty
