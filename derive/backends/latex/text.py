"""How the text between formulas is written, which a cell's author wrote in part.

In: plain text, remarks, source text. Out: the same for LaTeX in text mode, or for another document whose formulas
are LaTeX between dollar signs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from derive.backends.latex.escape import escaped, verbatim
from derive.backends.latex.mathematics import prose


@dataclass(frozen=True)
class Text:
    """`plain`: no mathematics in it; `remark`: mathematics between dollar signs; `source`: as in a cell's file."""

    plain: Callable[[str], str]
    remark: Callable[[str], str]
    source: Callable[[str], str]


LATEX = Text(escaped, prose, verbatim)
