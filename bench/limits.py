"""The physical limits of this machine, measured by limits.c. In: processors. Out: `Limits`."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SOURCE = Path(__file__).with_name("limits.c")
FLAGS = ("-O2", "-march=native", "-ffp-contract=fast", "-pthread")

LEVELS = {"L1": 16 << 10, "L2": 512 << 10, "L3": 4 << 20, "DRAM": 128 << 20}
"""Bytes a thread at which the tables show the bandwidth: within each level on common processors."""


@dataclass(frozen=True)
class Limits:
    """By number of threads, as limits.c writes it: best and median of the peak and of the bandwidth by bytes a thread.

    A limit is the best that was seen.
    """

    measured: dict[int, dict[str, Any]]

    def peak(self, threads: int) -> float:
        """FLOP/s, float32."""
        return self.measured[threads]["peak"][0] * 1e9

    def bandwidth(self, threads: int, size: float) -> float:
        """Bytes/s read by all threads, where each reads an array of this size over and over."""
        found = self.measured[threads]["bandwidth"]
        sizes = np.log([int(size) for size in found])
        return float(np.interp(np.log(size), sizes, [best for best, _ in found.values()])) * 1e9


def measure(cpus: Sequence[int], milliseconds: float = 4.0) -> Limits:
    """Compile and run, with one thread and with one on each processor."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "limits"
        compiler = shlex.split(os.environ.get("CC", "cc"))
        subprocess.run([*compiler, *FLAGS, "-o", program, SOURCE], check=True)
        measured = {}
        for chosen in dict.fromkeys([tuple(cpus[-1:]), tuple(cpus)]):
            command = [program, str(milliseconds), *map(str, chosen)]
            written = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            measured[len(chosen)] = json.loads(written)
    return Limits(measured)
