"""SVG drawn elsewhere, made to stand inside a page.

In: the tree of a file. Out: an `<svg>` element whose identifiers are its own, whose colours are the page's, and which
says in words what it shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from xml.etree import ElementTree as ET

_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_POINT = 4 / 3
_DROPPED = ("metadata", "title", "desc", "style")


def inlined(root: ET.Element, prefix: str, title: str, alt: str, colours: Mapping[str, str]) -> str:
    """`prefix`: put before every identifier; `colours`: what stands for each, in lower-case hexadecimal."""
    box = root.get("viewBox", "")
    inner = "".join(_serialised(child, prefix, colours) for child in root)
    width, height = size(root)
    return (
        f'<svg viewBox="{box}" width="{width:.0f}" height="{height:.0f}" role="img" '
        f'aria-labelledby="{prefix}title {prefix}desc"><title id="{prefix}title">{escape(title)}</title>'
        f'<desc id="{prefix}desc">{escape(alt)}</desc>{inner}</svg>'
    )


def size(root: ET.Element) -> tuple[float, float]:
    """Width and height on a screen, in pixels; those of a file are in points."""
    width, height = (float(length) * _POINT for length in root.get("viewBox", "").split()[2:])
    return width, height


def _serialised(element: ET.Element, prefix: str, colours: Mapping[str, str]) -> str:
    tag = element.tag.removeprefix(_SVG)
    if tag in _DROPPED:
        return ""
    attributes = "".join(
        f' {name}="{escape(_changed(name, value, prefix, colours))}"'
        for name, value in ((n.removeprefix(_XLINK), v) for n, v in element.attrib.items())
    )
    inner = escape((element.text or "").strip()) + "".join(_serialised(child, prefix, colours) for child in element)
    return f"<{tag}{attributes}>{inner}</{tag}>" if inner else f"<{tag}{attributes}/>"


def _changed(name: str, value: str, prefix: str, colours: Mapping[str, str]) -> str:
    if name == "id":
        return prefix + value
    if name == "href":
        return f"#{prefix}{value.removeprefix('#')}"
    text = _REFERENCE.sub(lambda match: f"url(#{prefix}{match[1]})", value)
    for colour, own in colours.items():
        text = text.replace(colour, own)
    return text
