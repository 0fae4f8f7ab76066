"""Places on the grid.

In: a column and a height for each node. Out: `Places`, with the room that the grid needs around them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from derive.pictures.diagram import Diagram
from derive.pictures.shapes import extent, name_width

MARGIN = 3

Side = Literal["left", "right", "top", "bottom"]
Place = tuple[int, int]
Frame = tuple[int, int, int, int]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Places:
    """The centre of each node, the side at which its value leaves, and the size of the grid."""

    centres: tuple[Place, ...]
    exits: tuple[Side, ...]
    columns: int
    rows: int
    frame: Frame | None = None

    def framed(self, frame: Frame) -> Places:
        """The same with a frame around the cell."""
        return replace(self, frame=frame)


def columns_at(
    diagram: Diagram,
    columns: Sequence[float],
    down: Sequence[int],
    gap: int,
    exits: Sequence[Side],
    wider: Mapping[float, int] | None = None,
) -> Places:
    """Columns as wide as their nodes with the labels beside them; `down` says how high each node stands.

    `wider`: what is added to the gap behind a column.
    """
    extents = [extent(node) for node in diagram.nodes]
    left = dict.fromkeys(columns, 0)
    right = dict.fromkeys(columns, 0)
    for number, (column, e) in enumerate(zip(columns, extents, strict=True)):
        beside = name_width(diagram.nodes[number])
        left[column] = max(left[column], e.across)
        right[column] = max(right[column], e.across + beside if exits[number] == "right" else max(e.across, beside))
    at, x = {}, MARGIN
    for column in sorted(left):
        x += left[column]
        at[column] = x
        x += right[column] + gap + (wider or {}).get(column, 0)
    top = min(y - e.down - (2 if node.name else 0) for y, e, node in zip(down, extents, diagram.nodes, strict=True))
    bottom = max(y + e.down for y, e in zip(down, extents, strict=True))
    centres = tuple((at[c], y - top + MARGIN) for c, y in zip(columns, down, strict=True))
    return Places(centres, tuple(exits), x - gap + MARGIN + 1, bottom - top + 2 * MARGIN + 1)
