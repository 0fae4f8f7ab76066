"""How large the nodes of a diagram are, in units of the grid that lines run on.

In: a node. Out: its half extents, and those of the label on its outgoing line.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from derive.pictures.diagram import Node
from derive.pictures.text import SIZE, SMALL, width

UNIT = 10.0
RADIUS = 15.0
SIGN = 20.0
_PADDING = 12.0
_BAR = 1


@dataclass(frozen=True)
class Extent:
    """Half of a node's width and height; no line but its own comes nearer than one unit."""

    across: int
    down: int


def extent(node: Node) -> Extent:
    """The room that a node takes."""
    if node.kind == "join":
        return Extent(_BAR, max(2, len(node.inputs)))
    if is_round(node):
        return Extent(2, 2)
    wide = max((width(line, size(n)) for n, line in enumerate(node.lines)), default=0.0) + _PADDING
    high = sum(1.35 * size(n) for n in range(len(node.lines))) + 10.0
    ports = max(2, len(node.inputs))
    return Extent(max(2, ceil(wide / 2 / UNIT)), max(ports, ceil(high / 2 / UNIT)))


def is_round(node: Node) -> bool:
    """Whether a node is drawn as a circle: an operation whose sign is short."""
    return node.kind == "circle" and width(node.lines[0], SIGN) <= 2 * RADIUS - 8


def size(line: int) -> float:
    """How large the letters of a node's line are."""
    return SIZE if line == 0 else SMALL


def name_width(node: Node) -> int:
    """How many units the label on a node's outgoing line takes."""
    return ceil(width(node.name, SIZE) / UNIT) + 1 if node.name else 0
