"""What is promised about the C itself: no warnings, no state, no allocation, its names, its size."""

import platform
import re
import sys

import pytest
from cellfolder import EVERY, SHIPPED, Arguments, assert_close, cell, example, results, sample, source
from ckernels import STRICT, kernel, native_module, run, table, texts, written

import derive
from derive import derivation, emit
from derive.backends import Proven, c
from derive.backends.c.names import member

SHARED = c.shared_pages()
CELLS = pytest.mark.parametrize("name", EVERY)


@CELLS
@pytest.mark.needs("clang")
def test_clang_has_nothing_to_warn_of(name, tmp_path):
    run(["clang", "-std=c99", "-O3", "-fsyntax-only", *STRICT, written(name, tmp_path)], tmp_path)


@pytest.mark.parametrize("name", sample(3))
@pytest.mark.needs("g++", "clang++")
def test_header_is_cplusplus_and_stands_alone(name, tmp_path):
    written(name, tmp_path)
    prefix = table(name).prefix
    (tmp_path / "use.cpp").write_text(
        "#include <cmath>\n#include <math.h>\n#include <complex.h>\n"
        f'#include "{prefix}.h"\n#include "{prefix}.h"\n'
        f"size_t use(const {prefix}_dims &dims) {{ return {prefix}_f32_work_bytes(&dims, NULL); }}\n"
    )
    (tmp_path / "use.c").write_text(f'#include "{prefix}.h"\nextern int nothing;\n')
    for compiler in ("g++", "clang++"):
        run([compiler, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "use.cpp"], tmp_path)
    run([compiler.rstrip("+"), "-std=c99", *STRICT, "-fsyntax-only", "use.c"], tmp_path)


def test_no_member_of_a_struct_is_called_as_a_macro_of_ours():
    defined = {name for text in texts("lstm").values() for name in re.findall(r"# *define (\w+)(?![\w(])", text)}
    assert {"real", "LANES", "vec_load"} < defined
    assert [name for name in sorted(defined) if member(name) == name and not name.startswith("DERIVE_")] == []


@pytest.mark.parametrize("name", ["base", "threads", "RNN"])
@pytest.mark.needs("cc")
def test_headers_of_cells_keep_out_no_others(name, tmp_path):
    of = derive.parse(cell("rnn").source, name=name)
    for file, page in {**c.pages(derivation(of).derived, (), Proven((), ())), **c.shared_pages()}.items():
        (tmp_path / file).write_text(emit.render(page.template, page.context))
    written("rnn", tmp_path)
    (tmp_path / "both.c").write_text(f'#include "rnn.h"\n#include "{name}_threads.c"\nrnn_dims one;\n{name}_dims other;\n')
    run(["cc", "-std=c99", "-fsyntax-only", "both.c"], tmp_path)


@pytest.mark.needs("cc")
def test_a_cell_may_call_its_gates_as_our_arguments_are_called(tmp_path):
    text = """
        input x : d_x
        state h : d_h
        room = tanh(W @ x + U @ h[t-1])
        meet = sigmoid(V @ room)
        parts = relu(meet)
        begin = meet * parts
        h[t] = h[t-1] * begin + room
    """
    of = derive.parse(text, name="words")
    for file, page in {**c.pages(derivation(of).derived, (), Proven((), ())), **c.shared_pages()}.items():
        (tmp_path / file).write_text(emit.render(page.template, page.context))
    run(["cc", "-std=c99", "-fsyntax-only", *STRICT, c.main_source(of)], tmp_path)


@pytest.mark.needs("gcc")
def test_flags_that_give_wrong_numbers_are_refused(tmp_path):
    main = written("rnn", tmp_path)
    with pytest.raises(AssertionError, match="compile without -ffast-math"):
        run(["gcc", "-std=c99", "-Ofast", "-fsyntax-only", main], tmp_path)


def symbols(library, folder):
    """(kind, name) of every symbol, without those that any library has."""
    (folder / "empty.c").write_text("typedef int nothing;\n")
    run(["gcc", "-shared", "-fPIC", "-o", "empty.so", "empty.c"], folder)
    ours, any_library = (
        {
            (kind, name.partition("@")[0])
            for kind, name in (line.split()[-2:] for line in run(["nm", path], folder).splitlines())
        }
        for path in (library, folder / "empty.so")
    )
    compilers = ("__cpu_", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail")  # what tells of the processor, and the like
    return {(kind, name) for kind, name in ours - any_library if not name.startswith(compilers)}


@pytest.mark.parametrize("name", sample(3))
@pytest.mark.needs("cc", "gcc", "nm")
def test_symbols_are_prefixed_and_nothing_is_writable_or_allocated(name, tmp_path):
    main = written(name, tmp_path)
    sets = [] if name in SHIPPED[::3] else ["-DDERIVE_PLAIN"]
    run(["gcc", "-std=c99", "-O0", *sets, "-fPIC", "-shared", "-pthread", "-o", "unstripped.so", main, "-lm"], tmp_path)
    found = symbols(tmp_path / "unstripped.so", tmp_path)
    prefix = table(name).prefix
    entries = ("packed_bytes", "tape_bytes", "work_bytes", "tape_offset", "pack", "forward", "backward", "step")
    entries = (*entries, "forward_threads", "backward_threads")
    exported = {symbol for kind, symbol in found if kind.isupper() and kind != "U"}
    crew = {f"{prefix}_crew_{entry}" for entry in ("bytes", "start", "end")}
    assert exported == crew | {f"{prefix}_{p}_{entry}" for p in ("f32", "f64") for entry in entries}
    assert {kind for kind, _ in found} <= set("TtUrd"), "a variable that is not constant"
    variable = {symbol for kind, symbol in found if kind == "d"}
    assert all(symbol.endswith("_kernels") for symbol in variable), "addresses alone, which the loader fills in"
    needed = {symbol for kind, symbol in found if kind == "U"}
    waiting = {f"pthread_{what}" for what in ("mutex_init", "mutex_lock", "mutex_unlock", "mutex_destroy")}
    waiting |= {f"pthread_{what}" for what in ("cond_init", "cond_wait", "cond_broadcast", "cond_destroy")}
    threads = {"pthread_create", "pthread_join", "sched_yield", *waiting}
    assert needed <= {"memcpy", "memset", "memmove"} | threads | {"sin", "sinf", "cos", "cosf", "sqrt", "sqrtf"}


@pytest.mark.needs("gcc", "clang")
def test_the_command_in_the_file_compiles_it_where_it_lies(tmp_path):
    """With the shared headers in the folder above; for other machines and small programs plain C alone."""
    (tmp_path / "lstm").mkdir()
    for file, text in texts("lstm").items():
        (tmp_path / ("" if file in SHARED else "lstm") / file).write_text(text)
    command = re.search(r"^ \* +cc (-std=c99 .*) lstm\.c$", texts("lstm")["lstm.c"], re.MULTILINE)[1].split()
    for compiler in ("gcc", "clang"):
        for file in ("lstm.c", "lstm_threads.c"):
            plain = ["-DDERIVE_PLAIN"] if file == "lstm_threads.c" or compiler == "gcc" else []
            run([compiler, *command, *plain, *STRICT, "-o", f"{compiler}.o", file], tmp_path / "lstm")
        assert not re.search(r"avx|neon", run(["nm", f"{compiler}.o"], tmp_path / "lstm"))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads the assembly of x86-64")
@pytest.mark.needs("gcc", "clang")
def test_sums_of_a_tile_stay_in_registers_and_a_vector_is_loaded_once(compiler, tmp_path):
    """Clang keeps sums in memory where a loop over them is not unrolled, GCC folds a load into each multiply-add."""
    written("lstm", tmp_path)
    run([compiler, "-std=c99", "-O3", "-ffp-contract=fast", "-S", "-o", "lstm.s", "lstm.c"], tmp_path)
    assembly = (tmp_path / "lstm.s").read_text()
    for vectors in (1, 2, 3, 4):
        body = assembly.partition(f"\nlstm_f32_avx512_tile_{vectors}:")[2].partition(".size")[0]
        lines = [line.split("#")[0] for line in body.splitlines() if "vfmadd" in line]
        assert len(lines) >= vectors * sum(range(1, 7))
        assert [line for line in lines if re.search(r"\(%r[sb]p", line)] == []
        loaded = [line for line in lines if "(" in line and "{1to16}" not in line]
        assert len(loaded) <= 4 * vectors, "more than those of a row alone, which clang repeats"


@CELLS
def test_a_cell_is_at_most_sixty_kilobytes(name):
    assert sum(len(text.encode()) for file, text in texts(name).items() if file not in SHARED) <= 60_000


@CELLS
def test_lines_are_short_and_no_comment_ends_early(name):
    for file, text in texts(name).items():
        assert text.count("/*") == text.count("*/"), file
        code = [re.sub(r"/\*.*?\*/", "", line) for line in text.splitlines()]
        assert max(map(len, code)) <= max(120, 100 + 2 * len(name)), file
        assert not re.search(r"[ \t]$", text, re.MULTILINE), file


@CELLS
def test_the_authors_equations_stand_in_the_code(name):
    of = table(name)
    body = texts(name)[f"{of.prefix}_kernels.inc"]
    told = re.findall(r"/\* (\w+(?:\[t\])? = .*) \*/", body)
    assert told, "no equation is quoted"


def test_header_tells_of_every_pointer():
    header = texts("lstm")["lstm.h"]
    for entry in ("q_pack ", "q_forward ", "q_backward ", "q_step "):
        assert entry in header
    for argument in ("params", "packed", "inputs", "initial", "outputs", "final", "tape", "work", "doutputs",
                     "dfinal", "dparams", "dinputs", "dinitial", "new_state"):  # fmt: skip
        assert re.search(rf"^ \*   (?:\w+, )*{argument}\b.*\((read|written|scratch)\)", header, re.MULTILINE), argument
    assert "const float *W_f; /* [d_h][d_h + d_x]" in header


def test_text_does_not_depend_on_the_order_of_hashes(tmp_path):
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from ckernels import texts, native_module\n"
        "print(*(t for n in ('mlstm', 'kinks') for t in texts(n).values()), native_module('mlstm'))\n"
    )
    folders = [path for path in sys.path if path.endswith(("tests", "tests/c"))] + sys.path
    seen = {run([sys.executable, "-c", script, *folders], tmp_path, PYTHONHASHSEED=seed) for seed in "012"}
    assert len(seen) == 1


@pytest.mark.needs("cc")
@pytest.mark.parametrize("name", ["lstm", "second_order", *SHIPPED[-1:]])
def test_native_module_is_the_numpy_module_over_c(name, tmp_path, monkeypatch):
    package = tmp_path / f"generated_{name}"
    package.mkdir()
    written(name, package)
    for file in SHARED:
        (package / file).rename(tmp_path / file)
    (package / "__init__.py").write_text(source(name))
    (package / "native.py").write_text(native_module(name))
    monkeypatch.syspath_prepend(tmp_path)
    native = __import__(f"{package.name}.native", fromlist=["forward"])
    assert table(name) == native.INTERFACE
    assert set(native.__all__) <= set(dir(native))
    given = Arguments(native, example(name, "distinct")[0])
    assert_close(results(native, given), results(kernel(name), given), 1e-14)
