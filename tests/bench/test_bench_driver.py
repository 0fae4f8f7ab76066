"""The driver of the benchmark with stub contenders: real processes, a real protocol, nobody's library."""

import json
import os
import sys
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import limits, run
from bench.contenders import NUMPY, Contender
from bench.contest import Memory, Settings, contest
from bench.pool import Pool, environment
from bench.problem import problem
from bench.report import Report
from bench.task import Point, Size, Task

POINT = Point(Task("lstm", "numpy", 1), Size(3, 2, 3, 5))
FIRST = min(os.sched_getaffinity(0))
FAST = Settings(rounds=2, seconds=0.002, limit=30)


@pytest.fixture(autouse=True)
def stubs_can_be_imported(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])


def stub(variant, packages=()):
    return Contender(f"stub {variant}", "stub", "stub_contender", variant, packages, {"numpy": ("lstm",)})


def ours():
    return Contender(NUMPY, NUMPY, "bench.contenders.ours", "numpy", (), {"numpy": ("lstm",)})


@pytest.fixture
def pool(tmp_path):
    with Pool([FIRST], tmp_path) as made:
        yield made


def test_who_computes_the_same_is_timed_and_who_does_not_is_named(pool, tmp_path):
    contenders = [ours(), *map(stub, ("right", "wrong", "fails", "dies")), stub("lacks", ("no_such_package",))]
    outcome = contest(POINT, problem("lstm", POINT.size), contenders, pool, FAST, Memory(), tmp_path)
    assert list(outcome.times) == [NUMPY, "stub right"]
    assert all(len(times) >= 2 and min(times) > 0 for times in outcome.times.values())
    assert outcome.left_out == {
        "stub wrong": "computes something else: dx differs by 2.0e+00",
        "stub fails": "RuntimeError: cannot do that",
        "stub dies": "its process ended: gone",
        "stub lacks": "not installed: no_such_package",
    }


def test_who_takes_too_long_is_ended_and_not_asked_again(pool, tmp_path):
    memory, given = Memory(), problem("lstm", POINT.size)
    outcome = contest(POINT, given, [stub("slow")], pool, Settings(1, 0.001, 1.5), memory, tmp_path)
    assert outcome.left_out == {"stub slow": "not ready after 1.5 s"}
    outcome = contest(POINT, given, [stub("slow")], pool, Settings(1, 0.001, 1.5), memory, tmp_path)
    assert outcome.left_out == {"stub slow": "not ready after 1.5 s with 3 steps"}


def test_workers_have_their_threads_and_no_setting_of_openblas(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    given = environment(2)
    assert given["OMP_NUM_THREADS"] == given["MKL_NUM_THREADS"] == given["OPENBLAS_NUM_THREADS"] == "2"
    assert "OPENBLAS_CORETYPE" not in given
    assert "XLA_FLAGS" not in given
    assert "intra_op_parallelism_threads=1" in environment(1)["XLA_FLAGS"]


@pytest.mark.needs("cc")
def test_limits_are_measured_and_plausible():
    found = limits.measure([FIRST], milliseconds=0.2)
    assert 1e8 < found.peak(1) < 1e13
    assert 1e8 < found.bandwidth(1, 100_000) < 1e13


@pytest.mark.needs("cc")
def test_the_quick_run_writes_a_report(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "QUICK", Settings(rounds=1, seconds=0.002, limit=30))
    monkeypatch.setattr(run.limits, "measure", partial(limits.measure, milliseconds=0.05))
    monkeypatch.setattr(run.plan, "quick", lambda threads: [POINT])
    monkeypatch.setattr(run.plan, "contenders", lambda text, slow: [ours(), stub("right")])
    path = tmp_path / "out.json"
    result = CliRunner().invoke(run.main, ["--quick", "--threads", "1", "--output", str(path)], catch_exceptions=False)
    assert result.exit_code == 0
    [row] = Report.load(path).rows
    assert row.ratio(["stub"]) > 0
    assert row.share() > 0
    assert json.loads(path.read_text(encoding="utf-8"))["versions"]["stub"] == "1"


def test_a_selection_that_means_nothing_is_refused():
    for arguments in (["--sizes", "12x3"], ["--cells", "lstn"], ["--threads", "0"], ["--contenders", "nobody"]):
        result = CliRunner().invoke(run.main, arguments)
        assert result.exit_code == 2, arguments
