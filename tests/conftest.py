"""What every test shares: tools of the system, compiled libraries, and how hypothesis searches."""

import os
import shutil
from collections.abc import Iterator

import hypothesis
import pytest
from cellfolder import FILES

# The machines are shared and slow at times, and a failure must come again.
hypothesis.settings.register_profile("derive", deadline=None, derandomize=True)
hypothesis.settings.load_profile("derive")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every", type=int, default=1, metavar="N", help="run each N-th test alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A sample that takes some of every kind, as tests of a kind stand one after the other; then those of one cell
    together, so that mostly one process alone derives it."""
    every = config.getoption("--every")
    config.hook.pytest_deselected(items=[item for number, item in enumerate(items) if number % every])
    items[:] = sorted(items[::every], key=_cell, reverse=True)


def _cell(item: pytest.Item) -> str:
    """The cell that a test is about, if it is one of many."""
    name = item.callspec.params.get("name") if hasattr(item, "callspec") else None
    return name if name in FILES else ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tools are missing, visibly; in CI they are installed, so there it fails."""
    for marker in item.iter_markers("needs"):
        missing = [command for command in marker.args if shutil.which(command) is None]
        if missing and os.environ.get("CI"):
            pytest.fail(f"CI has to install {', '.join(missing)}", pytrace=False)
        if missing:
            pytest.skip(f"needs {', '.join(missing)}")


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One folder of compiled libraries for all tests of a run, in all its processes."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DERIVE_CACHE_DIR", os.environ.get("DERIVE_CACHE_DIR") or str(root / "compiled"))
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests found out and want read: `record_property("shown", text)`."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    lines = sorted(text for report in reports for name, text in report.user_properties if name == "shown")
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)
