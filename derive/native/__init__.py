"""Compiled kernels. In: C sources, an interface table. Out: a kernel like the NumPy one.

Knows no mathematics and no cell: `build_kernel` compiles, caches, loads and holds the result against the NumPy module;
`Kernel` calls.
"""

from __future__ import annotations

from derive.native.bind import Kernel
from derive.native.build import build_kernel
from derive.native.errors import CompileFailed, CompilerNotFound, KernelsDiffer, NativeError
from derive.native.interface import Field, Interface
from derive.native.load import load

__all__ = [
    "CompileFailed", "CompilerNotFound", "Field", "Interface", "Kernel", "KernelsDiffer", "NativeError", "build_kernel",
    "load",
]  # fmt: skip
