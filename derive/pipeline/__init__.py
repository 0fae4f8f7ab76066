"""The driver: from the text of a cell to proven equations, files and kernels."""

from derive.pipeline.derivation import prove
from derive.pipeline.files import drift, generate, write
from derive.pipeline.inspection import Derivation, derivation
from derive.pipeline.kernels import NumPyKernel, build
from derive.pipeline.parameters import load_params, save_params
from derive.pipeline.trial import Trial, trial

__all__ = [
    "Derivation",
    "Trial",
    "NumPyKernel",
    "build",
    "derivation",
    "drift",
    "generate",
    "load_params",
    "prove",
    "save_params",
    "trial",
    "write",
]
