"""The pictures of a cell, in sections.

In: a cell, its equations as rows, another cell to stand beside it. Out: sections for the template.
"""

from __future__ import annotations

from collections.abc import Sequence

from derive.language.syntax import Cell
from derive.pages.rows import Row
from derive.pages.text import plain
from derive.pictures import Picture, beside, equation, gradient, unrolled, whole
from derive.pipeline.drawings import svg


def sections(cell: Cell, forward: Sequence[Row], against: Cell | None) -> list[Row]:
    """Each with an identifier, a title, a sentence, and its pictures. `forward`: the cell's equations, in order."""
    name = plain(cell.name)
    step = [
        _figure(
            "whole", whole(cell), f"One step of {name}: inputs from below, outputs above, states from left to right."
        )
    ]
    step += [_of_equation(cell, e.target, row) for e, row in zip(cell.equations, forward, strict=True)]
    told = "The same in the other direction: a box holds the factor of one linear term, and what meets is added."
    back = [_figure("way-back", gradient(cell), told)]
    time = [_figure("unrolled", unrolled(cell), "Three steps: what goes in, what goes on, what comes out.")]
    if against:
        other = plain(against.name)
        time.append(_figure("beside", beside(against, cell), f"First {other}, then {name}."))
    return [
        {"id": "pictures", "title": "What is computed from what", "text": _STEP, "pictures": step},
        {"id": "back", "title": "The gradient’s way", "text": _BACK, "pictures": back},
        {"id": "time", "title": "In time", "text": _TIME, "pictures": time},
    ]


_STEP = (
    "The whole cell, then each of its equations: inputs, product, activation, result. A box is a layer or a function, "
    "a circle an operation between elements."
)
_BACK = "Backpropagation goes every way of a step in the other direction; where ways meet, what they bring is added up."
_TIME = "A step hands its states to the next one."


def small(cell: Cell) -> str:
    """The cell in one picture, for the gallery."""
    return svg(whole(cell), f"small-{cell.name}")


def _of_equation(cell: Cell, target: str, row: Row) -> Row:
    formula = rf"${row['left']}\br = {''.join(term['text'] for term in row['terms'])}$"
    told = ", ".join(filter(None, (formula, row["remark"])))
    figure = _figure(f"equation-{target}", equation(cell, target), f"{row['number']} {told}")
    return figure | {"about": target, "number": row["number"]}


def _figure(identifier: str, picture: Picture, caption: str) -> Row:
    drawn = svg(picture, f"picture-{identifier}")
    label = plain(picture.title)
    return {
        "id": identifier,
        "label": label,
        "svg": drawn,
        "caption": caption,
        "about": "",
        "number": "",
        "natural": round(picture.width),
    }
