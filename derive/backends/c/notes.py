"""Comments of C. In: a cell and its schedule. Out: for each variable the author's line it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from derive.language.syntax import Cell
from derive.schedule import Schedule
from derive.system import Var

Note = Callable[[str], str]


def notes(cell: Cell, schedule: Schedule, variables: Mapping[str, Var]) -> Note:
    """For a variable of the author's, its equation; for what gradients through an equation are made of, that one."""
    owner = {b: name for name, stored in schedule.stored.items() for b in stored.blocks.values()}
    written = {e.target: safe(cell.written(e)) for e in cell.equations}

    def note(name: str) -> str:
        back = False
        found = name
        while owner.get(found) not in written:
            variable = variables.get(found)
            if variable is None or variable.about in ("", found):
                return ""
            back = back or variable.role == "adjoint"
            found = variable.about
        text = written[owner[found]]
        return f"back through {text}" if back else text if found == name else ""

    return note


def told_once(note: Note) -> Callable[[str], list[str]]:
    """The comment that a note makes, where it was not told before."""
    told: set[str] = set()

    def comment(name: str) -> list[str]:
        text = note(name)
        if not text or text in told:
            return []
        told.add(text)
        return [f"/* {text} */"]

    return comment


def safe(text: str) -> str:
    """Text that can stand in a comment of C."""
    return " ".join(text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?").split()).rstrip("\\")
