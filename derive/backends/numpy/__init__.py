"""The NumPy backend: a cell's schedule as one Python module that needs NumPy alone."""

from derive.backends.numpy.module import module

__all__ = ["module"]
