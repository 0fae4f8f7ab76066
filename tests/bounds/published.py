"""Stability theorems as their papers state them, for the cells as our files spell them.

In: the parameters of a cell, in float64. Out: a `Claim`: whether the paper certifies the network, how far it is
from the boundary, and the matrix of block norms and the rate that the paper, or its proof, gives. Plain NumPy;
nothing here comes from derive, so that what derive certifies can be held against it.

All claims assume |x| <= 1 and initial states no larger than `Claim.initial`, element by element. Where a gate of a
paper has another name than ours:

    LSTM, Terzi and Bonassi     f i o c (candidate), states x (our c) and xi (our h), U recurrent, W of the input
    LSTM, Miller and Hardt      f i o z (candidate, our g); W recurrent, U of the input
    GRU, Bonassi                z; f is our reset gate r; r is our candidate g, with weights W_h; U recurrent

Ours are stored as W = [recurrent columns, input columns] in the LSTM and the GRU, apart in the other two cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

Params = Any  # whatever has the arrays as attributes: the kernel's Params, a SimpleNamespace
Blocks = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Claim:
    """`load` is the left side of the paper's condition over its right side: the condition is load < 1.

    `matrix[state, source]` bounds the norm of that block of the step's Jacobian, for all inputs and states allowed;
    a product of t steps is bounded, block by block, by the power of the matrix. `rate` is its growth per step.
    """

    load: float
    matrix: Blocks
    rate: float
    initial: dict[str, float]

    @property
    def holds(self) -> bool:
        return self.load < 1


@dataclass(frozen=True)
class Theorem:
    """`sharper`: our certificates must also cover networks that the paper leaves out."""

    name: str
    cell: str
    norm: float
    sharper: bool
    claim: Callable[[Params], Claim]


# -- what the papers have in common


def sigmoid(z: float) -> float:
    """Right to the last digits in both tails: 1 - sigmoid(z) is sigmoid(-z)."""
    return float(np.exp(-np.logaddexp(0.0, -z)))


def reach(*blocks: np.ndarray) -> float:
    """The infinity norm of the blocks side by side: the largest net input if nothing fed in is above 1."""
    return float(sum(np.abs(block.reshape(len(block), -1)).sum(axis=1) for block in blocks).max())


def top(*blocks: np.ndarray, bias: np.ndarray) -> float:
    """The largest net input itself, the sign of the bias kept."""
    return float((sum(np.abs(block).sum(axis=1) for block in blocks) + bias).max())


def norm(matrix: np.ndarray, order: float) -> float:
    return float(np.linalg.norm(matrix, order))


def largest_eigenvalue(a: float, b: float, c: float, d: float) -> float:
    """Of [[a, b], [c, d]], none of them negative."""
    return float((a + d + np.sqrt((a - d) ** 2 + 4 * b * c)) / 2)


# -- RNN: Pascanu, Mikolov & Bengio 2013, section 2.1 (the slope of tanh is at most 1)


def rnn(p: Params, order: float) -> Claim:
    rate = norm(p.W, order)
    return Claim(rate, {("h", "h"): rate}, rate, {"h": 1.0})


# -- LSTM: Terzi, Bonassi, Farina & Scattolini, arXiv 1910.04024; Bonassi et al., arXiv 2304.02975


def lstm_terzi(p: Params, order: float) -> Claim:
    """The weights' norms are 2-norms in the authors' own code, the gates are bounded in the infinity norm throughout;
    the proof takes triangle inequalities and elementwise bounds of diagonals only, so either norm will do."""
    d = len(p.b_f)
    U_f, U_i, U_c, U_o = (norm(W[:, :d], order) for W in (p.W_f, p.W_i, p.W_c, p.W_o))
    f, keeps = sigmoid(reach(p.W_f, p.b_f)), sigmoid(-reach(p.W_f, p.b_f))  # keeps = 1 - f
    i = sigmoid(reach(p.W_i, p.b_i))
    o = sigmoid(reach(p.W_o, p.b_o))
    g = float(np.tanh(reach(p.W_c, p.b_c)))
    c = i * g / keeps
    alpha = 0.25 * U_f * c + i * U_c + 0.25 * U_i * g
    a = 0.25 * float(np.tanh(c)) * U_o
    matrix = {("c", "c"): f, ("c", "h"): alpha, ("h", "c"): o * f, ("h", "h"): o * alpha + a}
    return Claim(a + alpha * o / keeps, matrix, largest_eigenvalue(*matrix.values()), {"h": 1.0, "c": c})


# -- LSTM: Miller & Hardt, arXiv 1805.10369, proposition 2


def lstm_miller_hardt(p: Params) -> Claim:
    """|f| is the largest value a forget gate can take, and |c| <= 1/(1 - |f|). The paper states the condition; the
    matrix is its proof's, and the rate its row sums: the step is a contraction of max(|c|, |h|)."""
    d = len(p.b_f)
    U_f, U_i, U_z, U_o = (norm(W[:, :d], np.inf) for W in (p.W_f, p.W_i, p.W_c, p.W_o))
    f, keeps = sigmoid(top(p.W_f, bias=p.b_f)), sigmoid(-top(p.W_f, bias=p.b_f))
    load = max(U_i / keeps, U_o / keeps, U_z / (0.25 * keeps), U_f / keeps**2)
    alpha = 0.25 * U_f / keeps + U_z + 0.25 * U_i
    matrix = {("c", "c"): f, ("c", "h"): alpha, ("h", "c"): f, ("h", "h"): alpha + 0.25 * U_o}
    return Claim(load, matrix, f + alpha + 0.25 * U_o, {"h": 1.0, "c": 1 / keeps})


# -- GRU: Bonassi, Farina & Scattolini, arXiv 2011.06806 (incremental stability); infinity norm


def gru(p: Params) -> Claim:
    d = len(p.b_z)
    U_z, U_f, U_r = (norm(W[:, :d], np.inf) for W in (p.W_z, p.W_r, p.W_h))
    f = sigmoid(reach(p.W_r, p.b_r))
    candidate = U_r * (f + 0.25 * U_f)
    return _gated(candidate, reach(p.W_h, p.b_h), U_z, reach(p.W_z, p.b_z))


def gru_reset_after(p: Params) -> Claim:
    """The same proof for the other candidate, tanh(W_in x + b_in + r (W_hn h + b_hn)); in no paper we know of."""
    U_z, U_r, U_n = (norm(W, np.inf) for W in (p.W_hz, p.W_hr, p.W_hn))
    r = sigmoid(reach(p.W_ir, p.W_hr, p.b_r))
    candidate = r * U_n + 0.25 * U_r * (U_n + float(np.abs(p.b_hn).max()))
    return _gated(candidate, reach(p.W_in, p.W_hn, p.b_in, p.b_hn), U_z, reach(p.W_iz, p.W_hz, p.b_z))


def _gated(candidate: float, net: float, U_z: float, net_z: float) -> Claim:
    """h = z h + (1 - z) g: the state's slope is z + (1 - z) candidate + 1/4 |h - g| |U_z|, and z lies between
    1 - sigmoid(net_z) and sigmoid(net_z)."""
    away = 0.25 * (1 + float(np.tanh(net))) * U_z
    opened, closed = sigmoid(net_z), sigmoid(-net_z)
    rate = max(opened + closed * candidate, closed + opened * candidate) + away
    return Claim(candidate + away / closed, {("h", "h"): rate}, rate, {"h": 1.0})


THEOREMS = (
    Theorem("rnn, 2-norm", "rnn", 2, False, lambda p: rnn(p, 2)),
    Theorem("rnn, infinity norm", "rnn", np.inf, False, lambda p: rnn(p, np.inf)),
    Theorem("lstm, Terzi and Bonassi, infinity norm", "lstm", np.inf, True, lambda p: lstm_terzi(p, np.inf)),
    Theorem("lstm, Terzi and Bonassi, 2-norm", "lstm", 2, False, lambda p: lstm_terzi(p, 2)),
    Theorem("lstm, Miller and Hardt", "lstm", np.inf, True, lstm_miller_hardt),
    Theorem("gru, Bonassi", "gru", np.inf, True, gru),
    Theorem("gru_reset_after", "gru_reset_after", np.inf, True, gru_reset_after),
)


# -- random networks on both sides of a boundary

JOINED, RECURRENT, INPUT, BIAS = "joined", "recurrent", "input", "bias"
PARAMETERS = {
    "rnn": {"W": RECURRENT, "U": INPUT, "b": BIAS},
    "lstm": {f"W_{gate}": JOINED for gate in "fico"} | {f"b_{gate}": BIAS for gate in "fico"},
    "gru": {f"W_{gate}": JOINED for gate in "zrh"} | {f"b_{gate}": BIAS for gate in "zrh"},
    "gru_reset_after": {f"W_i{gate}": INPUT for gate in "rzn"}
    | {f"W_h{gate}": RECURRENT for gate in "rzn"}
    | dict.fromkeys(("b_r", "b_z", "b_in", "b_hn"), BIAS),
}


def blank(cell: str, d_h: int, d_x: int) -> SimpleNamespace:
    """All parameters, zero."""
    shapes = {JOINED: (d_h, d_h + d_x), RECURRENT: (d_h, d_h), INPUT: (d_h, d_x), BIAS: (d_h,)}
    return SimpleNamespace(**{name: np.zeros(shapes[role]) for name, role in PARAMETERS[cell].items()})


def draw(theorem: Theorem, rng: np.random.Generator, load: float) -> SimpleNamespace:
    """Random parameters whose recurrent weights are scaled until the paper's condition has this load.

    Matrices are dense, of one entry a row, or of equal magnitudes throughout; the last leave no slack between a
    row's sum and the norm, so that there the papers' bounds are at their best.
    """
    d_h, d_x = int(rng.integers(1, 9)), int(rng.integers(1, 5))
    p = blank(theorem.cell, d_h, d_x)
    for name, role in PARAMETERS[theorem.cell].items():
        array = getattr(p, name)
        if role in (JOINED, RECURRENT):
            array[:, :d_h] = _recurrent(d_h, rng) * 10 ** rng.uniform(-1, 1)
        if role != RECURRENT:
            rest = array[:, d_h:] if role == JOINED else array
            rest[...] = rng.normal(size=rest.shape) * 10 ** rng.uniform(-2, 0.3)
    return _scaled(theorem, p, _factor(theorem, p, load))


def _recurrent(d: int, rng: np.random.Generator) -> np.ndarray:
    match rng.integers(3):
        case 0:
            return rng.normal(size=(d, d)) / np.sqrt(d)
        case 1:
            return rng.choice((-1.0, 1.0), size=(d, d)) / d
    return np.eye(d)[rng.integers(d, size=d)] * rng.normal(size=(d, 1))


def _scaled(theorem: Theorem, p: SimpleNamespace, factor: float) -> SimpleNamespace:
    scaled = SimpleNamespace(**{name: array.copy() for name, array in vars(p).items()})
    for name, role in PARAMETERS[theorem.cell].items():
        if role in (JOINED, RECURRENT):
            getattr(scaled, name)[:, : len(getattr(p, name))] *= factor
    return scaled


def _factor(theorem: Theorem, p: SimpleNamespace, load: float) -> float:
    """Every condition's load grows with the recurrent weights, from 0; found to 1 in 1,000, by false position."""

    def excess(logarithm: float) -> float:
        return float(np.log(theorem.claim(_scaled(theorem, p, float(np.exp(logarithm)))).load / load))

    low = high = 0.0
    below = above = excess(0.0)
    while below > 0:
        low, high, above = low - 1, low, below
        below = excess(low)
    while above < 0:
        low, high, below = high, high + 1, above
        above = excess(high)
    while min(above, -below) > 1e-3:
        middle = (low * above - high * below) / (above - below)
        middle = min(max(middle, low + 0.05 * (high - low)), high - 0.05 * (high - low))
        value = excess(middle)
        low, below, high, above = (middle, value, high, above) if value < 0 else (low, below, middle, value)
    return float(np.exp(high if above < -below else low))


@cache
def draws(theorem: Theorem, count: int, seed: int = 0) -> tuple[SimpleNamespace, ...]:
    """Every second one within 5% of the boundary, the others anywhere from a tenth of it to twice."""
    rng = np.random.default_rng(seed)
    near = [rng.uniform(0.952, 1.048) if number % 2 else 10 ** rng.uniform(-1, 0.3) for number in range(count)]
    return tuple(draw(theorem, rng, load) for load in near)
