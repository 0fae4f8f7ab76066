"""What is compiled is held against NumPy before it is used: planted faults are found, right C is not refused."""

import ctypes
import subprocess
import sys

import pytest
from cellfolder import EVERY, cell, module
from ckernels import library, table, texts
from click.testing import CliRunner

import derive
from derive.backends import c
from derive.cli import main
from derive.native import KernelsDiffer, build_kernel
from derive.native.agreement import require_agreement

pytestmark = pytest.mark.needs("cc")
FAULTS = {
    "a gate": ("rnn_kernels.inc", "GET(net_dot + i) + net_in", "GET(net_dot + i) - net_in", "output h"),
    "a matrix": ("rnn_kernels.inc", "params->W, 1, d_h, PANELS(1)", "params->W, d_h, 1, PANELS(1)", "output h"),
    "the last units": ("rnn_kernels.inc", "i < d_h_high; i", "i + LANES <= d_h_high; i", "output h"),
    "checkpoints": ("derive_checkpoint.h", "sum[j] += addend[j]", "sum[j] -= addend[j]", "gradient of W"),
}


@pytest.mark.parametrize("name", EVERY)
def test_right_c_is_accepted(name):
    require_agreement(ctypes.CDLL(str(library(name))), table(name), module(name))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_wherever_it_is(fault):
    file, right, wrong, where = FAULTS[fault]
    sources = dict(texts("rnn"))
    assert right in sources[file]
    sources[file] = sources[file].replace(right, wrong)
    with pytest.raises(KernelsDiffer, match=rf"^rnn: the compiled C and the NumPy kernel differ in {where}\b"):
        build_kernel(sources, c.main_source(cell("rnn")), table("rnn"), module("rnn"))


@pytest.mark.parametrize(
    "equation",
    [
        pytest.param("h[t] = exp(exp(4 * x)) + 0 * h[t-1]", id="beyond the largest number"),
        pytest.param("h[t] = log(W @ h[t-1] + x)", id="no number"),
        pytest.param("h[t] = layernorm(W @ h[t-1] + x + c)", id="gradients that cancel"),
        pytest.param("h[t] = sin(30 * h[t-1] + 100 * x)", id="rounding that grows"),
        pytest.param("h[t] = maximum(x, x) + minimum(b, b) * h[t-1]", id="nothing but ties"),
        pytest.param("h[t] = exp(exp(x)) * square(square(square(3 + h[t-1])))", id="beyond single precision alone"),
    ],
)
def test_numbers_that_cannot_be_compared_are_no_fault(equation):
    of = derive.parse(f"input x : d_h\nstate h : d_h\n{equation}", name="extreme")
    assert derive.build(of, backend="c").cell is of


LOGARITHM = """
input x : d_h
state h : d_h
h[t] = tanh(W @ h[t-1] + log(x + p))
"""


@pytest.mark.parametrize("name", ["rnn", "logarithm"])
def test_a_generated_package_is_held_against_its_own_numpy_module(name, tmp_path):
    """Of the second most numbers of either sign give none, so that smaller, positive ones are tried."""
    (tmp_path / "logarithm.cell").write_text(LOGARITHM)
    written = name if name in derive.shipped() else str(tmp_path / f"{name}.cell")
    done = CliRunner().invoke(main, ["generate", written, "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    path = tmp_path / name / f"{name}_kernels.inc"
    path.write_text(path.read_text().replace("GET(dh_out + i) + GET(", "GET(dh_out + i) - GET("))
    told = subprocess.run(
        [sys.executable, "-c", f"from {name} import native"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert f"KernelsDiffer: {name}: the compiled C and the NumPy kernel differ in gradient of" in told.stderr
