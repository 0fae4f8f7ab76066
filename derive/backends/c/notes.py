"""Comments of C. In: a cell and its schedule. Out: for each variable the author's line it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from derive.language.syntax import Cell
from derive.schedule import Schedule
from derive.system import Var

Note = Callable[[str], str]


def notes(cell: Cell, schedule: Schedule, variables: Mapping[str, Var]) -> Note:
    """For a variable, the equation that its values, or the gradients through it, come from."""
    owner = {b: name for name, stored in schedule.stored.items() for b in stored.blocks.values()}
    written = {e.target: safe(cell.written(e)) for e in cell.equations}

    def note(name: str) -> str:
        back = ""
        while owner.get(name) not in written:
            variable = variables.get(name)
            if variable is None or variable.about in ("", name):
                return ""
            if variable.role == "adjoint":
                back = "back through "
            name = variable.about
        return back + written[owner[name]]

    return note


def safe(text: str) -> str:
    """Text that can stand in a comment of C."""
    return " ".join(text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?").split()).rstrip("\\")
