"""Counts, rooflines, ratios, goals and tables of the benchmark, against figures worked out by hand."""

import re
from pathlib import Path

import numpy as np
import pytest

import derive
from bench import plan, publish, tables
from bench.contenders import ALL, CONTENDERS, NUMPY, OURS, RENAMED
from bench.contest import LeftOut, Memory, compare, deviations
from bench.counts import PROBE, Weights, overlapped, roofline
from bench.goals import Goal, against, judge
from bench.layouts import LAYOUTS, parameters, stacked
from bench.limits import Limits
from bench.problem import problem, weights
from bench.report import Report, Row, geomean, merged
from bench.task import Point, Size, Task

ROOT = Path(__file__).parents[2]
LIMITS = Limits({1: {"peak": [100.0, 90.0], "bandwidth": {"1024": [200.0, 1], "1048576": [100.0, 1]}}})


SIZE = Size(10, 1, 2, 4)


def row(size=SIZE, cell="lstm", mode="training", threads=1, ours=1.0, **peers):
    times = {OURS: {"peer": OURS, "median": ours, "minimum": ours / 2, "timed": 1}}
    for name, seconds in peers.items():
        times[name] = {"peer": name.partition("_")[0], "median": seconds, "minimum": seconds / 4, "timed": 1}
    return Row(cell, mode, threads, size, 1e9, 4e9, 5e9, times, {})


def report(*rows):
    machine = {"processor": "p", "processors": 2, "caches": "", "system": "", "compiler": "", "load": 0.0}
    return Report("2000-01-01T00:00:00", machine, {"rounds": 1, "seconds": 1.0}, LIMITS, {"v": "1"}, list(rows))


@pytest.mark.parametrize(
    ("cell", "recurrent", "inputs"),
    [("lstm", 4, 4), ("lstm_layernorm", 4, 4), ("gru", 3, 3), ("gru_reset_after", 3, 3), ("rnn", 1, 1), ("mgu", 2, 2)],
)
def test_matrices_are_counted_by_what_they_meet(cell, recurrent, inputs):
    assert weights(cell) == Weights(recurrent, inputs)


def test_flop_of_an_lstm():
    size = Size(7, 5, 3, 4)
    assert weights("lstm").flop(size, "inference") == 2 * 4 * 4 * (3 + 4) * 7 * 5
    assert weights("lstm").flop(size, "training") == 3 * 2 * 4 * 4 * (3 + 4) * 7 * 5
    assert weights("lstm").recurrent_flop(size, "training") == 2 * 2 * 4 * 4 * 4 * 7 * 5


@pytest.mark.parametrize("cell", ALL)
def test_flop_are_those_of_the_matrices_sizes(cell):
    size = Size(7, 5, 30, 40)
    params = problem(cell, size).params
    matrices = sum(value.size for value in params.values() if value.ndim == 2)
    assert weights(cell).flop(size, "training") == 3 * 2 * matrices * 7 * 5


def test_a_matrix_that_meets_something_else_is_refused():
    with pytest.raises(ValueError, match=r"\[5\] columns"):
        Weights.of({"W": (8, 5)})


def test_roofline_adds_the_loop_at_its_bandwidth_and_the_rest_at_the_peak():
    size = Size(10, 1, 16, 16)
    held, total, inside = 4 * 4 * 16**2, 3 * 2 * 4 * 16 * 32 * 10, 2 * 2 * 4 * 16 * 16 * 10
    bandwidth = LIMITS.bandwidth(1, held)
    assert bandwidth == pytest.approx((200 - 100 * np.log(held / 1024) / np.log(1024)) * 1e9)
    seconds = 2 * 10 * held / bandwidth + (total - inside) / 100e9
    assert roofline(weights("lstm"), size, "training", 1, LIMITS) == pytest.approx(total / seconds)
    assert overlapped(weights("lstm"), size, "training", 1, LIMITS) == pytest.approx(100e9)
    assert roofline(weights("lstm"), size._replace(B=64), "training", 1, LIMITS) == pytest.approx(100e9)


def test_ratios_are_the_best_ways_time_over_ours():
    made = row(PyTorch_a=3.0, PyTorch_b=2.0, JAX=1.5)
    assert made.ratio(["PyTorch"]) == 2
    assert made.ratio() == 1.5
    assert made.best() == ("JAX", 1.5)
    assert made.ratio(of="minimum") == pytest.approx(0.75)
    assert made.ratio(["OpenVINO"]) is None
    assert made.rate() == 1e9
    assert made.share() == pytest.approx(0.5)


def test_ours_is_nobodys_peer():
    times = {**row().times, RENAMED: {"peer": RENAMED, "median": 0.1, "minimum": 0.1, "timed": 1}}
    assert Row("lstm", "training", 1, Size(1, 1, 1, 1), 1, None, None, times, {}).best() is None


def test_geomean():
    assert geomean([2, 8]) == pytest.approx(4)


def test_goals_fold_over_their_rows_alone():
    goal = Goal("g", 2.5, ("lstm",), "training", against("JAX"), geomean, threads=1)
    rows = [row(JAX=2.0), row(JAX=8.0), row(JAX=99.0, threads=2), row(JAX=99.0, mode="inference"), row(PyTorch=9.0)]
    [verdict] = judge(report(*rows), [goal])
    assert (verdict.measured, verdict.points, verdict.reached) == (pytest.approx(4), 2, True)
    [missing] = judge(report(), [goal])
    assert (missing.measured, missing.points, missing.reached) == (None, 0, None)


def test_tables_show_ratios_and_means():
    [made] = tables.results(report(row(PyTorch=2.0), row(Size(1, 2, 3, 4), PyTorch=8.0)))
    text = tables.markdown(made)
    assert made.title == "lstm, training, 1 thread"
    assert "| 10, 1, 2, 4 | 1000000 | 1.0 | 50% | 2.00 | 2.00 (PyTorch) | 1.00 |" in text
    assert "| geometric mean |  |  |  | 4.00 | 4.00 | 2.00 |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_reports_are_kept_and_merged(tmp_path):
    first, second = report(row(JAX=2.0), row(threads=2)), report(row(JAX=3.0))
    first.save(tmp_path / "a.json")
    assert Report.load(tmp_path / "a.json") == first
    both = merged([first, second])
    assert [each.ratio() for each in both.rows] == [3.0, None]
    second.machine = {**second.machine, "processor": "q"}
    with pytest.raises(ValueError, match="measured on p and on q"):
        merged([first, second])


@pytest.mark.parametrize("cell", LAYOUTS)
def test_layouts_hold_every_parameter_once_and_come_back(cell):
    given = problem(cell, Size(1, 1, 3, 8)).params
    back = parameters(cell, stacked(cell, given))
    assert back.keys() == given.keys()
    for name, value in given.items():
        np.testing.assert_array_equal(back[name], value)


def test_deviations_of_gradients_that_cancel_are_measured_by_the_largest():
    expected = {"y": np.array([1.0, 2.0]), "dW": np.array([100.0]), "db": np.array([1e-6])}
    found = {"y": np.array([1.0, 2.2]), "dW": np.array([101.0]), "db": np.array([-1e-6])}
    errors = deviations(found, expected)
    assert errors == {"y": pytest.approx(0.1), "dW": pytest.approx(0.01), "db": pytest.approx(2e-6)}
    assert deviations({"y": np.array([np.nan])}, {"y": np.array([1.0])}) == {"y": np.inf}
    assert deviations({"y": np.zeros(3)}, {"y": np.zeros(2)}) == {"y": np.inf}


def test_other_results_are_left_out(tmp_path):
    np.savez(tmp_path / "a.npz", y=np.ones(2))
    np.savez(tmp_path / "b.npz", y=np.ones(2) * 1.01)
    np.savez(tmp_path / "c.npz", y=np.ones(2), dx=np.ones(2))
    compare(tmp_path / "a.npz", tmp_path / "a.npz")
    with pytest.raises(LeftOut, match=r"something else: y differs by 9\.9e-03"):
        compare(tmp_path / "a.npz", tmp_path / "b.npz")
    with pytest.raises(LeftOut, match="other results: dx"):
        compare(tmp_path / "c.npz", tmp_path / "a.npz")


def test_who_was_too_slow_is_not_asked_again_at_as_many_steps():
    memory, point = Memory(), Point(Task("lstm", "training", 1), Size(64, 1, 2, 2))
    memory.note(CONTENDERS[0], point, "not ready after 9 s")
    with pytest.raises(LeftOut, match="not ready after 9 s with 64 steps"):
        memory.check(CONTENDERS[0], point)
    memory.check(CONTENDERS[1], point)
    memory.check(CONTENDERS[0], Point(point.task, Size(63, 1, 2, 2)))


def test_the_renamed_cell_is_the_lstm():
    ours, theirs = derive.build(derive.cell("lstm")), derive.build(derive.load(ROOT / "bench/renamed.cell"))
    params = ours.init(PROBE, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(4, 2, 3))
    np.testing.assert_array_equal(theirs.forward(theirs.Params(*params), x)[0], ours.forward(params, x)[0])
    assert not set(theirs.Params._fields) & set(ours.Params._fields)


def test_selections():
    assert plan.sizes("64x32x256x256,1x1x8x8") == (Size(64, 32, 256, 256), Size(1, 1, 8, 8))
    assert [point.size.B for point in plan.selected(["lstm"], ["streaming"], plan.FULL, [1])] == []
    assert len(list(plan.selected(["lstm"], ["training"], plan.FULL, [1, 2]))) == 20
    assert [each.name for each in plan.contenders("jax", slow=True)][-1] == NUMPY
    with pytest.raises(ValueError, match="'12x3': expected all"):
        plan.sizes("12x3")
    with pytest.raises(ValueError, match="lstn: expected all"):
        plan.cells("lstn")
    with pytest.raises(ValueError, match="torch: expected beginnings"):
        plan.contenders("torch", slow=True)


def test_the_page_has_a_place_for_every_table():
    page = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    pages = page + (ROOT / "README.md").read_text(encoding="utf-8")
    assert {found[1] for found in re.findall(publish.MARKED, pages, re.DOTALL)} == publish.MEASURED.keys()
    once = publish.filled(page, report(row(PyTorch=2.0)))
    assert "| lstm, training | 1 | 1 | 2.00 | – | 2.00 | 2.00 |" in once
    assert publish.filled(once, report(row(PyTorch=2.0))) == once


def test_contenders_are_pinned_as_the_peers_of_the_tests_are():
    def pinned(lock):
        return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / lock).read_text(), re.MULTILINE))

    assert pinned("bench.txt")["torch"] == pinned("peers.txt")["torch"]
    assert {name for each in CONTENDERS for name in each.packages} <= pinned("bench.txt").keys()


@pytest.mark.plot
def test_pictures_are_drawn_of_what_there_is():
    from bench.pictures import pictures

    rows = [row(PyTorch=2.0, JAX=3.0), row(threads=2, JAX=2.0), row(mode="inference"), row(cell="gru", JAX=9.0)]
    assert [name for name, _ in pictures(report(*rows))] == ["ratios", "roofline", "cells"]
    assert list(pictures(report())) == []
