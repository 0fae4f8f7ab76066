"""Random networks of any cell, their true Jacobians from the oracle, and what a certificate claims of them."""

from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import jacobians
import numpy as np
from cellfolder import cell, derived, run_source

from derive import emit
from derive.backends import Derived
from derive.backends.numpy.bounds import bounds
from derive.language import Cell
from derive.proof.oracle import extents, run
from derive.proof.rings import Complexes

NORMS = (1, 2, np.inf)
STEPS = 4


@cache
def bounds_of(name: str) -> ModuleType:
    """The generated module of a cell's bounds."""
    return module_of(derived(name))


def module_of(of: Derived) -> ModuleType:
    """The module of bounds of what was derived."""
    return run_source(of.cell.name, emit.render("numpy/bounds.py.j2", bounds(of.cell, of.flow, ["In a test."])))


@dataclass(frozen=True)
class Network:
    """Weights, and a trajectory of it: `states[t]` before step t, and the step's true Jacobian."""

    params: Any
    inputs: list[Any]
    states: list[Any]
    jacobians: list[dict[tuple[str, str], np.ndarray]]
    limits: dict[str, dict[str, np.ndarray]]


def network(name: str, seed: int) -> Network:
    """A random network of a cell by name; one that leaves the numbers of the machine is drawn again."""
    for again in range(100):
        try:
            return network_of(cell(name), bounds_of(name), seed + 10**6 * again)
        except ArithmeticError:
            continue
    raise AssertionError(f"{name}: no network stays within the numbers of the machine")


def network_of(of: Cell, made: ModuleType, seed: int) -> Network:
    """A random network, its size and the scale of its weights drawn too, on inputs and from states within ±1."""
    rng = np.random.default_rng([seed, len(of.name)])
    sizes = {axis: int(rng.choice((1, 2, 3, 5))) for axis in of.axes}
    scale = 10 ** rng.uniform(-1.5, 0.7)
    params = made.Params(**drawn(of, "param", sizes, lambda shape: scale * rng.normal(size=shape)))

    def inside(role: str) -> dict[str, np.ndarray]:
        corner = rng.random() < 0.3
        return drawn(of, role, sizes, lambda s: rng.choice((-1.0, 1.0), s) if corner else rng.uniform(-1, 1, s))

    states, inputs, found = [made.State(**inside("state"))], [], []
    for _ in range(STEPS):
        inputs.append(made.Inputs(**inside("input")))
        with np.errstate(all="ignore"):
            found.append(jacobians.step_jacobian(of, params, inputs[-1], states[-1]))
        states.append(made.State(**after(of, sizes, params, inputs[-1], states[-1])))
    limits = {role: drawn(of, role, sizes, np.ones) for role in ("input", "state")}
    return Network(params, inputs, states, found, limits)


def drawn(of: Cell, role: str, sizes: dict[str, int], value: Any) -> dict[str, np.ndarray]:
    return {v.name: np.asarray(value(extents(v.shape, sizes))) for v in of.of_role(role)}


def after(of: Cell, sizes: dict[str, int], params: Any, x: Any, state: Any) -> dict[str, np.ndarray]:
    """The new states, by the oracle."""
    lifted = [{n: a[None].astype(complex) for n, a in arrays._asdict().items()} for arrays in (x, state)]
    weights = {name: array.astype(complex) for name, array in params._asdict().items()}
    inputs = {name: array[None] for name, array in lifted[0].items()}
    with np.errstate(all="ignore"):
        _, final = run(of, Complexes(), {"T": 1, "B": 1} | sizes, weights, inputs, lifted[1])
    return {name: np.asarray(array[0], complex).real for name, array in final.items()}


def faults(certificate: Any, drawn: Network) -> list[str]:
    """What the certificate claims of a network and is not so."""
    found, place = [], certificate.states.index
    product: dict[tuple[str, str], np.ndarray] = {}
    for t, blocks in enumerate(drawn.jacobians):
        for (a, b), block in blocks.items():
            measured, bound = np.linalg.norm(block, certificate.norm), certificate.matrix[place(a), place(b)]
            if np.isfinite(measured) and measured > bound * (1 + 1e-12):
                found.append(f"step {t}: ‖∂{a}/∂{b}‖ = {measured} > {bound}")
        product = chained(blocks, product, certificate.states)
        claimed = certificate.constant * certificate.rate ** (t + 1)
        for (a, b), block in product.items():
            measured = np.linalg.norm(block, certificate.norm)
            if np.isfinite(measured) and measured > claimed * (1 + 1e-12):
                found.append(f"{t + 1} steps: ‖∂{a}/∂{b}‖ = {measured} > {claimed}")
    for t, state in enumerate(drawn.states):
        for name, (lower, upper) in certificate.state_range.items():
            value = getattr(state, name)
            if not np.all((value >= lower) & (value <= upper) | np.isnan(value)):
                found.append(f"before step {t}: {name} = {value} outside [{lower}, {upper}]")
    return found


def chained(blocks: dict, before: dict, states: tuple[str, ...]) -> dict[tuple[str, str], np.ndarray]:
    """The product of block matrices; an empty one before is the identity."""
    if not before:
        return dict(blocks)
    return {
        (a, b): sum((blocks[a, c] @ before[c, b] for c in states), np.zeros(())) for a in states for b in states
    }
