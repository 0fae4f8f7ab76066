"""How gradients flow in a network with given weights, on given input: measured, and beside that what bounds it.

In: a kernel, parameters, inputs. Out: a `GradientFlow`. One pass forward and one back; the cost is linear in T.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np

from derive.pipeline.flow_adjoints import Adjoints
from derive.pipeline.flow_products import Array, Exponents, Lagged, Layout, Pair, Path, powers
from derive.pipeline.gradient_bound import GradientBound, gradient_bound
from derive.pipeline.network import NetworkError


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """Of one sequence of T steps. Every norm is given by its decimal logarithm, -inf where it is 0.

    `lags`: 0 … T, how many steps before the last state; all arrays over lags go with it.
    `measured`: (a, b) → ‖∂a[T]/∂b[T-lag]‖, an estimate from below for the 2-norm of large states; `whole` the same of
    all states together. Bounds of `whole` and so of each block: `trajectory` ∏‖J[t]‖; `block` ‖∏ N[t]‖, N[t] the
    norms of J[t]'s blocks; `static` ‖M**lag‖, M the suprema of N over the box that the trajectory stays in.
    `certificate`: from x_max and the initial states alone.
    `retained`: state → (T, elements), its direct path's factors, no weight in between.
    `shares`: parameter → (T,), the share of step k in Σ_k ‖∇_{W_k} E‖, E = ½‖y[T]‖² read at the last step only.
    `adjoint`: (T,), ‖∂E/∂s[k]‖, s[k] all states before step k, in the dual norm.
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
    retained: Mapping[str, Array]
    shares: Mapping[str, Array]
    adjoint: Array
    paths: Mapping[Path, float]
    exponents: Array

    @property
    def direct(self) -> dict[str, Array]:
        """State → over lags, the largest element of the product of its direct path's factors."""
        with np.errstate(divide="ignore"):
            logs = {state: np.log10(abs(factors[::-1])).cumsum(axis=0) for state, factors in self.retained.items()}
        return {state: np.append(0.0, log.max(axis=1, initial=-np.inf)) for state, log in logs.items()}

    def share_bound(self, parameter: str, bound: Literal["trajectory", "static"]) -> Array:
        """What `shares` could at most be: what a step adds is linear in ∂E/∂s behind it, which is bounded.

        The rest is as measured: each step's own factor, the last step's adjoint, the sum of all shares.
        """
        if bound not in ("trajectory", "static"):
            raise ValueError(f"bound: got {bound!r}, expected 'trajectory' or 'static'")
        if parameter not in self.shares:
            raise ValueError(f"parameter: got {parameter!r}, expected one of {', '.join(self.shares)}")
        with np.errstate(divide="ignore", invalid="ignore"):
            back = self.trajectory[1:] - self.trajectory[1] if bound == "trajectory" else self.static[:-1]
            above = self.adjoint[-1] + back[::-1] - self.adjoint
            return self.shares[parameter] * 10.0 ** np.append(np.where(np.isnan(above), 0.0, above)[1:], 0.0)


_bounds: WeakKeyDictionary[Any, GradientBound] = WeakKeyDictionary()
"""Derived once for each kernel."""


def gradient_flow(
    kernel: Any, params: Any, x: Any, initial: Any = None, *, norm: float = 2, sequence: int = 0
) -> GradientFlow:
    """The gradient flow of one sequence of a batch.

    kernel: what `build` returns. params, x (T, B, …), initial (B, …): as for `kernel.forward`. norm: 1, 2 or
    np.inf. sequence: which of the batch. Raises what the kernel raises for wrong arguments, `NetworkError` where
    the states do not stay finite.
    """
    if norm not in (1, 2, np.inf):
        raise ValueError(f"norm: got {norm!r}, expected 1, 2 or np.inf")
    cell = getattr(kernel, "cell", None)
    if cell is None:
        raise TypeError(f"kernel: got {type(kernel).__name__}, expected what derive.build returns")
    kernel.forward(params, x, initial, tape=False)
    batch = (x[0] if isinstance(x, tuple) else x).shape[1]
    if sequence not in range(batch):
        raise ValueError(f"sequence: got {sequence!r}, expected 0 to {batch - 1}, one of the batch")
    inputs = kernel.Inputs(*(a[:, [sequence]] for a in (x if isinstance(x, tuple) else (x,))))
    start = None if initial is None else kernel.State(*(a[[sequence]] for a in initial))
    if kernel not in _bounds:
        _bounds[kernel] = gradient_bound(cell)
    return _Measurement(_bounds[kernel], kernel, params, inputs, start, norm).flow()


class _Measurement:
    def __init__(
        self, bound: GradientBound, kernel: Any, params: Any, inputs: Any, initial: Any, norm: float
    ) -> None:
        self.bound, self.kernel, self.params, self.inputs, self.norm = bound, kernel, params, inputs, norm
        self.steps = len(inputs[0])
        self.prepared = kernel.prepare(params, self._input_sizes())
        self.states = self._trajectory(initial)
        self.names = bound.states
        self.layout = Layout({name: np.size(s) for name, s in zip(self.names, self.states[0], strict=True)})

    def flow(self) -> GradientFlow:
        lagged = Lagged(self.layout, self.steps, self.norm, self.bound.measure, self.bound.direct)
        adjoints = Adjoints(self.kernel, self.prepared, self.inputs, self.states, self.norm)
        exponents = Exponents(self.layout.size)
        for k in reversed(range(self.steps)):
            blocks = self.bound.jacobian(self.params, self._input(k), self._state(k))
            jacobian = self.layout.assembled(blocks)
            lagged.push(k, blocks, jacobian)
            exponents.push(jacobian)
            adjoints.push(k, blocks)
        return GradientFlow(
            cell=self.bound.derived.cell.name,
            states=self.names,
            norm=self.norm,
            lags=np.arange(self.steps + 1),
            measured=lagged.measured,
            whole=lagged.whole,
            trajectory=lagged.trajectory,
            block=lagged.block,
            static=powers(self._visited(), self.steps, self.norm, self.bound.measure),
            certificate=self._certificate(),
            retained=lagged.retained,
            shares=adjoints.shares(),
            adjoint=adjoints.norms,
            paths=adjoints.paths(),
            exponents=exponents.result(),
        )

    def _trajectory(self, initial: Any) -> list[Any]:
        """The states before every step and after the last one."""
        states = [initial]
        for t in range(self.steps):
            x_t = self.kernel.Inputs(*(a[t] for a in self.inputs))
            with np.errstate(over="ignore", invalid="ignore"):
                _, state = self.kernel.step(self.prepared, x_t, states[-1])
            if not all(np.isfinite(value).all() for value in state):
                raise NetworkError(
                    f"x: the network's states are no longer finite on this input, at step {t + 1} of {self.steps}"
                )
            states.append(state)
        if initial is None:
            states[0] = type(states[1])(*(np.zeros_like(a) for a in states[1]))
        return states

    def _input_sizes(self) -> dict[str, int]:
        """The length of every axis that an input has to itself; a parameter need not tell it."""
        variables = self.bound.derived.cell.of_role("input")
        return {
            axis.parts[0]: length
            for variable, array in zip(variables, self.inputs, strict=True)
            for axis, length in zip(variable.shape, np.shape(array)[2:], strict=True)
            if len(axis.parts) == 1
        }

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
        x_max = {n: np.abs(a[:, 0]).max(axis=0) for n, a in zip(self.inputs._fields, self.inputs, strict=True)}
        initial = {n: np.abs(a[0]) for n, a in zip(self.names, self.states[0], strict=True)}
        return self.bound.certify(self.params, x_max, initial, self.norm, self.steps)
