"""LaTeX: the derivation of a cell as a document of its own.

In: a cell, its system, its adjoint, what was proven of it, the lines of the file's header. Out: finished
pieces for `templates/latex/derivation.tex.j2`, which only places them.
"""

from derive.backends.latex.document import derivation

__all__ = ["derivation"]
