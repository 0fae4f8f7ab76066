"""Which equations share a loop: no function waits in it for another one."""

import pytest
import sympy as sp
from cellfolder import EVERY, derived

from derive.backends.c.fusion import nests
from derive.backends.c.kernel import Builder
from derive.functions import ScalarFunction
from derive.system import Element

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


@pytest.mark.parametrize("name", EVERY)
def test_no_function_waits_for_another_one_in_the_same_loop(name, monkeypatch):
    seen = []
    monkeypatch.setattr("derive.backends.c.tiles.nests", lambda ops: seen.append(nests(ops)) or seen[-1])
    of = derived(name)
    Builder(of.cell, of.schedule).run()
    assert not [nest for found in seen for nest in found if waits(nest)]
