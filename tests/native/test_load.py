"""Compiling, caching and loading: every compiler, two processes at once, killed builds, what goes wrong."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from derive.native import CompileFailed, CompilerNotFound, Kernel, NativeError, load
from derive.native.cache import key_of

ROOT = Path(__file__).parents[2]
ANSWER = {
    "answer.c": '#include "value.h"\nint answer(void) { return VALUE; }\n',
    "value.h": "#define VALUE 42\n",
}
CHILD = "import sys; from derive.native import load; print(load(eval(sys.argv[1]), 'answer.c').answer())"


def entries(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.suffix == ".so")


def script(path: Path, text: str) -> str:
    """A stand-in for a compiler; `$@` in its text are the compiler's arguments."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    "command", [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("cc", "gcc", "clang")]
)
def test_each_compiler_builds_the_cell(command, monkeypatch, sources, interface):
    monkeypatch.setenv("CC", command)
    kernel = Kernel(load(sources, "leak.c"), interface, lambda *_: None, lambda *_: None)
    params = kernel.Params(np.ones(()), np.ones((1, 2)), np.ones(1))
    y, _, _ = kernel.forward(params, np.ones((2, 1, 1)))
    assert y.h.ravel().tolist() == [2.0, 6.0]


def test_second_load_does_not_compile(tmp_path, monkeypatch, own_cache):
    log = tmp_path / "log"
    monkeypatch.setenv("CC", script(tmp_path / "mycc", f'echo "$@" >> {log}; exec cc "$@"'))
    for _ in range(3):
        assert load(ANSWER, "answer.c").answer() == 42
    compiled = [line for line in log.read_text().splitlines() if " -o " in line]
    assert len(compiled) == 1
    assert "-std=c99 -O3 -ffp-contract=fast -fPIC -shared" in compiled[0]
    assert compiled[0].endswith("-lm")
    assert len(entries(own_cache)) == 1
    assert not list(own_cache.glob("*.building"))


def test_what_is_refused_is_not_kept(own_cache):
    def refuse(library):
        assert library.answer() == 42
        raise NativeError("refused")

    for _ in range(2):
        with pytest.raises(NativeError, match=r"^refused$"):
            load(ANSWER, "answer.c", accept=refuse)
        assert not entries(own_cache)
    accepted = []
    for _ in range(2):
        assert load(ANSWER, "answer.c", accept=lambda library: accepted.append(library.answer())).answer() == 42
    assert accepted == [42]


def test_sources_flags_and_compiler_each_make_another_entry(tmp_path, monkeypatch, own_cache):
    assert load(ANSWER, "answer.c").answer() == 42
    changed = {**ANSWER, "value.h": "#ifndef VALUE\n#define VALUE 43\n#endif\n"}
    assert load(changed, "answer.c").answer() == 43
    assert load(changed, "answer.c", ["-DVALUE=44"]).answer() == 44
    monkeypatch.setenv("CC", script(tmp_path / "mycc", 'exec cc "$@"'))
    assert load(ANSWER, "answer.c").answer() == 42
    monkeypatch.setenv("CC", f"{tmp_path / 'mycc'} -DVALUE=45 -w")
    assert load(changed, "answer.c").answer() == 45
    assert len(entries(own_cache)) == 5


def test_key_tells_where_one_part_ends():
    assert key_of(["ab", "c"]) != key_of(["a", "bc"])
    assert key_of(["a", "b"]) == key_of(iter(["a", "b"]))


def test_no_compiler_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompilerNotFound, match=r"^no C compiler was found") as caught:
        load(ANSWER, "answer.c")
    assert "apt install gcc" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cc_that_names_nothing_says_so(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler -O1")
    with pytest.raises(CompilerNotFound, match=r"^CC names 'no-such-compiler', which is not a command"):
        load(ANSWER, "answer.c")


def test_cc_that_is_no_compiler_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", script(tmp_path / "mycc", "echo broken; exit 3"))
    with pytest.raises(CompilerNotFound, match=r"^no working C compiler, '.*mycc --version' fails:\nbroken$"):
        load(ANSWER, "answer.c")


def test_empty_cc_is_no_cc(monkeypatch):
    monkeypatch.setenv("CC", "")
    assert load(ANSWER, "answer.c").answer() == 42


def test_compile_error_shows_what_the_compiler_said_and_leaves_nothing(own_cache):
    with pytest.raises(CompileFailed, match=r"^the C compiler failed: .*answer\.c") as caught:
        load({"answer.c": "int answer(void) { return nonsense; }\n"}, "answer.c")
    assert "nonsense" in str(caught.value)
    assert entries(own_cache) == []
    assert load(ANSWER, "answer.c").answer() == 42


def test_main_and_file_names_are_checked():
    with pytest.raises(NativeError, match=r"main: got 'other\.c', expected one of the sources \(answer\.c,"):
        load(ANSWER, "other.c")
    with pytest.raises(NativeError, match=r"^sources: got the name '\.\./up\.h', expected a file name"):
        load({**ANSWER, "../up.h": ""}, "answer.c")


@pytest.mark.parametrize("harm", [b"", b"not a library", None])
def test_damaged_entry_is_built_again(own_cache, harm):
    load(ANSWER, "answer.c")
    (name,) = entries(own_cache)
    path = own_cache / name
    sound = path.read_bytes()
    path.unlink()
    path.write_bytes(sound[: len(sound) // 2] if harm is None else harm)
    # in a process of its own, since this one has the library loaded under that path
    command = [sys.executable, "-c", CHILD, repr(ANSWER)]
    assert subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout == b"42\n"
    assert path.read_bytes() == sound


def test_cache_that_cannot_be_written_names_the_way_out(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DERIVE_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(NativeError, match=r"another folder in the environment variable DERIVE_CACHE_DIR"):
        load(ANSWER, "answer.c")


def start(compiler: str, cache: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, repr(ANSWER)],
        cwd=ROOT,
        env={**os.environ, "CC": compiler, "DERIVE_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, "the process ended before it compiled"
        assert time.monotonic() < until, "the compiler was not called"
        time.sleep(0.01)


def slow_compiler(tmp_path: Path) -> tuple[str, Path, Path]:
    """It logs each build and waits, once started, until the gate is open."""
    log, gate = tmp_path / "log", tmp_path / "gate"
    text = f'case "$*" in *--version*|*-dM*) exec cc "$@";; esac\necho built >> {log}\n'
    text += f'while [ ! -e {gate} ]; do sleep 0.02; done\nexec cc "$@"'
    return script(tmp_path / "slowcc", text), log, gate


def test_two_processes_at_once_build_once(tmp_path, own_cache):
    compiler, log, gate = slow_compiler(tmp_path)
    processes = [start(compiler, own_cache) for _ in range(3)]
    wait_for(log, processes[0])
    time.sleep(0.5)
    gate.touch()
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == ["42"] * 3
    assert log.read_text() == "built\n"


def test_killed_build_is_no_obstacle(tmp_path, own_cache):
    compiler, log, gate = slow_compiler(tmp_path)
    killed = start(compiler, own_cache)
    wait_for(log, killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    assert list(own_cache.glob("*.building"))
    assert entries(own_cache) == []
    gate.touch()
    again = start(compiler, own_cache)
    assert again.communicate(timeout=60)[0].strip() == "42"
    assert len(entries(own_cache)) == 1
    assert not list(own_cache.glob("*.building"))


def test_loaded_object_is_a_ctypes_library():
    assert isinstance(load(ANSWER, "answer.c"), ctypes.CDLL)
