"""A per-user cache of compiled libraries. In: a key and a way to build. Out: the path of a sound library.

An entry is `<key>.so` with its digest beside it in `<key>.sha256`. Whoever needs an entry takes the key's
lock, so two processes never build the same one at once; the operating system frees the lock of a process that
dies. Building happens in `<key>.building/`, which the next builder clears away, and ends with atomic renames.
An entry whose digest does not match (a full disk, a crash between two writes) is built again, not loaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import filelock
import platformdirs

from derive.native.errors import NativeError


def cache_folder() -> Path:
    """Where the libraries are: `DERIVE_CACHE_DIR`, or else the user's cache folder."""
    named = os.environ.get("DERIVE_CACHE_DIR")
    return Path(named).absolute() if named else platformdirs.user_cache_path("derive", appauthor=False)


def key_of(parts: Iterable[str]) -> str:
    """A name for everything that decides what the library will be; each part counts by itself."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:32]


def cached(key: str, build: Callable[[Path], Path]) -> Path:
    """The library of this key; `build(folder)` makes it in an empty folder where it is missing or broken."""
    folder = cache_folder()
    library, digest, building = (folder / f"{key}{suffix}" for suffix in (".so", ".sha256", ".building"))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with filelock.FileLock(folder / f"{key}.lock"):
            if not _is_sound(library, digest):
                shutil.rmtree(building, ignore_errors=True)
                building.mkdir()
                built = build(building)
                written = building / digest.name
                written.write_bytes(_digest(built))
                built.replace(library)
                written.replace(digest)
                shutil.rmtree(building)
    except OSError as error:
        raise NativeError(
            f"the cache of compiled kernels in {folder} cannot be used ({error.strerror or error}): "
            "name another folder in the environment variable DERIVE_CACHE_DIR"
        ) from error
    return library


def _is_sound(library: Path, digest: Path) -> bool:
    try:
        return digest.read_bytes() == _digest(library)
    except FileNotFoundError:
        return False


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).hexdigest().encode()
