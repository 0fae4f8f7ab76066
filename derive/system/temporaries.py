"""Variables that the normal form made up: whose equation each is in, and how they are told apart.

In: a system. Out: a `Temporary` for each, the same for pictures and for the typeset derivation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from derive import functions
from derive.system.model import Element, System


@dataclass(frozen=True)
class Temporary:
    """`about`: the author's variable in whose equation it is; `net`: whether an activation is applied to it;
    `number`: which of several of its kind, from 1; 0 where it is the only one."""

    about: str
    net: bool
    number: int


def temporaries(system: System) -> Mapping[str, Temporary]:
    """All of them, by name."""
    author = {block for stored in system.stored.values() for block in stored.blocks.values()} | set(system.stored)
    inputs, found = nets(system), {}
    for about in dict.fromkeys(v.about for v in system.variables.values()):
        fresh = [v.name for v in system.of_role("local") if v.about == about and v.name not in author]
        for net in (True, False):
            alike = [name for name in fresh if (name in inputs) == net]
            for number, name in enumerate(alike, 1):
                found[name] = Temporary(about, net, number if len(alike) > 1 else 0)
    return found


def nets(system: System) -> frozenset[str]:
    """What activations are applied to. Roots, powers and selectors are no activations."""
    bodies = [t.body for e in system.equations for t in e.terms if isinstance(t.body, functions.ScalarFunction)]
    return frozenset(
        b.args[0].name
        for b in bodies
        if isinstance(b.args[0], Element) and _is_activation(functions.lookup(b.row_name))
    )


def _is_activation(row: functions.Row) -> bool:
    return row.name in functions.FUNCTIONS and not row.closed.is_algebraic_expr(functions.Z)
