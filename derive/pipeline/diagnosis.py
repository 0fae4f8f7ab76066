"""What is wrong with a network's gradients, in words, and what to change.

In: a kernel, parameters, inputs, the lag that is to be kept. Out: a `Diagnosis`: the verdict, what carries the
gradient, how long each state keeps its value, and what to set so that it keeps it for the lag asked for. All of
it is read from the cell's `Flow` and from what was measured; no cell and no gate is known by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from derive.bounds import Flow, Gate, Memory, memories, mixing
from derive.functions import evaluate
from derive.pipeline.derivation import derive
from derive.pipeline.flow_products import Array
from derive.pipeline.gradient_flow import GradientFlow, gradient_flow
from derive.pipeline.network import NetworkError

Verdict = Literal["vanishing", "exploding", "healthy"]

_LOST = 3.0
"""Orders of magnitude by which a gradient has to fall, or to grow, to be called lost."""
_SHORT = 20
_FAR = 50.0
"""No gate's argument is further from zero."""


@dataclass(frozen=True)
class Keeping:
    """How long a state keeps its value by itself: −1/mean log of the factor, in steps, over its elements."""

    memory: Memory
    median: float
    longest: float


@dataclass(frozen=True)
class Suggestion:
    """Set a parameter to `value` in all its elements, or spread it between the ends of `spread`.

    The gate is then at `level` where its argument's other summands are as large as here; `now`: the parameter's mean.
    """

    parameter: str
    now: float
    value: float
    spread: tuple[float, float]
    level: float


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """`lag`: the steps that are to be kept, as many as there are at most. `growth`: the factor by which the gradient
    changes a step, the mean over the lag. `half`, `thousandth`: from how many steps back on it is below that; None
    if not within the lag. `gates`: gates on the way → share of the gradient, the largest first; () is the direct
    path. `sentences`: all of it in words, the verdict first.
    """

    flow: GradientFlow
    lag: int
    verdict: Verdict
    growth: float
    half: int | None
    thousandth: int | None
    gates: Mapping[tuple[str, ...], float]
    keeping: tuple[Keeping, ...]
    suggestions: tuple[Suggestion, ...]
    sentences: tuple[str, ...]


def diagnose(
    kernel: Any, params: Any, x: Any, initial: Any = None, *, lag: int | None = None, sequence: int = 0
) -> Diagnosis:
    """A diagnosis of one sequence of a batch; arguments as for `gradient_flow`.

    lag: how many steps back the network should remember, as many as there are if None. Raises `NetworkError` where
    the network overflows or a parameter is not finite.
    """
    if getattr(kernel, "cell", None) is None:
        raise TypeError(f"kernel: got {type(kernel).__name__}, expected what derive.build returns")
    if not hasattr(params, "_fields"):
        raise TypeError(f"params: got {type(params).__name__}, expected the kernel's Params")
    for name, value in zip(params._fields, params, strict=True):
        if not np.all(np.isfinite(value)):
            raise NetworkError(f"params.{name}: not every element is finite")
    if lag is not None and not (hasattr(lag, "__index__") and lag >= 1):
        raise ValueError(f"lag: got {lag!r}, expected a whole number of at least 1")
    with np.errstate(over="ignore", invalid="ignore"):
        _, final, _ = kernel.forward(params, x, initial, tape=False)
        flow = gradient_flow(kernel, params, x, initial, sequence=sequence)
    if np.isnan(flow.whole).any() or not all(np.all(np.isfinite(state)) for state in final):
        raise NetworkError("x: the network's states or their derivatives are not finite on this input")
    return _Examination(flow, derive(kernel.cell).flow, params, lag).diagnosis()


class _Examination:
    def __init__(self, flow: GradientFlow, structure: Flow, params: Any, lag: int | None) -> None:
        self.flow, self.structure, self.params = flow, structure, params
        self.asked = lag or len(flow.lags) - 1
        self.lag = min(self.asked, len(flow.lags) - 1)
        self.curve = flow.whole[: self.lag + 1]

    def diagnosis(self) -> Diagnosis:
        self.growth = 10.0 ** (self.curve[-1] / self.lag)
        self.verdict = self._verdict()
        self.half, self.thousandth = self._below(np.log10(2)), self._below(_LOST)
        self.gates = self._gates()
        self.keeping = tuple(self._keeping(m) for m in memories(self.structure))
        suggestions = tuple(self._suggestions()) if self.verdict == "vanishing" else ()
        return Diagnosis(
            self.flow, self.lag, self.verdict, self.growth, self.half, self.thousandth, self.gates, self.keeping,
            suggestions, tuple(self._sentences(suggestions)),
        )  # fmt: skip

    def _verdict(self) -> Verdict:
        if self.curve[-1] <= -_LOST:
            return "vanishing"
        return "exploding" if self.curve.max() >= _LOST else "healthy"

    def _below(self, orders: float) -> int | None:
        """From which lag on the gradient stays below so many orders of magnitude of itself."""
        above = int(np.flatnonzero(self.curve > -orders)[-1])
        return above + 1 if above < self.lag else None

    def _gates(self) -> dict[tuple[str, ...], float]:
        shares: dict[tuple[str, ...], float] = {}
        for (_, _, gates), share in self.flow.paths.items():
            shares[gates] = shares.get(gates, 0.0) + share
        return dict(sorted(shares.items(), key=lambda pair: -pair[1]))

    def _keeping(self, memory: Memory) -> Keeping:
        scales = _time_scales(self.flow.retained[memory.state])
        return Keeping(memory, float(np.median(scales)), float(scales.max(initial=0.0)))

    # -- what to change

    def _suggestions(self) -> Iterator[Suggestion]:
        seen = set()
        for memory in (k.memory for k in self.keeping):
            if memory.gate and memory.gate.bias not in seen:
                seen.add(memory.gate.bias)
                found = self._suggestion(memory.state, memory.gate)
                if found:
                    yield found

    def _suggestion(self, state: str, gate: Gate) -> Suggestion | None:
        """The bias with which the gate keeps the state for the lag asked for, the rest of its argument as it is."""
        bias = np.asarray(getattr(self.params, gate.bias), np.float64)
        response = _Response(gate, self.flow.retained[state], bias)
        value, lowest = (response.bias_for(lag) for lag in (self.asked, 1))
        if value is None or lowest is None:
            return None
        level = (np.exp(-1 / self.asked) - gate.offset) / gate.slope
        return Suggestion(gate.bias, float(bias.mean()), value, (lowest, value), float(level))

    # -- in words

    def _sentences(self, suggestions: Sequence[Suggestion]) -> Iterator[str]:
        yield self._verdict_in_words()
        if self.lag < _SHORT:
            more = "a larger lag" if len(self.flow.lags) - 1 > self.lag else "a longer input"
            yield f"Only {self.lag} steps were looked at; {more} tells more."
        if self.gates:
            yield self._gates_in_words()
        yield from self._keeping_in_words()
        if self.verdict == "vanishing":
            yield from self._remedies(suggestions)
        if self.verdict == "exploding":
            yield self._restraint()

    def _verdict_in_words(self) -> str:
        end, over = power(float(self.curve[-1])), f"over {_steps(self.lag)}"
        if self.verdict == "vanishing":
            fallen = "becomes 0" if self.curve[-1] == -np.inf else f"falls to {end} of itself"
            return (
                f"Vanishing: {over} the gradient {fallen}; it is below one half from"
                f" {_steps(self.half)} back on, below a thousandth from {_steps(self.thousandth)}."
            )
        if self.verdict == "exploding":
            largest = power(float(self.curve.max()))
            return (
                f"Exploding: {over} the gradient grows to {largest} times itself at its largest,"
                f" by a factor of {self.growth:.3g} a step."
            )
        half = f", below one half from {_steps(self.half)} back on but not below a thousandth" if self.half else ""
        return f"Healthy: after {_steps(self.lag)} the gradient is {end} times itself{half}."

    def _gates_in_words(self) -> str:
        shares = [f"{way(gates)} {share:.0%}" for gates, share in self.gates.items() if share >= 0.005]
        return f"The way back: {', '.join(shares)}."

    def _keeping_in_words(self) -> Iterator[str]:
        if not self.keeping:
            yield "No state keeps its old value directly; as in a simple recurrent network, weights mix it every time."
        for keeping in self.keeping:
            state, text = keeping.memory.state, keeping.memory.text
            if keeping.longest > 0:
                fading = _fading(keeping, self.flow.retained[state].shape[1])
                yield f"{state} keeps {text or 'a part'} of its old value at each step: {fading}."

    def _remedies(self, suggestions: Sequence[Suggestion]) -> Iterator[str]:
        kept = np.exp(-1 / self.asked)
        for each in suggestions:
            low, high = sorted(each.spread)
            yield (
                f"To keep {_steps(self.asked)}, exp(-1/{self.asked}) = {kept:.4g} has to be kept at each: set"
                f" {each.parameter} to {each.value:.2f} (its mean is {each.now:.2f}), as Gers, Schmidhuber & Cummins"
                f" (2000) set the forget bias; or, for units of every time scale up to that, spread it from"
                f" {low:.2f} to {high:.2f}, as chrono initialisation does (Tallec & Ollivier 2018)."
            )
        weights = [k.memory.weight for k in self.keeping if k.memory.weight]
        for weight in weights:
            yield f"To keep {_steps(self.asked)}, |{weight}| has to be near exp(-1/{self.asked}) = {kept:.4g}."
        if not suggestions and not weights and any(k.longest > 0 for k in self.keeping):
            yield "No bias or weight of its own sets what is kept; it follows from the other equations."
        if not self.keeping:
            yield (
                "A gated cell is the remedy; or bring the growth a step,"
                f" {self.growth:.3g}, near one{self._scaling('multiply')}."
            )

    def _restraint(self) -> str:
        return (
            "Clip the gradient's norm (Pascanu, Mikolov & Bengio 2013), and bring the growth a step near"
            f" one{self._scaling('divide')}."
        )

    def _scaling(self, verb: str) -> str:
        """The recurrent weights of the gate that carries most, and by how much they are off."""
        carriers = mixing(self.structure)
        for gates in self.gates:
            names = dict.fromkeys(name for gate in gates for name in carriers.get(gate, ()))
            if names and self.growth > 0:
                factor = self.growth if verb == "divide" else 1 / self.growth
                return f": {verb} the recurrent part of {' and '.join(names)} by {factor:.3g} or so"
        return ""


def way(gates: tuple[str, ...]) -> str:
    """A way back in words."""
    return f"through {' and '.join(gates)}" if gates else "element by element"


def power(exponent: float, digits: int = 2) -> str:
    """10**exponent, also where no floating-point number holds it."""
    if exponent in (-np.inf, np.inf):
        return "0" if exponent < 0 else "∞"
    if -2 <= exponent < 4:
        return f"{10.0**exponent:#.{digits}g}".rstrip(".") if exponent < digits - 0.01 else f"{10.0**exponent:.0f}"
    whole = int(np.floor(exponent))
    leading = f"{10.0 ** (exponent - whole):.{digits - 1}f}"
    if leading.startswith("10"):
        whole, leading = whole + 1, f"{1:.{digits - 1}f}"
    return f"{leading}e{whole:+03d}"


def _steps(count: int | None) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def _fading(keeping: Keeping, elements: int) -> str:
    """How fast a state of so many elements fades, in words."""
    median, slowest = keeping.median, keeping.longest
    if elements == 1:
        return f"a time scale of {slowest:.3g} steps" if np.isfinite(slowest) else "it does not fade"
    if not np.isfinite(median):
        return "half of its elements or more do not fade"
    others = f", {slowest:.3g} in the slowest" if np.isfinite(slowest) else "; the slowest does not fade"
    return f"a time scale of {median:.3g} steps in the median element{others}"


def _time_scales(retained: Array) -> Array:
    """−1/mean log of each element's factors."""
    with np.errstate(divide="ignore"):
        means = np.log(abs(retained)).mean(axis=0)
        return np.where(means < 0, -1 / np.where(means < 0, means, -1.0), np.inf)


class _Response:
    """What a gate keeps if its bias is another in all elements, and all else of its argument is as measured."""

    def __init__(self, gate: Gate, retained: Array, bias: Array) -> None:
        self.gate = gate
        self.arguments = np.linspace(-_FAR, _FAR, 4001)
        self.values = np.array([float(evaluate(gate.function, float(z))) for z in self.arguments])
        self.rising = 1.0 if self.values[-1] > self.values[0] else -1.0
        levels = (retained - gate.offset) / gate.slope
        order = slice(None, None, int(self.rising))
        net = np.interp(levels, self.values[order], self.arguments[order])
        self.rest = net - (bias.reshape(-1) if bias.size == net.shape[1] else bias.mean())

    def bias_for(self, lag: float) -> float | None:
        """The bias for which the median element's time scale is the lag; None if there is none."""
        low, high = -_FAR / 2, _FAR / 2
        rising = self._rate(high) > self._rate(low)
        if not min(self._rate(low), self._rate(high)) < -1 / lag < max(self._rate(low), self._rate(high)):
            return None
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if (self._rate(middle) < -1 / lag) == rising else (low, middle)
        return (low + high) / 2

    def _rate(self, bias: float) -> float:
        levels = np.interp(self.rest + bias, self.arguments, self.values)
        with np.errstate(divide="ignore"):
            logs = np.log(abs(self.gate.offset + self.gate.slope * levels))
        return float(np.median(logs.mean(axis=0)))
