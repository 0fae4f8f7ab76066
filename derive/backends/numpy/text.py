"""Shapes and remarks as they stand in generated Python, and the names that lines of it use."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from textwrap import dedent

from derive.language.syntax import Shape


def shown(lead: Sequence[str], shape: Shape) -> str:
    """A shape as a tuple, what stands before it first."""
    axes = [*lead, *map(str, shape)]
    return f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"


def commented(shape: str, comment: str) -> str:
    """A shape and the author's remark."""
    return f"{shape}: {escaped(comment)}" if comment else shape


def escaped(text: str) -> str:
    """Text that can stand in a docstring or a comment."""
    return " ".join(text.replace("\\", "\\\\").replace('"""', "'''").split("\r"))


def names_in(lines: Iterable[str]) -> set[str]:
    """Every name that some statements, or expressions, read; all are indented alike."""
    nodes = ast.walk(ast.parse(dedent("\n".join(lines))))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
