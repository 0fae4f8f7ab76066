"""The LaTeX backend: the derivation, fit to print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive.backends.protocol import Derived, Page


def pages(derived: Derived, header: Sequence[str], proof: Sequence[str]) -> Mapping[str, Page]:
    """The document, as `derivation.tex`."""
    return {}


def show(derived: Derived) -> str:
    """The equations and their adjoint, for a terminal."""
    return ""
