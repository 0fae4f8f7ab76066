"""For the comparisons with PyTorch: the examples can be imported, and every worker keeps to one thread."""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import derive

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch = pytest.importorskip("torch", reason="needs PyTorch: make test-peers")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def kernel_of():
    """Cell, backend, dtype → kernel; each is built once."""

    @cache
    def build(cell: str, backend: str, dtype: str) -> Any:
        return derive.build(derive.cell(cell), backend=backend, dtype=dtype)

    return build
