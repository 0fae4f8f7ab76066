"""Loops over vectors: which equations share one, and what is done once, in front of it or behind it."""

import zlib
from itertools import groupby, takewhile

import pytest
import sympy as sp
from cellfolder import EVERY, derived

from derive.backends.c.expressions import Expressions
from derive.backends.c.fusion import nests
from derive.backends.c.kernel import Builder
from derive.backends.c.phases import TOTAL, Multiply, Nest, summed
from derive.functions import ScalarFunction
from derive.system import Element, FirstMaximum, Index, Length

STEPWISE = {"relu", "abs", "sign", "leaky_relu", "hard_sigmoid", "hard_tanh", "positive", "nonnegative"}
CHEAP = STEPWISE | {"recip", "sqrt", "rsqrt", "softsign", "square"}


def chain(expression):
    """How many functions with an exponential, a logarithm or the like stand inside each other."""
    inner = max(map(chain, expression.args), default=0) if not isinstance(expression, Element) else 0
    return inner + (isinstance(expression, ScalarFunction) and expression.row_name not in CHEAP)


def waits(nest):
    """Whether a function has to wait for another one that an operation further up in the nest applies."""
    made = {}
    for op in nest.ops:
        bodies = [term.body.xreplace(made) for term in op.terms]
        if max(map(chain, bodies)) > max(1, *(chain(term.body) for term in op.terms)):
            return True
        made[op.target] = sp.Add(*bodies)
    return False


@pytest.fixture(params=EVERY)
def sequences(request, monkeypatch):
    """The nests between two products, of both functions of a cell."""
    seen = []
    monkeypatch.setattr("derive.backends.c.tiles.nests", lambda ops: seen.append(nests(ops)) or seen[-1])
    of = derived(request.param)
    Builder(of.cell, of.schedule).run()
    return seen


def test_no_function_waits_for_another_one_in_the_same_loop(sequences):
    assert not [nest for found in sequences for nest in found if waits(nest)]


def kind(nest):
    """What nests have to have in common; None for what stands alone."""
    if any(isinstance(op, Multiply) or any(t.body.has(FirstMaximum) for t in op.terms) for op in nest.ops):
        return None
    return nest.space, not nest.space or any(term.over for op in nest.ops for term in op.terms)


def reads(op):
    return {element.name for term in op.terms for element in term.body.atoms(Element)}


def related(op, nest):
    """Whether one reads or writes what the other writes."""
    written = {other.target.name for other in nest.ops}
    return bool(written & {op.target.name, *reads(op)}) or any(op.target.name in reads(other) for other in nest.ops)


def test_what_does_not_need_an_earlier_loop_is_in_the_first_of_its_kind(sequences):
    for found in sequences:
        for k, nest in enumerate(found):
            for place, op in enumerate(nest.ops):
                behind = [Nest(nest.space, nest.ops[:place]), *reversed(found[:k])]
                free = list(takewhile(lambda earlier, op=op: not related(op, earlier), behind))[1:]
                alike = [each for each in free if kind(each) is not None and kind(each) == kind(nest)]
                assert not [each for each in alike if not waits(Nest(each.space, (*each.ops, op)))]


def at(body, index, place):
    """A body with numbers for its elements, which depend on the place along an index."""
    values = {
        e: sp.Rational(zlib.crc32(f"{e} {place if index in e.indices else ''}".encode()) % 97 + 1, 7)
        for e in body.atoms(Element)
    }
    return body.xreplace(values).xreplace({length: sp.Integer(5) for length in body.atoms(Length)})


def test_what_is_taken_out_of_a_sum_comes_to_it_once(sequences):
    for term in {t for found in sequences for nest in found for op in nest.ops for t in op.terms if len(t.over) == 1}:
        inside, whole = summed(term)
        if inside.has(ScalarFunction):
            continue
        wanted, total = (sum(at(body, term.over[0], place) for place in range(3)) for body in (term.body, inside))
        assert at(whole.xreplace({TOTAL: total}), term.over[0], None) == wanted
        assert all(not set(e.indices) & set(term.over) for e in whole.atoms(Element))


def test_what_stands_still_is_divided_in_front_of_the_loop():
    j, width = Index("d", 0), Length("d")
    x, s = Element("x", j), Element("s")
    write = Expressions(str).text
    assert write(-2 * x * s / width, lambda e: e.name, j) == "-x * (V(2) * s / V(d))"
    assert write(-2 * x * s / width, lambda e: e.name, None) == "-V(2) * s * x / V(d)"
    assert write(x / width, lambda e: e.name, j) == "x / V(d)"


def test_sums_that_do_not_need_each_other_are_taken_side_by_side():
    of = derived("lstm_layernorm")
    lines = [line for stage in Builder(of.cell, of.schedule).run().forward.stages for line in stage.lines]
    loops = [len(list(run)) for sums, run in groupby(lines, lambda line: "+= KEEP(" in line) if sums]
    assert loops == [4, 4, 1, 1]  # means and variances, of the gates and then of the cell state
