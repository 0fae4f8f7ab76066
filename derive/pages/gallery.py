"""The gallery: every cell in a few lines, each a link to its page.

In: what is known of some cells. Out: the text of an HTML file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.backends.c import amount
from derive.backends.formula import explain
from derive.backends.latex import sides, spelled
from derive.backends.latex.cost import style
from derive.emit import render
from derive.pages.flow import short_certificate
from derive.pages.formulas import typeset
from derive.pages.material import Material
from derive.pages.pictures import small
from derive.pages.rows import Row
from derive.pages.text import plain, sentence


def gallery(cells: Sequence[Material]) -> str:
    """The text of the gallery; a cell's page is in the folder of its name."""
    return typeset(render("pages/gallery.html.j2", {"cells": [_entry(each) for each in cells]}))


def _entry(own: Material) -> Row:
    cell, derived = own.cell, own.derived
    symbols = spelled(cell, derived.system, derived.adjoint)
    found = explain(cell, derived.system, derived.adjoint)
    counts = (own.cost.forward, own.cost.backward)
    wrapped = replace(style(symbols), plus_inside=r"\br + ")
    forward, backward = (amount(c.products + c.elementwise + c.functions, wrapped) for c in counts)
    return {
        "address": f"{cell.name}/index.html",
        "name": plain(cell.name),
        "title": plain(cell.title),
        "svg": small(cell),
        "formulas": [" = ".join(sides(line, symbols)) for line in found.forward],
        "forward": forward,
        "backward": backward,
        "exponent": own.verified.gradients.exponent,
        "certificate": sentence(short_certificate(own.measured)),
    }
