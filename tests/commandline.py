"""The command line, called within the process. In: arguments. Out: what a shell would see."""

from __future__ import annotations

import contextlib
import io

import pytest

from derive import cli


def call(*arguments):
    """Exit code, output, errors; an exception that the user would see as a traceback fails the test."""
    told, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(errors), pytest.raises(SystemExit) as end:
        cli.main(list(map(str, arguments)), prog_name="derive")
    assert "Traceback" not in errors.getvalue()
    return end.value.code, told.getvalue(), errors.getvalue()
