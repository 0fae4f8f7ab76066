"""The worker processes, seen from the driver. In: contenders. Out: replies, or `LeftOut` with the reason.

Every process has its threads' number in its environment before it imports anything, and is pinned.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.contenders import Contender

ROOT = Path(__file__).parents[1]


class LeftOut(Exception):
    """A contender cannot compete, and why."""


class Process:
    """A worker. `ask` sends a request and waits for its reply, at most `limit` seconds."""

    def __init__(self, contender: Contender, cpus: Sequence[int], log: Path) -> None:
        command = [sys.executable, "-m", "bench.worker", contender.module, contender.variant, ",".join(map(str, cpus))]
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                env=environment(len(cpus)), cwd=ROOT,
            )  # fmt: skip

    def ask(self, limit: float, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise LeftOut(f"its process ended: {self._last_words()}") from None
        ready, _, _ = select.select([self._process.stdout], [], [], limit)
        if not ready:
            self.end()
            raise LeftOut(f"not ready after {limit:g} s")
        reply = self._process.stdout.readline()
        if not reply:
            raise LeftOut(f"its process ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(reply)
        if "error" in answer:
            raise LeftOut(answer["error"])
        return answer

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _last_words(self) -> str:
        self._process.wait(10)
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"code {self._process.returncode}"


class Pool:
    """Processes by contender for one set of processors, started when first asked for."""

    def __init__(self, cpus: Sequence[int], folder: Path) -> None:
        self.cpus, self._folder = cpus, folder
        self._running: dict[str, Process] = {}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.end()

    def process(self, contender: Contender) -> Process:
        found = self._running.get(contender.name)
        if found is None or not found.alive:
            log = self._folder / f"{contender.module}.{contender.variant}.{len(self.cpus)}.log".replace(" ", "_")
            found = self._running[contender.name] = Process(contender, self.cpus, log)
        return found


def missing(contender: Contender) -> list[str]:
    """The packages that are not installed here."""
    return [name for name in contender.packages if importlib.util.find_spec(name) is None]


def environment(threads: int) -> Mapping[str, str]:
    """This process's, with the number of threads for every library that reads it there."""
    # Settings that hold OpenBLAS to an older processor's kernels would slow whoever uses NumPy.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    # XLA has no variable for it; with its own loop it would hand every product to a second thread.
    single = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
    return kept | counts | (single if threads == 1 else {})
