"""Walking an author's expression, macros by what they stand for. In: a node. Out: the nodes that it is made of."""

from __future__ import annotations

from collections.abc import Iterator

from derive.language.syntax import Concatenation, Macro, Node
from derive.language.tree import operands


def walk_expanded(node: Node) -> Iterator[Node]:
    """Every node of an expression, the outermost first."""
    yield node
    for child in children(node):
        yield from walk_expanded(child)


def children(node: Node) -> tuple[Node, ...]:
    """The operands of a node; for a macro, what it stands for."""
    return (node.body,) if isinstance(node, Macro) else operands(node)


def flat(node: Concatenation) -> list[Node]:
    """The operand that each part of a concatenation belongs to."""
    flat = []
    for operand in node.operands:
        flat += [operand] * len(operand.shape[0].parts)
    return flat
