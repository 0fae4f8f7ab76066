"""The listing: sections of equations, aligned at their equals signs.

In: what was derived from a cell. Out: the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from derive.backends.c import cost_of
from derive.backends.formula import explain
from derive.backends.formula.nodes import Line
from derive.backends.protocol import Derived
from derive.backends.text.flow import jacobian_lines
from derive.backends.text.spelling import Spelling


def show(derived: Derived) -> str:
    """The equations of a cell, those of backpropagation through time, the step Jacobian, and the cost."""
    found = explain(derived.cell, derived.system, derived.adjoint)
    absent = [Spelling().text(name) for name in found.absent]
    sections = [
        [*derived.cell.title.splitlines()],
        ["Forward, as written:", *_lines(found.forward)],
        ["Normal form:", *_lines(found.normal)],
        [
            "Backward, from t = T down to t = 1 (dv is the loss's derivative with respect to v):",
            *_lines(found.recurrence),
        ],
        ["Gradients of the parameters:", *_lines(found.weights)],
        ["Gradients of the inputs:", *_lines(found.inputs)] if found.inputs else [],
        ["Gradients of the initial states:", *_lines(found.initial, clock="1")],
        ["Step Jacobian:", *jacobian_lines(derived)] if derived.flow.states else [],
        ["Cost of the C:", *(f"  {line}" for line in cost_of(derived.cell, derived.schedule).lines())],
        [f"No gradient reaches {', '.join(absent)}."] if absent else [],
    ]
    return "\n\n".join("\n".join(section) for section in sections if section)


def _lines(lines: Iterable[Line], clock: str = "t") -> Iterator[str]:
    sides = []
    for line in lines:
        spelling = Spelling(clock)
        sides.append((spelling.text(line.left), spelling.text(line.right), line.remark))
    widest = max((len(left) for left, _, _ in sides), default=0)
    for left, right, remark in sides:
        yield f"  {left:>{widest}} = {right}" + (f"    # {remark}" if remark else "")
