"""Where the parts of a buffer lie, in C. In: the sizes of the parts. Out: a `Layout` for each buffer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from derive.backends.c import sizes
from derive.backends.c.lines import uses
from derive.backends.c.memory import Memory
from derive.backends.c.names import member
from derive.backends.c.panels import Panels
from derive.language.syntax import Variable


@dataclass(frozen=True)
class Layout:
    """The statements that place the parts of a buffer. `declared`: what they need before them; `sizes`: how many
    numbers each part has; `given`: further parameters."""

    name: str
    declared: tuple[str, ...]
    places: tuple[str, ...]
    sizes: tuple[sp.Expr, ...]
    given: str = ""


class Layouts:
    """The layouts of one cell; `axes`: what the sizes are called in C."""

    def __init__(self, axes: Mapping[str, str]) -> None:
        self.axes = axes

    def used(self, lines: Iterable[str]) -> list[str]:
        """The declaration of the sizes that some lines use."""
        lines = list(lines)
        used = [f"{name} = dims->{member(axis)}" for axis, name in self.axes.items() if uses(lines, name)]
        return [f"const size_t {', '.join(used)};"] if used else []

    def layout(self, name: str, parts: Sequence[tuple[str, sp.Expr]]) -> Layout:
        """Parts with a remark each, one behind the other."""
        counts = [sizes.checked(size, self.axes.__getitem__) for _, size in parts]
        briefly = [count.replace("times(T, B)", "TB") for count in counts]
        declared = self.used(counts) or ["(void)dims;"]
        if briefly != counts:
            declared.append("const size_t TB = times(T, B);")
        places = [
            f"at[{k}] = place(&end, {count}, UNIT); /* {note} */"
            for k, ((note, _), count) in enumerate(zip(parts, briefly, strict=True))
        ]
        return Layout(name, tuple(declared), tuple(places or ["(void)at;"]), tuple(size for _, size in parts))

    def packed(self, panels: Panels) -> Layout:
        """That of the packed matrices, in front of which stands what tells the instruction set."""
        parts = [
            (part if isinstance(part, str) else ", ".join(part.matrices), panels.size(part)) for part in panels.parts
        ]
        found = self.layout("packed_layout", parts)
        return replace(found, places=("end = UNIT;", *found.places))

    def work(self, name: str, memory: Memory, *, panels: bool) -> Layout:
        """That of a function's workspace; with `panels`, its own packed matrices come last."""
        regions = memory.regions.values()
        found = self.layout(name, [(region.note, region.size) for region in regions])
        unused = [] if uses(found.places, "parts") else ["(void)parts;"]
        places = found.places
        if panels:
            places = (*(places if regions else ()), f"at[{len(regions)}] = end; /* the packed matrices */")
        return replace(found, declared=(*found.declared, *unused), places=places, given="size_t parts, ")

    def widths(self, arrays: Mapping[str, Iterable[Variable]]) -> tuple[str, ...]:
        """The sizes of the caller's arrays for one time and sequence, one statement a size."""
        equal: dict[str, list[str]] = {}
        for group, variables in arrays.items():
            for k, variable in enumerate(variables):
                size = sp.Mul(*(sizes.length(axis) for axis in variable.shape))
                equal.setdefault(sizes.checked(size, self.axes.__getitem__), []).append(f"w->{group}[{k}]")
        lines = [f"{' = '.join(members)} = {size};" for size, members in equal.items()]
        return (*(self.used(lines) or ["(void)dims;"]), *lines)
