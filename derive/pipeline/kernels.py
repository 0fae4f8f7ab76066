"""Kernels to run at once: the same text that `generate` writes, loaded.

In: a cell, a backend, a dtype. Out: an object with the interface of a generated module.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Literal

import numpy as np

from derive import native
from derive.backends import Derived, c, numpy
from derive.language.syntax import Cell
from derive.pipeline.derivation import Verified, derive, verify
from derive.pipeline.files import render_pages, shared_sources

Backend = Literal["numpy", "c"]
Precision = Literal["float32", "float64"]


class NumPyKernel:
    """A generated NumPy module held to one dtype; everything else is the module's own."""

    def __init__(self, cell: Cell, module: ModuleType, source: str, dtype: np.dtype[Any]) -> None:
        self.cell, self._module, self.source, self.dtype = cell, module, source, dtype

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def init(self, sizes: Mapping[str, int], rng: np.random.Generator) -> Any:
        """Parameters of the kernel's dtype, by the scheme that the cell states."""
        return self._module.init(sizes, rng, self.dtype)

    def prepare(self, params: Any, sizes: Mapping[str, int] | None = None) -> Any:
        """See the generated module."""
        return self._module.prepare(self._held(params), sizes)

    def forward(self, params: Any, x: Any, initial: Any = None, *, tape: bool = True) -> Any:
        """See the generated module."""
        return self._module.forward(self._held(params), x, initial, tape=tape)

    def backward(self, params: Any, tape: Any, dy: Any, dfinal: Any = None) -> Any:
        """See the generated module."""
        return self._module.backward(self._held(params), tape, dy, dfinal)

    def step(self, params: Any, x_t: Any, state: Any = None) -> Any:
        """See the generated module."""
        return self._module.step(self._held(params), x_t, state)

    def stream(self, params: Any, state: Any = None) -> Any:
        """See the generated module."""
        return self._module.stream(self._held(params), state)

    def flatten(self, params: Any) -> Any:
        """See the generated module."""
        return self._module.flatten(self._held(params))

    def unflatten(self, vector: Any, sizes: Mapping[str, int]) -> Any:
        """See the generated module."""
        return self._held(self._module.unflatten(vector, sizes))

    def _held(self, params: Any) -> Any:
        """The parameters, refused where they are of another dtype."""
        for name, value in self._module.raw(params)._asdict().items():
            got = getattr(value, "dtype", self.dtype)
            if got != self.dtype:
                raise TypeError(f"params.{name}: got {got}, expected {self.dtype}")
        return params


def build(cell: Cell, *, backend: Backend = "numpy", dtype: Precision = "float64") -> Any:
    """A kernel for a cell, proven first.

    `kernel.cell` is the cell, `kernel.source` the text it runs. Raises `ProofError`; for C,
    `native.CompilerNotFound`, `native.CompileFailed` and `native.KernelsDiffer`.
    """
    if backend not in ("numpy", "c"):
        raise ValueError(f"backend: got {backend!r}, expected 'numpy' or 'c'")
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype: got {dtype!r}, expected 'float32' or 'float64'")
    return kernel_of(verify(derive(cell)), backend, dtype)


def kernel_of(verified: Verified, backend: Backend, dtype: Precision) -> Any:
    """A kernel for what is proven already."""
    texts = render_pages(verified, (numpy,) if backend == "numpy" else (numpy, c))
    making = _numpy_kernel if backend == "numpy" else _c_kernel
    return making(verified.derived, texts, dtype)


def _numpy_kernel(derived: Derived, texts: Mapping[str, str], dtype: Precision) -> NumPyKernel:
    source = texts["__init__.py"]
    return NumPyKernel(derived.cell, loaded(derived.cell.name, source), source, np.dtype(dtype))


def _c_kernel(derived: Derived, texts: Mapping[str, str], dtype: Precision) -> native.Kernel:
    """Compiled or from the cache; `init` and tapes are the NumPy module's."""
    sources = {name: text for name, text in texts.items() if name.endswith((".c", ".h", ".inc"))}
    return native.build_kernel(
        {**shared_sources(), **sources},
        c.main_source(derived.cell),
        c.interface(derived.cell, derived.schedule),
        loaded(derived.cell.name, texts["__init__.py"]),
        np.dtype(dtype),
        cell=derived.cell,
        source="\n".join(sources.values()),
    )


def loaded(name: str, text: str) -> ModuleType:
    """The module of a generated text."""
    module = ModuleType(f"derive.built.{name}")
    module.__dict__["__file__"] = f"<derive {name}>"
    exec(compile(text, f"<derive {name}>", "exec"), module.__dict__)  # noqa: S102 - our own text
    return module
