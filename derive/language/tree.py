"""Walking and rebuilding syntax trees, whatever the nodes are.

In: nodes. Out: their parts, or the same node with other parts and a shape. Trees share parts
(a macro's argument stands in its body), so what is computed of a node is kept by its identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

from derive.language.syntax import Contraction, Node, Shape


@dataclass(frozen=True, kw_only=True)
class Dot(Contraction):
    """A contraction written `dot(u, v)`, so of two vectors; a plain one once its shape is known."""


_PART_FIELDS: dict[type[Node], tuple[str, ...]] = {}


def _part_fields(kind: type[Node]) -> tuple[str, ...]:
    if kind not in _PART_FIELDS:
        _PART_FIELDS[kind] = tuple(f.name for f in fields(kind) if "Node" in str(f.type))
    return _PART_FIELDS[kind]


def operands(node: Node) -> tuple[Node, ...]:
    """The parts of a node, in order."""
    parts: list[Node] = []
    for name in _part_fields(type(node)):
        value = getattr(node, name)
        parts.extend(value if isinstance(value, tuple) else (value,))
    return tuple(parts)


def walk(root: Node) -> Iterator[Node]:
    """Every node once, parts before wholes, in the order of the text."""
    seen: set[int] = set()
    stack = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((part, False) for part in reversed(operands(node)))


def rebuild(node: Node, shape: Shape, rebuilt: Mapping[int, Node]) -> Node:
    """The node with this shape, and with each part replaced by what `rebuilt` holds for it."""
    changes: dict[str, object] = {"shape": shape}
    for name in _part_fields(type(node)):
        value = getattr(node, name)
        parts = tuple(rebuilt[id(p)] for p in value) if isinstance(value, tuple) else rebuilt[id(value)]
        changes[name] = parts
    if isinstance(node, Dot):
        return Contraction(
            shape=shape, span=node.span, left=rebuilt[id(node.left)], right=rebuilt[id(node.right)]
        )
    return replace(node, **changes)  # type: ignore[arg-type]
