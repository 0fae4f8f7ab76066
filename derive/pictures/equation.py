"""One equation as its author wrote it.

In: a cell and the name of a variable that it defines. Out: the picture of what is computed, from what is read on the
left to the result on the right, every operation on its own.
"""

from __future__ import annotations

from derive.language.syntax import Cell, Equation
from derive.pictures.diagram import Diagram, Node
from derive.pictures.drawing import drawn
from derive.pictures.layered import layered
from derive.pictures.model import Picture
from derive.pictures.notation import Notation
from derive.pictures.reading import Reading, pruned
from derive.pictures.text import plain


def equation(cell: Cell, name: str) -> Picture:
    """The picture of the equation that defines a variable; `KeyError` if there is none."""
    return drawn(_diagram(cell, defining(cell, name)), layered)


def defining(cell: Cell, name: str) -> Equation:
    """The equation of a variable."""
    for each in cell.equations:
        if each.target == name:
            return each
    raise KeyError(f"{cell.name} defines no {name}; it defines {', '.join(e.target for e in cell.equations)}")


def _diagram(cell: Cell, each: Equation) -> Diagram:
    notation = Notation(cell)
    reading = Reading(cell, notation, folded=False)
    value = reading.read(each.value)
    reading.add(Node("result", (notation.name(each.target),), (value,), about=each.target))
    target, right = plain(notation.name(each.target)), plain(notation.expression(each.value))
    title = f"{target}, {each.comment}" if each.comment else target
    nodes = pruned(reading.nodes)
    return Diagram(f"{cell.name}: {title}", f"{target} = {right}", nodes)
