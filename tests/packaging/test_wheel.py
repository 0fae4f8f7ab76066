"""The wheel carries what a fresh installation needs, and nothing of the repository around it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("derive_rnn-*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_wheel_has_every_source_template_and_cell(wheel):
    shipped = set(wheel.namelist())
    wanted = {
        *(path.relative_to(ROOT).as_posix() for path in (ROOT / "derive").rglob("*.py")),
        *(path.relative_to(ROOT).as_posix() for path in (ROOT / "derive").rglob("*.c")),
        *(path.relative_to(ROOT).as_posix() for path in (ROOT / "derive/cells").glob("*.cell")),
        *(f"derive/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "templates").rglob("*.j2")),
        "derive/py.typed",
    }
    assert wanted <= shipped


def test_wheel_has_nothing_else(wheel):
    roots = {name.split("/")[0] for name in wheel.namelist()}
    assert roots == {"derive", next(root for root in roots if root.endswith(".dist-info"))}


def test_wheel_installs_the_command(wheel):
    (entry,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "derive = derive.cli:main" in wheel.read(entry).decode()
