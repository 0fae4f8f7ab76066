"""What the graph library does: the order of nodes in layers, and the way of a line between obstacles.

In: layers and edges; a grid on which steps, bends and crossings have a price. Out: a position in its layer for each
node; the cheapest way. The only module that imports igraph.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import igraph

_STEP, _BEND = 1.0, 4.0


def _graph(count: int, edges: Sequence[tuple[int, int]], *, directed: bool = False) -> igraph.Graph:
    import igraph  # noqa: PLC0415 - brings matplotlib where that is installed: half a second for who draws nothing

    return igraph.Graph(n=count, edges=list(edges), directed=directed)


def positions(layers: Sequence[int], edges: Sequence[tuple[int, int]]) -> list[float]:
    """Where each node stands in its layer, with few crossings of edges (Sugiyama, Tagawa & Toda 1981).

    Neighbours in a layer are at least one apart.
    """
    graph = _graph(len(layers), edges, directed=True)
    found = [0.0] * len(layers)
    begin = 0.0
    # Piece by piece: of a graph in several, igraph 1.0.0 reads behind the end of an array.
    for piece in graph.connected_components(mode="weak"):
        part, own = graph.induced_subgraph(piece), [layers[node] for node in piece]
        coordinates = part.layout_sugiyama(layers=own, hgap=1, vgap=1, maxiter=200).coords
        places = [round(coordinates[k][0] * 2) / 2 for k in range(len(piece))]
        for node, place in zip(piece, places, strict=True):
            found[node] = begin + place - min(places)
        begin += max(places) - min(places) + 1
    return found


class Grid:
    """Points at whole coordinates, each with a state for a line that runs across and one for a line that runs down."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        points = columns * rows
        across = [(p, p + 1) for p in range(points) if (p + 1) % columns]
        down = [(points + p, points + p + columns) for p in range(points - columns)]
        turns = [(p, points + p) for p in range(points)]
        self.graph = _graph(2 * points, across + down + turns)
        self.price = [_STEP] * (len(across) + len(down)) + [_BEND] * points
        self.across = {p: number for number, (p, _) in enumerate(across)}
        self.down = {p - points: len(across) + number for number, (p, _) in enumerate(down)}
        self.turn = len(across) + len(down)

    def point(self, x: int, y: int) -> int:
        """The number of a point."""
        return y * self.columns + x

    def edges_at(self, point: int) -> tuple[list[int], list[int], int]:
        """The steps across and down that touch a point, and its turn."""
        across = [self.across[p] for p in (point - 1, point) if p in self.across]
        down = [self.down[p] for p in (point - self.columns, point) if p in self.down]
        return across, down, self.turn + point

    def cheapest(self, start: int, ends: Sequence[int]) -> tuple[int, list[int]] | None:
        """The end that is reached for the least, and the states on the way there; None where there is no way."""
        found = self.graph.get_shortest_paths(start, to=list(ends), weights=self.price, output="epath")
        reached = [number for number, path in enumerate(found) if path or start == ends[number]]
        priced = [(cost, n) for n in reached if (cost := sum(self.price[e] for e in found[n])) < inf]
        if not priced:
            return None
        _, best = min(priced)
        return best, self._states(start, found[best])

    def _states(self, start: int, path: Sequence[int]) -> list[int]:
        states = [start]
        for edge in path:
            tail, head = self.graph.es[edge].tuple
            states.append(head if tail == states[-1] else tail)
        return states
