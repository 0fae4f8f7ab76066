"""Places for a whole cell: states along the top and along the bottom, a column for each layer, operations above them.

In: a diagram with rails. Out: a place for each node on the grid. Nodes are placed in the order of the equations, each
where it is nearest to what it reads; what it reads is never to its right.
"""

from __future__ import annotations

from collections.abc import Iterator

from derive.pictures.diagram import Diagram
from derive.pictures.places import Places, columns_at
from derive.pictures.routes import Side
from derive.pictures.shapes import extent

_BODY = 3
_ABREAST = 10
_LOOKED_AHEAD = 4

Cell = tuple[int, int]


def railed(diagram: Diagram, gap: int) -> Places:
    """States keep their line from the left edge to the right one, inputs come from below, outputs leave above."""
    return _Placing(diagram).places(gap)


class _Placing:
    """Columns count from the left, rows from the top: an output row, a row for each rail, the body, the bottom."""

    def __init__(self, diagram: Diagram) -> None:
        self.diagram, self.nodes = diagram, diagram.nodes
        self.rail = {n: 1 + k for k, rail in enumerate(diagram.rails) for n in rail}
        self.first = 1 + len(diagram.rails)
        self.last = self.first + _BODY - 1
        self.cells: dict[int, Cell] = {}
        self.taken: dict[Cell, int] = {}
        self.layer_column = 0
        layers = sum(node.kind in ("function", "product") for node in self.nodes)
        self.abreast = -(-layers // _ABREAST) if layers else 1
        self.in_column: dict[int, int] = {}

    def places(self, gap: int) -> Places:
        self._sources()
        for number, node in enumerate(self.nodes):
            if number not in self.cells and node.kind != "result":
                self._put(number, *self._best(number))
        self._results()
        return self._on_grid(gap)

    def _put(self, number: int, column: int, row: int) -> None:
        self.cells[number] = column, row
        self.taken[column, row] = number
        if self.nodes[number].kind in ("function", "product"):
            self.in_column[column] = self.in_column.get(column, 0) + 1
            self.layer_column = max(self.layer_column, column)

    # -- what is given

    def _sources(self) -> None:
        """Old states at the left edge; an input under what reads it first, a parameter too."""
        row, column = self.last + 1, 0
        for number, node in enumerate(self.nodes):
            if node.kind == "state":
                if number in self.rail:
                    self._put(number, 0, self.rail[number])
                else:
                    self._put(number, 0, row)
                    row += 1
        self.bottom = row
        self.floor = row + 1
        for number, node in enumerate(self.nodes):
            if node.kind in ("input", "parameter"):
                column += 1
                self._put(number, column, self.floor if node.kind == "input" else self.floor)

    # -- what is computed

    def _best(self, number: int) -> Cell:
        return min(self._candidates(number), key=lambda pair: pair[0])[1]

    def _candidates(self, number: int) -> Iterator[tuple[tuple[float, int, int], Cell]]:
        node = self.nodes[number]
        before = [self.cells[s] for s in node.inputs]
        start = max((c for c, _ in before), default=0)
        for column in range(start, start + _LOOKED_AHEAD + len(self.nodes)):
            rows = [self.rail[number]] if number in self.rail else range(self.first, self.last + 1)
            if node.kind == "join":
                rows = [self.bottom - 1, *rows] if column else rows
            found = False
            for row in rows:
                if self._fits(number, column, row):
                    found = True
                    yield (self._cost(number, column, row), column, row), (column, row)
            if found and column >= start + _LOOKED_AHEAD:
                return

    def _fits(self, number: int, column: int, row: int) -> bool:
        if (column, row) in self.taken or column == 0:
            return False
        node = self.nodes[number]
        if node.kind in ("function", "product"):
            if self.in_column.get(column, 0) >= self.abreast or column < self.layer_column:
                return False
        return all(self._reached(number, s, column, row) for s in node.inputs)

    def _reached(self, number: int, source: int, column: int, row: int) -> bool:
        """What stands in the same column is only read from right above or below."""
        at, height = self.cells[source]
        if at != column:
            return True
        low, high = sorted((height, row))
        return all((column, r) not in self.taken for r in range(low + 1, high))

    def _cost(self, number: int, column: int, row: int) -> float:
        node = self.nodes[number]
        cost = 0.0
        for source in node.inputs:
            at, height = self.cells[source]
            cost += 1.0 * (column - at) + 1.2 * abs(height - row)
        if node.kind in ("function", "product"):
            cost += 1.0 * column
        return cost

    # -- results

    def _results(self) -> None:
        right = max(column for column, _ in self.cells.values()) + 1
        above = [n for n in self.diagram.top]
        for number in above:
            self._put(number, right, 0)
            right += 1
        row = self.last + 1
        for number, node in enumerate(self.nodes):
            if number in self.cells:
                continue
            if number in self.rail:
                self._put(number, right, self.rail[number])
            else:
                self._put(number, right, row)
                row += 1

    # -- the grid

    def _on_grid(self, gap: int) -> Places:
        rows: dict[int, int] = {}
        for number, (_, row) in self.cells.items():
            rows[row] = max(rows.get(row, 0), extent(self.nodes[number]).down)
        at, y = {}, 0
        for row in sorted(rows):
            y += rows[row]
            at[row] = y
            y += rows[row] + gap
        order = range(len(self.nodes))
        columns = [self.cells[n][0] for n in order]
        down = [at[self.cells[n][1]] for n in order]
        return columns_at(self.diagram, columns, down, gap, [self._exit(n) for n in order])

    def _exit(self, number: int) -> Side:
        node, (column, row) = self.nodes[number], self.cells[number]
        if node.kind == "input" or (node.kind == "parameter"):
            return "top"
        readers = [self.cells[r] for r in self.diagram.readers[number]]
        if any(r == row for _, r in readers) or number in self.rail or not readers:
            return "right"
        if all(r < row for _, r in readers) and (column, row - 1) not in self._inputs_above(number):
            return "top"
        if all(r > row for _, r in readers):
            return "bottom"
        return "right"

    def _inputs_above(self, number: int) -> set[Cell]:
        return {self.cells[s] for s in self.nodes[number].inputs}
