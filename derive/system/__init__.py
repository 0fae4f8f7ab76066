"""Systems of equations over indexed scalars, and the normal form of a cell."""

from derive.system.check import NormalFormError, check
from derive.system.interpret import evaluate
from derive.system.model import (
    BATCH,
    TIME,
    Block,
    Element,
    Equation,
    FirstMaximum,
    Index,
    Length,
    Stored,
    System,
    Term,
    Var,
    canonical,
    elements,
    elementwise,
    indices_of,
    multiplied,
)
from derive.system.names import Names
from derive.system.normal import normalize
from derive.system.temporaries import Temporary, nets, temporaries

__all__ = [
    "BATCH",
    "TIME",
    "Block",
    "Element",
    "Equation",
    "FirstMaximum",
    "Index",
    "Length",
    "Names",
    "Stored",
    "System",
    "NormalFormError",
    "Temporary",
    "Term",
    "Var",
    "canonical",
    "check",
    "elements",
    "elementwise",
    "evaluate",
    "indices_of",
    "multiplied",
    "nets",
    "normalize",
    "temporaries",
]
