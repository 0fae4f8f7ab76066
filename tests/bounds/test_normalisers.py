"""Normalisation: found in the equations, and what is claimed of it holds exactly."""

import numpy as np
import pytest
import sympy as sp
from boundcells import bounds_of, network
from cellfolder import cell

from derive.bounds.normalisers import normalisers
from derive.language import parse
from derive.system import normalize


def vectors(size, seed=0):
    """Rational vectors, and one that is constant."""
    rng = np.random.default_rng(seed)
    for _ in range(5):
        yield [sp.Rational(int(p), int(q)) for p, q in rng.integers(1, 9, (size, 2)) * rng.choice((-1, 1), (size, 1))]
    yield [sp.Rational(3, 2)] * size


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_jacobian_is_a_projector_less_a_part_of_one(size, centred):
    """By sympy.diff, at exact points; the eigenvalues of P - y yᵀ/n lie in [0, 1], and its rows are short."""
    epsilon = sp.Rational(1, 100)
    a = sp.symbols(f"a:{size}")
    u = [v - sp.Add(*a) / size * int(centred) for v in a]
    scale = 1 / sp.sqrt(sp.Add(*(v**2 for v in u)) / size + epsilon)
    jacobian = sp.Matrix([v * scale for v in u]).jacobian(a)
    projector = sp.eye(size) - sp.ones(size, size) / size * int(centred)
    for point in vectors(size):
        at = dict(zip(a, point, strict=True))
        y = sp.Matrix([(v * scale).subs(at) for v in u])
        expected = scale.subs(at) * (projector - y * y.T / size)
        assert sp.simplify(jacobian.subs(at) - expected) == sp.zeros(size, size)
        assert all(v**2 <= size - int(centred) for v in y)
        inner = np.array((projector - y * y.T / size).evalf(), float)
        values = np.linalg.eigvalsh(inner)
        assert values.min() >= -1e-12
        assert values.max() <= 1 + 1e-12
        assert abs(inner).sum(axis=1).max() <= 2 + size**0.5


LAYER = "input x : d\nstate h : d\nh[t] = tanh({} + x)"


@pytest.mark.parametrize(
    ("written", "found", "centred"),
    [
        ("layernorm(W @ h[t-1])", 1, True),
        ("g * layernorm(W @ h[t-1] + V @ x) + b", 1, True),
        ("g * (W @ h[t-1]) / sqrt(mean((W @ h[t-1])**2) + 1e-3)", 1, False),
        ("layernorm(h[t-1]) + layernorm(x)", 2, True),
        ("(h[t-1] - mean(x)) / sqrt(mean((h[t-1] - mean(x))**2) + 1)", 0, None),  # the mean of something else
        ("h[t-1] / sqrt(mean(h[t-1]**2) - 1)", 0, None),
        ("h[t-1] / sqrt(sum(h[t-1]**2) + 1)", 0, None),
        ("h[t-1] / sqrt(mean(h[t-1]**3) + 1)", 0, None),
        ("h[t-1] / mean(h[t-1]**2)", 0, None),
    ],
)
def test_what_is_a_normalisation(written, found, centred):
    got = normalisers(normalize(parse(LAYER.format(written), name="layer")))
    assert len(got) == found
    assert all((n.mean is not None) == centred for n in got)


def test_layer_norm_has_bounds_for_any_number_of_steps():
    """Without the lemma gates saturate and the cell state has no range at all."""
    made = bounds_of("lstm_layernorm")
    for seed in range(5):
        drawn = network("lstm_layernorm", seed)
        for norm in (1, 2, np.inf):
            certificate = made.certify(drawn.params, drawn.limits["input"], drawn.limits["state"], norm)
            assert np.isfinite(certificate.matrix).all()
    assert len(normalisers(normalize(cell("lstm_layernorm")))) == 5
