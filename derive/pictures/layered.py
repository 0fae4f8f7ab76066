"""Places in layers, from left to right: for diagrams that are read along one line.

In: a diagram. Out: a place for each node on the grid, and the side at which its value leaves.
"""

from __future__ import annotations

from derive.pictures.diagram import SOURCES, Diagram
from derive.pictures.layout import positions
from derive.pictures.places import Places, columns_at
from derive.pictures.shapes import extent


def layered(diagram: Diagram, gap: int) -> Places:
    """What is given, and what only results read, stands in front of its readers; the rest behind what it reads."""
    layers = _layers(diagram)
    edges = sorted({(s, n) for n, node in enumerate(diagram.nodes) for s in node.inputs})
    across = _in_input_order(diagram, positions(layers, edges))
    down = _straightened(diagram, layers, across, gap)
    return columns_at(diagram, layers, down, gap, ["right"] * len(layers), _wider(layers, down, edges))


def _wider(layers: list[int], down: list[int], edges: list[tuple[int, int]]) -> dict[float, int]:
    """Room behind a layer for the lines that go up or down in front of the next one."""
    bent: dict[float, int] = {}
    for source, node in edges:
        if down[source] != down[node]:
            bent[layers[node] - 1] = bent.get(layers[node] - 1, 0) + 1
    return {layer: max(0, count - 2) for layer, count in bent.items()}


def _in_input_order(diagram: Diagram, across: list[float]) -> list[float]:
    """What only one node reads stands in the order in which it is read."""
    found, readers = list(across), diagram.readers
    for node in diagram.nodes:
        own = [s for s in dict.fromkeys(node.inputs) if diagram.nodes[s].kind in SOURCES and len(readers[s]) == 1]
        for source, position in zip(own, sorted(across[s] for s in own), strict=True):
            found[source] = position
    return found


def _straightened(diagram: Diagram, layers: list[int], across: list[float], gap: int) -> list[int]:
    """Heights: each node as high as what it reads first, as far as its neighbours in the layer leave room."""
    down = [0] * len(layers)
    extents = [extent(node) for node in diagram.nodes]
    for layer in sorted(set(layers)):
        members = sorted((n for n in range(len(layers)) if layers[n] == layer), key=lambda n: across[n])
        wanted = [_wanted(diagram, down, n) for n in members]
        for number, height in zip(members, _apart([extents[n].down for n in members], wanted, gap), strict=True):
            down[number] = height
    return down


def _wanted(diagram: Diagram, down: list[int], number: int) -> int | None:
    """The height of what a node reads first, of a join the middle; None for what is given."""
    node = diagram.nodes[number]
    moving = [s for s in node.inputs if diagram.nodes[s].kind != "parameter"] or list(node.inputs)
    if not moving:
        return None
    if node.kind == "join":
        return sum(down[s] for s in moving) // len(moving)
    return down[moving[0]]


def _apart(halves: list[int], wanted: list[int | None], gap: int) -> list[int]:
    """Heights in order, nearest to those wanted: neighbours that push each other move together."""
    offsets, offset = [], 0
    for number, half in enumerate(halves):
        offset += half + (halves[number - 1] + gap if number else 0)
        offsets.append(offset)
    groups: list[list[int]] = []
    level: list[float] = []

    def free(group: list[int]) -> float:
        spots = [w - offsets[n] for n in group if (w := wanted[n]) is not None]
        return sum(spots) / len(spots) if spots else float("nan")

    for number in range(len(halves)):
        groups.append([number])
        level.append(free([number]))
        while len(groups) > 1 and not level[-2] <= level[-1]:
            group = groups[-2] + groups[-1]
            groups[-2:], level[-2:] = [group], [free(group)]
    return [round((at if at == at else 0) + offsets[n]) for group, at in zip(groups, level, strict=True) for n in group]


def _layers(diagram: Diagram) -> list[int]:
    found: list[int] = []
    for node in diagram.nodes:
        found.append(max((found[s] + 1 for s in node.inputs), default=0))
    last = max(found)
    readers = diagram.readers
    for number in reversed(range(len(found))):
        node, behind = diagram.nodes[number], readers[number]
        if node.kind == "result":
            found[number] = last
        elif behind and (node.kind in SOURCES or all(diagram.nodes[r].kind == "result" for r in behind)):
            found[number] = min(found[r] for r in behind) - 1
    return found
