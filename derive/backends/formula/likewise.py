"""Formulas that differ in the names of variables alone: the first is shown, of the others what stands for what.

In: blocks or bounds in order. Out: each of them as `Alike`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Generic, TypeVar

from derive.backends.formula.nodes import Name
from derive.system import Index

Item = TypeVar("Item")
Pattern = tuple[object, ...]


@dataclass(frozen=True)
class Alike(Generic[Item]):
    """`like`: the names of an earlier one and those that stand in their place here; empty for one that is shown."""

    item: Item
    like: tuple[tuple[str, str], ...]


def alike(items: Iterable[Item], always: Callable[[Item], bool]) -> Iterator[Alike[Item]]:
    """The items, told apart; `always`: those that are shown in any case."""
    known: dict[Pattern, list[str]] = {}
    for item in items:
        names: dict[str, int] = {}
        pattern = tuple(_walked(item, names, {}))
        if always(item) or pattern not in known:
            known.setdefault(pattern, list(names))
            yield Alike(item, ())
        else:
            pairs = zip(known[pattern], names, strict=True)
            yield Alike(item, tuple((old, new) for old, new in pairs if old != new))


def _walked(value: object, names: dict[str, int], indices: dict[Index, int]) -> Iterator[object]:
    """A formula as a sequence, names and indices by when they first occur."""
    if isinstance(value, Name):
        yield from (names.setdefault(value.name, len(names)), value.shift, value.rank)
    elif isinstance(value, Index):
        yield indices.setdefault(value, len(indices))
    elif is_dataclass(value):
        yield type(value)
        for field in fields(value):
            if field.name not in ("variable", "source", "gates", "reads"):
                yield from _walked(getattr(value, field.name), names, indices)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield len(value)
        for part in value:
            yield from _walked(part, names, indices)
    else:
        yield value
