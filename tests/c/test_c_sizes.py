"""How large the libraries are that shipped cells are compiled to."""

import platform
import re
import subprocess

import pytest
from cellfolder import SHIPPED
from ckernels import library

from derive.native.compiler import find_compiler


def compiler():
    """What the bound is known of: GCC 12 on x86-64."""
    told = subprocess.run([*find_compiler().command, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"\) (\d+)\.\d+\.\d+", told)
    return ("gcc" if "Free Software Foundation" in told else "another", version and version[1], platform.machine())


@pytest.mark.needs("cc")
@pytest.mark.parametrize("name", SHIPPED)
def test_a_library_is_at_most_250_kilobytes(name):
    if compiler() != ("gcc", "12", "x86_64"):
        pytest.skip("how large a library is, is known of GCC 12 on x86-64")
    assert library(name).stat().st_size <= 250_000
