"""Parameters on disk: one array a name in an .npz file.

In: a NamedTuple of arrays, or a file and the kernel that says what to expect.
"""

from __future__ import annotations

from os import PathLike
from typing import Any
from zipfile import BadZipFile
from zlib import error

import numpy as np


def save_params(path: str | PathLike[str], params: Any) -> None:
    """Write parameters to an .npz file, each under its field's name; TypeError for what are none."""
    arrays = params._asdict() if hasattr(params, "_asdict") else {"": None}
    if not all(isinstance(array, np.ndarray | np.generic) for array in arrays.values()):
        raise TypeError(f"params: got {type(params).__name__}, expected the Params of a kernel, of arrays")
    with open(path, "wb") as file:  # noqa: PTH123 - np.savez appends a suffix to a path, not to a file
        np.savez(file, **arrays)


def load_params(path: str | PathLike[str], kernel: Any) -> Any:
    """Read what `save_params` wrote, as the kernel's `Params`; ValueError where it is none of its cell and dtype."""
    params = read_params(path, kernel)
    held = getattr(kernel, "dtype", None)
    for name, array in params._asdict().items():
        if array.dtype not in ((held,) if held else (np.float32, np.float64)):
            raise ValueError(f"{path}: {name} is of {array.dtype}, expected {held or 'float32 or float64'}")
    return params


def read_params(path: str | PathLike[str], kernel: Any) -> Any:
    """As `load_params`, of any dtype."""
    return read_arrays(path, kernel.Params, "what save_params wrote", "the parameters of this kernel's cell")


def read_arrays(path: str | PathLike[str], kind: Any, written: str, wanted: str) -> Any:
    """The arrays of an .npz file as the NamedTuple `kind`; ValueError where there are none, or others."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:  # noqa: PTH123 - as above
            expected, got = set(kind._fields), set(stored.files)
            if got != expected:
                raise _Others(
                    f"{path}: missing {sorted(expected - got)}, unexpected {sorted(got - expected)}; expected {wanted}"
                )
            return kind(**{name: stored[name] for name in kind._fields})
    except _Others:
        raise
    except (ValueError, TypeError, AttributeError, EOFError, BadZipFile, error) as wrong:
        raise ValueError(f"{path}: not an .npz file; expected {written}") from wrong


class _Others(ValueError):
    """A file with other arrays than were expected."""
