"""One derivative and its readings: forward (tangents) and transposed (backpropagation through time)."""

from derive.calculus.adjoint import Adjoint, adjoint
from derive.calculus.linear import Linear, linear_terms, linearize, transpose
from derive.calculus.tangent import forward

__all__ = ["Adjoint", "Linear", "adjoint", "forward", "linear_terms", "linearize", "transpose"]
