"""A diagram: what is computed from what, before anything has a place.

In: nothing. Out: the types that the readings of a cell make and that the placements read. Nodes stand in an order in
which each reads what stands before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from derive.pictures.text import Label

Kind = Literal[
    "input", "state", "value", "parameter", "function", "product", "operation", "circle", "join", "result",
]  # fmt: skip
SOURCES: tuple[Kind, ...] = ("input", "state", "value", "parameter")


@dataclass(frozen=True)
class Node:
    """`lines` stand in it, the first one large. `marks`: a sign at each input, where one is needed. `name` is written
    on the line that leaves; `pointed` if it points something out. `about`: the cell's variable that it is or belongs
    to, also at t-1; `state`: of a result, whether it is a state's new value; `function`: a layer's outermost one;
    `pointwise`: whether each element of the result depends on the same element of an input alone."""

    kind: Kind
    lines: tuple[Label, ...]
    inputs: tuple[int, ...] = ()
    marks: tuple[str, ...] = ()
    name: Label = ()
    about: str = ""
    state: bool = False
    function: str = ""
    pointwise: bool = False
    pointed: bool = False


@dataclass(frozen=True)
class Diagram:
    """`rails`: chains of nodes to be drawn along one line at the top, each from a state's old value to its new one;
    `accent`: those to be pointed out. `top`: results to be drawn above. `framed`: whether it is a cell as a whole."""

    title: str
    description: str
    nodes: tuple[Node, ...]
    rails: tuple[tuple[int, ...], ...] = ()
    accent: tuple[tuple[int, ...], ...] = ()
    top: tuple[int, ...] = ()
    framed: bool = False

    @property
    def readers(self) -> Sequence[Sequence[int]]:
        """For each node the nodes that read it."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for number, node in enumerate(self.nodes):
            for source in node.inputs:
                found[source].append(number)
        return found
