"""The command line: what each command does, its exit code, and that errors come without a traceback."""

import subprocess
import sys

import pytest
from cellfolder import ROOT, SHIPPED
from commandline import call

from derive import cli, load, pipeline
from derive.pipeline import files
from derive.proof import ProofError

SMALL = "input x : d\nstate h : d\nh[t] = tanh(W @ h[t-1] + x)\n"
WRONG = "input x : d\nstate h : d\nh[t] = tanh(W @ g + x)\ng = h[t-1]\n"


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.cell"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def generated(small, out):
    code, told, _ = call("generate", small, "-o", out)
    assert code == 0
    return told


# -- generate


def test_generate_writes_a_package_and_says_so(small, out):
    told = generated(small, out)
    assert "proven" in told
    assert f"files written to {out / 'small'}" in told
    assert {"__init__.py", "derivation.tex", "native.py"} <= {p.name for p in (out / "small").iterdir()}
    assert (out / "__init__.py").is_file()
    assert not [p for p in out.rglob("*") if p.name.startswith(".")]


def test_generate_writes_only_what_changes(small, out):
    generated(small, out)
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()}
    (out / "small" / "derivation.tex").write_text("spoilt", encoding="utf-8")
    assert "1 file written to" in generated(small, out)
    after = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()}
    assert {p.name for p in after if after[p] != before[p]} == {"derivation.tex"}
    assert "nothing new for" in generated(small, out)


def test_standalone_leaves_out_what_imports_derive(small, out):
    assert call("generate", small, "--standalone", "-o", out)[0] == 0
    assert "native.py" not in {p.name for p in (out / "small").iterdir()}


def test_a_cell_that_is_not_proven_makes_no_file(small, out, monkeypatch):
    def refuse(derived):
        raise ProofError("cell small: planted")

    monkeypatch.setattr(files, "verify", refuse)
    assert call("generate", small, "-o", out) == (1, "", "cell small: planted\n")
    assert not out.exists()


@pytest.mark.parametrize("failing", ["write", "replace"])
def test_a_file_is_never_half_written(small, out, monkeypatch, failing):
    """Where writing breaks off, the old file stays as it was, and nothing else is left."""
    generated(small, out)
    path = out / "small" / "derivation.tex"
    path.write_text("old", encoding="utf-8")
    before = sorted(out.rglob("*"))

    def broken(*arguments, **options):
        raise OSError("the disk is full")

    if failing == "write":
        monkeypatch.setattr(files.os, "fdopen", broken)
    else:
        monkeypatch.setattr(files.Path, "replace", broken)
    assert call("generate", small, "-o", out)[::2] == (1, "the disk is full\n")
    monkeypatch.undo()
    assert path.read_text(encoding="utf-8") == "old"
    assert sorted(out.rglob("*")) == before


def test_generate_into_a_file_is_misuse(small):
    code, _, errors = call("generate", small, "-o", small)
    assert code == 2
    assert "is a file" in errors


# -- check


def test_check_agrees_with_what_was_generated(small, out):
    generated(small, out)
    code, told, errors = call("check", small, "-o", out)
    assert (code, errors) == (0, "")
    assert "every file is what its cell derives to" in told


@pytest.mark.parametrize(
    ("spoil", "shown"),
    [
        (lambda text: text.replace(b"np.tanh", b"np.sinh", 1), "-"),
        (lambda text: text.replace(b"\n", b"\r\n"), "-"),
        (lambda text: b"\xff" + text, "-\ufffd"),
        (lambda text: b"", "+"),
    ],
)
def test_check_shows_drift_and_its_remedy_is_one(small, out, spoil, shown):
    generated(small, out)
    path = out / "small" / "__init__.py"
    path.write_bytes(spoil(path.read_bytes()))
    code, told, errors = call("check", small, "-o", out)
    assert code == 1
    assert f"--- {path}\n+++ {path} (derived now)\n" in told
    assert shown in [line[: len(shown)] for line in told.splitlines()[2:]]
    said, _, remedy = errors.strip().partition("; to accept what is derived now: ")
    assert said == "1 file differs"
    program, *arguments = remedy.split()
    assert program == "derive"
    assert call(*arguments)[0] == 0
    assert call("check", small, "-o", out)[0] == 0


def test_check_finds_a_missing_file_and_one_too_many(small, out):
    generated(small, out)
    (out / "small" / "derivation.tex").unlink()
    (out / "small" / "notes.txt").write_text("mine", encoding="utf-8")
    code, told, errors = call("check", small, "-o", out)
    assert code == 1
    assert f"{out / 'small' / 'notes.txt'}: nothing derives this file; delete it\n" in told
    assert f"{out / 'small' / 'derivation.tex'}: missing\n" in told
    assert "2 files differ" in errors


def test_check_where_nothing_was_generated(small, out):
    code, told, _ = call("check", small, "-o", out)
    assert code == 1
    assert told.splitlines() == [f"{out / 'small' / name}: missing" for name in pipeline.generate(load(small))]
    assert not out.exists()


# -- prove and show


def test_prove_says_what_was_proven_and_writes_nothing(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, told, errors = call("prove", small)
    assert (code, errors) == (0, "")
    assert told.startswith("small:\n  Proven by identity test modulo p = 2^61 - 1")
    assert "a wrong result passes with probability at most 2^-" in told
    assert "\n  Step Jacobian proven by identity test modulo p = 2^61 - 1" in told
    assert sorted(tmp_path.rglob("*")) == before


def test_prove_fails_where_the_proof_does(small, monkeypatch):
    def refuse(derived):
        raise ProofError("cell small: planted")

    monkeypatch.setattr(cli.pipeline, "verify", refuse)
    assert call("prove", small) == (1, "", "cell small: planted\n")


def test_show_prints_the_equations_and_their_adjoint(small):
    code, told, errors = call("show", small)
    assert (code, errors) == (0, "")
    assert "tanh" in told
    assert "Backward" in told


# -- mistakes


@pytest.mark.parametrize("command", ["generate", "check", "prove", "show"])
def test_a_cell_that_is_wrong_is_reported_with_its_place(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "wrong.cell"
    path.write_text(WRONG, encoding="utf-8")
    code, told, errors = call(command, path)
    assert (code, told) == (1, "")
    assert errors.startswith("error[")
    assert f"--> {path}:3:" in errors
    assert "^" in errors
    assert [p.name for p in tmp_path.iterdir()] == ["wrong.cell"]


@pytest.mark.parametrize("command", ["generate", "check", "prove", "show"])
def test_a_name_that_is_not_shipped_is_answered_with_those_that_are(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, errors = call(command, "lsmt")
    assert code == 1
    assert "lsmt" in errors
    assert all(name in errors for name in SHIPPED)


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00", "folder"])
def test_files_that_are_no_cell(content, tmp_path):
    path = tmp_path / "odd.cell"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    code, _, errors = call("prove", path)
    assert code == 1
    assert errors.startswith("error[")
    assert str(path) in errors


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["prove"], ["show"], ["show", "lstm", "gru"], ["check", "--standalone"]]
)
def test_misuse(arguments):
    code, _, errors = call(*arguments)
    assert code == 2
    assert "Usage:" in errors


def test_two_cells_of_one_name_are_refused(small, out):
    twin = small.parent / "twin" / small.name
    twin.parent.mkdir()
    twin.write_text(SMALL, encoding="utf-8")
    code, told, errors = call("generate", small, twin, "-o", out)
    assert (code, told) == (2, "")
    assert "2 of the cells are called small; name each once" in errors
    assert not out.exists()


@pytest.mark.parametrize("name", ["my cell", "2nd", "class", "a.b", "_a", "é", "a" * 41, ""])
def test_a_name_that_no_package_can_have_is_refused(name, tmp_path):
    path = tmp_path / f"{name}.cell"
    path.write_text(SMALL, encoding="utf-8")
    code, _, errors = call("prove", path)
    assert code == 1
    assert errors.startswith(f"error[name]: `{name}` cannot be the name of a cell\n --> {path}\n")


def test_a_folder_that_cannot_be_made_is_told(small, tmp_path):
    (tmp_path / "file").touch()
    code, _, errors = call("generate", small, "-o", tmp_path / "file" / "out")
    assert (code, errors) == (1, f"{tmp_path / 'file' / 'out' / 'small'}: Not a directory\n")


def test_alone_it_tells_its_usage():
    _, told, errors = call()  # the exit code and the stream are click's, and differ between its versions
    assert "Usage: derive" in told + errors


@pytest.mark.parametrize("command", ["generate", "check", "prove", "show"])
def test_help(command):
    code, told, _ = call(command, "--help")
    assert code == 0
    assert "Usage:" in told


def test_python_m_derive(tmp_path):
    """As a process: the exit code and both streams, without a traceback."""
    (tmp_path / "wrong.cell").write_text(WRONG, encoding="utf-8")
    (tmp_path / "small.cell").write_text(SMALL, encoding="utf-8")

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "derive", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    code, told, errors = run("generate", str(tmp_path / "wrong.cell"), "-o", str(tmp_path / "out"))
    assert (code, told) == (1, "")
    assert errors.startswith("error[")
    assert "Traceback" not in errors
    code, told, errors = run("generate", str(tmp_path / "small.cell"), "-o", str(tmp_path / "out"))
    assert (code, errors) == (0, "")
    assert (tmp_path / "out" / "small" / "__init__.py").is_file()
