"""Packs matrices into panels. In: the memory that they lie in, groups of them. Out: the lines that do it."""

from __future__ import annotations

import itertools

import sympy as sp

from derive.backends.c.lines import braced
from derive.backends.c.memory import Memory
from derive.backends.c.panels import Group, Panels


def pack_all(memory: Memory, panels: Panels) -> list[str]:
    """The lines that pack all groups, those of a function where this one is `wanted`."""
    lines = []
    for users, alike in itertools.groupby(panels.groups.items(), lambda each: sorted(each[1][1], reverse=True)):
        wanted = " | ".join(f"for_{user}" for user in users)
        head = f"if (wanted & ({wanted}))" if len(users) > 1 else f"if (wanted & {wanted})"
        lines += braced(head, [line for number, (group, _) in alike for line in _pack(memory, panels, group, number)])
    return lines


def _pack(memory: Memory, panels: Panels, group: Group, number: int) -> list[str]:
    whole = panels.shape(group)
    lines, top = [], sp.S.Zero
    for row in group.rows:
        left = sp.S.Zero
        for matrix in row:
            height, width = panels.lengths(group, matrix)
            leading = panels.leading(group, matrix)
            distance = memory.size(memory.place(matrix).strides[leading - 1]) if leading else "1"
            steps = ["1", distance] if group.turned else [distance, "1"]
            sizes = map(memory.size, (*whole, top, height, left, width))
            arguments = [*sizes, memory.base(matrix), *steps, f"PANELS({number})", "part, parts"]
            lines.append(f"NAME(pack)({', '.join(arguments)});")
            left += width
        top += height
    return lines
