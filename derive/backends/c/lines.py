"""Blocks of C. In: lines. Out: lines."""

from __future__ import annotations

from collections.abc import Iterable

INDENT = "    "


def indented(lines: Iterable[str]) -> list[str]:
    """Lines one level deeper."""
    return [INDENT + line for line in lines]


def braced(head: str, body: list[str]) -> list[str]:
    """A block."""
    return [f"{head} {{", *indented(body), "}"]


def looped(head: str, body: list[str]) -> list[str]:
    """A loop; without braces around a single statement."""
    return [head, *indented(body)] if len(body) == 1 else braced(head, body)
