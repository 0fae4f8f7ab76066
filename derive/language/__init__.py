"""Text to a `Cell`: the language in which recurrent cells are written (its norm is docs/language.md).

In: the text of a cell. Out: its syntax tree, every name resolved and every shape known; or a
`CellError` that says what is wrong, where, and what to write instead.
"""

from derive.language.assemble import parse
from derive.language.errors import CODES, CellError
from derive.language.library import cell, load, shipped
from derive.language.syntax import (
    Apply,
    Axis,
    Binary,
    Cell,
    Concatenation,
    Contraction,
    Definition,
    Equation,
    Init,
    Macro,
    Negative,
    Node,
    Number,
    Outer,
    Power,
    Reduction,
    Reference,
    Role,
    Shape,
    Size,
    Span,
    Spread,
    Stop,
    Transpose,
    Variable,
)

__all__ = [
    "CODES", "Apply", "Axis", "Binary", "Cell", "CellError", "Concatenation", "Contraction", "Definition",
    "Equation", "Init", "Macro", "Negative", "Node", "Number", "Outer", "Power", "Reduction", "Reference",
    "Role", "Shape", "Size", "Span", "Spread", "Stop", "Transpose", "Variable",
    "cell", "load", "parse", "shipped",
]  # fmt: skip
