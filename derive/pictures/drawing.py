"""From a diagram with places to a picture.

In: a diagram, the places of its nodes, the lines between them. Out: a `Picture`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from math import ceil, floor

from derive.pictures.diagram import Diagram, Node
from derive.pictures.model import Box, Circle, Dot, Line, Look, Picture, Point, Text, Tone, moved
from derive.pictures.places import Place, Places
from derive.pictures.routes import STEPS, Net, Port, Router, Unroutable, name_area
from derive.pictures.shapes import RADIUS, SIGN, UNIT, Extent, extent, is_round, size
from derive.pictures.text import SIZE, words

Placement = Callable[[Diagram, int], Places]
_EDGE = 8.0
_BAR = 4.0
_NEAR = 6.0
_GAPS = (3, 4, 5, 7, 10, 15, 20)
_MARKS = {"left": (-22.0, -13.0), "right": (22.0, -13.0), "top": (12.0, -21.3), "bottom": (12.0, 21.3)}
_MARK_SIZE = 14.0


def drawn(diagram: Diagram, placement: Placement) -> Picture:
    """The picture of a diagram; nodes move apart until every line finds a way."""
    for gap in _GAPS:
        places = placement(diagram, gap)
        try:
            nets = Router(diagram, places).nets()
        except Unroutable:
            if gap == _GAPS[-1]:
                raise
            continue
        return _cropped(_Drawing(diagram, places, nets).picture())
    raise AssertionError("no gap was tried")


class _Drawing:
    def __init__(self, diagram: Diagram, places: Places, nets: list[Net]) -> None:
        self.diagram, self.places, self.nets = diagram, places, nets

    def picture(self) -> Picture:
        nodes = list(enumerate(self.diagram.nodes))
        lines = tuple(self._line(w.points, w.end, w.reader, net) for net in self.nets for w in net.ways)
        dots = tuple(Dot(x * UNIT, y * UNIT) for net in self.nets for x, y in net.branches)
        boxes = tuple(box for number, node in nodes for box in self._box(number, node))
        circles = tuple(self._circle(number) for number, node in nodes if is_round(node))
        texts = [text for number, node in nodes for text in self._texts(number, node)]
        texts += [mark for net in self.nets for way in net.ways for mark in self._mark(way.reader, way.place, way.end)]
        title, description = self.diagram.title, self.diagram.description
        return Picture(title, description, 0, 0, self._frames(), lines, dots, boxes, circles, tuple(texts))

    def _frames(self) -> tuple[Box, ...]:
        if self.places.frame is None:
            return ()
        left, top, right, bottom = (UNIT * edge for edge in self.places.frame)
        return (Box(left, top, right - left, bottom - top, "cell", 10),)

    def _line(self, points: tuple[Place, ...], end: Port, reader: int, net: Net) -> Line:
        """A line on the grid, carried on to the border of a circle."""
        found: list[Point] = [(x * UNIT, y * UNIT) for x, y in points]
        found[-1] = self._border(reader, end)
        if points[0] == (net.start.x, net.start.y):
            found[0] = self._border(net.node, net.start)
        accent = any(net.node in rail and reader in rail for rail in self.diagram.accent)
        arrow = self.diagram.nodes[reader].kind != "join"
        return Line(tuple(found), arrow, "accent" if accent else "")

    def _border(self, number: int, port: Port) -> Point:
        """Where a line meets what is drawn, which is smaller than the room that it has."""
        node = self.diagram.nodes[number]
        inset = 2 * UNIT - RADIUS if is_round(node) else UNIT - _BAR if node.kind == "join" and port.level else 0.0
        dx, dy = STEPS[port.side]
        return port.x * UNIT - dx * inset, port.y * UNIT - dy * inset

    def _box(self, number: int, node: Node) -> Iterator[Box]:
        if is_round(node) or self._bare(node):
            return
        (x, y), e = self.places.centres[number], extent(node)
        across, down = e.across * UNIT, e.down * UNIT
        if node.kind == "join":
            yield Box(x * UNIT - _BAR, y * UNIT - down, 2 * _BAR, 2 * down, "operation", 3)
            return
        look: Look = "operation" if node.kind == "circle" else "value" if node.kind == "result" else node.kind
        radius = down if node.kind == "circle" else 5.0 if node.kind in ("function", "product", "operation") else 12.0
        yield Box(x * UNIT - across, y * UNIT - down, 2 * across, 2 * down, look, radius)

    def _circle(self, number: int) -> Circle:
        x, y = self.places.centres[number]
        return Circle(x * UNIT, y * UNIT, RADIUS, "circle")

    def _texts(self, number: int, node: Node) -> Iterator[Text]:
        (x, y), e = self.places.centres[number], extent(node)
        if self._bare(node) and number not in self.diagram.top:
            yield self._at_the_end(node, x, y, e)
            return
        heights = [1.35 * size(n) for n in range(len(node.lines))]
        down = y * UNIT - sum(heights) / 2
        for n, (line, height) in enumerate(zip(node.lines, heights, strict=True)):
            yield Text(line, x * UNIT, down + height / 2, SIGN if is_round(node) else size(n))
            down += height
        if node.name:
            left, top, right, bottom = name_area(node, x, y, e, self.places.exits[number])
            tone: Tone = "accent" if node.pointed else ""
            yield Text(node.name, (left + right) / 2 * UNIT, (top + bottom) / 2 * UNIT, SIZE, tone)

    def _bare(self, node: Node) -> bool:
        """Whether a node is a label alone, at the end of a line."""
        return (node.kind == "result" and len(node.inputs) == 1) or (node.kind == "state" and self.diagram.framed)

    def _at_the_end(self, node: Node, x: int, y: int, e: Extent) -> Text:
        """A label as near to its line as it can be."""
        if node.kind == "state":
            return Text(node.lines[0], (x + e.across) * UNIT - _NEAR, y * UNIT, SIZE, anchor="end")
        return Text(node.lines[0], (x - e.across) * UNIT + _NEAR, y * UNIT, SIZE, anchor="start")

    def _mark(self, reader: int, place: int, end: Port) -> Iterator[Text]:
        """The sign at an input, beside the head of its arrow."""
        marks = self.diagram.nodes[reader].marks
        if place < len(marks) and marks[place]:
            x, y = self.places.centres[reader]
            across, down = _MARKS[end.side]
            yield Text(words(marks[place]), x * UNIT + across, y * UNIT + down, _MARK_SIZE)


def _cropped(picture: Picture) -> Picture:
    """The picture as large as what is in it, in whole pixels."""
    spots = list(_spots(picture))
    left, top = (floor(min(s[k] for s in spots) - _EDGE) for k in (0, 1))
    right, bottom = (ceil(max(s[k] for s in spots) + _EDGE) for k in (0, 1))
    return replace(moved(picture, -left, -top), width=right - left, height=bottom - top)


def _spots(picture: Picture) -> Iterable[Point]:
    for box in (*picture.frames, *picture.boxes):
        yield from ((box.x, box.y), (box.x + box.width, box.y + box.height))
    for c in picture.circles:
        yield from ((c.x - c.radius, c.y - c.radius), (c.x + c.radius, c.y + c.radius))
    for text in picture.texts:
        down = text.height / 2
        yield from ((text.left, text.y - down), (text.left + text.width, text.y + down))
    for line in picture.lines:
        yield from line.points
