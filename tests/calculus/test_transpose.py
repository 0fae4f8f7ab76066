"""The transpose: an involution, and, read as a bilinear form, the same form from the other side."""

from fractions import Fraction

import pytest
import sympy as sp
from cellfolder import EVERY, cell, derived

from derive.calculus import linearize, transpose
from derive.calculus.linear import canonical_linear
from derive.proof.cost import identity_sizes
from derive.proof.rings import Residues
from derive.system import TIME, Element
from derive.system.interpret import term_value
from derive.system.model import Term


@pytest.mark.parametrize("name", EVERY)
def test_twice_is_the_identity(name):
    """On the linear terms of the cell and of its adjoint alike."""
    linear = linearize(derived(name).adjoint.system)
    assert linear
    for term, twice in zip(linear, transpose(transpose(linear)), strict=True):
        assert _named(twice) == _named(canonical_linear(term))


def _named(term):
    """A linear term up to the names of what is summed over."""
    known = dict.fromkeys(term.target.indices)
    used = [*term.source.indices, *sorted(_indices(term), key=str), *sorted(term.over, key=str)]
    order = [i for i in used if i in term.over and i not in known]
    renaming = {i: sp.Symbol(f"{i.axis}~{k}") for k, i in enumerate(dict.fromkeys(order))}
    assert set(renaming) == set(term.over)
    return term.target, term.coefficient.xreplace(renaming), term.source.xreplace(renaming)


def _indices(term):
    return [s for e in (term.coefficient, term.source) for s in e.free_symbols if s in term.over]


@pytest.mark.parametrize("name", EVERY)
def test_both_readings_are_one_bilinear_form(name):
    """Σ u·(L v) = Σ (Lᵀ u)·v for each term L on its own, with random numbers for whatever it reads."""
    system = derived(name).system
    ring, sizes = Residues(7), identity_sizes(cell(name))
    linear = linearize(system)
    for term, back in zip(linear, transpose(linear), strict=True):
        assert (back.target.name, back.source.name) == (term.source.name, term.target.name)
        assert back.source.shift == -term.source.shift
        assert _form(system, term, ring, sizes) == _form(system, back, ring, sizes)


def _form(system, term, ring, sizes):
    """The sum over the target's places of a random number there times the term with a random source."""
    steps = sizes["T"]

    def read(name, place):
        timed = name.removeprefix("weight ")
        if system.variables[timed].time and not 0 <= place[0] < steps:
            return ring.number(Fraction(0))
        kind = "" if name.startswith("weight ") else "value "
        return ring.variable(f"{kind}{name} {place}")

    # Source and target both stand for their own random vectors, whichever side they are on.
    weight = Element(f"weight {term.source.name}", *term.source.indices)
    left = Element(f"weight {term.target.name}", *term.target.indices)
    value = term_value(Term(term.coefficient * weight * left, term.over), ring, sizes)
    total = ring.number(Fraction(0))
    for place in _places(term.target, sizes):
        shifted = {TIME: place[TIME] - term.target.shift} if TIME in place else {}
        total = total + value(read, {**place, **shifted})
    return total


def _places(target, sizes):
    from itertools import product

    indices = [next(iter(i.free_symbols)) for i in target.indices]
    for numbers in product(*(range(sizes[i.axis]) for i in indices)):
        yield dict(zip(indices, numbers, strict=True))
