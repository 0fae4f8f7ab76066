"""Where the switches on a state act: what keeps it, what writes to it, what reads it.

In: a whole cell's diagram, and the variables that are its switches (`derive.bounds.switches`). Out: the products in
which they act: one on the state's direct path keeps it, one that is added to it writes, one elsewhere reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from derive.bounds import Switches
from derive.pictures.diagram import Diagram, Node

_PRODUCTS = ("∘", "·")


Does = Literal["keep", "write", "read"]


@dataclass(frozen=True)
class Switch:
    """`node`: the product where it acts; `gate`: what it is."""

    does: Does
    state: str
    node: int
    gate: int


def switches(diagram: Diagram, known: Sequence[Switches]) -> tuple[Switch, ...]:
    """The switches on every state that has a direct path in the diagram, in the order of the paths."""
    of = {each.state: each for each in known}
    paths = ((rail, diagram.nodes[rail[0]].about) for rail in diagram.rails)
    return tuple(switch for rail, state in paths if state in of for switch in _on(diagram, rail, of[state]))


def _on(diagram: Diagram, rail: Sequence[int], known: Switches) -> Iterator[Switch]:
    def acting(does: Does, numbers: Sequence[int]) -> Iterator[Switch]:
        for number in numbers:
            gate = _gate(diagram.nodes, number, getattr(known, does))
            if gate is not None:
                yield Switch(does, known.state, number, gate)

    added = [s for n in rail if _is_sum(diagram.nodes[n]) for s in diagram.nodes[n].inputs if s not in rail]
    yield from acting("keep", rail)
    yield from acting("write", added)
    yield from acting("read", list(_readers(diagram, rail)))


def _gate(nodes: Sequence[Node], number: int, names: Collection[str]) -> int | None:
    """The input of a product that is one of some variables, or one less such."""
    product = nodes[number]
    return next((s for s in product.inputs if _variable(nodes, s) in names), None) if _is_product(product) else None


def _variable(nodes: Sequence[Node], number: int) -> str:
    node = nodes[number]
    plain = node.kind == "circle" and len(node.inputs) == 1
    return _variable(nodes, node.inputs[0]) if plain else node.about


def _readers(diagram: Diagram, rail: Sequence[int]) -> Iterator[int]:
    """What reads a state besides the state itself, behind functions of it alone."""
    readers, seen = diagram.readers, set(rail)
    queue = [r for n in rail for r in readers[n]]
    for number in queue:
        node = diagram.nodes[number]
        if number not in seen:
            seen.add(number)
            yield number
            if node.kind == "function" and len(node.inputs) == 1:
                queue.extend(readers[number])


def _is_product(node: Node) -> bool:
    return node.kind == "circle" and any(run.text.strip() in _PRODUCTS for run in node.lines[0])


def _is_sum(node: Node) -> bool:
    return node.kind == "circle" and node.lines[0][0].text == "+"
