"""Threads that wait for work between calls. In: a library, how many. Out: an address for its options.

Starting threads costs as much as a short sequence does, so they are started once, when first wanted: one crew for each
number of threads, which all kernels use.
"""

from __future__ import annotations

import ctypes
import os
import threading

from derive.native.arrays import Array, address
from derive.native.functions import Functions

_lock = threading.Lock()
_crews: dict[int, Array] = {}


def crew_of(functions: Functions, threads: int) -> int:
    """The address of a crew of so many; where there is none yet, the library of these functions starts it.

    The library must stay loaded, as every library that Python has loaded does.
    """
    with _lock:
        if threads not in _crews:
            _crews[threads] = functions.crew(threads)
        return address(_crews[threads])


def _forget() -> None:
    """A child process has the memory, but not the threads: calls that know its address start their own then."""
    global _lock  # noqa: PLW0603 - one that another thread held would never be free again
    _lock = threading.Lock()
    for crew in _crews.values():
        ctypes.memset(address(crew), 0, crew.nbytes)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
