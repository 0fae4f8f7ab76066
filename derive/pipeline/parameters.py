"""Parameters on disk: one array a name in an .npz file.

In: a NamedTuple of arrays, or a file and the kernel (or its `Params`) that says which names to expect.
"""

from __future__ import annotations

from os import PathLike
from typing import Any
from zipfile import BadZipFile
from zlib import error

import numpy as np


def save_params(path: str | PathLike[str], params: Any) -> None:
    """Write parameters to an .npz file, each under its field's name."""
    with open(path, "wb") as file:  # noqa: PTH123 - np.savez appends a suffix to a path, not to a file
        np.savez(file, **params._asdict())


def load_params(path: str | PathLike[str], kernel: Any) -> Any:
    """Read what `save_params` wrote, as the kernel's `Params`; ValueError where it is none, or of another cell."""
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
