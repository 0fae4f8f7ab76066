"""One allocator for every name that is made up: the author's names come first, no two are equal."""

from __future__ import annotations

from collections.abc import Iterable


class Names:
    """Hands out names that are not taken yet."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def fresh(self, hint: str) -> str:
        """`hint` itself where it is free, otherwise `hint2`, `hint3`, …"""
        name, number = hint, 1
        while name in self._taken:
            number += 1
            name = f"{hint}{number}"
        self._taken.add(name)
        return name

    def fork(self) -> Names:
        """An allocator of its own that knows what is taken here so far."""
        return Names(self._taken)
