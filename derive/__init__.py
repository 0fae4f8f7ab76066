"""derive: from gate equations to proven gradients and kernels.

>>> import derive
>>> cell = derive.cell("lstm")
>>> kernel = derive.build(cell, backend="numpy", dtype="float64")
"""

from derive.language import Cell, CellError, cell, load, parse, shipped
from derive.native import CompileFailed, CompilerNotFound, KernelsDiffer
from derive.pipeline import (
    Derivation,
    Diagnosis,
    GradientBound,
    GradientFlow,
    NetworkError,
    build,
    derivation,
    diagnose,
    gradient_bound,
    gradient_flow,
    load_params,
    prove,
    save_params,
)
from derive.proof import Proof, ProofError

__all__ = [
    "Cell",
    "CellError",
    "CompileFailed",
    "CompilerNotFound",
    "Derivation",
    "Diagnosis",
    "GradientBound",
    "GradientFlow",
    "KernelsDiffer",
    "NetworkError",
    "Proof",
    "ProofError",
    "build",
    "cell",
    "derivation",
    "diagnose",
    "gradient_bound",
    "gradient_flow",
    "load",
    "load_params",
    "parse",
    "prove",
    "save_params",
    "shipped",
]
