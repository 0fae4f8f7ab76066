"""Cells from files, and the cells that are shipped.

In: a path, or the name of a shipped cell. Out: a `Cell`.
"""

from __future__ import annotations

import difflib
import os
import re
from importlib import resources
from pathlib import Path

from derive.language import limits
from derive.language.assemble import parse
from derive.language.errors import CellError, Source
from derive.language.names import KEYWORDS
from derive.language.syntax import Cell

_SUFFIX = ".cell"


def load(path: str | os.PathLike[str]) -> Cell:
    """The cell in a file; its name is the file's."""
    file = Path(path)
    try:
        text = file.read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        why = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "cannot be read"
        detail = getattr(error, "strerror", None) or str(error)
        raise CellError(
            "unknown",
            f"the file {why}: {detail}",
            source=Source(str(file), ""),
            expected="a text file of one cell",
        ) from None
    name = file.name.removesuffix(_SUFFIX)
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or name in KEYWORDS or len(name) > limits.NAME:
        raise CellError(
            "name",
            f"`{name}` cannot be the name of a cell",
            source=Source(str(file), ""),
            expected="a letter, then letters, digits and underscores; no keyword",
            remedy="rename the file: what is generated is called after it",
        )
    return parse(text, name, str(file))


def shipped() -> tuple[str, ...]:
    """The names of the cells that come with the toolkit, sorted."""
    files = resources.files("derive").joinpath("cells").iterdir()
    return tuple(sorted(f.name.removesuffix(_SUFFIX) for f in files if f.name.endswith(_SUFFIX)))


def cell(name: str) -> Cell:
    """A shipped cell by its name."""
    names = shipped()
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        remedy = f"did you mean `{near[0]}`?" if near else "name a file of your own by its path, ending in `.cell`"
        expected = f"one of {', '.join(names)}"
        raise CellError("unknown", f"no cell `{name}` is shipped", expected=expected, remedy=remedy)
    file = resources.files("derive").joinpath("cells").joinpath(name + _SUFFIX)
    return parse(file.read_text(encoding="utf-8"), name, name + _SUFFIX)
