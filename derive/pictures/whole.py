"""A whole cell in one step.

In: a cell. Out: its picture: a box for each layer, a circle for each operation between elements; states that go on
element by element along the top, the others along the bottom, inputs from below, outputs above.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

from derive.language.macros import prelude_names
from derive.language.syntax import Cell
from derive.pictures.diagram import Diagram, Node
from derive.pictures.drawing import drawn
from derive.pictures.model import Picture
from derive.pictures.notation import Notation
from derive.pictures.rails import railed
from derive.pictures.reading import Reading, pruned
from derive.pictures.text import plain


def whole(cell: Cell) -> Picture:
    """The picture of a cell."""
    return drawn(diagram(cell), railed)


def diagram(cell: Cell) -> Diagram:
    """What a step computes, from the old states and the inputs to the new states and the outputs."""
    notation = Notation(cell)
    nodes = _nodes(cell, notation)
    rails = _rails(cell, nodes)
    top = tuple(n for n, node in enumerate(nodes) if node.kind == "result" and not node.state)
    return Diagram(f"{cell.name}: one step", _told(cell, notation), nodes, rails, top=top, framed=True)


def _nodes(cell: Cell, notation: Notation) -> tuple[Node, ...]:
    reading = Reading(cell, notation, folded=True)
    for each in cell.equations:
        reading.target = each.target
        number = reading.read(each.value)
        reading.known[each.target] = number
        named = reading.nodes[number]
        if not named.name and not named.about and named.kind != "parameter":
            local = cell.variables[each.target].role == "local" and each.target not in cell.outputs
            reading.rename(number, notation.name(each.target) if local else (), each.target)
    for variable in cell.of_role("state"):
        label = notation.name(variable.name)
        reading.add(Node("result", (label,), (reading.known[variable.name],), about=variable.name, state=True))
    for name in cell.outputs:
        reading.add(Node("result", (notation.name(name),), (reading.known[name],), about=name))
    return pruned(reading.nodes)


def _rails(cell: Cell, nodes: Sequence[Node]) -> tuple[tuple[int, ...], ...]:
    """For each state that goes on element by element: the nodes from its old value to its new one."""
    rails: list[tuple[int, ...]] = []
    old = {node.about: n for n, node in enumerate(nodes) if node.kind == "state"}
    new = {node.about: n for n, node in enumerate(nodes) if node.state}
    for name in (v.name for v in cell.of_role("state") if v.name in old):
        others = {nodes[n].inputs[0] for state, n in new.items() if state != name}
        rail = _direct(nodes, old[name], new[name], others.union(*rails))
        if rail:
            rails.append(rail)
    return tuple(rails)


def _direct(nodes: Sequence[Node], old: int, new: int, taken: Collection[int]) -> tuple[int, ...] | None:
    """The shortest way on which each element is made of its own old value, not of others."""
    readers = Diagram("", "", tuple(nodes)).readers
    before: dict[int, int] = {old: old}
    queue = deque([old])
    while queue:
        here = queue.popleft()
        for following in readers[here]:
            passes = following == new or nodes[following].pointwise
            if passes and following not in before and following not in taken:
                before[following] = here
                queue.append(following)
    if new not in before:
        return None
    way = [new]
    while way[-1] != old:
        way.append(before[way[-1]])
    return tuple(reversed(way))


def _told(cell: Cell, notation: Notation) -> str:
    """The equations, for those who do not see the picture."""
    lines = [f"{plain(notation.name(e.target))} = {plain(notation.expression(e.value))}" for e in cell.equations]
    own = [m for m in cell.macros if m.name not in prelude_names()]
    lines += [f"{m.name}({', '.join(m.parameters)}) = {m.body}" for m in own]
    return "; ".join(lines) + "."
