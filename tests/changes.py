"""Cells with one operator changed, by editing their source text.

In: a cell. Out: the changes that can be made to it. Every operator that the author wrote (`+ - * / @`,
a sign, a power, a call) is a place; what can be done there: put a sign or a factor in front of the
operator's result, exchange the operator or the function for another, move a state's time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from derive.language import CellError, parse
from derive.language import syntax as s

SWAPS = {"+": "-", "-": "+", "*": "+", "/": "*"}
# Each stands for itself after one turn; none has a kink or a pole where small arguments fall.
FUNCTIONS = ("tanh", "sigmoid", "softplus", "sin", "exp", "silu")
PAIRS = {"maximum": "minimum", "minimum": "maximum", "sum": "mean", "mean": "sum"}


@dataclass(frozen=True)
class Change:
    """`text` with one place changed; `kind` says how."""

    cell: str
    kind: str
    line: int
    column: int
    text: str

    @property
    def label(self) -> str:
        return f"{self.cell}-{self.line}-{self.column}-{self.kind}"


def changes(cell: s.Cell) -> list[list[Change]]:
    """For each operator, the changes to it that leave a cell."""
    found = []
    for equation in cell.equations:
        for node in nodes(equation.value):
            options = [c for c in _changes(cell, node) if _is_cell(c.text)]
            if options:
                found.append(options)
    found += [[c] for c in _in_macros(cell) if _is_cell(c.text)]
    return found


def nodes(node: s.Node) -> Iterator[s.Node]:
    """What the author wrote, operand by operand; of a macro its call."""
    yield node
    parts: tuple[s.Node, ...] = ()
    if isinstance(node, s.Concatenation | s.Apply | s.Macro):
        parts = node.operands
    for field in ("left", "right", "operand", "base"):
        if hasattr(node, field):
            parts = (*parts, getattr(node, field))
    for part in parts:
        yield from nodes(part)


def _changes(cell: s.Cell, node: s.Node) -> Iterator[Change]:
    if isinstance(node, s.Number | s.Size | s.Concatenation):
        return
    lines = cell.source.splitlines()
    line, start, end = node.span.line, node.span.start, node.span.end
    text = lines[line - 1]
    here = text[start:end]

    def change(kind: str, replacement: str) -> Change:
        edited = [*lines[: line - 1], text[:start] + replacement + text[end:], *lines[line:]]
        return Change(cell.name, kind, line, start, "\n".join(edited) + "\n")

    if isinstance(node, s.Reference):
        if node.lag:
            yield change("time", here.replace("t-1", "t"))
        elif cell.variables[node.name].role == "state":
            yield change("time", here.replace("[t]", "[t-1]"))
        return
    yield change("sign", f"(-({here}))")
    yield change("factor", f"(3 / 2 * ({here}))")
    if isinstance(node, s.Binary):
        left, right = node.left.span, node.right.span
        gap = text[left.end : right.start]
        assert gap.count(node.operator) == 1, gap
        swapped = gap.replace(node.operator, SWAPS[node.operator])
        yield change("operator", text[start : left.end] + swapped + text[right.start : end])
    elif isinstance(node, s.Negative):
        yield change("operator", here.replace("-", "", 1))
    elif isinstance(node, s.Power):
        yield change("operator", here.replace("**", "** 3 **") if node.exponent == 1 else f"({here})**2")
    elif isinstance(node, s.Apply | s.Reduction):
        name = here.partition("(")[0]
        choices = [f for f in FUNCTIONS if f != name]
        other = PAIRS.get(name) or choices[(line + start) % len(choices)]
        yield change("function", other + here[len(name) :])


def _in_macros(cell: s.Cell) -> Iterator[Change]:
    """The operators in the bodies of the author's own macros."""
    lines = cell.source.splitlines()
    for number, text in enumerate(lines):
        defined = re.match(r"(\w+)\(.*\) *=", text)
        if defined and defined[1] in {d.name for d in cell.macros}:
            for operator in re.finditer(r" ([-+*/]) ", text[defined.end() :]):
                at = defined.end() + operator.start(1)
                edited = text[:at] + SWAPS[operator[1]] + text[at + 1 :]
                changed = "\n".join([*lines[:number], edited, *lines[number + 1 :]]) + "\n"
                yield Change(cell.name, "operator", number + 1, at, changed)


def _is_cell(text: str) -> bool:
    try:
        parse(text)
    except CellError:
        return False
    return True
