"""The driver: from the text of a cell to proven equations, files and kernels."""

from derive.pipeline.derivation import Verified, prove, verify
from derive.pipeline.diagnosis import Diagnosis, diagnose
from derive.pipeline.drawings import beside, pictures, svg
from derive.pipeline.files import drift, generate, shared, write
from derive.pipeline.gradient_bound import GradientBound, gradient_bound
from derive.pipeline.gradient_flow import GradientFlow, gradient_flow
from derive.pipeline.inspection import Derivation, derivation
from derive.pipeline.kernels import NumPyKernel, build, kernel_of
from derive.pipeline.network import Network, NetworkError, load_network
from derive.pipeline.parameters import load_params, save_params
from derive.pipeline.trial import Trial, trial

__all__ = [
    "Derivation",
    "Diagnosis",
    "GradientBound",
    "GradientFlow",
    "Network",
    "NetworkError",
    "Trial",
    "Verified",
    "NumPyKernel",
    "beside",
    "build",
    "derivation",
    "diagnose",
    "drift",
    "generate",
    "shared",
    "gradient_bound",
    "gradient_flow",
    "kernel_of",
    "load_network",
    "load_params",
    "pictures",
    "prove",
    "save_params",
    "svg",
    "trial",
    "verify",
    "write",
]
