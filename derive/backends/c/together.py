"""Whether parts can share the units of a layer, where the batch has too few rows to share.

In: phases. Out: whether between any two of their products every number is made from others of the same unit, so
that each part can do its own units and all meet between a product and what follows.
"""

from __future__ import annotations

from collections.abc import Iterable

from derive.backends.c.phases import Gather, Multiply, Nest, Phase, Rows, Turns
from derive.system import elementwise


def by_units(phases: Iterable[Phase]) -> bool:
    """Whether all that goes through time goes unit by unit."""
    turns = [phase for phase in phases if isinstance(phase, Turns)]
    return bool(turns) and all(map(_turns_by_units, turns))


def _turns_by_units(turns: Turns) -> bool:
    if any(isinstance(item, Gather) for item in turns.items):
        return False
    return all(_nests_by_units(item.nests) for item in turns.items if isinstance(item, Rows))


def _nests_by_units(nests: tuple[Nest, ...]) -> bool:
    return len({nest.space for nest in nests}) == 1 and len(nests[0].space) == 1 and all(map(_elementwise, nests))


def _elementwise(nest: Nest) -> bool:
    return all(not isinstance(op, Multiply) and all(map(elementwise, op.terms)) for op in nest.ops)
