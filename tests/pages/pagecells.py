"""The pages of cells, made once a session, and read again by an HTML parser that is not the toolkit's.

By default those of some cells; with DERIVE_FULL=1 of every cell.
"""

from __future__ import annotations

from functools import cache
from xml.etree.ElementTree import Element

import cellfolder
from tinyhtml5.parser import HTMLParser

from derive.pages.build import build
from derive.pages.material import Material, material
from derive.pages.page import page
from derive.pages.partner import simple_network

SOME = ("rnn", "lstm", "lstm_layernorm", "gru", "mlstm", *cellfolder.STRANGERS[::8])
PAGES = cellfolder.EVERY if cellfolder.FULL else SOME
MATH = "{http://www.w3.org/1998/Math/MathML}"
SVG = "{http://www.w3.org/2000/svg}"
HTML = "{http://www.w3.org/1999/xhtml}"


@cache
def known(name: str) -> Material:
    return material(cellfolder.cell(name))


@cache
def partner() -> Material:
    return material(simple_network())


@cache
def text(name: str) -> str:
    """As `build` makes it."""
    other = partner()
    return page(known(name), other if other.cell.source != cellfolder.cell(name).source else None)


def parsed(html: str) -> tuple[Element, list]:
    """The tree, and what is wrong with the text."""
    parser = HTMLParser()
    return parser.parse(html), parser.errors


@cache
def tree(name: str) -> Element:
    return parsed(text(name))[0]


def of(cell) -> str:
    """The page of a cell that is in no folder."""
    [(_, files)] = build([cell])
    return files["index.html"]


def words(element: Element) -> str:
    """All text in an element."""
    return " ".join("".join(element.itertext()).split())


def by_id(root: Element) -> dict[str, Element]:
    return {element.get("id"): element for element in root.iter() if element.get("id")}


def tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
