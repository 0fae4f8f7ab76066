"""The C extension that makes calls cheap. In: `fastcall.c`. Out: the loaded module, or None.

It knows no cell, and is compiled when it is first wanted, as kernels are. Nothing depends on it: where Python's
headers are missing, or it does not compile against them, everything goes through ctypes.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
import sysconfig
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from typing import Any

from derive.native.errors import NativeError
from derive.native.load import compiled

NAME = "fastcall"
SOURCE = Path(__file__).with_name(f"{NAME}.c")


def headers() -> Path | None:
    """The folder of Python's headers, where they are installed."""
    folder = Path(sysconfig.get_path("include"))
    return folder if (folder / "Python.h").exists() else None


def flags(folder: Path) -> list[str]:
    """What the compiler must know beside the source; warnings about Python's own headers are nobody's concern here."""
    undefined = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    return ["-isystem", str(folder), *undefined]


@functools.cache
def extension() -> Any:
    """The module; None where there is none. What is wrong with a compiler, the kernels' own compiling tells."""
    folder = headers()
    if folder is None:
        return None
    try:
        path = compiled({SOURCE.name: SOURCE.read_text(encoding="utf-8")}, SOURCE.name, flags(folder))
        return _imported(path)
    except (NativeError, ImportError):
        return None


def _imported(path: Path) -> Any:
    loader = ExtensionFileLoader(NAME, str(path))
    spec = importlib.util.spec_from_file_location(NAME, path, loader=loader)
    assert spec is not None, "a loader was given"
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
