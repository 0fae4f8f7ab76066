"""How much there is to compute and to read. In: the shapes of a cell's parameters. Out: FLOP, bytes, rooflines.

Counted are the products of the matrices, a multiplication and an addition for each weight: what no program of the
equations can do without. Element-wise work is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.limits import Limits
from bench.task import MODES_WITH_GRADIENTS, Size

PROBE = {"d_x": 3, "d_h": 8}
"""Sizes at which the columns of a matrix tell what they meet: 3 the input, 8 the state, 11 both."""

FLOAT = 4


@dataclass(frozen=True)
class Weights:
    """How often d_h × d_h and d_h × d_x stand among a cell's matrices."""

    recurrent: int
    inputs: int

    @classmethod
    def of(cls, shapes: Mapping[str, Sequence[int]]) -> Weights:
        """From the shapes of the parameters at the sizes `PROBE`."""
        d_x, d_h = PROBE["d_x"], PROBE["d_h"]
        columns = [shape[1] for shape in shapes.values() if len(shape) == 2]
        if unknown := set(columns) - {d_x, d_h, d_x + d_h}:
            raise ValueError(f"matrices with {sorted(unknown)} columns at {PROBE}: got neither input nor state")
        return cls(sum(n != d_x for n in columns), sum(n != d_h for n in columns))

    def recurrent_flop(self, size: Size, mode: str) -> float:
        """Of the products that meet the state, inside the loop: forward, and backward to the old state."""
        return 2 * size.T * size.B * self.recurrent * size.d_h**2 * self._passes(mode)

    def flop(self, size: Size, mode: str) -> float:
        """Of all products. Training has three times those of the outputs alone: each product's two gradients."""
        forward = 2 * size.T * size.B * size.d_h * (self.recurrent * size.d_h + self.inputs * size.d_x)
        return forward * (3 if mode in MODES_WITH_GRADIENTS else 1)

    def recurrent_bytes(self, size: Size, mode: str) -> float:
        """Read by the loop, which needs the recurrent weights anew at every step."""
        return size.T * self.held(size) * self._passes(mode)

    def held(self, size: Size) -> float:
        """Bytes of the recurrent weights."""
        return FLOAT * self.recurrent * size.d_h**2

    @staticmethod
    def _passes(mode: str) -> int:
        return 2 if mode in MODES_WITH_GRADIENTS else 1


def roofline(weights: Weights, size: Size, mode: str, threads: int, limits: Limits) -> float:
    """FLOP/s that the machine allows: min(peak, intensity · bandwidth), for the loop and for what stands outside it.

    The loop reads the recurrent weights at every step, from whichever cache holds them; weight gradients and the
    input's products are products over the whole sequence, and reach the peak. The two follow one after the other, so
    their times add.
    """
    peak, bandwidth = limits.peak(threads), limits.bandwidth(threads, weights.held(size) / threads)
    inside, total = weights.recurrent_flop(size, mode), weights.flop(size, mode)
    seconds = max(inside / peak, weights.recurrent_bytes(size, mode) / bandwidth) + (total - inside) / peak
    return total / seconds


def overlapped(weights: Weights, size: Size, mode: str, threads: int, limits: Limits) -> float:
    """The same with one intensity for the whole: as if reading and computing could overlap all the way."""
    peak, bandwidth = limits.peak(threads), limits.bandwidth(threads, weights.held(size) / threads)
    total = weights.flop(size, mode)
    return min(peak, total / weights.recurrent_bytes(size, mode) * bandwidth)
