"""What must be true of a claim of `published`, whoever wrote it down.

In: theorems and networks. Out: an AssertionError where a claim is not what was copied from the paper:
a bound that a Jacobian, a product of Jacobians or a pair of trajectories exceeds; a bound that the network built
to attain it does not; a condition that does not decide whether the rate is below 1.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from articlecells import CELLS, step_jacobian
from published import Blocks, Claim, Theorem, blank

ROUNDING = 1e-12
STEPS = 12
STARTS = 4


def norms(blocks: dict[tuple[str, str], np.ndarray], order: float) -> dict[tuple[str, str], np.ndarray]:
    return {key: np.linalg.norm(block, order, axis=(-2, -1)) for key, block in blocks.items()}


def assert_bounds(theorem: Theorem, p: Any, rng: np.random.Generator) -> None:
    """Along trajectories from random states and corners of the set that the claim speaks of, in pairs."""
    claim = theorem.claim(p)
    states = tuple(claim.initial)
    matrix = as_matrix(claim.matrix, states)
    d_h, d_x = _widths(theorem.cell, p)

    def anywhere(*shape: int) -> np.ndarray:
        inside, corner = rng.uniform(-1, 1, size=shape), rng.choice((-1.0, 1.0), size=shape)
        return np.where(np.arange(shape[-2])[:, None] % 2, corner, inside)

    pair = {name: anywhere(2, STARTS, d_h) * largest for name, largest in claim.initial.items()}
    apart = np.array([np.linalg.norm(pair[name][0] - pair[name][1], theorem.norm, axis=-1) for name in states])
    product: dict[tuple[str, str], np.ndarray] = {}
    for t in range(1, STEPS + 1):
        x = anywhere(STARTS, d_x)
        step = step_jacobian(theorem.cell, p, x, {name: both[0] for name, both in pair.items()})
        product = _multiplied(step, product, states) if product else step
        pair = CELLS[theorem.cell](p, np.broadcast_to(x, (2, *x.shape)), pair)
        power = np.linalg.matrix_power(matrix, t)
        _assert_below(norms(step, theorem.norm), claim.matrix, "step")
        _assert_below(norms(product, theorem.norm), as_blocks(power, states), f"product of {t}")
        now = np.array([np.linalg.norm(pair[name][0] - pair[name][1], theorem.norm, axis=-1) for name in states])
        # What is left of a distance below rounding of the states themselves says nothing.
        assert np.all(now <= power @ apart * (1 + ROUNDING) + 1e-14 * max(claim.initial.values())), f"distance, {t}"
        for name, largest in claim.initial.items():
            assert np.all(np.abs(pair[name]) <= largest * (1 + ROUNDING)), f"{name} leaves its range"


def _assert_below(got: dict[tuple[str, str], np.ndarray], bound: Blocks, what: str) -> None:
    for key, values in got.items():
        assert np.all(values <= bound[key] * (1 + ROUNDING)), (what, key, values.max(), bound[key])


def _multiplied(
    after: dict[tuple[str, str], np.ndarray], before: dict[tuple[str, str], np.ndarray], states: tuple[str, ...]
) -> dict[tuple[str, str], np.ndarray]:
    return {(a, c): sum(after[a, b] @ before[b, c] for b in states) for a in states for c in states}


def as_matrix(blocks: Blocks, states: tuple[str, ...]) -> np.ndarray:
    return np.array([[blocks[state, source] for source in states] for state in states])


def as_blocks(matrix: np.ndarray, states: tuple[str, ...]) -> Blocks:
    return {(state, source): matrix[i, j] for i, state in enumerate(states) for j, source in enumerate(states)}


def _widths(cell: str, p: Any) -> tuple[int, int]:
    match cell:
        case "rnn":
            return p.U.shape
        case "gru_reset_after":
            return p.W_in.shape
    d_h, both = (p.W_f if cell == "lstm" else p.W_z).shape
    return d_h, both - d_h


def assert_decides(theorem: Theorem, claim: Claim) -> None:
    """The paper's condition says that the rate is below 1; that of Miller and Hardt is sufficient only."""
    if theorem.name == "lstm, Miller and Hardt":
        assert not claim.holds or claim.rate < 1, claim
    elif abs(claim.load - 1) > 1e-9:
        assert claim.holds == (claim.rate < 1), claim


def assert_attained(theorem: Theorem) -> None:
    """Each term of each entry, by a network and a state where the Jacobian is as large as the claim says."""
    for entry, p, x, parts, slack in NETWORKS[theorem.name]():
        claim = theorem.claim(p)
        assert all(np.all(np.abs(part) <= 1) for part in parts.values())
        state = {name: part * claim.initial[name] for name, part in parts.items()}
        got = norms(step_jacobian(theorem.cell, p, x, state), theorem.norm)[entry]
        assert claim.matrix[entry] * (1 - slack) <= got <= claim.matrix[entry] * (1 + ROUNDING), (theorem.name, vars(p))
        if tuple(claim.matrix) == (("h", "h"),):
            assert claim.rate == claim.matrix["h", "h"]


def assert_boundary_of_miller_and_hardt(theorem: Theorem) -> None:
    """Their four inequalities as equations make the row sum of their proof exactly 1."""
    p = blank("lstm", 2, 1)
    f = 1 / (1 + np.exp(-2.0))  # with W_f = 0.5 (1 - f)^2 and a bias that leaves 2 for the sum
    sizes = {"W_i": 1 - f, "W_o": 1 - f, "W_c": (1 - f) / 4, "W_f": (1 - f) ** 2}
    for name, size in sizes.items():
        getattr(p, name)[:, :2] = size / 2
    p.b_f[...] = 2 - sizes["W_f"]
    claim = theorem.claim(p)
    assert abs(claim.load - 1) < ROUNDING
    assert abs(claim.rate - 1) < ROUNDING
    for name in sizes:
        getattr(p, name)[:, :2] *= 1 - 1e-9
    assert theorem.claim(p).holds
    for name in sizes:
        getattr(p, name)[:, :2] *= 1.001
        assert not theorem.claim(p).holds, name
        getattr(p, name)[:, :2] /= 1.001


# -- networks that attain each term: (entry, parameters, input, state in parts of its largest, slack)

Attained = tuple[tuple[str, str], SimpleNamespace, np.ndarray, dict[str, np.ndarray], float]
EXACT = 1e-12
FLAT = 40.0  # a net input for which sigmoid and tanh are 1
STEEP = 600.0  # a weight beside which the other terms hardly count


def _network(cell: str, entry: str, d_h: int = 1, x: float = 0, slack: float = EXACT, **given: Any) -> Attained:
    """`h=` and `c=` are the state; every other name is a parameter, or its corner at the top left."""
    p = blank(cell, d_h, 1)
    state = {name: np.zeros(d_h) for name in (("h", "c") if cell == "lstm" else ("h",))}
    for name, value in given.items():
        target, source = getattr(p, name, state.get(name)), np.asarray(value, float)
        target[tuple(slice(extent) for extent in source.shape)] = source
    return (entry[0], entry[1]), p, np.array([x]), state, slack


def _rnn_euclidean() -> Iterator[Attained]:
    yield _network("rnn", "hh", d_h=2, W=[[0.6, -0.8], [0.8, 0.6]])


def _rnn_maximum() -> Iterator[Attained]:
    yield _network("rnn", "hh", d_h=2, W=[[0.6, -0.3], [0.2, 0.5]])


def _terzi() -> Iterator[Attained]:
    held = {"b_i": [1], "b_c": [2], "b_f": [0.5]}  # the cell state stays at its largest
    yield _network("lstm", "cc", W_f=[[1, 1]], b_f=[0.5], h=[1], x=1)
    yield _network("lstm", "ch", W_f=[[3, 0]], b_i=[1], b_c=[2], c=[1])
    yield _network("lstm", "ch", W_f=[[3, 0]], W_i=[[0, 1]], b_i=[1], W_c=[[0, 1]], b_c=[0.2], c=[1], x=1)
    yield _network("lstm", "ch", W_c=[[3, 0]], W_i=[[0, 1]], b_i=[1], x=1)
    yield _network("lstm", "ch", W_i=[[3, 0]], W_c=[[0, 1]], b_c=[0.5], x=1)
    yield _network("lstm", "hc", b_f=[2], W_o=[[0, 1]], b_o=[1], x=1)
    yield _network("lstm", "hh", W_o=[[3, 0]], c=[1], **held)
    yield _network("lstm", "hh", W_c=[[3, 0]], b_o=[1], b_i=[1])


def _miller_and_hardt() -> Iterator[Attained]:
    yield _network("lstm", "cc", W_f=[[1, 1]], b_f=[0.5], h=[1], x=1)
    yield _network("lstm", "cc", W_f=[[1, 1]], b_f=[-0.5], h=[1], x=1)
    yield _network("lstm", "ch", W_f=[[3, 0]], b_i=[FLAT], b_c=[FLAT], c=[1])
    yield _network("lstm", "ch", W_c=[[3, 0]], b_i=[FLAT])
    yield _network("lstm", "ch", W_i=[[3, 0]], b_c=[FLAT])
    yield _network("lstm", "hc", b_f=[2], b_o=[FLAT])
    yield _network("lstm", "hh", W_o=[[3, 0]], b_i=[FLAT], b_c=[FLAT], b_f=[5], c=[1])
    yield _network("lstm", "hh", W_c=[[0.1, 0]], b_i=[FLAT], b_o=[FLAT])


def _gru() -> Iterator[Attained]:
    yield _network("gru", "hh", W_z=[[0, 1]], b_z=[0.5], W_r=[[0, 1]], b_r=[0.5], W_h=[[0.5, 0]], x=1, slack=EXACT)
    yield _network("gru", "hh", d_h=2, W_r=[[0, STEEP]], W_h=[[1e-3]], h=[1], slack=2e-3)
    yield _network("gru", "hh", d_h=2, W_z=[[0, STEEP]], W_h=[[0, 0, -1]], b_h=[-0.5], h=[1], x=1, slack=2e-3)


def _gru_reset_after() -> Iterator[Attained]:
    opened = {"W_iz": [[1]], "b_z": [0.5], "x": 1}
    below = {"W_in": [[-1]], "b_in": [-0.2], "b_hn": [-0.3], "W_hn": [[-0.5]], "b_r": [FLAT], "x": 1}
    yield _network("gru_reset_after", "hh", W_ir=[[1]], b_r=[0.5], W_hn=[[0.5]], **opened)
    yield _network("gru_reset_after", "hh", d_h=2, W_hr=[[0, STEEP]], W_hn=[[1e-3]], h=[1], slack=2e-3)
    yield _network("gru_reset_after", "hh", W_hr=[[2]], b_hn=[1], b_in=[-0.5])
    yield _network("gru_reset_after", "hh", d_h=2, W_hz=[[0, STEEP]], h=[1], slack=2e-3, **below)


NETWORKS = {
    "rnn, 2-norm": _rnn_euclidean,
    "rnn, infinity norm": _rnn_maximum,
    "lstm, Terzi and Bonassi, infinity norm": _terzi,
    "lstm, Terzi and Bonassi, 2-norm": _terzi,
    "lstm, Miller and Hardt": _miller_and_hardt,
    "gru, Bonassi": _gru,
    "gru_reset_after": _gru_reset_after,
}
