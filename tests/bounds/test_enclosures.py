"""What bounds are made of: intervals, suprema, norms and rates, each against samples or exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from boundcells import bounds_of
from hypothesis import given
from hypothesis import strategies as st

made = bounds_of("lstm")
numbers = st.floats(-4, 4, allow_subnormal=False)


def interval(a, b):
    return made.Interval(np.array([min(a, b)]), np.array([max(a, b)]))


def samples(box, count=7):
    return np.linspace(box.lower[0], box.upper[0], count)


@given(*[numbers] * 6)
def test_corners_are_exact_for_what_is_affine_in_each_variable(a, b, c, d, e, f):
    x, y, z = interval(a, b), interval(c, d), interval(e, f)
    values = [u * v + (1 - u) * w for u in samples(x) for v in samples(y) for w in samples(z)]
    got = made.corners(lambda u, v, w: u * v + (1 - u) * w, x, y, z)
    assert got.lower[0] <= min(values)
    assert max(values) <= got.upper[0]
    assert np.isclose(got.upper[0], max(values), rtol=1e-12, atol=1e-12)
    assert np.isclose(got.lower[0], min(values), rtol=1e-12, atol=1e-12)


@given(*[numbers] * 4)
def test_interval_arithmetic_encloses(a, b, c, d):
    x, y = interval(a, b), interval(c, d)
    got = made.natural(lambda u, v: (u - v) ** 2 * 2 - u**3 + 1, x, y)
    values = [(u - v) ** 2 * 2 - u**3 + 1 for u in samples(x) for v in samples(y)]
    assert got.lower[0] <= min(values)
    assert max(values) <= got.upper[0]


def test_an_interval_beside_an_array_stays_one():
    box = interval(1.0, 2.0)
    for result in (np.array([3.0]) * box, np.float64(3.0) * box, 3 * box, box * np.array([3.0])):
        assert isinstance(result, made.Interval)
        assert np.allclose(result, [[3.0], [6.0]])


def test_what_is_no_number_is_unbounded():
    with np.errstate(invalid="ignore"):
        got = made.corners(np.multiply, made.Interval(np.zeros(1), np.ones(1)), interval(-np.inf, np.inf))
    assert (got.lower[0], got.upper[0]) == (-np.inf, np.inf)


@given(*[numbers] * 4)
def test_turns_are_met(a, b, c, d):
    """z² on an interval; and z (1 - z), whose slope vanishes at a half."""
    x = interval(a, b)
    turns = ((0.0, 0.0, 0.0, 0.0),)
    got = made.image(np.square, x, (0.0, np.inf), turns=turns)
    values = np.append(samples(x) ** 2, 0.0 if x.lower[0] <= 0 <= x.upper[0] else samples(x) ** 2)
    assert got.lower[0] <= values.min()
    assert values.max() <= got.upper[0]
    assert np.isclose(got.lower[0], values.min(), atol=1e-12)
    got = made.factor(lambda z: z * (1 - z), "z", turns=(0.5,)).span(x)
    assert got.lower[0] <= (samples(x) * (1 - samples(x))).min()
    assert (samples(x, 101) * (1 - samples(x, 101))).max() <= got.upper[0]


@given(st.floats(0, 3), st.floats(0, 3), *[st.floats(0, 1)] * 2)
def test_a_supremum_taken_jointly(first, second, a, b):
    """z + first z (1 - z) + second (1 - z): three shares that peak at different places."""
    box = interval(a, b)
    shares = [
        made.share(1.0, [made.factor(lambda z: z, "z")]),
        made.share(first, [made.factor(lambda z: (1 - z) * z, "z", turns=(0.5,))]),
        made.share(second, [made.factor(lambda z: 1 - z, "z")]),
    ]
    z = samples(box, 4001)
    true = (z + first * z * (1 - z) + second * (1 - z)).max()
    joint = made.largest((1,), {"z": box}, shares, split=("z",))[0]
    apart = made.largest((1,), {"z": box}, shares)[0]
    assert true <= joint <= true * 1.002 + 1e-12
    assert joint <= apart * (1 + 1e-12)


def test_a_supremum_unit_by_unit_in_two_variables():
    rng = np.random.default_rng(0)
    low = rng.uniform(-1, 1, (2, 5))
    box = {n: made.Interval(a, a + rng.uniform(0, 1, 5)) for n, a in zip("uv", low, strict=True)}
    weights = rng.uniform(0, 2, (2, 5))
    shares = [
        made.share(weights[0], [made.factor(lambda u: u, "u"), made.factor(lambda v: 1 - v**2, "v", turns=(0.0,))]),
        made.share(weights[1], [made.factor(lambda u: (1 - u) * u, "u", turns=(0.5,)), made.factor(lambda v: v, "v")]),
    ]
    bound = made.largest((5,), box, shares, split=("u", "v"))
    for k in range(5):
        u, v = np.meshgrid(*(np.linspace(box[n].lower[k], box[n].upper[k], 301) for n in "uv"))
        true = (weights[0, k] * abs(u * (1 - v**2)) + weights[1, k] * abs((1 - u) * u * v)).max()
        assert true <= bound[k] <= true * 1.01


# -- norms


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 3), (17, 17), (100, 65), (129, 200)])
@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_the_spectral_norm_is_bounded_from_above_and_closely(shape, scale):
    matrix = np.random.default_rng(1).normal(size=shape) * scale
    true = np.linalg.norm(matrix / scale, 2) * scale
    assert true * (1 - 1e-13) <= made.spectral(matrix) <= true * (1 + (1e-11 if min(shape) <= 64 else 0.06))


def test_the_spectral_norm_against_exact_arithmetic():
    """σ² I - MᵀM is positive definite: its pivots, in fractions, are positive."""
    for seed in range(20):
        matrix = np.random.default_rng(seed).normal(size=(4, 3))
        exact = [[Fraction(v) for v in row] for row in matrix]
        bound = Fraction(made.spectral(matrix)) ** 2
        gram = [[sum(row[i] * row[j] for row in exact) for j in range(3)] for i in range(3)]
        rest = [[bound * (i == j) - gram[i][j] for j in range(3)] for i in range(3)]
        for k in range(3):
            assert rest[k][k] > 0
            for i in range(k + 1, 3):
                ratio = rest[i][k] / rest[k][k]
                rest[i] = [a - ratio * b for a, b in zip(rest[i], rest[k], strict=True)]


def test_norms_of_what_is_not_finite_or_nothing():
    assert made.measure(np.array([[np.nan]]), 2) == np.inf
    assert made.measure(np.zeros((3, 2)), 2) == 0
    assert made.measure(np.array([[1.0, -2.0], [3.0, 4.0]]), 1) == pytest.approx(6, rel=1e-13)
    assert made.measure(np.array([[1.0, -2.0], [3.0, 4.0]]), np.inf) == pytest.approx(7, rel=1e-13)


# -- rates


@given(st.lists(st.floats(0, 3), min_size=9, max_size=9))
def test_a_rate_holds_exactly_and_is_near_the_spectral_radius(entries):
    matrix = np.array(entries).reshape(3, 3)
    rate, vector = made.contraction(matrix)
    assert np.all(vector > 0)
    for row, v in zip(matrix, vector, strict=True):
        assert sum(Fraction(m) * Fraction(w) for m, w in zip(row, vector, strict=True)) <= Fraction(rate) * Fraction(v)
    radius = max(abs(np.linalg.eigvals(matrix)))
    assert rate <= radius + 0.011 * max(1.0, radius) + 1e-9
    assert (rate < 1) == (radius < 1) or abs(radius - 1) < 1e-6


@pytest.mark.parametrize("radius", [1.0, 1 - 2.0**-53, 1 - 1e-15, 1 + 1e-15, 0.0])
def test_a_rate_where_no_room_is_left(radius):
    for matrix in (np.array([[radius]]), np.array([[radius, 1.0], [0.0, radius]]), np.diag([radius, 0.5])):
        rate, vector = made.contraction(matrix)
        assert np.all(matrix @ vector <= rate * vector * (1 + 1e-15))
        assert rate >= radius


def test_a_rate_of_what_is_unbounded():
    assert made.contraction(np.array([[np.inf]]))[0] == np.inf


# -- invariant ranges


@given(st.floats(0, 0.99), st.floats(0, 5), st.floats(0, 5))
def test_a_range_by_the_recurrences_own_solution(keep, drive, start):
    """|s[t]| ≤ keep |s[t-1]| + drive stays below max(start, drive / (1 - keep))."""
    scalar = bounds_of("scalars")
    kind = scalar.State
    box = scalar.Interval(np.array(-start), np.array(start))

    def advance(states):
        ends = scalar.Interval(keep * states.s.lower - drive, keep * states.s.upper + drive)
        return kind(ends, states.r)

    found = scalar.invariant(advance, kind(box, scalar.Interval(np.array(0.0), np.array(0.0))))
    limit = max(start, drive / (1 - keep))
    assert limit * (1 - 1e-9) <= found.s.upper <= limit * (1 + 1e-6) + 1e-9


def test_what_grows_without_end_has_no_range():
    cornn = bounds_of("delay_line")
    params = cornn.Params(rate=np.array(-1.0))  # m[t] = 2 m[t-1] - …
    certificate = cornn.certify(params, np.ones(2), {"u": np.ones(2), "v": np.ones(2), "m": np.ones(2)})
    lower, upper = certificate.state_range["m"]
    assert np.all(upper == np.inf)
    assert np.all(lower == -np.inf)
    assert np.isfinite(certificate.matrix).all()
    limited = cornn.certify(params, np.ones(2), {"u": np.ones(2), "v": np.ones(2), "m": np.ones(2)}, steps=3)
    assert np.all(np.isfinite(limited.state_range["m"][1]))


# -- arguments


def test_arguments_that_do_not_fit():
    rng = np.random.default_rng(0)
    params = made.Params(*(rng.normal(size=(2, 5) if k % 2 == 0 else 2) for k in range(8)))
    assert made.certify(params).states == ("h", "c")
    for wrong, message in (
        ({"norm": 3}, "norm: got 3, expected 1, 2 or np.inf"),
        ({"x_max": -1.0}, "x_max: got -1.0, expected numbers of at least 0"),
        ({"x_max": "5"}, "x_max: got '5', expected numbers of at least 0"),
        ({"steps": 0}, "steps: got 0, expected a whole number of at least 1, or None"),
        ({"steps": -1}, "steps: got -1, expected a whole number of at least 1, or None"),
        ({"steps": 1.5}, r"steps: got 1\.5, expected a whole number of at least 1, or None"),
        ({"initial_max": {"h": 1.0}}, r"initial_max: got \['h'\], expected h, c"),
        ({"x_max": np.ones(7)}, r"x_t\.x: got float64 \(7,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            made.certify(params, **wrong)
    with pytest.raises(ValueError, match=r"params\.b_f: got a value that is not finite"):
        made.certify(params._replace(b_f=np.array([0.0, np.nan])))
