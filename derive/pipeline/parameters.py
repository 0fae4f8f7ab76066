"""Parameters on disk: one array a name in an .npz file.

In: a NamedTuple of arrays, or a file and the kernel (or its `Params`) that says which names to expect.
"""

from __future__ import annotations

from os import PathLike
from typing import Any
from zipfile import BadZipFile

import numpy as np


def save_params(path: str | PathLike[str], params: Any) -> None:
    """Write parameters to an .npz file, each under its field's name."""
    with open(path, "wb") as file:  # noqa: PTH123 - np.savez appends a suffix to a path, not to a file
        np.savez(file, **params._asdict())


def load_params(path: str | PathLike[str], kernel: Any) -> Any:
    """Read what `save_params` wrote, as the kernel's `Params`; ValueError where it is none, or of another cell."""
    try:
        opened = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path}: no .npz file; expected what save_params wrote") from error
    with opened as stored:
        expected, got = set(kernel.Params._fields), set(stored.files)
        if got != expected:
            raise ValueError(
                f"{path}: missing {sorted(expected - got)}, unexpected {sorted(got - expected)};"
                " expected the parameters of this kernel's cell"
            )
        return kernel.Params(**{name: stored[name] for name in kernel.Params._fields})
