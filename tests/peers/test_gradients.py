"""rnn, lstm and gru_reset_after against the autograd of nn.RNN, nn.LSTM and nn.GRU: every result, every gradient.

The errors of a size are taken over several draws of weights and data. One draw will not do: a gradient that is a
single number can cancel to nearly nothing, or come out right by luck.
"""

from typing import Any

import numpy as np
import pytest
from coverage import Row, covering

pytestmark = pytest.mark.peers
peers = pytest.importorskip("torch_peers", reason="needs PyTorch: make test-peers", exc_type=ImportError)

DRAWS = 15
ULP = np.finfo(np.float32).eps
SIZES = covering(dict.fromkeys(("T", "B", "d_x", "d_h"), (1, 2, 3, 5, 17, 64)))

every_kernel = pytest.mark.parametrize(
    ("cell", "backend"), [(cell, backend) for cell in ("rnn", "lstm", "gru_reset_after") for backend in ("numpy", "c")]
)
every_size = pytest.mark.parametrize("sizes", SIZES, ids=lambda row: "-".join(f"{k}{v}" for k, v in row.items()))


def draws(kernel: Any, sizes: Row) -> list[Any]:
    return [peers.problem(kernel, sizes, np.random.default_rng([*sizes.values(), seed])) for seed in range(DRAWS)]


def deviations(found: list[dict], expected: list[dict]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each array, its largest deviation and its largest value in every draw."""
    assert all(a.keys() == b.keys() for a, b in zip(found, expected, strict=True))
    return {
        name: (
            np.array([np.abs(a[name] - b[name]).max() for a, b in zip(found, expected, strict=True)]),
            np.array([np.abs(b[name]).max() for b in expected]),
        )
        for name in expected[0]
    }


@every_size
@every_kernel
def test_float64_agrees_to_1e_12(kernel_of: Any, cell: str, backend: str, sizes: Row):
    kernel = kernel_of(cell, backend, "float64")
    problems = draws(kernel, sizes)
    found = [peers.kernel_results(cell, kernel, given) for given in problems]
    expected = [peers.peer_results(cell, given) for given in problems]
    for name, (deviation, size) in deviations(found, expected).items():
        assert deviation.max() <= 1e-12 * size.max(), name


@every_size
@every_kernel
def test_float32_errs_at_most_twice_as_much(kernel_of: Any, cell: str, backend: str, sizes: Row):
    """In the median over the draws; four units in the last place are granted."""
    kernel = kernel_of(cell, backend, "float32")
    problems = draws(kernel, sizes)
    exact = [peers.peer_results(cell, given) for given in problems]
    singles = [given.astype("float32") for given in problems]
    ours = deviations([peers.kernel_results(cell, kernel, given) for given in singles], exact)
    theirs = deviations([peers.peer_results(cell, given) for given in singles], exact)
    for name, (deviation, size) in ours.items():
        own = np.median(theirs[name][0] / size)
        assert np.median(deviation / size) <= max(2 * own, 4 * ULP), name
