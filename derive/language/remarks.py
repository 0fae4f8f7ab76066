"""Remarks: text in which mathematics stands between dollar signs, as in `note "the error $delta_t$"`.

In: a remark. Out: its pieces, or the remark without the signs, which is how it reads where nothing is typeset.
"""

from __future__ import annotations

MARK = "$"


def marked(mathematics: str) -> str:
    """A piece of mathematics, to stand in a remark."""
    return f"{MARK}{mathematics}{MARK}"


def plain(remark: str) -> str:
    """The remark as it reads in a terminal or a comment."""
    return "".join(text for text, _ in pieces(remark))


def pieces(remark: str) -> list[tuple[str, bool]]:
    """(text, whether it is mathematics), in order. A sign without a partner, or with nothing between, is text."""
    parts = remark.split(MARK)
    if len(parts) % 2 == 0:
        last = parts.pop()
        parts[-1] += MARK + last
    found = [(text or MARK * 2, bool(text)) if place % 2 else (text, False) for place, text in enumerate(parts)]
    return [piece for piece in found if piece[0]]
