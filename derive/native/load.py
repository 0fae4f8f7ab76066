"""From C text to callable functions. In: sources by file name, the one to compile. Out: a loaded library."""

from __future__ import annotations

import ctypes
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from derive.native import compiler
from derive.native.cache import cached, key_of
from derive.native.errors import NativeError

Accept = Callable[[ctypes.CDLL], None]


def load(
    sources: Mapping[str, str], main: str, flags: Sequence[str] = (), accept: Accept | None = None
) -> ctypes.CDLL:
    """The library of these sources, compiled if need be (see `compiled`), and loaded."""
    return _loaded(compiled(sources, main, flags, accept))


def compiled(
    sources: Mapping[str, str], main: str, flags: Sequence[str] = (), accept: Accept | None = None
) -> Path:
    """Compile `sources[main]`, which may include the others by name, unless that was done before.

    `flags` are further flags of the compiler. What was compiled is kept per user, by sources, compiler
    and flags, unless `accept`, called with the new library, raises.
    """
    if main not in sources:
        raise NativeError(f"main: got {main!r}, expected one of the sources ({', '.join(sorted(sources))})")
    found = compiler.find_compiler()

    def build(folder: Path) -> Path:
        for name, text in sources.items():
            if Path(name).name != name:
                raise NativeError(f"sources: got the name {name!r}, expected a file name without a folder")
            (folder / name).write_text(text, encoding="utf-8")
        library = folder / "library.so"
        found.compile(folder / main, library, flags)
        if accept is not None:
            accept(_loaded(library))
        return library

    texts = (text for name in sorted(sources) for text in (name, sources[name]))
    options = shlex.join([*compiler.FLAGS, *flags, *compiler.LIBRARIES])
    return cached(key_of([found.identity, options, main, *texts]), build)


def _loaded(library: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise NativeError(f"the compiled library cannot be loaded: {error}") from error
