"""derive: from gate equations to proven gradients and kernels.

>>> import derive
>>> cell = derive.cell("lstm")
>>> kernel = derive.build(cell, backend="numpy", dtype="float64")
"""

from derive.language import Cell, CellError, cell, load, parse, shipped
from derive.pipeline import Derivation, build, derivation, load_params, prove, save_params
from derive.proof import Proof, ProofError

__all__ = [
    "Cell",
    "CellError",
    "Derivation",
    "Proof",
    "ProofError",
    "build",
    "cell",
    "derivation",
    "load",
    "load_params",
    "parse",
    "prove",
    "save_params",
    "shipped",
]
