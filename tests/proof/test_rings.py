"""The arithmetics obey their axioms, and the generators are the same in every process."""

import subprocess
import sys
from fractions import Fraction

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from derive import functions
from derive.proof.degrees import Degrees
from derive.proof.duals import Dual, Duals, slope
from derive.proof.expressions import Expressions, value_of
from derive.proof.rings import PRIME, Complexes, Rationals, Residue, Residues

residues = st.integers(0, PRIME - 1).map(Residue)
fractions = st.fractions(min_value=-50, max_value=50, max_denominator=12)
duals = st.builds(Dual, residues, residues)
ZERO, ONE = Residue(0), Residue(1)


@pytest.mark.parametrize("kind", [residues, duals, fractions], ids=["residues", "duals", "rationals"])
@given(data=st.data())
def test_commutative_ring(kind: st.SearchStrategy, data: st.DataObject) -> None:
    a, b, c = (data.draw(kind) for _ in range(3))
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a * b == b * a
    assert (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a - b == a + (-b)
    assert a**0 * b == b
    assert a**3 == a * a * a


@given(residues, fractions, fractions)
def test_residues_are_a_field_that_the_rationals_map_to(a: Residue, x: Fraction, y: Fraction) -> None:
    ring = Residues(1)
    if a != ZERO:
        assert a * ring.apply("recip", a) == ONE
    assert ring.number(x) + ring.number(y) == ring.number(x + y)
    assert ring.number(x) * ring.number(y) == ring.number(x * y)


def test_the_inverse_of_zero_is_an_error() -> None:
    for ring in (Residues(1), Rationals(1)):
        with pytest.raises(ZeroDivisionError):
            ring.apply("recip", ring.number(Fraction(0)))


def test_residues_do_not_mix_with_numbers() -> None:
    with pytest.raises(AttributeError):
        Residue(3) + 1


@pytest.mark.parametrize("kind", [Residues, Rationals])
def test_generators_depend_on_seed_function_argument_and_nothing_else(kind: type) -> None:
    ring, a, b = kind(1), kind(1).variable("a"), kind(1).variable("b")
    assert ring.apply("tanh", a) == kind(1).apply("tanh", a * ring.number(Fraction(1)))
    assert len({ring.apply("tanh", a), ring.apply("tanh", b), ring.apply("exp", a), kind(2).apply("tanh", a)}) == 4
    assert ring.first_maximum([a, b]) == kind(1).first_maximum([a, b])
    c = ring.variable("c")
    assert len({*ring.first_maximum([a, b]), *ring.first_maximum([b, a]), *ring.first_maximum([a, b, c])}) == 7


@pytest.mark.parametrize("kind", [Residues, Rationals, Complexes])
def test_of_equal_elements_only_the_first_is_the_maximum(kind: type) -> None:
    ring = kind() if kind is Complexes else kind(1)
    a, b, zero, one = (ring.number(Fraction(n)) for n in (7, 5, 0, 1))
    assert ring.first_maximum([a, a, a]) == [one, zero, zero]
    first, second = ring.first_maximum([a, b])
    assert ring.first_maximum([a, a, b, a, b]) == [first, zero, second, zero, zero]


def test_generators_do_not_depend_on_the_process() -> None:
    program = (
        "from derive.proof.rings import Residues; r = Residues(7); a = r.variable('W[0, 1]'); "
        "print(a, r.apply('tanh', a), r.first_maximum([a, a]))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "12345")
    }
    assert len(runs) == 1


@given(fractions, fractions, fractions)
def test_duals_differentiate_as_sympy_does(x: Fraction, y: Fraction, direction: Fraction) -> None:
    def formula(a, b, number):
        return (a * b - a**3 + number(Fraction(2, 3)) * b) * (a - b * b)

    ring = Duals(Rationals(1))
    got = formula(Dual(x, direction), ring.number(y), ring.number)
    a, b = sympy.symbols("a b")
    written = formula(a, b, lambda value: sympy.Rational(value.numerator, value.denominator))
    point = {a: sympy.Rational(str(x)), b: sympy.Rational(str(y))}
    assert sympy.Rational(str(got.value)) == written.subs(point)
    assert sympy.Rational(str(got.tangent)) == written.diff(a).subs(point) * sympy.Rational(str(direction))


@pytest.mark.parametrize("name", [*functions.FUNCTIONS])
def test_dual_functions_against_the_complex_step(name: str) -> None:
    dual = Duals(Complexes()).apply(name, Dual(0.7 + 0j, 1.3 + 0j))
    expected = functions.evaluate(name, complex(0.7, 1.3e-30)).imag / 1e-30
    assert dual.tangent.real == pytest.approx(expected, rel=1e-13, abs=1e-15)


def test_constants_have_no_tangent() -> None:
    assert Duals(Residues(1)).constant(Dual(Residue(5), Residue(6))) == Dual(Residue(5), ZERO)
    assert Complexes().constant(2 + 1j) == 2
    symbol = sympy.Symbol("a")
    held = Expressions().constant(symbol**2)
    assert sympy.diff(held * symbol, symbol) == held
    assert value_of(held, Residues(1), {}) == Residues(1).variable("a") ** 2


def test_the_first_of_equal_elements_is_the_maximum() -> None:
    assert Complexes().first_maximum([1 + 0j, 3 + 0j, 3 + 1j]) == [0, 1, 0]


def test_a_row_that_is_no_polynomial_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "derivative", lambda name: sympy.sqrt(functions.Y))
    with pytest.raises(TypeError, match=r"expected a polynomial in the output Y"):
        slope(Residues(1), "tanh", ONE, ONE)


@given(st.lists(st.tuples(st.sampled_from("+-*r2"), st.integers(0, 9), st.integers(0, 9)), max_size=9))
def test_degrees_bound_the_degrees_that_sympy_finds(program: list[tuple[str, int, int]]) -> None:
    """A random program over two unknowns, run in both rings."""

    def run(ring) -> list:
        values = [ring.variable("a"), ring.variable("b"), ring.number(Fraction(1))]
        for operation, i, j in program:
            left, right = values[i % len(values)], values[j % len(values)]
            match operation:
                case "+":
                    values.append(left + right)
                case "-":
                    values.append(left - right + ring.variable("a"))
                case "*":
                    values.append(left * right)
                case "2":
                    values.append(left**2)
                case "r":
                    values.append(ring.apply("recip", left + ring.variable("b")))
        return values[-1:]

    unknowns = sympy.symbols("a b")
    (written,), (degree,) = run(Expressions()), run(Degrees())
    if written.has(sympy.zoo, sympy.nan):
        return
    numerator, denominator = sympy.fraction(sympy.cancel(written))
    for polynomial, bound in ((numerator, degree.numerator), (denominator, degree.denominator)):
        assert polynomial == 0 or sympy.Poly(polynomial, *unknowns).total_degree() <= bound
