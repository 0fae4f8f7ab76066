"""Sizes to test: corners, and more rows until every two values of every two factors have met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product

Row = dict[str, int]
Pair = tuple[tuple[str, int], tuple[str, int]]


def covering(factors: Mapping[str, Sequence[int]]) -> list[Row]:
    """All rows of first and last values, then greedily one row after another that meets the most new pairs."""
    candidates = [dict(zip(factors, values, strict=True)) for values in product(*factors.values())]
    ends = {name: (values[0], values[-1]) for name, values in factors.items()}
    rows = [row for row in candidates if all(value in ends[name] for name, value in row.items())]
    missing = set().union(*map(pairs, candidates)) - set().union(*map(pairs, rows))
    while missing:
        rows.append(max(candidates, key=lambda row: len(missing & pairs(row))))
        missing -= pairs(rows[-1])
    return rows


def pairs(row: Row) -> set[Pair]:
    """Every two values of a row."""
    return set(combinations(row.items(), 2))
