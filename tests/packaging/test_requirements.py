"""The bounds that pyproject.toml states are those that the locks install."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("requirement", PROJECT["dependencies"])
def test_lower_bound_is_what_the_oldest_lock_installs(requirement):
    name, bound = requirement.split(">=")
    oldest = pins("oldest.txt")[name]
    assert f"{oldest}.".startswith(f"{bound}.")
    assert set(oldest.removeprefix(bound)) <= set(".0"), "an older release within the bound goes untested"


@pytest.mark.parametrize("lock", ["dev.txt", "oldest.txt"])
def test_lock_pins_every_dependency_and_names_no_host(lock):
    needed = {requirement.split(">=")[0] for requirement in PROJECT["dependencies"]}
    assert needed <= pins(lock).keys()
    text = (ROOT / "requirements" / lock).read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--hash=sha256:" in text
