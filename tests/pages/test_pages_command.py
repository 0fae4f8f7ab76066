"""`derive report`: what it writes, in which time, the same bytes each time, and what it says when it cannot."""

import os
import resource
import subprocess
import sys

import numpy as np
import pytest
from cellfolder import FILES, ROOT, STRANGERS
from commandline import call
from pagecells import HTML, parsed, words

from derive import pages
from derive.pages.build import build
from derive.proof import ProofError

SECONDS = 15.0
NEW = """
# A cell that nobody has seen: two gates, a leak, and an output of its own.
input x : d_x
state h, m : d_h
output y
k = sigmoid(W_k @ [h[t-1], x] + b_k)         # keep
w = sigmoid(W_w @ [m[t-1], x] + b_w)         # write
m[t] = k * m[t-1] + w * tanh(V @ x)          # memory
h[t] = 0.9 * h[t-1] + 0.1 * softsign(m[t])   # leaky
y = C @ h[t] + d
"""


@pytest.fixture
def new(tmp_path):
    path = tmp_path / "leaky.cell"
    path.write_text(NEW, encoding="utf-8")
    return path


def test_a_new_cell_is_reported_in_time(new, tmp_path):
    """In seconds of the processor, so that a busy machine does not matter."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "derive", "report", str(new), "-o", str(tmp_path / "out")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["index.html"]
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert parsed(html)[1] == []


@pytest.mark.parametrize("name", ["rnn", *STRANGERS[:1]])
def test_the_same_bytes_under_any_hash_seed(name, tmp_path):
    found = set()
    for seed in ("0", "1"):
        out = tmp_path / seed
        subprocess.run(
            [sys.executable, "-m", "derive", "report", str(FILES[name]), "-o", str(out)],
            cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True,
        )  # fmt: skip
        found.add((out / "index.html").read_bytes())
    assert len(found) == 1


def test_several_cells_get_a_gallery(new, tmp_path):
    code, told, errors = call("report", "rnn", new, "-o", tmp_path / "out")
    assert (code, errors) == (0, "")
    assert "2 cells" in told
    root, wrong = parsed((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    assert wrong == []
    links = [link.get("href") for link in root.iter(HTML + "a")]
    assert {"rnn/index.html", "leaky/index.html"} <= set(links)
    for link in ("rnn/index.html", "leaky/index.html"):
        page, _ = parsed((tmp_path / "out" / link).read_text(encoding="utf-8"))
        assert "../index.html" in [a.get("href") for a in page.iter(HTML + "a")]
        assert words(next(page.iter(HTML + "h1"))) == link.split("/", maxsplit=1)[0]


def test_two_cells_side_by_side(new, tmp_path):
    code, _, _ = call("report", new, "-o", tmp_path / "out", "--against", "indrnn")
    assert code == 0
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "First indrnn, then leaky." in html


SLOTS = """
input x : d_x
state M : d_s, d_w
state h : d_h
q = W_q @ h[t-1] + U_q @ x
w = softmax(M[t-1] @ q / sqrt(d_w))
h[t] = tanh(W_h @ [h[t-1], x, w @ M[t-1]] + b_h)
M[t] = M[t-1] * (1 - outer(w, sigmoid(W_e @ h[t]))) + outer(w, tanh(W_a @ h[t]))
"""


def test_a_cell_with_a_state_whose_length_only_an_initial_state_tells(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slots.cell").write_text(SLOTS, encoding="utf-8")
    assert call("report", "slots.cell", "-o", "out")[0] == 0
    root, wrong = parsed((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    assert wrong == []
    assert "cannot be examined" not in words(root)
    program = next(e for e in root.iter(HTML + "pre") if e.get("aria-label") == "Python")
    found = {}
    exec("".join(program.itertext()).replace('backend="c"', 'backend="numpy"'), found)  # noqa: S102 - on the page
    assert found["final"].M.shape == (4, 5, 7)
    assert np.any(found["dparams"].W_e)


def test_a_wrong_cell_is_told_and_nothing_is_written(tmp_path):
    path = tmp_path / "wrong.cell"
    path.write_text("input x : d\nstate h : d\nh[t] = tanh(W @ h + x)\n", encoding="utf-8")
    code, told, errors = call("report", path, "-o", tmp_path / "out")
    assert (code, told) == (1, "")
    assert "wrong.cell:3" in errors
    assert not (tmp_path / "out").exists()


def test_an_unproven_cell_is_not_shown(new, tmp_path, monkeypatch):
    def refuse(derived):
        raise ProofError("it is not so")

    monkeypatch.setattr("derive.pages.material.verify", refuse)
    code, _, errors = call("report", new, "-o", tmp_path / "out")
    assert (code, errors) == (1, "it is not so\n")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_told(new, tmp_path):
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    code, _, errors = call("report", new, "-o", tmp_path / "out")
    assert code in (1, 2)
    assert "out" in errors


def test_missing_libraries_are_named(monkeypatch, new, tmp_path):
    def missing(name):
        raise ModuleNotFoundError("No module named 'latex2mathml'", name="latex2mathml")

    monkeypatch.setattr("derive.cli.import_module", missing)
    code, _, errors = call("report", new, "-o", tmp_path / "out")
    assert code == 1
    assert "pip install 'derive-rnn[pages]'" in errors


def test_what_is_being_done_is_told(new):
    from derive import load

    told = []
    list(build([load(new)], None, lambda doing, done: told.append((doing, done))))
    own = [(doing, done) for doing, done in told if doing.startswith("leaky")]
    assert [doing for doing, _ in own] == ["leaky: deriving", "leaky: proving", "leaky: measuring", "leaky: writing"]
    assert [done for _, done in own] == sorted(done for _, done in own)
    assert pages.build is build
