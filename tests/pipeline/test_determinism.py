"""The same bytes, whatever order Python's hashes bring sets into, and whatever was derived before."""

import os
import subprocess
import sys

import pytest
from cellfolder import FILES, ROOT

CELLS = ("slstm", "selective_ssm", "kinks")
PROGRAM = """
import hashlib, sys
from derive.language import load
from derive.pipeline import generate
for path in sys.argv[1:]:
    for name, text in generate(load(path)).items():
        print(path, name, hashlib.sha256(text.encode()).hexdigest())
"""


def digests(seed, names):
    paths = [str(FILES[name]) for name in names]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *paths],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return sorted(done.stdout.splitlines())


@pytest.fixture(scope="module")
def reference():
    return digests("0", CELLS)


def test_under_another_hash_seed(reference):
    assert {line.split()[1] for line in reference} >= {"__init__.py", "derivation.tex"}
    assert any(".h " in line for line in reference)
    assert digests("1", CELLS) == reference


def test_in_another_order_under_a_third(reference):
    assert digests("2", tuple(reversed(CELLS))) == reference
