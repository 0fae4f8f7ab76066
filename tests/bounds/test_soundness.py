"""No measured Jacobian exceeds its bound: random networks of every cell, in every norm."""

import os

import numpy as np
import pytest
from boundcells import NORMS, STEPS, bounds_of, faults, network
from cellfolder import EVERY

DRAWS = 300 if os.environ.get("DERIVE_FULL") else 3  # of each of some thirty-four cells


def certified(name, drawn, norm, steps=None):
    return bounds_of(name).certify(drawn.params, drawn.limits["input"], drawn.limits["state"], norm, steps)


@pytest.mark.parametrize("name", EVERY)
def test_no_jacobian_exceeds_its_bound(name, record_property):
    """The first draws in every norm, for any number of steps and for a few; further ones in turn."""
    claims = [(norm, steps) for norm in NORMS for steps in (None, STEPS)]
    finite = 0
    for seed in range(DRAWS):
        drawn = network(name, seed)
        for norm, steps in claims if seed < 3 else [claims[seed % len(claims)]]:
            certificate = certified(name, drawn, norm, steps)
            assert not faults(certificate, drawn), (seed, norm, steps)
        finite += bool(np.isfinite(certificate.matrix).all())
    record_property("shown", f"{name}: finite static bounds for {finite} of {DRAWS} networks")


@pytest.mark.parametrize("name", EVERY)
def test_the_box_of_a_trajectory_bounds_its_jacobians(name):
    made = bounds_of(name)
    for seed in range(DRAWS):
        drawn = network(name, seed)
        if not all(np.isfinite(a).all() for state in drawn.states for a in state):
            continue
        low, high = (
            (
                made.Inputs(*(end([x[k] for x in drawn.inputs], axis=0) for k in range(len(made.Inputs._fields)))),
                made.State(*(end([s[k] for s in drawn.states], axis=0) for k in range(len(made.State._fields)))),
            )
            for end in (np.min, np.max)
        )
        for norm in NORMS if seed < 3 else [NORMS[seed % len(NORMS)]]:
            matrix = made.visited(drawn.params, low, high, norm)
            for blocks in drawn.jacobians:
                for (a, b), block in blocks.items():
                    bound = matrix[made.STATES.index(a), made.STATES.index(b)]
                    assert not np.linalg.norm(block, norm) > bound * (1 + 1e-12), (seed, norm, a, b)


@pytest.mark.parametrize("norm", NORMS)
def test_a_bound_that_is_too_small_is_caught(norm):
    """Halving what is certified contradicts some network of each of these cells."""
    for name in ("rnn", "lstm", "indrnn", "gru"):
        drawn = [network(name, seed) for seed in range(20)]
        for part in ("matrix", "rate", "state_range"):
            assert any(faults(halved(certified(name, d, norm), part), d) for d in drawn), (name, part)


def halved(certificate, part):
    value = getattr(certificate, part)
    if part == "state_range":
        return certificate._replace(state_range={n: (a / 2, b / 2) for n, (a, b) in value.items()})
    return certificate._replace(**{part: value / 2})


@pytest.mark.parametrize(
    "name", ["rnn", "lstm", "lstm_peephole", "gru", "gru_reset_after", "mgu", "indrnn"]
)
@pytest.mark.parametrize("norm", NORMS)
def test_static_bounds_are_finite(name, norm):
    """As initialised, for any number of steps; whatever the weights, for a given number."""
    made, rng = bounds_of(name), np.random.default_rng(0)
    small = made.Params(*(0.1 * rng.normal(size=p.shape) for p in network(name, 0).params))
    assert np.isfinite(made.certify(small, *limits(name), norm).matrix).all()
    for seed in range(5):
        drawn = network(name, seed)
        assert np.isfinite(certified(name, drawn, norm, steps=10).matrix).all()


def limits(name):
    drawn = network(name, 0)
    return drawn.limits["input"], drawn.limits["state"]
