"""What it was measured on. In: nothing. Out: a table of facts about this machine and its compiler."""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

BUSY = 0.3
"""A load, before the first measurement, that says that other work is running."""

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def facts() -> dict[str, Any]:
    """Processor, caches, compiler, and how busy the machine was before the first measurement."""
    return {
        "processor": processor(),
        "processors": len(os.sched_getaffinity(0)),
        "caches": caches(),
        "system": platform.platform(),
        "compiler": compiler(),
        "load": os.getloadavg()[0],
    }


def processor() -> str:
    """The model's name; where it says little, family and model too."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = {
        name: match[1].strip()
        for name in ("model name", "cpu family", "model")
        if (match := re.search(rf"^{name}\s*:(.*)$", text, re.MULTILINE))
    }
    wide = next((name for name in ("avx512f", "avx2") if re.search(rf"^flags.*\b{name}\b", text, re.MULTILINE)), "")
    told = (
        f"family {found.get('cpu family', '?')}, model {found.get('model', '?')}, {wide or 'neither AVX-512 nor AVX2'}"
    )
    return f"{found.get('model name', platform.machine())} ({told})"


def caches() -> str:
    """Data caches of the first processor."""
    told = [
        f"L{(index / 'level').read_text().strip()} {(index / 'size').read_text().strip()}"
        for index in sorted(CACHES.glob("index*"))
        if (index / "type").read_text().strip() != "Instruction"
    ]
    return ", ".join(told)


def compiler() -> str:
    command = shlex.split(os.environ.get("CC", "cc"))
    return subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
