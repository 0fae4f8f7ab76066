"""From a cell's syntax tree to a diagram's nodes.

In: the expressions that the author wrote. Out: nodes, one for each operation, a part that is written twice read once.
Folded, a box holds a whole layer: the products with its matrices, its biases and its activation.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from derive.language import syntax as tree
from derive.language.macros import prelude_names
from derive.language.syntax import Cell
from derive.language.tree import walk
from derive.pictures.diagram import Kind, Node
from derive.pictures.notation import FUNCTIONS, MINUS, Notation
from derive.pictures.text import SMALL, Label, Run, joined, raised, width, words

_SIGNS = {"+": "+", "-": "+", "*": "∘", "/": "∘"}
_MARKS = {"-": MINUS, "/": "÷"}
_ROOM = 110.0
"""How wide a label in a box may be before it is split or named otherwise."""


@dataclass
class _Layer:
    """What a box holds: functions from the outermost inwards, parameters, and what it reads."""

    functions: list[Label] = field(default_factory=list)
    params: list[Label] = field(default_factory=list)
    operands: list[int] = field(default_factory=list)
    outermost: str = ""
    pointwise: bool = True


class Reading:
    """Reads expressions into `nodes`.

    `known`: the node of each variable that has one already. `target`: the variable whose equation is being read.
    """

    def __init__(self, cell: Cell, notation: Notation, *, folded: bool) -> None:
        self.cell, self.notation, self.folded = cell, notation, folded
        self.nodes: list[Node] = []
        self.known: dict[str, int] = {}
        self.places: dict[tree.Node, int] = {}
        self.target = ""

    def add(self, node: Node) -> int:
        """A new node's number."""
        self.nodes.append(node)
        return len(self.nodes) - 1

    def rename(self, number: int, name: Label, about: str) -> None:
        """Write a name on the line that leaves a node."""
        self.nodes[number] = replace(self.nodes[number], name=name, about=about)

    def read(self, node: tree.Node) -> int:
        """The number of the node that holds an expression's value."""
        if isinstance(node, tree.Reference) and not node.lag and node.name in self.known:
            return self.known[node.name]
        if node not in self.places:
            self.places[node] = self._read(node)
        return self.places[node]

    def still(self, node: tree.Node) -> bool:
        """Whether an expression is made of parameters and numbers alone."""
        return not any(isinstance(n, tree.Reference) and n.name in self.notation.timed for n in walk(node))

    def _read(self, node: tree.Node) -> int:
        if isinstance(node, tree.Reference) or self.still(node):
            return self._source(node)
        if self.folded and (layer := self._layer(node)) and (layer.params or layer.functions):
            return self._box(layer)
        match node:
            case tree.Binary():
                return self._binary(node)
            case tree.Contraction() | tree.Outer():
                return self._contraction(node)
            case tree.Concatenation():
                return self.add(Node("join", (), tuple(map(self.read, node.operands))))
        return self._call(node)

    def _source(self, node: tree.Node) -> int:
        label = self.notation.expression(node)
        if isinstance(node, tree.Reference):
            role = self.cell.variables[node.name].role
            timed = node.name in self.notation.timed
            kind = "parameter" if not timed else "value" if role == "local" else role
            return self.add(Node(kind, (label,), about=node.name))  # type: ignore[arg-type]
        return self.add(Node("parameter", (label,)))

    # -- operations

    def _binary(self, node: tree.Binary) -> int:
        left, right = node.left, node.right
        number = self._number(node)
        if number is not None:
            return number
        product = node.operator == "*" and not (left.shape and right.shape)
        sign = "·" if product else _SIGNS[node.operator]
        marks = ("", _MARKS.get(node.operator, ""))
        return self.add(Node("circle", (words(sign),), (self.read(left), self.read(right)), marks, pointwise=True))

    def _number(self, node: tree.Binary) -> int | None:
        """An operation with a number, or with a scalar made of parameters, as a node with one input."""
        product = "∘" if node.left.shape and node.right.shape else "·"
        sign = {"*": product, "-": MINUS}.get(node.operator, node.operator)
        if self._plain(node.left):
            label: Label = (*self.notation.expression(node.left), *words(f" {sign}"))
            operand = node.right
        elif self._plain(node.right):
            label = (*words(f"{sign} "), *self.notation.expression(node.right))
            operand = node.left
        else:
            return None
        return self.add(Node("circle", (label,), (self.read(operand),), pointwise=True))

    def _plain(self, node: tree.Node) -> bool:
        if node.shape and not self.folded:
            return False
        named = any(isinstance(n, tree.Reference) for n in walk(node))
        if not self.still(node) or (named and not self.folded):
            return False
        return width(self.notation.expression(node)) < _ROOM

    def _contraction(self, node: tree.Contraction | tree.Outer) -> int:
        left, right = node.left, node.right
        if isinstance(node, tree.Outer):
            return self.add(Node("circle", (words("⊗"),), (self.read(left), self.read(right))))
        for matrix, operand in ((left, right), (right, left)):
            label = self._matrix(node, matrix)
            if self.still(matrix) and width(label) < _ROOM:
                return self.add(Node("product", (label,), (self.read(operand),)))
        return self.add(Node("circle", (words("·"),), (self.read(left), self.read(right)), ("", "")))

    def _matrix(self, node: tree.Contraction, matrix: tree.Node) -> Label:
        """How a matrix of parameters is called that multiplies something."""
        label = self.notation.expression(matrix)
        compound = not isinstance(matrix, tree.Reference)
        inner = (*words("("), *label, *words(")")) if compound else label
        if matrix is node.left:
            return raised(inner, "⊤") if len(matrix.shape) == 1 else label
        if len(node.left.shape) == 1 and len(matrix.shape) > 1:
            return raised(inner, "⊤")
        return (*words("· "), *label)

    def _call(self, node: tree.Node) -> int:
        match node:
            case tree.Apply(operands=(operand,)):
                return self.add(Node("function", (_function(node.function),), (self.read(operand),), pointwise=True))
            case tree.Apply():
                operands = tuple(map(self.read, node.operands))
                return self.add(Node("operation", (_function(node.function),), operands, pointwise=True))
            case tree.Macro() if node.name not in prelude_names():
                return self.read(node.body)
            case tree.Macro():
                moving = tuple(self.read(o) for o in node.operands if not self.still(o))
                params = [self.notation.expression(o) for o in node.operands if self.still(o)]
                return self.add(Node("function", (words(node.name), *_small(params)), moving))
            case tree.Negative():
                return self.add(Node("circle", (words(MINUS),), (self.read(node.operand),), pointwise=True))
            case tree.Power():
                exponent = str(node.exponent).replace("-", MINUS)
                label = raised(words("( )"), exponent)
                return self.add(Node("operation", (label,), (self.read(node.base),), pointwise=True))
        return self._reshaped(node)

    def _reshaped(self, node: tree.Node) -> int:
        match node:
            case tree.Reduction():
                axis = () if node.axis is None else (Run(str(node.axis + 1), "upright", "sub"),)
                label: Label = (*words(node.kind), *axis)
            case tree.Spread():
                label = words(("rows", "cols")[node.along])
            case tree.Transpose():
                label = raised(words("( )"), "⊤")
            case tree.Stop():
                label = words("stop")
            case _:
                kind = type(node).__name__
                raise TypeError(f"no picture of the node {kind}; add a case to derive/pictures/reading.py")
        return self.add(Node("operation", (label,), (self.read(node.operand),)))

    # -- layers

    def _box(self, layer: _Layer) -> int:
        small = _small(layer.params)
        lines = (*layer.functions, *small) if layer.functions else (joined(layer.params, ", "),)
        if not layer.functions and width(lines[0]) > _ROOM:
            lines = small
        kind: Kind = "function" if layer.functions else "product"
        operands, pointwise = tuple(layer.operands), not layer.params and layer.pointwise
        return self.add(Node(kind, lines, operands, function=layer.outermost, pointwise=pointwise))

    def _layer(self, node: tree.Node) -> _Layer | None:
        """What fits into one box; None where the outermost operation is none of a layer's."""
        match node:
            case tree.Apply(operands=(operand,)):
                return replace(self._inside(operand, _function(node.function)), outermost=node.function)
            case tree.Macro() if sum(not self.still(o) for o in node.operands) == 1:
                [operand] = [o for o in node.operands if not self.still(o)]
                layer = self._inside(operand, words(node.name))
                layer.params += [self.notation.expression(o) for o in node.operands if self.still(o)]
                return replace(layer, pointwise=False)
        return self._affine(node)

    def _inside(self, operand: tree.Node, function: Label) -> _Layer:
        inner = None if isinstance(operand, tree.Reference) or operand in self.places else self._layer(operand)
        if inner is None:
            return _Layer([function], [], [self.read(operand)])
        return replace(inner, functions=[function, *inner.functions])

    def _affine(self, node: tree.Node) -> _Layer | None:
        """A sum of products with parameters, at least one of them a matrix product."""
        if not any(isinstance(n, tree.Contraction) for n in _summands(node)):
            return None
        layer = _Layer()
        return layer if self._gather(node, layer, "") else None

    def _gather(self, node: tree.Node, layer: _Layer, sign: str) -> bool:
        match node:
            case tree.Binary(operator="+" | "-"):
                minus = (MINUS if not sign else "") if node.operator == "-" else sign
                return self._gather(node.left, layer, sign) and self._gather(node.right, layer, minus)
            case tree.Contraction() if self.still(node.left) and not self.still(node.right):
                return self._product(layer, sign, self._matrix(node, node.left), node.right)
            case tree.Contraction() if self.still(node.right) and not self.still(node.left):
                return self._product(layer, sign, self._matrix(node, node.right), node.left)
            case tree.Binary(operator="*", right=right) if self.still(node.left) and not self._own(right):
                return not self.still(right) and self._product(layer, sign, self.notation.expression(node.left), right)
        return self.still(node) and self._param(layer, sign, self.notation.expression(node))

    def _own(self, node: tree.Node) -> bool:
        """Whether an expression is the old value of the state that is being read, which goes on outside of layers."""
        return isinstance(node, tree.Reference) and node.name == self.target and node.lag == 1

    def _product(self, layer: _Layer, sign: str, matrix: Label, operand: tree.Node) -> bool:
        number = self.read(operand)
        if number not in layer.operands:
            layer.operands.append(number)
        return self._param(layer, sign, matrix)

    @staticmethod
    def _param(layer: _Layer, sign: str, label: Label) -> bool:
        layer.params.append((*words(sign), *label) if sign else label)
        return width(label) < _ROOM


def _summands(node: tree.Node) -> list[tree.Node]:
    if isinstance(node, tree.Binary) and node.operator in "+-":
        return [*_summands(node.left), *_summands(node.right)]
    return [node]


def _function(name: str) -> Label:
    return words(FUNCTIONS.get(name, name))


def _small(params: list[Label]) -> tuple[Label, ...]:
    """Parameters in as few lines as fit."""
    lines: list[list[Label]] = []
    for param in params:
        if lines and width(joined([*lines[-1], param], ", "), SMALL) < 0.6 * _ROOM:
            lines[-1].append(param)
        else:
            lines.append([param])
    return tuple(joined(line, ", ") for line in lines)


def pruned(nodes: list[Node]) -> tuple[Node, ...]:
    """The nodes on which a result depends, numbered anew."""
    wanted: set[int] = set()
    frontier = [number for number, node in enumerate(nodes) if node.kind == "result"]
    while frontier:
        number = frontier.pop()
        if number not in wanted:
            wanted.add(number)
            frontier += nodes[number].inputs
    numbers = {old: new for new, old in enumerate(sorted(wanted))}
    return tuple(replace(nodes[old], inputs=tuple(numbers[i] for i in nodes[old].inputs)) for old in numbers)
