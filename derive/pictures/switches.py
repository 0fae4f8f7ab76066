"""The switches on a state: what it keeps, what is written to it, what of it is read.

In: a whole cell's diagram. Out: its switches, found as factors on the state's direct path: those that multiply the
state itself keep it, those of what is added to it write, and those that its value is multiplied by elsewhere read. What
is written or read through has values that are never negative.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from derive.functions import shape
from derive.pictures.diagram import Diagram, Node

_PRODUCTS = ("∘", "·")


@dataclass(frozen=True)
class Switch:
    """`node`: the product where it acts; `gate`: what it is, None for a number."""

    does: Literal["keep", "write", "read"]
    state: str
    node: int
    gate: int | None


def switches(diagram: Diagram) -> tuple[Switch, ...]:
    """The switches on every state that has a direct path, in the order of the paths."""
    return tuple(switch for rail in diagram.rails for switch in _on(diagram, rail))


def _on(diagram: Diagram, rail: Sequence[int]) -> Iterator[Switch]:
    nodes, state = diagram.nodes, diagram.nodes[rail[0]].about
    for number in rail[1:-1]:
        others = [s for s in nodes[number].inputs if s not in rail]
        if _is_product(nodes[number]):
            yield Switch("keep", state, number, others[0] if others else None)
        for other in others if _is_sum(nodes[number]) else ():
            yield from _through(nodes, "write", state, other)
    for reader in _readers(diagram, rail):
        yield from _through(nodes, "read", state, reader)


def _through(nodes: Sequence[Node], does: Literal["write", "read"], state: str, number: int) -> Iterator[Switch]:
    """The switch that a product goes through."""
    gates = [s for s in nodes[number].inputs if _is_gate(nodes, s)]
    if _is_product(nodes[number]) and gates:
        yield Switch(does, state, number, gates[0])


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


def _is_gate(nodes: Sequence[Node], number: int) -> bool:
    """Whether values are never negative; of one less something, whether it is a gate too."""
    node = nodes[number]
    if node.kind == "circle" and len(node.inputs) == 1:
        return _is_gate(nodes, node.inputs[0])
    return bool(node.function) and bool(shape(node.function).range[0] >= 0)
