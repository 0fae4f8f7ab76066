"""How long each variable has to live. In: phases. Out: a `Life` for every variable they compute; and all of it, a
program as it is printed.

local     used in one nest of loops only: a variable of C
row       used for one sequence of the batch at one time only
turn      used at one time, or with `slots` 2 also at the next
chunk     made for a chunk of times at once, and used in turns
sequence  used at all times
lasting   a variable without time, used in several nests
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from derive.backends.c.phases import Apply, Once, Phase, Product, Rows, Turns, products, read_by
from derive.system import Var

Scope = Literal["local", "row", "turn", "chunk", "sequence", "lasting"]
Path = tuple[int, int, int]


@dataclass(frozen=True)
class Life:
    """How long a variable lives; for how many turns, where it lives by turns."""

    scope: Scope
    slots: int = 1


@dataclass(frozen=True)
class Tiled:
    """Phases, and how long what they compute lives.

    `owners`: delay → the state that it looks back at. `kept`: what is in arrays of the caller or on the tape,
    whatever its life would be.
    """

    phases: tuple[Phase, ...]
    variables: Mapping[str, Var]
    owners: Mapping[str, str]
    lives: Mapping[str, Life]
    kept: frozenset[str]

    def scope(self, name: str) -> Scope | None:
        """How long a variable is there; None where it is kept."""
        return None if name in self.kept else self.lives[name].scope


@dataclass(frozen=True)
class _Use:
    path: Path
    shifted: bool
    product: bool


def lives(phases: Iterable[Phase], variables: Mapping[str, Var], owners: Mapping[str, str]) -> dict[str, Life]:
    """The life of every variable computed. `owners`: delay → the state that it looks back at."""
    phases = tuple(phases)
    uses: dict[str, list[_Use]] = {}
    computed: set[str] = set()
    for name, use, written in _uses(phases, owners):
        uses.setdefault(name, []).append(use)
        if written:
            computed.add(name)
    found = {name: _life(uses[name], variables[name]) for name in uses if name in computed}
    for group in (p.targets for p in products(phases) if isinstance(p, Apply)):
        longest = max((found[n] for n in group), key=lambda life: (_ORDER.index(life.scope), life.slots))
        found.update(dict.fromkeys(group, longest))
    ahead = (p.targets for phase in phases if isinstance(phase, Turns) for p in phase.ahead)
    found.update({name: Life("chunk") for targets in ahead for name in targets})
    return found


def side_by_side(
    phases: Iterable[Phase], found: Mapping[str, Life], placed: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Operands of the same products that live equally long, to lie side by side: the matrices that they meet are then
    applied as one. Each with all beside it, in order. `placed`: what has its place already."""
    uses: dict[str, list[int]] = {}
    together: list[set[str]] = []
    for number, product in enumerate(p for p in products(phases) if isinstance(p, Apply)):
        lefts = [factor.left for factor in product.factors if factor.left in found and factor.left not in placed]
        for left in lefts:
            uses.setdefault(left, []).append(number)
        for life in dict.fromkeys(found[left] for left in lefts):
            names = {left for left in lefts if found[left] == life}
            names.update(*(others for others in together if others & names))
            together = [others for others in together if not others & names] + [names]
    groups = [tuple(sorted(names, key=lambda n: (uses[n], [*uses].index(n)))) for names in together if len(names) > 1]
    return {name: group for group in groups for name in group}


_ORDER: tuple[Scope, ...] = ("local", "row", "turn", "chunk", "sequence", "lasting")


def _life(uses: list[_Use], variable: Var) -> Life:
    paths = {use.path for use in uses}
    nests, items, phases = paths, {p[:2] for p in paths}, {p[0] for p in paths}
    product = any(use.product for use in uses)
    shifted = any(use.shifted for use in uses)
    if len(nests) == 1 and not product and not shifted:
        return Life("local")
    if not variable.time:
        return Life("lasting")
    if len(phases) > 1 or any(use.product and use.path[1] < 0 for use in uses):
        return Life("sequence")
    if len(items) == 1 and not product and not shifted:
        return Life("row")
    return Life("turn", 2 if shifted else 1)


def _uses(phases: Iterable[Phase], owners: Mapping[str, str]) -> Iterator[tuple[str, _Use, bool]]:
    """Every use of a variable: its name, the use, whether it is written."""
    for p, phase in enumerate(phases):
        ahead = phase.ahead if isinstance(phase, Turns) else ()
        items = phase.items if isinstance(phase, Turns) else (phase,)
        for i, item in [*((-1, product) for product in ahead), *enumerate(items)]:
            if isinstance(item, Product):
                place = (p, i if isinstance(phase, Turns) else -1, -1)
                for name in item.names:
                    owner = owners.get(name, name)
                    yield owner, _Use(place, owner != name, True), name in item.targets
            elif isinstance(item, Rows | Once):
                for k, nest in enumerate(item.nests):
                    for op in nest.ops:
                        yield op.target.name, _Use((p, i, k), False, False), True
                        for element in read_by(op):
                            owner = owners.get(element.name, element.name)
                            shifted = owner != element.name or bool(element.shift)
                            yield owner, _Use((p, i, k), shifted, False), False
