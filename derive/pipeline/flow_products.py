"""Products of step Jacobians, from the last step back: their norms, what bounds these, and Lyapunov exponents.

In: step Jacobians by paths, the last step's first. Out: decimal logarithms over lags. Products are rescaled at
each step, so that they neither under- nor overflow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Pair = tuple[str, str]
Path = tuple[str, str, tuple[str, ...]]
Norm = Callable[[Array, float], float]

_EXPONENTS = 8
_SMALL = 64
"""Up to this size the largest singular value is computed outright."""


class Layout:
    """Where each state's elements stand when all are put in a row."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = dict(sizes)
        ends = [0, *accumulate(sizes.values())]
        self.names, self.size = tuple(sizes), ends[-1]
        self.places = {name: slice(a, b) for name, a, b in zip(sizes, ends, ends[1:], strict=False)}

    def assembled(self, blocks: Mapping[Path, Array]) -> Array:
        """The whole step Jacobian."""
        whole = np.zeros((self.size, self.size))
        for (a, b, _), block in blocks.items():
            whole[self.places[a], self.places[b]] += block
        return whole

    def block(self, matrix: Array, a: str, b: str) -> Array:
        """One block of a matrix of all states by all states."""
        return matrix[self.places[a], self.places[b]]


class Lagged:
    """Products of Jacobians and their bounds, as `GradientFlow` has them."""

    def __init__(self, layout: Layout, steps: int, norm: float, measure: Norm, direct: tuple[str, ...]) -> None:
        self.layout, self.steps, self.norm, self.measure = layout, steps, norm, measure
        names = layout.names
        self.product, self.norms = Scaled(layout.size), Scaled(len(names))
        self.measured = {(a, b): np.full(steps + 1, -np.inf) for a in names for b in names}
        self.whole, self.trajectory, self.block = (np.zeros(steps + 1) for _ in range(3))
        self.retained = {name: np.zeros((steps, layout.sizes[name])) for name in direct}
        self.starts: dict[object, Array] = {}
        self._record(0)

    def push(self, k: int, blocks: Mapping[Path, Array], jacobian: Array) -> None:
        """One step further back."""
        lag, names = self.steps - k, self.layout.names
        self.trajectory[lag] = self.trajectory[lag - 1] + log10(self.measure(jacobian, self.norm))
        self.norms.push(
            np.array([[self.measure(self.layout.block(jacobian, a, b), self.norm) for b in names] for a in names])
        )
        self.block[lag] = self.norms.scale + log10(self.measure(self.norms.matrix, self.norm))
        self.product.push(jacobian)
        for name, retained in self.retained.items():
            retained[k] = np.diagonal(blocks[name, name, ()])
        self._record(lag)

    def _record(self, lag: int) -> None:
        for (a, b), values in self.measured.items():
            values[lag] = self._measured((a, b), self.layout.block(self.product.matrix, a, b))
        self.whole[lag] = self._measured("whole", self.product.matrix)

    def _measured(self, key: object, matrix: Array) -> float:
        """A norm; the largest singular value of a large matrix from where it was one lag before."""
        if self.norm != 2 or max(matrix.shape, default=0) <= _SMALL:
            return self.product.scale + log10(float(np.linalg.norm(matrix, self.norm)))
        vector = self.starts.get(key, np.ones(matrix.shape[1]))
        value = 0.0
        for _ in range(40):
            image = matrix.T @ (matrix @ vector)
            length = float(np.linalg.norm(image))
            if length == 0:
                return -np.inf
            vector = image / length
            last, value = value, float(np.linalg.norm(matrix @ vector))
            if value <= last * (1 + 1e-6):
                break
        self.starts[key] = vector
        return self.product.scale + log10(value)


class Scaled:
    """A product that grows to the right, its largest element brought to one: `matrix` times 10**`scale`."""

    def __init__(self, size: int) -> None:
        self.matrix, self.scale = np.eye(size), 0.0

    def push(self, factor: Array) -> None:
        """One factor more."""
        with np.errstate(invalid="ignore"):
            matrix = self.matrix @ factor
        largest = float(abs(matrix).max(initial=0))
        if 0 < largest < np.inf:
            matrix, self.scale = matrix / largest, self.scale + log10(largest)
        self.matrix = matrix


class Exponents:
    """Growth of the most expanding directions, re-orthogonalised at every step (Benettin et al. 1980).

    Of the transposed product, whose singular values are the same.
    """

    def __init__(self, size: int) -> None:
        count = min(_EXPONENTS, size)
        self.frame = np.linalg.qr(np.random.default_rng(0).normal(size=(size, count)))[0]
        self.total, self.steps = np.zeros(count), 0

    def push(self, jacobian: Array) -> None:
        """One step further back."""
        self.frame, triangle = np.linalg.qr(jacobian.T @ self.frame)
        with np.errstate(divide="ignore"):
            self.total += np.log(abs(np.diag(triangle)))
        self.steps += 1

    def result(self) -> Array:
        """Nats a step, the largest first."""
        return np.sort(self.total / self.steps)[::-1]


def powers(matrix: Array, steps: int, norm: float, measure: Norm) -> Array:
    """The norms of a matrix's powers 0 … steps; infinite where the matrix is."""
    if not np.all(np.isfinite(matrix)):
        return np.array([0.0] + [np.inf] * steps)
    product, found = Scaled(len(matrix)), [0.0]
    for _ in range(steps):
        product.push(matrix)
        found.append(product.scale + log10(measure(product.matrix, norm)))
    return np.array(found)


def log10(value: float) -> float:
    """-inf at 0, without a warning."""
    with np.errstate(divide="ignore"):
        return float(np.log10(value))
