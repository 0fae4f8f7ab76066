"""Sums of outer products that lie side by side in the author's matrices: one product instead of one a block.

In: a program, and where its results lie. Out: `Joined`s. `[h[t-1], x]` is joined once, where the gradients of a
matrix's blocks would each have to be copied to their place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from derive.schedule import Program, Stack
from derive.system import Stored


@dataclass(frozen=True)
class Joined:
    """`stacks`: of the same members, in the order of the columns that their results have in each of `params`, the
    stored variables whose gradients they are; `last`: the one that comes last in the program."""

    stacks: tuple[Stack, ...]
    params: tuple[str, ...]
    last: Stack


def joined(program: Program, stored: Mapping[str, Stored], bars: Mapping[str, str]) -> tuple[Joined, ...]:
    """All that there are, outside loops."""
    places = {
        bars[block]: (name, parts)
        for name, of in stored.items()
        for parts, block in of.blocks.items()
        if block in bars
    }
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[int, Stack]] = {}
    for stack in _outer(program):
        where = [places[e.name] for e in stack.equations if len(places.get(e.name, ("", ()))[1]) == 2]
        columns = {column for _, (_, column) in where}
        if len(where) == len(stack.equations) and len(columns) == 1:
            params = tuple(name for name, _ in where)
            found.setdefault((params, stack.members), {})[columns.pop()] = stack
    return tuple(
        Joined(tuple(by_column[k] for k in sorted(by_column)), params, last=list(by_column.values())[-1])
        for (params, _), by_column in found.items()
        if len(by_column) > 1 and all(_is_whole(stored[name], by_column) for name in params)
    )


def _outer(program: Program) -> Iterator[Stack]:
    for step in program.steps:
        if isinstance(step, Stack) and step.kind == "outer" and step.shared and not any(step.rests):
            yield step


def _is_whole(of: Stored, columns: Mapping[int, Stack]) -> bool:
    """Whether some columns are all blocks of a matrix."""
    return set(of.blocks) == {(0, column) for column in columns}
