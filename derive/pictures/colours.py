"""What colours a picture has, on a light and on a dark ground.

In: nothing. Out: for each look of a shape, for lines and for text, a colour. Text on every fill has a contrast of more
than 7 to 1, lines and borders one of more than 4.5 to 1.
"""

from __future__ import annotations

_COLOURS = {
    "ink": ("#1b2430", "#e8ecf1"),
    "line": ("#45505e", "#a9b4c2"),
    "accent": ("#b3261e", "#ff9d8f"),
    "function": ("#fdefb8", "#4f431a"),
    "product": ("#fbe2cb", "#56391f"),
    "operation": ("#e6e9ee", "#343c47"),
    "circle": ("#f8d9e1", "#54303c"),
    "input": ("#d3e8f8", "#1f4560"),
    "state": ("#ddf0d6", "#24472a"),
    "value": ("#ffffff", "#12181f"),
    "parameter": ("#e8e2f6", "#3d3459"),
    "cell": ("#f1f7ef", "#1e2a22"),
}
"""Name → light, dark."""


def palette(*, dark: bool) -> list[tuple[str, str]]:
    """Name and colour of everything that has one."""
    return [(name, colours[dark]) for name, colours in _COLOURS.items()]
