"""Text between formulas as HTML, its formulas left as LaTeX between dollar signs.

In: what an author or the toolkit wrote. Out: HTML, for `formulas.typeset` to finish.
"""

from __future__ import annotations

import re
from html import escape

from derive.backends.latex import Text, mathematics
from derive.language.remarks import marked, pieces


def plain(text: str) -> str:
    """Text without mathematics."""
    return escape(text).replace("$", "&#36;")


def sentence(text: str) -> str:
    """A sentence as a terminal has it, its powers raised."""
    return re.sub(r"\^(\w+)", r"<sup>\1</sup>", plain(text))


def remark(text: str) -> str:
    """Text with mathematics between dollar signs; what cannot be read as such is text."""
    return "".join(_mathematical(piece) if inside else plain(piece) for piece, inside in pieces(text))


def _mathematical(piece: str) -> str:
    try:
        return f"${mathematics(piece)}$"
    except ValueError:
        return plain(marked(piece))


def source(text: str) -> str:
    """What stands in a cell's file."""
    return f"<code>{plain(text)}</code>"


HTML = Text(plain, remark, source)
