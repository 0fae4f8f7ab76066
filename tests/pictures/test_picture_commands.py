"""`derive draw`, `derive compare` and `make pdf`: what they write, and what they say where they cannot."""

import os
import shutil
import subprocess

import pytest
from cellfolder import FILES, ROOT, cell
from commandline import call

from derive import pipeline

SMALL = "input x : d\nstate h : d\nh[t] = tanh(W @ h[t-1] + x)\n"


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.cell"
    path.write_text(SMALL, encoding="utf-8")
    return path


def test_draw_writes_every_picture_of_a_cell_of_ones_own(small, tmp_path):
    out = tmp_path / "out"
    code, told, _ = call("draw", small, "lstm", "-o", out)
    assert code == 0
    assert "4 pictures written to" in told
    assert {p.name for p in (out / "small").iterdir()} == {
        "whole.svg", "gradient.svg", "unrolled.svg", "equation-h.svg",
    }  # fmt: skip
    assert {p.stem for p in (out / "lstm").iterdir()} == set(pipeline.pictures(cell("lstm")))
    assert (out / "small" / "whole.svg").read_text(encoding="utf-8").startswith("<svg ")


def test_draw_leaves_alone_what_would_not_change(small, tmp_path):
    call("draw", small, "-o", tmp_path)
    assert "nothing new for" in call("draw", small, "-o", tmp_path)[1]


def test_compare_writes_one_picture(small, tmp_path):
    path = tmp_path / "there" / "both.svg"
    code, told, _ = call("compare", small, FILES["kinks"], "-o", path)
    assert (code, told) == (0, f"picture written to {path}\n")
    assert "small beside kinks" in path.read_text(encoding="utf-8")


def test_compare_names_its_file_after_the_cells(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("compare", "rnn", "lstm")[:2] == (0, "picture written to rnn-lstm.svg\n")


def test_a_cell_beside_itself_is_two_cells(tmp_path):
    code, _, _ = call("compare", "rnn", "rnn", "-o", tmp_path / "x.svg")
    assert code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("draw",), 2, "Missing argument 'CELL...'"),
        (("draw", "lxtm"), 1, "no cell `lxtm` is shipped"),
        (("compare", "rnn"), 2, "Missing argument 'RIGHT'"),
        (("compare", "rnn", "lstm", "-o", "x.png"), 2, "expected a name that ends in .svg"),
        (("compare", "rnn", "none.cell"), 1, "the file cannot be read"),
    ],
)
def test_a_mistake_is_told_in_one_message(arguments, code, told):
    done = call(*arguments)
    assert done[0] == code
    assert told in done[2]


@pytest.mark.needs("make")
def test_make_pdf_says_what_is_missing(tmp_path):
    """With a PATH on which there is everything but TeX."""
    for command in ("make", "sh", "bash", "env", "mkdir", "basename", "dirname"):
        if found := shutil.which(command):
            (tmp_path / command).symlink_to(found)
    done = subprocess.run(
        ["make", "-o", ".venv/.ready", "pdf"],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "make pdf needs pdflatex; install TeX with TikZ" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.drift
def test_the_pictures_that_readme_shows_are_those_drawn(tmp_path):
    assert call("draw", "lstm", "-o", tmp_path)[0] == call("compare", "rnn", "lstm", "-o", tmp_path / "two.svg")[0] == 0
    drawn = {"lstm": "lstm/whole.svg", "lstm-gradient": "lstm/gradient.svg", "rnn-lstm": "two.svg"}
    for name, path in drawn.items():
        shown = ROOT / "docs" / "pictures" / f"{name}.svg"
        assert shown.read_bytes() == (tmp_path / path).read_bytes(), "make pictures"
