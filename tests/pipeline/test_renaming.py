"""Names mean nothing: every variable and axis of a shipped cell renamed, and the same comes out.

Two maps. One keeps the alphabetical order of all names, the other turns it round. Each new name carries a
mark that stands nowhere else, so that the generated text can be read back, whatever made-up names such as
`W_fh` or `df_net` the marked ones are part of.
"""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from cellfolder import EVERY, SHIPPED, Arguments, assert_close, cell, example, numpy_source, results, run_source, source

from derive.language import parse
from derive.pipeline.derivation import derive
from derive.schedule import Loop, Stack

KEPT = "00Q"  # behind a name: sorts before every letter and underscore, so the order of names stays


def keeping(names):
    return {name: name + KEPT for name in names}


def turning(names):
    """An underscore stays, since `W_f` and `h` make `W_fh` but `W` and `h` make `W_h`."""
    ordered = sorted(names, reverse=True)
    return {name: f"V{k:02d}{'_' if '_' in name else ''}J" for k, name in enumerate(ordered)}


def back(text, renaming):
    known = {new: old for old, new in renaming.items()}
    return re.sub(r"V\d\d_?J", lambda m: known[m[0]], text.replace(KEPT, ""))


@cache
def renamed(name, how):
    """The cell with every name that is written in it replaced, comments and remarks aside."""
    of = cell(name)
    renaming = how([*of.variables, *(a for a in of.axes if re.search(rf"\b{a}\b", _code(of.source)))])
    lines = []
    for line in of.source.splitlines():
        code, mark, comment = line.partition("#")
        if not code.startswith("note "):
            code = re.sub(r"[A-Za-z]\w*", lambda m: renaming.get(m[0], m[0]), code)
        lines.append(code + mark + comment)
    return derive(replace(parse("\n".join(lines) + "\n"), name=name)), renaming


def _code(text):
    return "\n".join(line.partition("#")[0] for line in text.splitlines())


def code(text):
    """Words and signs, comments aside: where these stand depends on how long names are."""
    lines = [re.sub(r"(^|\s)# .*", "", line) for line in text.splitlines()]
    return [re.findall(r"\w+|[^\w\s]", line) for line in lines if line.strip()]


@pytest.mark.parametrize("how", [keeping, turning])
@pytest.mark.parametrize("name", SHIPPED)
def test_the_text_is_the_same_up_to_the_names(name, how):
    derived, renaming = renamed(name, how)
    assert set(cell(name).variables) <= set(renaming)
    assert code(back(numpy_source(derived), renaming)) == code(source(name))


@pytest.mark.parametrize("how", [keeping, turning])
@pytest.mark.parametrize("name", EVERY)
def test_the_results_are_the_same(name, how):
    derived, renaming = renamed(name, how)
    problem, _ = example(name, "distinct")
    made, original = run_source(name, numpy_source(derived)), run_source(name, source(name))
    known = {new: old for old, new in renaming.items()}
    moved = replace(
        problem,
        sizes={"T": 3, "B": 2} | {a: problem.sizes[back(a, renaming)] for a in derived.cell.axes},
        **{
            group: {renaming[k]: array for k, array in getattr(problem, group).items()}
            for group in ("params", "inputs", "initial", "doutputs", "dfinal")
        },
    )
    got = results(made, Arguments(made, moved))
    got = {" ".join([*key.split(" ")[:-1], known[key.split(" ")[-1]]]): a for key, a in got.items()}
    with np.errstate(all="raise"):
        assert_close(got, results(original, Arguments(original, problem)), 1e-12)


@pytest.mark.parametrize("how", [keeping, turning])
@pytest.mark.parametrize("name", [n for n in EVERY if n != "awkward_names"])  # its names clash with made-up ones
def test_the_schedule_has_the_same_form(name, how):
    derived, renaming = renamed(name, how)
    original = derive(cell(name)).schedule
    assert [back(v, renaming) for v in derived.schedule.saved] == list(original.saved)
    for program in ("forward", "backward", "step", "replay"):
        assert _form(getattr(derived.schedule, program), renaming) == _form(getattr(original, program), {})


def _form(program, renaming):
    """Steps, loops and stacks by the names of what they compute."""

    def of(step):
        names = [back(e.name, renaming) for e in step.equations]
        if isinstance(step, Loop):
            return ("loop", step.backward, [of(s) for s in step.body])
        return (step.kind, names, [back(m, renaming) for m in step.members]) if isinstance(step, Stack) else names

    return [of(step) for step in program.steps], sorted(back(v, renaming) for v in program.sequences)


def test_the_maps_do_what_they_say():
    names = [*cell("lstm").variables, *cell("lstm").axes]
    kept, turned = keeping(names), turning(names)
    assert sorted(names, key=kept.__getitem__) == sorted(names)
    assert sorted(names, key=turned.__getitem__) == sorted(names, reverse=True)
    assert KEPT not in "".join(source(n) for n in SHIPPED)
    assert not re.search(r"V\d\d_?J", "".join(source(n) for n in SHIPPED))
