"""Compiled kernels. In: C sources, an interface table. Out: a kernel like the NumPy one.

Knows no mathematics and no cell: `load` compiles, caches and loads; `Kernel` calls.
"""

from __future__ import annotations

from derive.native.bind import Kernel
from derive.native.errors import CompileFailed, CompilerNotFound, NativeError
from derive.native.interface import Field, Interface
from derive.native.load import load

__all__ = ["CompileFailed", "CompilerNotFound", "Field", "Interface", "Kernel", "NativeError", "load"]
