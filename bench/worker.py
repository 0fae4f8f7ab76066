"""One contender in a process of its own. In: a JSON request a line on stdin. Out: a JSON reply a line on stdout.

    python -m bench.worker MODULE VARIANT CPUS        CPUS such as 0,1: as many threads

    {"do": "versions"}                                            → {"versions": {…}}
    {"do": "prepare", "cell", "mode", "problem": file, "results": file}   → {"call": seconds}; results are written
    {"do": "time", "seconds": s}                                  → {"times": [seconds a call, …]}

A request that fails is answered by {"error": text}; the end of stdin ends the process.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.task import Problem, Run, Task

BLOCK = 5e-4
"""Seconds that are timed as one: below it the clock and the loop would be seen."""

STEPS = 5
"""Steps of a stream whose outputs are compared."""


def main(module: str, variant: str, cpus: str) -> None:
    """Answer requests until there are none."""
    # Libraries write to stdout as they like; replies go where stdout led at the start.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    chosen = [int(cpu) for cpu in cpus.split(",")]
    os.sched_setaffinity(0, chosen)
    worker = None
    for line in sys.stdin:
        try:
            worker = worker or Worker(importlib.import_module(module), variant, len(chosen))
            reply = worker.answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - told to the driver, which leaves this contender out
            told = str(error).strip().splitlines()
            reply = {"error": f"{type(error).__name__}: {told[0] if told else ''}"[:300]}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


class Worker:
    def __init__(self, module: Any, variant: str, threads: int) -> None:
        self.module, self.variant, self.threads = module, variant, threads
        self.run: Run | None = None
        self.call_seconds = 0.0

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to one request."""
        match request.pop("do"):
            case "versions":
                return {"versions": self.module.versions()}
            case "prepare":
                return self._prepare(**request)
            case "time":
                return {"times": self._time(**request)}
            case unknown:
                raise ValueError(f"unknown request {unknown!r}")

    def _prepare(self, cell: str, mode: str, problem: str, results: str) -> dict[str, float]:
        self.run = None
        gc.collect()
        task = Task(cell, mode, self.threads)
        run = self.module.prepare(self.variant, task, Problem.load(Path(problem)))
        if mode == "streaming":
            found = [run.read(run.call()) for _ in range(STEPS)]
            np.savez(
                results, **{f"{name}, step {k}": value for k, one in enumerate(found) for name, value in one.items()}
            )
        else:
            np.savez(results, **run.read(run.call()))
        self.run, self.call_seconds = run, _settled(run.call)
        return {"call": self.call_seconds}

    def _time(self, seconds: float) -> list[float]:
        if self.run is None:
            raise RuntimeError("nothing is prepared")
        call = self.run.call
        calls = max(1, round(BLOCK / self.call_seconds))
        # Others have had the caches since the last turn; and memory that was free for long may be the host's again.
        _block(call, calls)
        gc.collect()
        gc.disable()
        times = []
        end = time.perf_counter() + seconds
        while not times or time.perf_counter() < end:
            times.append(_block(call, calls) / calls)
        gc.enable()
        return times


def _settled(call: Callable[[], Any]) -> float:
    """Seconds a call, once the first calls are over, in which some libraries still compile."""
    shortest = np.inf
    end = time.perf_counter() + 0.1
    for k in range(10_000):
        shortest = min(shortest, _block(call, 1))
        if k >= 2 and time.perf_counter() > end:
            break
    return float(shortest)


def _block(call: Callable[[], Any], calls: int) -> float:
    repeat = range(calls)
    start = time.perf_counter()
    for _ in repeat:
        call()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
