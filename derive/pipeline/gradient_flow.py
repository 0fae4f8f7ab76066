"""How gradients flow in a network with given weights, on given input: measured, and beside that what bounds it.

In: a kernel, parameters, inputs. Out: a `GradientFlow`. Adjoints and products of Jacobians are pushed back one
step at a time and rescaled at each, so that they neither under- nor overflow; the cost is linear in T.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.pipeline.gradient_bound import GradientBound, gradient_bound

Array = np.ndarray[Any, Any]
Pair = tuple[str, str]
Path = tuple[str, str, tuple[str, ...]]

_EXPONENTS = 8


@dataclass(frozen=True)
class GradientFlow:
    """Of one sequence of T steps. Every norm is given by its decimal logarithm, -inf where it is 0.

    `lags`: 0 … T, how many steps before the last state; all arrays over lags go with it.
    `measured`: (a, b) → ‖∂a[T]/∂b[T-lag]‖, an estimate from below for the 2-norm of large states; `whole` the same of
    all states together. Bounds, each at least the one before: `trajectory` ∏‖J[t]‖ of `whole`; `block` the
    largest of the blocks of ∏ N[t], N[t] the norms of J[t]'s blocks; `static` C ρ**lag from suprema over the box
    that the trajectory stays in, for the largest block. `certificate`: from x_max and the initial states alone.
    `direct`: state → the largest element of the product of its direct path's factors, no weight in between.
    `shares`: parameter → (T,), the share of step k in Σ_k ‖∇_{W_k} E‖, E = ½‖y[T]‖² read at the last step only.
    `paths`: (a, b, gates) → the share of the gradient's norm that goes back this way, averaged over steps.
    `exponents`: the largest Lyapunov exponents, nats a step, the largest first.
    """

    cell: str
    states: tuple[str, ...]
    norm: float
    lags: Array
    measured: Mapping[Pair, Array]
    whole: Array
    trajectory: Array
    block: Array
    static: Array
    certificate: Any
    direct: Mapping[str, Array]
    shares: Mapping[str, Array]
    paths: Mapping[Path, float]
    exponents: Array


def gradient_flow(
    kernel: Any, params: Any, x: Any, initial: Any = None, *, norm: float = 2, sequence: int = 0
) -> GradientFlow:
    """The gradient flow of one sequence of a batch.

    kernel: what `build` returns. params, x (T, B, …), initial (B, …): as for `kernel.forward`. norm: 1, 2 or
    np.inf. sequence: which of the batch. Raises what the kernel raises for wrong arguments.
    """
    if norm not in (1, 2, np.inf):
        raise ValueError(f"norm: got {norm!r}, expected 1, 2 or np.inf")
    cell = getattr(kernel, "cell", None)
    if cell is None:
        raise TypeError(f"kernel: got {type(kernel).__name__}, expected what derive.build returns")
    kernel.forward(params, x, initial, tape=False)
    inputs = kernel.Inputs(*(a[:, [sequence]] for a in (x if isinstance(x, tuple) else (x,))))
    start = None if initial is None else kernel.State(*(a[[sequence]] for a in initial))
    return _Measurement(gradient_bound(cell), kernel, params, inputs, start, norm).flow()


class _Measurement:
    def __init__(
        self, bound: GradientBound, kernel: Any, params: Any, inputs: Any, initial: Any, norm: float
    ) -> None:
        self.bound, self.kernel, self.params, self.inputs, self.norm = bound, kernel, params, inputs, norm
        self.steps = len(inputs[0])
        self.states = self._trajectory(initial)
        self.names = bound.states
        sizes = [np.size(s) for s in self.states[0]]
        ends = np.cumsum([0, *sizes])
        self.places = {name: slice(a, b) for name, a, b in zip(self.names, ends, ends[1:], strict=False)}
        self.size = int(ends[-1])

    def flow(self) -> GradientFlow:
        lagged = _Lagged(self)
        adjoints = _Adjoints(self)
        for k in reversed(range(self.steps)):
            blocks = self.bound.jacobian(self.params, self._input(k), self._state(k))
            lagged.push(k, blocks)
            adjoints.push(k, blocks)
        lags = np.arange(self.steps + 1)
        rate, constant = self.bound.rate_of(self._visited())
        return GradientFlow(
            cell=self.bound.derived.cell.name,
            states=self.names,
            norm=self.norm,
            lags=lags,
            measured=lagged.measured,
            whole=lagged.whole,
            trajectory=lagged.trajectory,
            block=lagged.block,
            static=_log10(constant) + lags * _log10(rate),
            certificate=self._certificate(),
            direct=lagged.direct,
            shares=adjoints.shares(),
            paths=adjoints.paths(),
            exponents=self._exponents(),
        )

    def _trajectory(self, initial: Any) -> list[Any]:
        """The states before every step and after the last one."""
        states = [initial]
        for t in range(self.steps):
            x_t = self.kernel.Inputs(*(a[t] for a in self.inputs))
            _, state = self.kernel.step(self.params, x_t, states[-1])
            states.append(state)
        if initial is None:
            states[0] = type(states[1])(*(np.zeros_like(a) for a in states[1]))
        return states

    def _input(self, k: int) -> Any:
        return self.bound.Inputs(*(np.asarray(a[k, 0], np.float64) for a in self.inputs))

    def _state(self, k: int) -> Any:
        return self.bound.State(*(np.asarray(a[0], np.float64) for a in self.states[k]))

    def _visited(self) -> Array:
        """The matrix of block bounds on the box that the trajectory stays in."""
        x = [np.asarray(a[:, 0], np.float64) for a in self.inputs]
        states = [np.asarray([s[k][0] for s in self.states], np.float64) for k in range(len(self.names))]
        low, high = (
            (self.bound.Inputs(*(end(a, axis=0) for a in x)), self.bound.State(*(end(a, axis=0) for a in states)))
            for end in (np.min, np.max)
        )
        return self.bound.visited(self.params, low, high, self.norm)

    def _certificate(self) -> Any:
        x_max = {n: np.abs(a).max(initial=0) for n, a in zip(self.inputs._fields, self.inputs, strict=True)}
        initial = {n: np.abs(a).max(initial=0) for n, a in zip(self.names, self.states[0], strict=True)}
        return self.bound.certify(self.params, x_max, initial, self.norm, self.steps)

    def assembled(self, blocks: Mapping[Path, Array]) -> Array:
        """The whole step Jacobian."""
        whole = np.zeros((self.size, self.size))
        for (a, b, _), block in blocks.items():
            whole[self.places[a], self.places[b]] += block
        return whole

    def _exponents(self) -> Array:
        """Growth of the most expanding directions, re-orthogonalised at every step (Benettin et al. 1980)."""
        count = min(_EXPONENTS, self.size)
        frame = np.linalg.qr(np.random.default_rng(0).normal(size=(self.size, count)))[0]
        total = np.zeros(count)
        for k in range(self.steps):
            jacobian = self.assembled(self.bound.jacobian(self.params, self._input(k), self._state(k)))
            frame, triangle = np.linalg.qr(jacobian @ frame)
            with np.errstate(divide="ignore"):
                total += np.log(abs(np.diag(triangle)))
        return np.sort(total / self.steps)[::-1]


class _Lagged:
    """Products of Jacobians from the last step back, and their bounds."""

    def __init__(self, of: _Measurement) -> None:
        self.of, steps = of, of.steps
        self.product, self.scale = np.eye(of.size), 0.0
        self.norms, self.norm_scale = np.eye(len(of.names)), 0.0
        pairs = [(a, b) for a in of.names for b in of.names]
        self.measured = {pair: np.full(steps + 1, -np.inf) for pair in pairs}
        self.whole, self.trajectory, self.block = (np.zeros(steps + 1) for _ in range(3))
        self.direct = {name: np.zeros(steps + 1) for name in of.bound.direct}
        self.factors = {name: np.zeros(of.places[name].stop - of.places[name].start) for name in of.bound.direct}
        self.starts: dict[object, Array] = {}
        self._record(0)

    def push(self, k: int, blocks: Mapping[Path, Array]) -> None:
        """One step further back."""
        lag, norm, measure = self.of.steps - k, self.of.norm, self.of.bound.measure
        jacobian = self.of.assembled(blocks)
        self.trajectory[lag] = self.trajectory[lag - 1] + _log10(measure(jacobian, norm))
        places = [self.of.places[name] for name in self.of.names]
        here = np.array([[measure(jacobian[a, b], norm) for b in places] for a in places])
        self.norms, self.norm_scale = _rescaled(self.norms @ here, self.norm_scale)
        self.product, self.scale = _rescaled(self.product @ jacobian, self.scale)
        self.block[lag] = self.norm_scale + _log10(self.norms.max())
        for name in self.factors:
            with np.errstate(divide="ignore"):
                self.factors[name] += np.log10(abs(np.diagonal(blocks[name, name, ()])))
            self.direct[name][lag] = self.factors[name].max(initial=-np.inf)
        self._record(lag)

    def _record(self, lag: int) -> None:
        for (a, b), values in self.measured.items():
            block = self.product[self.of.places[a], self.of.places[b]]
            values[lag] = self.scale + _log10(self._measured((a, b), block))
        self.whole[lag] = self.scale + _log10(self._measured("whole", self.product))

    def _measured(self, key: object, matrix: Array) -> float:
        """A norm; the largest singular value of a large matrix from where it was one lag before."""
        if self.of.norm != 2 or max(matrix.shape, default=0) <= 64:
            return float(np.linalg.norm(matrix, self.of.norm))
        vector = self.starts.get(key, np.ones(matrix.shape[1]))
        value = 0.0
        for _ in range(40):
            image = matrix.T @ (matrix @ vector)
            length = float(np.linalg.norm(image))
            if length == 0:
                return 0.0
            vector = image / length
            last, value = value, float(np.linalg.norm(matrix @ vector))
            if value <= last * (1 + 1e-6):
                break
        self.starts[key] = vector
        return value


class _Adjoints:
    """The loss's gradient on its way back: what each step adds to a weight's, and which way it takes."""

    def __init__(self, of: _Measurement) -> None:
        self.of = of
        self.kernel, self.params = of.kernel, of.params
        self.state: Any = None
        self.scale = 0.0
        self.logs = {name: np.full(of.steps, -np.inf) for name in self.params._fields}
        self.carried: list[dict[Path, float]] = []

    def push(self, k: int, blocks: Mapping[Path, Array]) -> None:
        """Backward through step k, by the kernel."""
        x = self.kernel.Inputs(*(a[k : k + 1] for a in self.of.inputs))
        state = self.kernel.State(*self.of.states[k])
        y, _, tape = self.kernel.forward(self.params, x, state)
        outputs = y if isinstance(y, tuple) else (y,)
        dy = self.kernel.Output(*(a if k == self.of.steps - 1 else np.zeros_like(a) for a in outputs))
        if self.state is not None:
            self.carried.append(dict(self._carried(blocks)))
        dparams, _, dinitial = self.kernel.backward(self.params, tape, dy, self.state)
        for name, gradient in zip(dparams._fields, dparams, strict=True):
            self.logs[name][k] = self.scale + _log10(float(np.linalg.norm(np.asarray(gradient, np.float64))))
        largest = max((float(abs(d).max(initial=0)) for d in dinitial), default=0.0)
        factor = largest if 0 < largest < np.inf else 1.0
        self.state = type(dinitial)(*(d / d.dtype.type(factor) for d in dinitial))
        self.scale += _log10(factor)

    def _carried(self, blocks: Mapping[Path, Array]) -> Iterator[tuple[Path, float]]:
        """How long the part of the gradient is that each path carries."""
        for (a, b, gates), block in blocks.items():
            row = np.asarray(getattr(self.state, a), np.float64).reshape(-1)
            yield (a, b, gates), float(np.linalg.norm(row @ block))

    def shares(self) -> dict[str, Array]:
        """Each step's share in the sum of the norms of what all steps add."""
        found = {}
        for name, logs in self.logs.items():
            top = logs.max(initial=-np.inf)
            parts = 10.0 ** (logs - top) if np.isfinite(top) else np.zeros_like(logs)
            found[name] = parts / max(parts.sum(), 1.0)
        return found

    def paths(self) -> dict[Path, float]:
        """Each path's share in the sum over all paths, averaged over the steps."""
        totals: dict[Path, list[float]] = {}
        for step in self.carried:
            whole = sum(step.values())
            for path, part in step.items():
                totals.setdefault(path, []).append(part / whole if whole else 0.0)
        return {path: float(np.mean(parts)) for path, parts in totals.items()}


def _rescaled(matrix: Array, scale: float) -> tuple[Array, float]:
    """A matrix with its largest element brought to one, and the logarithm of what was taken out."""
    largest = float(abs(matrix).max(initial=0))
    if not 0 < largest < np.inf:
        return matrix, scale
    return matrix / largest, scale + _log10(largest)


def _log10(value: float) -> float:
    with np.errstate(divide="ignore"):
        return float(np.log10(value))
