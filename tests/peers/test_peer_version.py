"""The peer is a fixed point: one version, so that a difference is ours."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.peers
def test_the_pinned_peer_is_what_runs():
    import torch

    pinned = re.search(r"^torch==(\S+)$", (ROOT / "requirements/peers.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert torch.__version__.split("+")[0] == pinned[1]
    assert f'"torch=={pinned[1]}"' in (ROOT / "pyproject.toml").read_text()
