"""Places for a whole cell: states along the top and along the bottom, a column for each layer, operations above them.

In: a diagram with rails. Out: a place for each node on the grid. Nodes are placed in the order of the equations, each
where it is nearest to what it reads; what it reads is never to its right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive.pictures.diagram import Diagram, Node
from derive.pictures.places import Frame, Places, Side, columns_at
from derive.pictures.shapes import extent

_BODY = 3
_ABREAST = 10
_LOOKED_AHEAD = 4
_ROW_PRICE = 0.9
_LOWER = 0.1
"""By how much a layer is rather a row lower than not."""

_BORDER = 2
"""How far the frame is from what stands outside, in units of the grid."""

Cell = tuple[float, int]
"""Column and row; between two whole columns stand inputs alone."""


def railed(diagram: Diagram, gap: int) -> Places:
    """States keep their line from the left edge to the right one, inputs come from below, outputs leave above."""
    return _Placing(diagram).places(gap)


class _Placing:
    """Columns count from the left, rows from the top: outputs, a row for each rail, the body, a bus, inputs."""

    def __init__(self, diagram: Diagram) -> None:
        self.diagram, self.nodes = diagram, diagram.nodes
        self.rail = {n: 1 + k for k, rail in enumerate(diagram.rails) for n in rail}
        self.body = range(1 + len(diagram.rails), 1 + len(diagram.rails) + _BODY)
        states = sum(node.kind == "state" and n not in self.rail for n, node in enumerate(self.nodes))
        self.bus = range(self.body.stop, self.body.stop + max(1, states))
        self.floor = self.bus.stop
        self.cells: dict[int, Cell] = {}
        self.taken: set[Cell] = set()
        layers = sum(map(_is_layer, self.nodes))
        self.abreast = max(1, -(-layers // _ABREAST))
        self.in_column: dict[float, int] = {}

    def places(self, gap: int) -> Places:
        self._states()
        for number, node in enumerate(self.nodes):
            if number not in self.cells and node.kind not in ("result", "input", "parameter"):
                self._put(number, *min(self._candidates(number))[1])
        self._inputs()
        self._results()
        return self._on_grid(gap)

    def _put(self, number: int, column: float, row: int) -> None:
        self.cells[number] = column, row
        self.taken.add((column, row))
        if _is_layer(self.nodes[number]):
            self.in_column[column] = self.in_column.get(column, 0) + 1

    # -- what is given

    def _states(self) -> None:
        """Old states at the left edge."""
        rows = iter(self.bus)
        for number, node in enumerate(self.nodes):
            if node.kind == "state":
                self._put(number, 0, self.rail.get(number) or next(rows))

    def _inputs(self) -> None:
        """Each input, and a parameter that stands alone, under what reads it, the first that has room there."""
        for number, node in enumerate(self.nodes):
            if node.kind in ("input", "parameter"):
                readers = sorted(self.cells[r][0] for r in self.diagram.readers[number] if r in self.cells)
                column = next(c for c in self._below(readers) if (c, self.floor) not in self.taken)
                self._put(number, column, self.floor)

    def _below(self, readers: Sequence[float]) -> Iterator[float]:
        """The columns of the readers; then new ones behind the first of them, where an input is under nothing else, or
        behind all where only results read it."""
        first = min(readers, default=max((column for column, _ in self.cells.values()), default=1))
        yield from readers
        yield from (first + k / (1 + len(self.nodes)) for k in range(1, 1 + len(self.nodes)))

    # -- what is computed

    def _candidates(self, number: int) -> Iterator[tuple[float, Cell]]:
        before = [self.cells[s] for s in self.nodes[number].inputs if s in self.cells]
        start = max((column for column, _ in before), default=1)
        last = start + _LOOKED_AHEAD
        column = max(1, start)
        found = False
        while column <= last or not found:
            for row in self._rows(number):
                if self._fits(number, column, row):
                    found = True
                    yield self._cost(number, column, row), (column, row)
            column += 1

    def _rows(self, number: int) -> range:
        if number in self.rail:
            return range(self.rail[number], self.rail[number] + 1)
        return self.bus[:1] if self.nodes[number].kind == "join" else self.body

    def _fits(self, number: int, column: float, row: int) -> bool:
        if (column, row) in self.taken:
            return False
        if _is_layer(self.nodes[number]) and not self._has_turn(column):
            return False
        return all(self._reached(s, column, row) for s in self.nodes[number].inputs if s in self.cells)

    def _has_turn(self, column: float) -> bool:
        """Layers go from left to right in the order of the equations."""
        full = self.in_column.get(column, 0) >= self.abreast
        return not full and column >= max(self.in_column, default=0)

    def _reached(self, source: int, column: float, row: int) -> bool:
        """What stands in the same column is only read from right above or below."""
        at, height = self.cells[source]
        low, high = sorted((height, row))
        return at != column or all((column, r) not in self.taken for r in range(low + 1, high))

    def _cost(self, number: int, column: float, row: int) -> float:
        node = self.nodes[number]
        cost = column - _LOWER * row if _is_layer(node) else 0.0
        for source in node.inputs:
            at, height = self.cells.get(source, (column, self.floor))
            cost += column - at + _ROW_PRICE * abs(height - row)
        return cost

    # -- results

    def _results(self) -> None:
        self.last = max(column for column, _ in self.cells.values())
        for number in self.diagram.top:
            self.last += 1
            self._put(number, self.last, 0)
        rows = iter(range(self.bus.start, self.bus.start + len(self.nodes)))
        for number in range(len(self.nodes)):
            if number not in self.cells:
                self._put(number, self.last + 1, self.rail.get(number) or next(rows))

    # -- the grid

    def _on_grid(self, gap: int) -> Places:
        order = range(len(self.nodes))
        rows: dict[int, int] = dict.fromkeys(self.bus, 1)
        for number in order:
            row = self.cells[number][1]
            rows[row] = max(rows.get(row, 0), extent(self.nodes[number]).down)
        at, y = {}, 0
        for row in sorted(rows):
            y += rows[row] + (_BORDER if row == self.floor else 0)
            at[row] = y
            y += rows[row] + gap + (_BORDER if row == 0 else 0)
        columns = [self.cells[n][0] for n in order]
        down = [at[self.cells[n][1]] for n in order]
        exits = [self._exit(n) for n in order]
        wider = {0.0: _BORDER, self.last: _BORDER}
        places = columns_at(self.diagram, columns, down, gap, exits, wider)
        return places.framed(self._frame(places))

    def _frame(self, places: Places) -> Frame:
        """Around everything but what is given and what comes out."""
        boxes = [
            (x - e.across, y - e.down, x + e.across, y + e.down, *self.cells[n])
            for n, ((x, y), e) in enumerate(zip(places.centres, map(extent, self.nodes), strict=True))
        ]
        inside = [box for box in boxes if 0 < box[4] <= self.last and 0 < box[5] < self.floor] or boxes
        far = 2 * _BORDER
        left = max((box[2] for box in boxes if not box[4]), default=min(box[0] for box in inside) - far)
        top = max((box[3] for box in boxes if not box[5]), default=min(box[1] for box in inside) - far)
        right = min((box[0] for box in boxes if box[4] > self.last), default=max(box[2] for box in inside) + far)
        bottom = min((box[1] for box in boxes if box[5] == self.floor), default=max(box[3] for box in inside) + far)
        return left + _BORDER, top + _BORDER, right - _BORDER, bottom - _BORDER

    def _exit(self, number: int) -> Side:
        node, (column, row) = self.nodes[number], self.cells[number]
        if node.kind in ("input", "parameter"):
            return "top"
        readers = [self.cells[r][1] for r in self.diagram.readers[number]]
        if number in self.rail or row in readers or not readers or node.kind == "state":
            return "right"
        entered = [self.cells[s][1] for s in node.inputs if self.cells[s][0] == column]
        if all(r < row for r in readers) and not any(r < row for r in entered):
            return "top"
        if all(r > row for r in readers) and not any(r > row for r in entered):
            return "bottom"
        return "right"


def _is_layer(node: Node) -> bool:
    return node.kind in ("function", "product")
