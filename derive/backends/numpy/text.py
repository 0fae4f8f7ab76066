"""Shapes and remarks as they stand in generated Python."""

from __future__ import annotations

from collections.abc import Sequence

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
