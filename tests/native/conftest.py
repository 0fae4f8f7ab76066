"""A cell in hand-written C, with what the C backend would say about it."""

from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from derive.native import Field, Interface, Kernel, load

HERE = Path(__file__).parent
SOURCES = {name: (HERE / name).read_text() for name in ("leak.c", "leak.h")}

LEAK = Interface(
    prefix="leak",
    precisions=("f32", "f64"),
    axes=("T", "B", "d_x", "d_h"),
    params=(Field("a", ()), Field("W", ("d_h", ("d_h", "d_x"))), Field("b", ("d_h",))),
    inputs=(Field("x", ("d_x",)),),
    states=(Field("h", ("d_h",)), Field("s", ("d_h",))),
    outputs=(Field("h", ("d_h",)), Field("s", ("d_h",))),
    tape=(Field("h", ("T", "B", "d_h")), Field("s", ("T", "B", "d_h"))),
    options=("part", "parts", "checkpoint"),
    errors=("", "a NULL argument", "a size of zero or too large", "a bad option", "an unaligned tape"),
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DERIVE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DERIVE_CACHE_DIR", str(tmp_path_factory.mktemp("library")))
        return load(SOURCES, "leak.c")


class Elsewhere(NamedTuple):
    """Parameters that another kernel of the same cell made."""

    a: np.ndarray
    W: np.ndarray
    b: np.ndarray


def initialise(sizes, rng, dtype):
    shapes = ((), (sizes["d_h"], sizes["d_h"] + sizes["d_x"]), (sizes["d_h"],))
    return Elsewhere(*(np.asarray(rng.uniform(-0.4, 0.4, shape), dtype) for shape in shapes))


def tape_of(params, inputs, initial, sizes, saved):
    """What the NumPy kernel of the cell would compute anew."""
    return SimpleNamespace(**saved, twice_s=2 * saved["s"])


@pytest.fixture
def sources():
    return SOURCES


@pytest.fixture
def interface():
    return LEAK


@pytest.fixture
def make(library):
    return lambda **further: Kernel(library, LEAK, initialise, tape_of, **further)
