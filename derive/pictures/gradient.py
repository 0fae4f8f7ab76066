"""The way of the gradient through one step: the linear terms of the one derivative, read backwards.

In: a cell. Out: its picture, from the new states on the right to the old ones and the inputs on the left. A box holds the
factor of one linear term; what meets in a variable is added. An equation that is more than a few terms inside, such as
a normalisation, is shown as its Jacobian.
"""

from __future__ import annotations

from derive.calculus import Linear, adjoint
from derive.language.syntax import Cell
from derive.pictures.coefficients import Coefficients
from derive.pictures.diagram import Diagram, Node
from derive.pictures.drawing import drawn
from derive.pictures.layered import layered
from derive.pictures.model import Picture, mirrored
from derive.pictures.notation import Notation
from derive.pictures.text import Label, Run, barred, joined, plain, raised, words
from derive.system import System, normalize

_INSIDE = 4
"""How many temporaries an equation may have to be shown term by term."""


def gradient(cell: Cell) -> Picture:
    """The picture of a cell's gradient."""
    return mirrored(drawn(diagram(cell), layered))


def diagram(cell: Cell) -> Diagram:
    """Which adjoint is made of which, from the new states to the old ones."""
    return _Backwards(cell).diagram()


class _Backwards:
    """Nodes for adjoints, each behind those it is made of. `held`: variable → the node of its adjoint."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self.notation = cell, Notation(cell)
        self.system = normalize(cell)
        self.adjoint = adjoint(self.system)
        self.spelling = Coefficients(self.system, self.notation)
        self.nodes: list[Node] = []
        self.held: dict[str, int] = {}
        self.terms = self._terms()

    def diagram(self) -> Diagram:
        for equation in self.adjoint.equations:
            name = self.adjoint.system.variables[equation.name].about
            if self.system.variables[name].role not in ("param", "input", "delay"):
                self._adjoint(name)
        for variable in (*self.system.of_role("delay"), *self.system.of_role("input")):
            if variable.name in self.adjoint.bars:
                self._end(variable.name)
        title = f"{self.cell.name}: the gradient through one step"
        return Diagram(title, self._told(), tuple(self.nodes))

    def _terms(self) -> dict[str, list[Linear]]:
        """The transposed terms within a step, those of collapsed equations apart."""
        return {
            name: [t for t in terms if not t.source.shift and not t.target.shift]
            for name, terms in self.adjoint.terms.items()
            if self.system.variables[name].role != "param"
        }

    # -- nodes

    def _adjoint(self, name: str) -> None:
        variable = self.system.variables[name]
        if self._inner(name):
            if variable.about in self.collapsed:
                return
        inputs = self._contributions(name)
        seeds = [self._seed(name)] if name in self.adjoint.seeds else []
        if variable.role == "state":
            seeds.append(self._add(Node("state", (self._later(name),))))
        found = [*seeds, *inputs]
        if not found:
            return
        label = barred(self.spelling.name(name, "t"))
        if self._inner(name) and len(found) == 1:
            self.held[name] = found[0]
            return
        kind = "value" if not self._inner(name) else "circle"
        self.held[name] = self._add(Node(kind, (label if kind == "value" else words("+"),), tuple(found)))

    @property
    def collapsed(self) -> set[str]:
        """The author's variables whose equations are shown as Jacobians."""
        inside: dict[str, int] = {}
        for variable in self.system.of_role("local"):
            if variable.name in self.adjoint.bars and self._inner(variable.name):
                inside[variable.about] = inside.get(variable.about, 0) + 1
        return {name for name, count in inside.items() if count > _INSIDE}

    def _inner(self, name: str) -> bool:
        """Whether a variable is none of the author's."""
        return name not in self.spelling.owner

    def _contributions(self, name: str) -> list[int]:
        """The nodes of what reaches an adjoint."""
        found = []
        for term in self.terms[name]:
            source = self.system.variables[term.source.name]
            if source.about in self.collapsed and (self._inner(source.name) or source.name == source.about):
                continue
            if term.source.name in self.held:
                found.append(self._factor(term))
        for about in sorted(self.collapsed, key=list(self.system.variables).index):
            if about in self.held and self.system.variables[name].about != about and self._reaches(about, name):
                found.append(self._jacobian(about, name))
        return list(dict.fromkeys(found))

    def _factor(self, term: Linear) -> int:
        source = self.held[term.source.name]
        if term.coefficient == 1:
            return source
        return self._add(Node("product", (self.spelling.factor(term),), (source,)))

    def _reaches(self, about: str, name: str) -> bool:
        """Whether the equation of an author's variable reads another, directly or through its temporaries."""
        return any(
            term.source.name == about
            or (self._inner(term.source.name) and self.system.variables[term.source.name].about == about)
            for term in self.terms[name]
        ) and self.system.variables[name].about != about

    def _jacobian(self, about: str, name: str) -> int:
        above, below = self.spelling.name(about, "t"), self.spelling.name(name, "t")
        inner: Label = (Run("(∂ "), *above, Run(" / ∂ "), *below, Run(")"))
        return self._add(Node("product", ((*inner, Run("⊤", "upright", "sup")),), (self.held[about],)))

    def _seed(self, name: str) -> int:
        return self._add(Node("input", (words("loss"),)))

    def _later(self, name: str) -> Label:
        return barred(self.spelling.name(name, "t")) and words("from t+1")

    def _end(self, name: str) -> None:
        found = self._contributions(name)
        if found:
            label = barred(self.spelling.name(name, "t"))
            self.nodes.append(Node("result", (label,), tuple(found)))

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _told(self) -> str:
        return "The derivative of the loss, from the new states back to the old ones."
