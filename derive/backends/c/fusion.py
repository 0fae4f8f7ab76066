"""Which operations share a nest of loops. In: operations in order. Out: nests.

Sharing spares loops and traffic to memory, and lets sums that do not need each other be taken side by side. So an
operation goes to the first nest where what it needs is there. It ends where a function is applied to what a function
in the same nest has made: such a chain takes a processor hundreds of cycles, and more of its instructions than it can
look ahead, so that it would wait for one chain at a time; in a nest of its own the further link is computed for many
vectors at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from derive.backends.c.functions import is_long
from derive.backends.c.phases import Multiply, Nest, Op, read_by
from derive.functions import ScalarFunction
from derive.system import Element, FirstMaximum, elements


def nests(ops: Sequence[Op]) -> tuple[Nest, ...]:
    """All operations, as many in one nest as may be."""
    found: list[Nest] = []
    for op in ops:
        space = op.target.feature_indices
        for k in range(_earliest(op, found), len(found)):
            if found[k].space == space and _joins(op, found[k]):
                found[k] = Nest(space, (*found[k].ops, op))
                break
        else:
            found.append(Nest(space, (op,)))
    return tuple(found)


def _earliest(op: Op, found: Sequence[Nest]) -> int:
    """The first nest that an operation may be in: none behind it has to do with what it reads or writes."""
    used = {op.target.name, *(e.name for e in read_by(op))}
    for k in reversed(range(len(found))):
        if used & {o.target.name for o in found[k].ops}:
            return k
        if op.target.name in {e.name for o in found[k].ops for e in read_by(o)}:
            return k + 1
    return 0


def _joins(op: Op, nest: Nest) -> bool:
    """Whether an operation can share a nest: what the nest computes it reads only where it stands, and in no sum."""
    if _alone(op) or any(map(_alone, nest.ops)):
        return False
    if nest.space and _sums(op) != any(map(_sums, nest.ops)):
        return False
    here = {o.target.name: o.target.feature_indices for o in nest.ops}
    read = [(e, term) for term in op.terms for e in elements(term.body) if e.name in here]
    if any(term.over or e.indices[len(e.indices) - len(here[e.name]) :] != here[e.name] for e, term in read):
        return False
    return _longest(op, _links(nest)) <= max(1, _longest(op, {}))


def _alone(op: Op) -> bool:
    return isinstance(op, Multiply) or any(t.body.has(FirstMaximum) for t in op.terms)


def _sums(op: Op) -> bool:
    return any(term.over for term in op.terms)


def _links(nest: Nest) -> dict[str, int]:
    """How many long functions stand behind each other in what a nest computes."""
    links: dict[str, int] = {}
    for op in nest.ops:
        links[op.target.name] = _longest(op, links)
    return links


def _longest(op: Op, links: Mapping[str, int]) -> int:
    return max(_depth(term.body, links) for term in op.terms)


def _depth(expression: sp.Basic, links: Mapping[str, int]) -> int:
    if isinstance(expression, Element):
        return links.get(expression.name, 0)
    inner = max((_depth(each, links) for each in expression.args), default=0)
    return inner + (isinstance(expression, ScalarFunction) and is_long(expression.row_name))
