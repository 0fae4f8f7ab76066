"""The way of the gradient through one step: the linear terms of the one derivative, read backwards.

In: a cell. Out: its picture, from the new states on the right to the old ones and the inputs on the left. A box holds
the factor of one linear term; what meets in a variable is added. An equation that is more than a few terms inside, such
as a normalisation, is shown as its Jacobian.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from derive.calculus import Linear, adjoint
from derive.language.syntax import Cell
from derive.pictures.coefficients import Coefficients
from derive.pictures.diagram import Diagram, Kind, Node
from derive.pictures.drawing import drawn
from derive.pictures.layered import layered
from derive.pictures.model import Picture, Text, mirrored
from derive.pictures.notation import Notation
from derive.pictures.reading import pruned
from derive.pictures.text import SIZE, Label, Run, barred, plain, words
from derive.system import normalize

_INSIDE = 4
"""How many temporaries an equation may have to be shown term by term."""


def gradient(cell: Cell) -> Picture:
    """The picture of a cell's gradient."""
    found = diagram(cell)
    return mirrored(drawn(found, layered)) if found.nodes else _nothing(found)


def diagram(cell: Cell) -> Diagram:
    """Which adjoint is made of which, from the new states to the old ones; empty where no gradient gets so far."""
    return _Backwards(cell).diagram()


def _nothing(found: Diagram) -> Picture:
    text = Text(words(found.description), 0, 0, SIZE)
    wide, high = text.width + 2 * SIZE, text.height + SIZE
    return Picture(found.title, found.description, wide, high, texts=(replace(text, x=wide / 2, y=high / 2),))


class _Backwards:
    """Nodes for adjoints, each behind those it is made of. `held`: variable → the node of its adjoint."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self.notation = cell, Notation(cell)
        self.system = normalize(cell)
        self.adjoint = adjoint(self.system)
        self.spelling = Coefficients(self.system, self.notation)
        self.nodes: list[Node] = []
        self.held: dict[str, int] = {}
        self.collapsed = self._collapsed()

    def diagram(self) -> Diagram:
        for equation in self.adjoint.equations:
            variable = self.adjoint.system.variables[equation.name]
            if variable.role == "adjoint" and self._carried(variable.about):
                self._adjoint(variable.about)
        for variable in (*self.system.of_role("delay"), *self.system.of_role("input")):
            if variable.name in self.adjoint.bars:
                self._end(variable.name)
        title = f"{self.cell.name}: the gradient through one step"
        nodes = pruned(self.nodes)
        return Diagram(title, _told(nodes), nodes)

    def _collapsed(self) -> tuple[str, ...]:
        """The author's variables whose equations are shown as Jacobians."""
        inside = Counter(
            v.about for v in self.system.of_role("local") if v.name in self.adjoint.bars and self._inner(v.name)
        )
        return tuple(name for name in self.adjoint.bars if inside[name] > _INSIDE)

    def _carried(self, name: str) -> bool:
        """Whether an adjoint is on the way through the step, and no part of an equation shown as a whole."""
        variable = self.system.variables[name]
        if self._inner(name) and variable.about in self.collapsed:
            return False
        return variable.role not in ("param", "input", "delay")

    def _inner(self, name: str) -> bool:
        """Whether a variable is none of the author's."""
        return name not in self.spelling.owner

    # -- nodes

    def _adjoint(self, name: str) -> None:
        found = self._contributions(name)
        if name in self.adjoint.seeds:
            found.append(self._add(Node("input", (words("loss"),))))
        if self.system.variables[name].role == "state":
            found.append(self._add(Node("state", (words("from t+1"),))))
        if self._inner(name) and len(found) > 1:
            sign: Kind = "circle" if len(found) == 2 else "operation"
            self.held[name] = self._add(Node(sign, (words("+"),), tuple(found)))
        elif self._inner(name) and found:
            self.held[name] = found[0]
        elif found:
            self.held[name] = self._add(Node("value", (self._label(name),), tuple(found)))

    def _end(self, name: str) -> None:
        found = self._contributions(name)
        if found:
            self._add(Node("result", (self._label(name),), tuple(found)))

    def _label(self, name: str) -> Label:
        return barred(self.spelling.name(name))

    def _contributions(self, name: str) -> list[int]:
        """The nodes of what reaches an adjoint within the step."""
        terms = [t for t in self.adjoint.terms[name] if not t.source.shift and not t.target.shift]
        found, whole = [], dict.fromkeys(self.collapsed, False)
        for term in terms:
            source = term.source.name
            about = source if source in whole else self.system.variables[source].about
            if about in whole:
                whole[about] = about in self.held
            elif source in self.held:
                found.append(self._factor(term))
        found += [self._jacobian(about, name) for about, reached in whole.items() if reached]
        return list(dict.fromkeys(found))

    def _factor(self, term: Linear) -> int:
        source = self.held[term.source.name]
        if term.coefficient == 1:
            return source
        return self._add(Node("product", (self.spelling.factor(term),), (source,)))

    def _jacobian(self, about: str, name: str) -> int:
        above, below = self.spelling.name(about), self.spelling.name(name)
        inner: Label = (Run("(∂ "), *above, Run(" / ∂ "), *below, Run(")"))
        return self._add(Node("product", ((*inner, Run("⊤", "upright", "sup")),), (self.held[about],)))

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1


def _told(nodes: Sequence[Node]) -> str:
    """What is read out: each end of the gradient's way."""
    ends = [plain(node.lines[0]) for node in nodes if node.kind == "result"]
    if not ends:
        return "No gradient reaches the old states or the inputs."
    factors = [plain(node.lines[0]) for node in nodes if node.kind == "product"]
    through = f", through the factors {', '.join(dict.fromkeys(factors))}" if factors else ""
    return f"From the loss and the step after, back to {', '.join(ends)}{through}."
