"""LaTeX: the derivation of a cell as a document of its own.

In: what was derived from a cell, the lines of the file's header, what was proven. Out: finished pieces for
`templates/latex/derivation.tex.j2`, which only places them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive.backends.c import cost_of
from derive.backends.latex.document import derivation, gradient_section
from derive.backends.latex.mathematics import mathematics
from derive.backends.latex.symbols import Symbols, spelled
from derive.backends.latex.text import Text
from derive.backends.latex.typeset import Typesetter, sides
from derive.backends.protocol import Derived, Page, Proven

__all__ = ["Symbols", "Text", "Typesetter", "derivation", "mathematics", "pages", "section", "sides", "spelled"]


def pages(derived: Derived, header: Sequence[str], proven: Proven) -> Mapping[str, Page]:
    """The document, as `derivation.tex`."""
    proof = [*proven.gradients, *proven.jacobian]
    cost = cost_of(derived.cell, derived.schedule)
    context = derivation(derived.cell, derived.system, derived.adjoint, derived.flow, cost, proof, header)
    return {"derivation.tex": Page("latex/derivation.tex.j2", context)}


def section(derived: Derived) -> Page:
    """The section on gradient flow alone, for a document with the preamble of `derivation.tex`."""
    context = gradient_section(derived.cell, derived.system, derived.adjoint, derived.flow)
    return Page("latex/section.tex.j2", context)
