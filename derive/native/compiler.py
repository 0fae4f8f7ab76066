"""The system's C compiler. In: `CC` and the search path, then a C file. Out: a `Compiler`, then a library.

`CC` may hold arguments (`CC="ccache gcc -m64"`). Without it the first of cc, gcc and clang is taken.
"""

from __future__ import annotations

import functools
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from derive.native.errors import CompileFailed, CompilerNotFound

CANDIDATES = ("cc", "gcc", "clang")
# Symbols, tables for exceptions and room between sections are an eighth of a library, and nobody reads them.
_SMALLER = ("-s", "-fno-asynchronous-unwind-tables", "-fno-align-jumps", "-Wl,-z,noseparate-code")
# Contraction into fused multiply-adds is off by default under -std=c99 and costs a fifth of the speed.
FLAGS: tuple[str, ...] = ("-std=c99", "-O3", "-ffp-contract=fast", "-fPIC", "-shared", "-pthread")
if sys.platform == "linux":
    FLAGS += _SMALLER
LIBRARIES = ("-lm",)


@dataclass(frozen=True)
class Compiler:
    """A compiler that was found: the command, and what tells it from every other."""

    command: tuple[str, ...]
    identity: str

    def compile(self, source: Path, library: Path, flags: Sequence[str] = ()) -> None:
        """Compile one C file into a shared library; the file may include its neighbours."""
        command = [*self.command, *FLAGS, *flags, "-o", library.name, source.name, *LIBRARIES]
        result = _run(command, folder=library.parent)
        if result.returncode != 0:
            raise CompileFailed(f"the C compiler failed: {shlex.join(command)}\n{result.stdout.rstrip()}")


def find_compiler() -> Compiler:
    """The compiler that `CC` names, or else the system's."""
    named = shlex.split(os.environ.get("CC", ""))
    if named:
        path = shutil.which(named[0])
        if path is None:
            raise CompilerNotFound(
                f"CC names {named[0]!r}, which is not a command here: install it, or unset CC"
            )
        return _identify((_absolute(path), *named[1:]))
    for candidate in CANDIDATES:
        path = shutil.which(candidate)
        if path is not None:
            return _identify((_absolute(path),))
    raise CompilerNotFound(
        "no C compiler was found (cc, gcc or clang): install one (Debian, Ubuntu: apt install gcc libc6-dev; "
        "macOS: xcode-select --install), or name one in the environment variable CC"
    )


def _absolute(path: str) -> str:
    """A compiler is run in another folder than it was found from."""
    return str(Path(path).absolute())


@functools.cache
def _identify(command: tuple[str, ...]) -> Compiler:
    """What a library was built with, as far as it matters: path, version, machine."""
    result = _run([*command, "--version"])
    if result.returncode != 0:
        shown = shlex.join([*command, "--version"])
        raise CompilerNotFound(f"no working C compiler, {shown!r} fails:\n{result.stdout.rstrip()}")
    known = (str(Path(command[0]).resolve()), *command, platform.machine(), result.stdout)
    return Compiler(command, "\n".join(known))


def _run(command: Sequence[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise CompilerNotFound(f"the C compiler {command[0]!r} cannot be run: {error.strerror}") from error
