"""Stored parameters and the blocks that equations read, as NumPy source.

In: the cell's parameters and how each is stored. Out: lines that give every block a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from derive.language.syntax import Shape, Variable
from derive.system import Stored

Spell = Callable[[str], str]


def block_lines(
    params: Iterable[Variable], stored: Mapping[str, Stored], used: set[str], spell: Spell, axis: Spell
) -> list[str]:
    """Lines that give every parameter that is used, or each block of it, its name."""
    lines = []
    for variable in params:
        blocks = stored[variable.name].blocks
        if not used & set(blocks.values()):
            continue
        several = [k for k, extent in enumerate(variable.shape) if len(extent.parts) > 1]
        if len(several) == 1:
            [k] = several
            names, widths = ", ".join(map(spell, blocks.values())), ", ".join(map(axis, variable.shape[k].parts))
            lines.append(f"{names} = split(params.{variable.name}, {widths}, axis={k})")
            continue
        for parts, block in blocks.items():
            lines.append(f"{spell(block)} = {part_of(f'params.{variable.name}', variable.shape, parts, axis)}")
    return lines


def part_of(text: str, shape: Shape, parts: Sequence[int], axis: Spell) -> str:
    """One block out of an array in the author's shape."""
    for place, (extent, part) in enumerate(zip(shape, parts, strict=True)):
        if len(extent.parts) > 1:
            widths = ", ".join(map(axis, extent.parts))
            text = f"split({text}, {widths}, axis={place - len(shape)})[{part}]"
    return text
