"""Which operations share a nest of loops. In: operations in order. Out: nests.

Sharing spares memory traffic. It ends where a function is applied to what a function in the same nest has made: such a
chain takes a processor hundreds of cycles, and more of its instructions than it can look ahead, so that it would
wait for one chain at a time; in a nest of its own the further link is computed for many vectors at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from derive.backends.c.functions import is_long
from derive.backends.c.phases import Nest, Op, Scatter, read_by
from derive.functions import ScalarFunction
from derive.system import Element, FirstMaximum


def nests(ops: Sequence[Op]) -> tuple[Nest, ...]:
    """All operations, as many in one nest as may be."""
    found: list[Nest] = []
    links: dict[str, int] = {}
    for op in ops:
        space = op.target.feature_indices
        if found and found[-1].space == space and _joins(op, found[-1]) and _links(op, links) <= max(1, _links(op, {})):
            found[-1] = Nest(space, (*found[-1].ops, op))
        else:
            found.append(Nest(space, (op,)))
            links = {}
        links[op.target.name] = _links(op, links)
    return tuple(found)


def _joins(op: Op, nest: Nest) -> bool:
    """Whether an operation can share a nest: it reads what the nest computes only where it stands."""
    if _alone(op) or any(map(_alone, nest.ops)):
        return False
    if nest.space and _sums(op) != any(map(_sums, nest.ops)):
        return False
    here = {o.target.name: o.target.feature_indices for o in nest.ops}
    return all(e.indices[len(e.indices) - len(here[e.name]) :] == here[e.name] for e in read_by(op) if e.name in here)


def _alone(op: Op) -> bool:
    return isinstance(op, Scatter) or any(t.body.has(FirstMaximum) for t in op.terms)


def _sums(op: Op) -> bool:
    return any(term.over for term in op.terms)


def _links(op: Op, known: Mapping[str, int]) -> int:
    """How many long functions an operation has to wait for one after the other, given this of what it reads."""
    return max(_depth(term.body, known) for term in op.terms)


def _depth(expression: sp.Basic, known: Mapping[str, int]) -> int:
    if isinstance(expression, Element):
        return known.get(expression.name, 0)
    inner = max((_depth(each, known) for each in expression.args), default=0)
    return inner + (isinstance(expression, ScalarFunction) and is_long(expression.row_name))
