"""README keeps its word: its cell parses, its Python runs, its commands and paths exist."""

import contextlib
import io
import re
import sys
from pathlib import Path

import pytest
import runpages

import derive
from derive import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return [block.text for block in runpages.blocks(README) if block.language == language]


@pytest.fixture
def written(tmp_path, monkeypatch):
    [text] = blocks("cell")
    (tmp_path / "coupled.cell").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT))
    return tmp_path


@pytest.mark.needs("cc")
def test_python_blocks_run(written, capsys):
    namespace = {}
    for number, block in enumerate(blocks("python")):
        exec(compile(block, f"README block {number}", "exec"), namespace)  # noqa: S102 - our own text
    shown = capsys.readouterr().out
    assert "(8, 11) (20, 4, 8)" in shown
    assert "2^-" in shown
    assert "\nTrue\n" in shown
    assert namespace["y"].shape == (5, 2, 8)
    assert namespace["certificate"].contracts
    sys.modules.pop("generated.lstm", None)


def test_the_loop_shown_is_the_loop_derived(written):
    [shown] = blocks("text")
    source = derive.build(derive.load("coupled.cell")).source
    indented = "".join(f"    {line}" for line in shown.splitlines(keepends=True))
    assert indented in source


@pytest.mark.needs("cc")
def test_the_diagnosis_shown_is_the_one_printed(written):
    namespace = {}
    for block in (blocks("python")[0], blocks("python")[2]):
        exec(block, namespace)  # noqa: S102 - our own text
    [shown] = blocks("console")
    command, *expected = shown.splitlines()
    program, *arguments = command.removeprefix("$ ").split()
    assert program == "derive"
    told = io.StringIO()
    with contextlib.redirect_stdout(told), pytest.raises(SystemExit):
        cli.main(arguments, prog_name="derive")
    assert expected.pop() == "…"
    assert [line.rstrip() for line in told.getvalue().splitlines()[: len(expected)]] == expected


def test_shipped_cells_are_named():
    for name in derive.shipped():
        assert f"`{name}`" in README


def test_commands_are_targets():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = re.findall(r"make ([a-z-]+)", README)
    assert named
    assert set(named) <= set(targets)


def test_links_and_paths_exist():
    for path in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"`((?:derive|docs|templates|tests|examples)/[\w./]+)`", README):
        assert (ROOT / path).exists(), path


def test_the_probability_stated_is_the_one_computed():
    stated = re.search(r"2⁻([⁰¹²³⁴⁵⁶⁷⁸⁹]+) for the LSTM", README)
    digits = stated[1].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
    assert f"2^-{digits}" in derive.prove(derive.cell("lstm")).summary()[0]
