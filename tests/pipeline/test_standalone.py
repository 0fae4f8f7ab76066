"""A generated lstm in an empty folder, with NumPy alone: it imports, and it learns."""

import subprocess
import sys

from click.testing import CliRunner

from derive.cli import main

# Runs isolated: the folder itself, the standard library and NumPy; every other import is refused.
PROGRAM = """
import sys
from importlib.abc import MetaPathFinder

class Only(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in ("numpy", "lstm") or top.startswith("_"):
            return None
        raise ImportError(f"{name} is imported, but only NumPy is there")

sys.meta_path.insert(0, Only())
sys.path.insert(0, sys.argv[1])
try:
    import derive
except ImportError:
    pass
else:
    raise SystemExit("the test keeps nothing out")

import numpy as np
import lstm
from lstm import bounds

rng = np.random.default_rng(0)
sizes = {"d_x": 2, "d_h": 6}
params = lstm.init(sizes, rng)
x = rng.normal(size=(12, 8, 2))
target = np.cumsum(x[..., :1], axis=0) > 0      # the sign of a running sum, wanted in every unit
losses = []
for _ in range(150):
    y, final, tape = lstm.forward(params, x)
    losses.append(float(np.mean((y - target) ** 2)))
    dparams, dx, dinitial = lstm.backward(params, tape, 2 * (y - target) / y.size)
    vector = lstm.flatten(params) - 2.0 * lstm.flatten(dparams)
    params = lstm.unflatten(vector, sizes)
state = None
for t in range(12):
    y_t, state = lstm.step(params, x[t], state)
assert np.allclose(y_t, lstm.forward(params, x, tape=False)[0][-1])
certificate = bounds.certify(lstm.Params(*(0.01 * p for p in params)))
assert certificate.contracts
print(losses[0], losses[-1])
"""


def test_the_lstm_learns_in_an_empty_folder(tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    done = CliRunner().invoke(main, ["generate", "lstm", "--standalone", "-o", str(out)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert not (out / "lstm" / "native.py").exists()
    assert not [p for p in (out / "lstm").iterdir() if p.suffix == ".py" and "import derive" in p.read_text()]
    elsewhere.mkdir()
    (out / "lstm").rename(elsewhere / "lstm")
    run = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", PROGRAM, str(elsewhere)],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    first, last = map(float, run.stdout.split())
    assert last < first / 2
