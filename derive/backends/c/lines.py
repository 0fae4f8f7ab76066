"""Blocks of C. In: lines. Out: lines."""

from __future__ import annotations

import re
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


def uses(lines: Iterable[str], name: str) -> bool:
    """Whether lines use a variable; a member of that name, or a word in a comment, is none."""
    code = re.sub(r"/\*.*?\*/", "", "\n".join(lines), flags=re.DOTALL)
    return re.search(rf"(?<![\w>]){name}\b", code) is not None
