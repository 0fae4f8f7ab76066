"""From C sources to a kernel that does what the NumPy module does.

In: sources, an interface table, the NumPy module. Out: a `Kernel`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derive.native.agreement import Model, require_agreement
from derive.native.bind import Kernel
from derive.native.interface import Interface
from derive.native.load import load


def build_kernel(
    sources: Mapping[str, str],
    main: str,
    interface: Interface,
    model: Model,
    dtype: Any = None,
    *,
    cell: Any = None,
    source: str = "",
) -> Kernel:
    """Compile `sources[main]`, unless that was done before; whatever is compiled anew is held against `model`.

    `model` is the NumPy kernel of the same cell; for the rest see `Kernel`. Raises `CompilerNotFound`, `CompileFailed`
    and `KernelsDiffer`.
    """
    library = load(sources, main, accept=lambda library: require_agreement(library, interface, model))
    return Kernel(library, interface, model.init, model.tape_of, dtype, cell=cell, source=source)
