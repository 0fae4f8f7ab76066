"""Change any operator of any shipped cell, and its step Jacobian and its bounds change with it, and hold.

By default one change to each third operator, of a kind that goes round; with DERIVE_FULL=1 every change.
"""

import os
import re
from dataclasses import replace

import numpy as np
import pytest
from boundcells import NORMS, faults, module_of, network_of
from cellfolder import SHIPPED, cell, derived
from changes import changes

from derive.backends.numpy.bounds import bounds
from derive.language import parse
from derive.pipeline.derivation import derive, prove_flow

FULL = bool(os.environ.get("DERIVE_FULL"))
PIECES = ("values", "differentials", "intervals", "rows", "norms")


def chosen():
    for name in SHIPPED:
        for place, options in enumerate(changes(cell(name))):
            if options[0].line not in output_lines(name) and (FULL or place % 3 == 0):
                yield from options if FULL else [options[place // 3 % len(options)]]


def output_lines(name):
    """The lines that no state follows: outputs alone read them."""
    flow = derived(name).flow
    read = {flow.system.variables[e.name].about or e.name for e in flow.read} | set(flow.states)
    return {e.span.line for e in cell(name).equations if e.target not in read}


def test_only_outputs_are_left_out():
    assert {name for name in SHIPPED if output_lines(name)} == {"mlstm"}


def lines(of):
    """All that a cell decides of its module of bounds."""
    context = bounds(of.cell, of.flow, [])
    return [re.sub(r"\s+", " ", line) for piece in PIECES for line in context[piece]]


@pytest.mark.parametrize("change", list(chosen()), ids=lambda c: c.label)
def test_bounds_follow(change):
    changed = derive(replace(parse(change.text), name=change.cell))
    assert lines(changed) != lines(derived(change.cell))
    prove_flow(changed)
    made = module_of(changed)
    drawn = network_of(changed.cell, made, 0)
    for x, state, true in zip(drawn.inputs, drawn.states, drawn.jacobians, strict=False):
        with np.errstate(all="ignore"):
            got = made.step_jacobian(drawn.params, x, state)
        for key, block in true.items():
            good = np.isfinite(block)
            scale = max(np.abs(block[good]).max(initial=0), 1)
            assert np.abs(got.get(key, np.zeros_like(block)) - block)[good].max(initial=0) <= 1e-11 * scale, key
    for norm in NORMS:
        certificate = made.certify(drawn.params, drawn.limits["input"], drawn.limits["state"], norm, steps=4)
        assert not faults(certificate, drawn), norm
