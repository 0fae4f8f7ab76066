"""The C backend. In: a schedule. Out: finished lines of C99 for the templates in templates/c."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive.backends.protocol import Derived, Page


def pages(derived: Derived, header: Sequence[str], proof: Sequence[str]) -> Mapping[str, Page]:
    """Stub."""
    return {}
