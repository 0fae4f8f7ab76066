"""The ways of lines: from each node to those that read it, around everything else.

In: a diagram and the place of each node on the grid. Out: for each node a `Net`: the lines that leave it and where they
branch. Lines of two nets cross at right angles or not at all; a line keeps a unit away from every node that is not its
own.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from derive.pictures.diagram import Diagram, Node
from derive.pictures.layout import Grid
from derive.pictures.places import Frame, Place, Places, Side
from derive.pictures.shapes import Extent, extent, is_round, name_width

_BRANCH, _CROSSING, _BESIDE_PORT, _OUTSIDE = 2.0, 3.0, 4.0, 3.0
STEPS: Mapping[Side, Place] = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}


class Unroutable(Exception):
    """No way is left: the nodes stand too close."""


@dataclass(frozen=True)
class Port:
    """Where a line meets a node: a point of its border, and the side."""

    x: int
    y: int
    side: Side

    @property
    def outside(self) -> Place:
        """The point in front of it."""
        dx, dy = STEPS[self.side]
        return self.x + dx, self.y + dy

    @property
    def level(self) -> bool:
        """Whether lines run across there."""
        return self.side in ("left", "right")


@dataclass(frozen=True)
class Way:
    """A line on the grid, from a port or from a branch to the port of a reader."""

    reader: int
    place: int
    points: tuple[Place, ...]
    end: Port


@dataclass
class Net:
    """All lines that carry one node's value."""

    node: int
    start: Port
    ways: list[Way] = field(default_factory=list)
    branches: list[Place] = field(default_factory=list)


class Router:
    """Lays the lines of a diagram whose nodes have places."""

    def __init__(self, diagram: Diagram, places: Places) -> None:
        self.diagram, self.places, self.exits = diagram, places.centres, places.exits
        self.grid = Grid(places.columns, places.rows)
        self.extents = [extent(node) for node in diagram.nodes]
        self.taken = {self.exit(number) for number, readers in enumerate(diagram.readers) if readers}
        for number in range(len(diagram.nodes)):
            self._block(self._covered(number))
        if places.frame:
            self._keep_inside(places.frame)
        for number in range(len(diagram.nodes)):
            for port in self._sides(number):
                self._dearer(port.outside, _BESIDE_PORT)

    def nets(self) -> list[Net]:
        """The lines of every node, the straightest first."""
        readers = self.diagram.readers
        order = sorted((n for n, found in enumerate(readers) if found), key=lambda n: self._urgency(n, readers[n]))
        return sorted((self._net(n, readers[n]) for n in order), key=lambda net: net.node)

    def _urgency(self, number: int, readers: Sequence[int]) -> tuple[bool, int, int]:
        on_rail = any(number in rail for rail in self.diagram.rails)
        return not on_rail, max(self._distance(number, r) for r in readers), number

    def _on_rail(self, number: int, reader: int) -> bool:
        return any(number in rail and reader in rail for rail in self.diagram.rails)

    def _distance(self, one: int, other: int) -> int:
        (ax, ay), (bx, by) = self.places[one], self.places[other]
        return abs(ax - bx) + 2 * abs(ay - by)

    # -- one net

    def _net(self, number: int, readers: Sequence[int]) -> Net:
        start = self.exit(number)
        net, used = Net(number, start), set[tuple[int, int]]()
        nodes = self.diagram.nodes
        targets = [(r, k) for r in dict.fromkeys(readers) for k, i in enumerate(nodes[r].inputs) if i == number]
        order = {r: (not self._on_rail(number, r), self._distance(number, r)) for r, _ in targets}
        for reader, place in sorted(targets, key=lambda t: (order[t[0]], t)):
            net.ways.append(self._way(net, used, reader, place))
        ends = [start, *(way.end for way in net.ways)]
        net.branches = _branches(used, [self.grid.point(*port.outside) for port in ends], self.grid)
        self._close(used)
        return net

    def _way(self, net: Net, used: set[tuple[int, int]], reader: int, place: int) -> Way:
        ports = [p for p in self._entries(reader, place) if p not in self.taken]
        start = self._state(net.start.outside, net.start.level)
        reopened = self._reopened([net.start, *ports])
        found = self.grid.cheapest(start, [self._state(p.outside, p.level) for p in ports]) if ports else None
        self._restore(reopened)
        if found is None:
            raise Unroutable(f"{self.diagram.title}: no way from node {net.node} to node {reader}")
        best, states = found
        port = ports[best]
        self.taken.add(port)
        points = _path(states, self.grid)
        fresh = _fresh_part(points, used, self.grid)
        first = [] if net.ways else [(net.start.x, net.start.y)]
        self._use(points, used)
        return Way(reader, place, tuple(_straightened([*first, *fresh, (port.x, port.y)])), port)

    def _use(self, points: Sequence[Place], used: set[tuple[int, int]]) -> None:
        """Going along a net's own lines costs nothing, leaving them a little."""
        numbers = [self.grid.point(*p) for p in points]
        for a, b in itertools.pairwise(numbers):
            step = (min(a, b), max(a, b))
            used.add(step)
            self.grid.price[self._edge(step)] = 1e-3
        for number in numbers:
            if self.grid.price[self.grid.turn + number] < inf:
                self.grid.price[self.grid.turn + number] = _BRANCH

    def _edge(self, step: tuple[int, int]) -> int:
        return self.grid.across[step[0]] if step[1] - step[0] == 1 else self.grid.down[step[0]]

    def _close(self, used: set[tuple[int, int]]) -> None:
        """For other nets: no line along these, no bend on them; across them for a price."""
        level: set[int] = set()
        upright: set[int] = set()
        for step in used:
            (level if step[1] - step[0] == 1 else upright).update(step)
        for number in level | upright:
            across, down, turn = self.grid.edges_at(number)
            self.grid.price[turn] = inf
            for edge in across if number in level else ():
                self.grid.price[edge] = inf
            for edge in down if number in upright else ():
                self.grid.price[edge] = inf
            for edge in down if number not in upright else across if number not in level else ():
                self.grid.price[edge] += _CROSSING

    # -- nodes

    def exit(self, number: int) -> Port:
        """Where a node's value leaves."""
        (x, y), e = self.places[number], self.extents[number]
        return _port(x, y, e, self.exits[number])

    def _entries(self, number: int, place: int) -> list[Port]:
        """Where a node can be entered, for one of its inputs."""
        node, (x, y), e = self.diagram.nodes[number], self.places[number], self.extents[number]
        if node.kind == "result" and len(node.inputs) == 1:
            return [_port(x, y, e, "bottom" if number in self.diagram.top else "left")]
        if node.kind == "result":
            return [Port(x - e.across, y + d, "left") for d in _spread(len(node.inputs))]
        if node.kind == "join":
            first = y - len(node.inputs) + 1
            stacked = Port(x - e.across, first + 2 * place, "left")
            last = place == len(node.inputs) - 1
            if not self.diagram.framed:
                return [stacked]
            heights = dict.fromkeys([y, *range(first, first + 2 * len(node.inputs), 2)])
            return [*(Port(x - e.across, h, "left") for h in heights), *([_port(x, y, e, "bottom")] if last else [])]
        if is_round(node):
            free: list[Side] = ["left", "bottom", "top", "right"]
            return [_port(x, y, e, side) for side in free]
        return self._box_entries(node, x, y, e)

    def _box_entries(self, node: Node, x: int, y: int, e: Extent) -> list[Port]:
        if len(node.inputs) == 1:
            return [_port(x, y, e, side) for side in ("left", "bottom", "top")]
        down, across = _spread(e.down), _spread(e.across)
        return [
            *(Port(x - e.across, y + d, "left") for d in down),
            *(Port(x + d, y + e.down, "bottom") for d in across),
            *(Port(x + d, y - e.down, "top") for d in across),
        ]

    def _sides(self, number: int) -> Iterable[Port]:
        (x, y), e = self.places[number], self.extents[number]
        return (_port(x, y, e, side) for side in STEPS)

    def _covered(self, number: int) -> Iterable[Place]:
        """The points that a node and its label cover."""
        (x, y), e = self.places[number], self.extents[number]
        yield from ((x + i, y + j) for i in range(-e.across, e.across + 1) for j in range(-e.down, e.down + 1))
        left, top, right, bottom = name_area(self.diagram.nodes[number], x, y, e, self.exits[number])
        yield from ((i, j) for i in range(left, right + 1) for j in range(top, bottom + 1))

    # -- prices

    def _state(self, place: Place, level: bool) -> int:
        return self.grid.point(*place) + (0 if level else self.grid.columns * self.grid.rows)

    def _block(self, places: Iterable[Place]) -> None:
        for place in places:
            across, down, turn = self.grid.edges_at(self.grid.point(*place))
            for edge in (*across, *down, turn):
                self.grid.price[edge] = inf

    def _dearer(self, place: Place, price: float) -> None:
        across, down, _ = self.grid.edges_at(self.grid.point(*place))
        for edge in (*across, *down):
            self.grid.price[edge] += price

    def _keep_inside(self, frame: Frame) -> None:
        """Outside the frame of a cell, lines go straight to it or away from it."""
        left, top, right, bottom = frame
        for x in range(self.grid.columns):
            for y in range(self.grid.rows):
                across, down, _ = self.grid.edges_at(self.grid.point(x, y))
                for edge in down if not left < x < right else across if not top < y < bottom else ():
                    self.grid.price[edge] += _OUTSIDE

    def _reopened(self, ports: Iterable[Port]) -> dict[int, float]:
        """The price in front of a net's own ports, taken off for a while."""
        before: dict[int, float] = {}
        for port in ports:
            across, down, _ = self.grid.edges_at(self.grid.point(*port.outside))
            for edge in (*across, *down):
                if edge not in before and _BESIDE_PORT < self.grid.price[edge] < inf:
                    before[edge] = self.grid.price[edge]
                    self.grid.price[edge] -= _BESIDE_PORT
        return before

    def _restore(self, before: Mapping[int, float]) -> None:
        for edge, price in before.items():
            if self.grid.price[edge] < inf:
                self.grid.price[edge] = price


def name_area(node: Node, x: int, y: int, e: Extent, exit_side: Side) -> tuple[int, int, int, int]:
    """The grid points that the label on an outgoing line covers: left, top, right, bottom; none if left > right."""
    wide = name_width(node)
    if not wide:
        return 1, 1, 0, 0
    match exit_side:
        case "right" | "left":
            return x + e.across + 1, y - 2, x + e.across + wide, y - 1
        case "top":
            return x + 1, y - e.down - 2, x + wide, y - e.down - 1
    return x + 1, y + e.down + 1, x + wide, y + e.down + 2


def _spread(number: int) -> list[int]:
    """So many places two units apart, about the middle; and the middle, so that a line may come straight."""
    return sorted({0, *range(1 - number, number, 2)})


def _port(x: int, y: int, e: Extent, side: Side) -> Port:
    dx, dy = STEPS[side]
    return Port(x + dx * e.across, y + dy * e.down, side)


def _path(states: Sequence[int], grid: Grid) -> list[Place]:
    """The points on a way."""
    points = [divmod(state % (grid.columns * grid.rows), grid.columns)[::-1] for state in states]
    return [p for n, p in enumerate(points) if n == 0 or p != points[n - 1]]


def _fresh_part(points: list[Place], used: set[tuple[int, int]], grid: Grid) -> list[Place]:
    """What of a way lies behind the last step that the net has already."""
    numbers = [grid.point(*p) for p in points]
    shared = [n for n, (a, b) in enumerate(itertools.pairwise(numbers)) if (min(a, b), max(a, b)) in used]
    return points[shared[-1] + 1 :] if shared else points


def _branches(used: set[tuple[int, int]], ends: Sequence[int], grid: Grid) -> list[Place]:
    """The points where more than two steps of a net meet; at an end, one goes to the port."""
    meet = Counter(ends)
    for step in used:
        meet.update(step)
    return sorted(divmod(n, grid.columns)[::-1] for n, count in meet.items() if count > 2)


def _straightened(points: Sequence[Place]) -> list[Place]:
    """A line without the points at which it does not bend."""
    kept: list[Place] = []
    for point in points:
        if len(kept) > 1 and _aligned(kept[-2], kept[-1], point):
            kept.pop()
        if not kept or kept[-1] != point:
            kept.append(point)
    return kept


def _aligned(a: Place, b: Place, c: Place) -> bool:
    return a[0] == b[0] == c[0] or a[1] == b[1] == c[1]
