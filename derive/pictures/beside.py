"""Two cells side by side, one above the other where that is too wide: the states that one has and the other has not,
and the switches on them.

In: two cells. Out: one picture. States are matched by name, then by whether they have a direct path; what is left over
in one cell is pointed out, and so are the switches on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from derive.bounds import flow
from derive.bounds import switches as known_switches
from derive.language.syntax import Cell
from derive.pictures.diagram import Diagram
from derive.pictures.drawing import drawn
from derive.pictures.model import Picture, Text, moved
from derive.pictures.notation import Notation
from derive.pictures.rails import railed
from derive.pictures.switches import Switch, switches
from derive.pictures.text import SIZE, Label, joined, plain, words
from derive.pictures.whole import diagram
from derive.system import normalize

_APART, _HEAD, _FOOT, _LINE = 40.0, 40.0, 14.0, 1.5 * SIZE
_WIDEST = 1500.0
"""Two pictures that are wider together stand one above the other."""


def beside(left: Cell, right: Cell) -> Picture:
    """The picture of one step of each of two cells."""
    one, other = diagram(left), diagram(right)
    sides = _side(left, one, _Apart(one, other), _only), _side(right, other, _Apart(other, one), _added)
    return _together(sides, f"{left.name} beside {right.name}")


class _Apart:
    """What one cell has and the other has not: `added` states, and direct paths of states (`direct`)."""

    def __init__(self, here: Diagram, there: Diagram) -> None:
        mine, others = _states(here), _states(there)
        rest = [direct for name, direct in others.items() if name not in mine]
        self.added: list[str] = []
        for name, direct in mine.items():
            if name not in others and direct in rest:
                rest.remove(direct)
            elif name not in others:
                self.added.append(name)
        self.direct = [name for name, direct in mine.items() if direct and not others.get(name, True)]


def _states(of: Diagram) -> dict[str, bool]:
    """State → whether it has a direct path."""
    direct = {of.nodes[rail[0]].about for rail in of.rails}
    return {node.about: node.about in direct for node in of.nodes if node.kind == "result" and node.state}


def _only(state: Label) -> Label:
    return (*words("state "), *state, *words(" only here"))


def _added(state: Label) -> Label:
    return (*words("added state "), *state)


def _side(cell: Cell, of: Diagram, apart: _Apart, told: Callable[[Label], Label]) -> Picture:
    """One cell, its name above, what is pointed out told below. `told`: of a state that the other one has not."""
    states = [*apart.added, *apart.direct]
    known = known_switches(flow(normalize(cell)))
    found = [s for s in switches(of, known) if s.state in states]
    picture = drawn(_pointed(of, states, found), railed)
    notation = Notation(cell)
    heads = [(s, told(notation.name(s))) for s in apart.added]
    heads += [(s, (*words("direct path of "), *notation.name(s))) for s in apart.direct]
    notes = [_note(of, head, [s for s in found if s.state == state]) for state, head in heads]
    texts = [Text(words(cell.name), picture.width / 2, _HEAD / 2, 1.25 * SIZE)]
    lower = moved(picture, 0, _HEAD)
    down = _HEAD + picture.height + _FOOT
    for number, note in enumerate(notes):
        texts.append(Text(note, picture.width / 2, down + number * _LINE, SIZE, "accent"))
    wide = max(picture.width, *(t.width + SIZE for t in texts))
    description = ". ".join([f"{cell.name}: {picture.description.rstrip('.')}", *map(plain, notes)]) + "."
    lower = replace(lower, texts=(*lower.texts, *texts), height=down + len(notes) * _LINE, description=description)
    return replace(moved(lower, (wide - picture.width) / 2, 0), width=wide)


def _pointed(of: Diagram, added: Sequence[str], found: Iterable[Switch]) -> Diagram:
    """The diagram with the lines of some states, and what its switches do, pointed out."""
    does: dict[int, list[str]] = {}
    for switch in found:
        does.setdefault(switch.node, []).append(switch.does)
    nodes = tuple(
        replace(node, name=words(", ".join(dict.fromkeys(does[n]))), pointed=True) if n in does else node
        for n, node in enumerate(of.nodes)
    )
    return replace(of, nodes=nodes, accent=tuple(r for r in of.rails if of.nodes[r[0]].about in added))


def _note(of: Diagram, head: Label, found: Sequence[Switch]) -> Label:
    """What each switch on a state is."""
    told = dict.fromkeys((*words(f"{s.does} "), *_called(of, s.gate)) for s in found)
    return (*head, *words(": "), *joined(told, ", ")) if told else head


def _called(of: Diagram, number: int) -> Label:
    node = of.nodes[number]
    if not node.name and node.kind == "circle" and len(node.inputs) == 1:
        return (*node.lines[0], *words(" "), *_called(of, node.inputs[0]))
    return node.name or node.lines[0]


def _together(sides: Sequence[Picture], title: str) -> Picture:
    """Two pictures as one, in the middle of each other's height, or width if they stand one above the other."""
    wide, high = _APART + sum(side.width for side in sides), max(side.height for side in sides)
    one, other = (moved(side, 0, (high - side.height) / 2) for side in sides)
    other = moved(other, one.width + _APART, 0)
    if wide > _WIDEST:
        wide, high = max(side.width for side in sides), _APART + sum(side.height for side in sides)
        one, other = (moved(side, (wide - side.width) / 2, 0) for side in sides)
        other = moved(other, 0, one.height + _APART)
    return Picture(
        title,
        f"{one.description} {other.description}",
        wide,
        high,
        one.frames + other.frames,
        one.lines + other.lines,
        one.dots + other.dots,
        one.boxes + other.boxes,
        one.circles + other.circles,
        one.texts + other.texts,
    )
