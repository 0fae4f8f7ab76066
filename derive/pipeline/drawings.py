"""Pictures as text. In: pictures. Out: SVG."""

from __future__ import annotations

from derive.backends import svg as svg_backend
from derive.emit import render
from derive.pictures import Picture


def svg(picture: Picture, prefix: str) -> str:
    """A picture as an SVG element that stands by itself; `prefix` makes its identifiers unique in a page."""
    page = svg_backend.page(picture, prefix)
    return render(page.template, page.context)
