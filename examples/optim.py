"""Adam (Kingma & Ba 2015) for a list of arrays, which it changes in place."""

from collections.abc import Sequence

import numpy as np


class Adam:
    """Steps on the arrays that it was given: `adam.update(gradients)`, in the same order."""

    def __init__(self, arrays: Sequence[np.ndarray], rate: float, *, decay: tuple[float, float] = (0.9, 0.999)) -> None:
        self.arrays, self.rate, self.decay = arrays, rate, decay
        self.steps = 0
        self.means = [np.zeros_like(a) for a in arrays]
        self.squares = [np.zeros_like(a) for a in arrays]

    def update(self, gradients: Sequence[np.ndarray]) -> None:
        """One step down these gradients."""
        self.steps += 1
        (first, second), epsilon = self.decay, 1e-8
        # Both averages start at zero; this is how far they can have come by now.
        begun, squared = 1 - first**self.steps, 1 - second**self.steps
        for array, gradient, mean, square in zip(self.arrays, gradients, self.means, self.squares, strict=True):
            mean[...] += (1 - first) * (gradient - mean)
            square[...] += (1 - second) * (gradient**2 - square)
            array[...] -= self.rate / begun * mean / (np.sqrt(square / squared) + epsilon)


def clip(gradients: Sequence[np.ndarray], limit: float) -> list[np.ndarray]:
    """The gradients, scaled down together where their common norm is over the limit."""
    norm = np.sqrt(sum(np.vdot(g, g) for g in gradients))
    return [g * min(1, limit / norm) if norm > limit else g for g in gradients]
