"""One room a backend: each turns what was derived into finished lines for its templates."""

from derive.backends.protocol import Backend, Derived, Page, Proven

__all__ = ["Backend", "Derived", "Page", "Proven"]
