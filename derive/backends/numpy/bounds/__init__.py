"""`bounds.py`: the step Jacobian of a cell and its certificates, as one module that needs NumPy alone."""

from derive.backends.numpy.bounds.module import bounds

__all__ = ["bounds"]
