"""One folder of compiled libraries for all tests of a run, in all its processes."""

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DERIVE_CACHE_DIR", os.environ.get("DERIVE_CACHE_DIR") or str(root / "compiled"))
        yield
