"""Walking an author's expression, macros by what they stand for."""

from __future__ import annotations

from collections.abc import Iterator

from derive.language import syntax as tree
from derive.language.syntax import Node


def walk(node: Node) -> Iterator[Node]:
    """Every node of an expression, macros by their body, the outermost first."""
    yield node
    for child in children(node):
        yield from walk(child)


def children(node: Node) -> tuple[Node, ...]:
    """The operands of a node; for a macro, what it stands for."""
    match node:
        case tree.Macro():
            return (node.body,)
        case tree.Negative() | tree.Reduction() | tree.Spread() | tree.Transpose() | tree.Stop():
            return (node.operand,)
        case tree.Power():
            return (node.base,)
        case tree.Binary() | tree.Contraction() | tree.Outer():
            return (node.left, node.right)
        case tree.Concatenation() | tree.Apply():
            return node.operands
    return ()


def flat(node: tree.Concatenation) -> list[Node]:
    """The operand that each part of a concatenation belongs to."""
    flat = []
    for operand in node.operands:
        flat += [operand] * len(operand.shape[0].parts)
    return flat
