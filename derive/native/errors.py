"""What can go wrong between C sources and a loaded library. In: nothing. Out: the exceptions."""

from __future__ import annotations


class NativeError(Exception):
    """Compiling, caching or running native code failed; the message says what to do."""


class CompilerNotFound(NativeError):
    """No C compiler, or `CC` names none."""


class CompileFailed(NativeError):
    """The compiler refused the sources; the message holds its output."""


class KernelsDiffer(NativeError):
    """What was compiled does not give what the NumPy kernel gives; the message says where."""
