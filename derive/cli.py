"""The command line: reads arguments, calls the pipeline, says what came of it.

Exit codes: 0 done; 1 what was asked for does not hold (a proof fails, files drifted, a cell is wrong);
2 the command itself was misused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, track
from rich.table import Table

from derive import pipeline
from derive.language import Cell, CellError, cell, load, shipped
from derive.native import NativeError
from derive.proof import ProofError
from derive.report import report

_OUT = Path("generated")
_out = Console(highlight=False, soft_wrap=True, markup=False)
_wide = Console(highlight=False, width=400, markup=False)
"""For tables: none is cut where the output is no terminal."""
_progress = Console(stderr=True)


def _reported(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with every error that a user can cause told in its own words, without a traceback."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except OSError as error:
            told = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            raise SystemExit(_fail(told)) from error
        except (CellError, ProofError, NativeError, pipeline.NetworkError) as error:
            raise SystemExit(_fail(str(error))) from error

    return run


def _fail(message: str) -> int:
    click.echo(message, err=True)
    return 1


def _cells(names: Sequence[str]) -> list[Cell]:
    """Cells by name or by file; all that are shipped where none is named."""
    cells = [load(n) if n.endswith(".cell") else cell(n) for n in names or shipped()]
    for each, number in Counter(each.name for each in cells).items():
        if number > 1:
            raise click.UsageError(f"{number} of the cells are called {each}; name each once")
    return cells


def _each(cells: Sequence[Cell], doing: str) -> Iterable[Cell]:
    return track(cells, doing, console=_progress, transient=True) if _progress.is_terminal else cells


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="derive-rnn")
def main() -> None:
    """From gate equations to proven gradients and kernels.

    CELL is the name of a shipped cell (such as lstm) or a file ending in .cell; docs/language.md says how to
    write one.

    \b
      derive show gru                    its equations and their gradients
      derive prove my.cell               is it right? nothing is written
      derive generate my.cell -o out     NumPy, C and LaTeX into out/my
      derive report my.cell -o page      all of it on one page, for a browser
      derive check                       is generated/ what the cells derive to?
      derive draw lstm                   pictures of it, as SVG, into pictures/lstm
      derive compare rnn lstm            two cells side by side

    Exit codes: 0 done; 1 what was asked for does not hold, or a cell is wrong; 2 misuse.
    """


def _ending_in(*suffixes: str) -> Callable[..., Path | None]:
    """Checks the name of a picture's file."""

    def checked(_context: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
        if value is not None and Path(value).suffix not in suffixes:
            raise click.BadParameter(f"got {value}, expected a name that ends in {' or '.join(suffixes)}")
        return Path(value) if value is not None else None

    return checked


_folder = click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), default=_OUT, show_default=True,
    help="Folder with one package a cell.",
)  # fmt: skip


@main.command()
@click.argument("cells", metavar="[CELL]...", nargs=-1)
@_folder
@click.option("--standalone", is_flag=True, help="Only files that need no derive: NumPy, C, LaTeX.")
@_reported
def generate(cells: tuple[str, ...], output: Path, standalone: bool) -> None:
    """Prove cells and write their kernels.

    For each cell a Python package: NumPy, C, and the derivation in LaTeX. Without CELL, all shipped cells. A cell
    whose proof fails is not written, and a file that would not change is left alone.
    """
    chosen = _cells(cells)
    for each in _each(chosen, "deriving"):
        texts = pipeline.generate(each, standalone=standalone)
        written = pipeline.write(output / each.name, texts)
        told = f"{_count(len(written), 'file')} written to" if written else "nothing new for"
        _out.print(f"{each.name:<22} proven; {told} {output / each.name}")
    pipeline.write(output, pipeline.shared())


@main.command()
@click.argument("cells", metavar="[CELL]...", nargs=-1)
@_folder
@_reported
def check(cells: tuple[str, ...], output: Path) -> None:
    """Compare files with their cells.

    Derives again, and fails with a diff where a file differs. Without CELL, all shipped cells, and nothing else may
    be in the folder.
    """
    diffs = [] if cells else pipeline.drift(output, pipeline.shared(), shipped())
    for each in _each(_cells(cells), "checking"):
        diffs += pipeline.drift(output / each.name, pipeline.generate(each))
    for diff in diffs:
        click.echo(diff, nl=False)
    if diffs:
        accept = " ".join(["derive generate", *cells, *([] if output == _OUT else ["-o", str(output)])])
        differ = f"{_count(len(diffs), 'file')} {'differs' if len(diffs) == 1 else 'differ'}"
        raise SystemExit(_fail(f"{differ}; to accept what is derived now: {accept}"))
    _out.print(f"{output}: every file is what its cell derives to")


@main.command()
@click.argument("cells", metavar="CELL...", nargs=-1, required=True)
@_reported
def prove(cells: tuple[str, ...]) -> None:
    """Prove and try cells, write nothing.

    Checks a cell's text, its gradients and its step Jacobian against its equations, and its kernels on numbers
    (C where there is a compiler).
    """
    for each in _each(_cells(cells), "proving"):
        verified = pipeline.verify(pipeline.derivation(each).derived)
        _out.print(f"{each.name}:")
        for line in verified.summary():
            _out.print(f"  {line}")
        trials = pipeline.trial(verified)
        for run in trials:
            _out.print(f"  {run.summary()}")
        if not any(run.backend == "c" for run in trials):
            _out.print("  The C kernel was not tried: no C compiler was found.")


@main.command()
@click.argument("name", metavar="CELL")
@_reported
def show(name: str) -> None:
    """Print a cell and its gradients.

    The equations as written, in normal form, those of backpropagation through time, and the step Jacobian.
    """
    [each] = _cells([name])
    click.echo(pipeline.derivation(each).show())


@main.command("report")
@click.argument("cells", metavar="[CELL]...", nargs=-1)
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True,
              help="Folder for index.html; with several cells, for a gallery and a folder a cell.")
@click.option("--against", metavar="CELL", help="A cell to stand beside it.  [default: the simple recurrent network]")
@_reported
def report_(cells: tuple[str, ...], output: Path, against: str | None) -> None:
    """Write a page on a cell: all of its derivation, with pictures, proof and code.

    The page needs nothing but a browser. Without CELL, all shipped cells, and a gallery of them.
    """
    pages = _extra("pages")
    chosen = _cells(cells)
    [other] = _cells([against]) if against else [None]
    with _told(len(chosen)) as told:
        for folder, texts in pages.build(chosen, other, told):
            pipeline.write(output / folder, texts)
    _out.print(f"{output / 'index.html'}: {_count(len(chosen), 'cell')}")


@main.command()
@click.argument("cells", metavar="CELL...", nargs=-1, required=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), default=Path("pictures"), show_default=True,
    help="Folder with one folder a cell.",
)  # fmt: skip
@_reported
def draw(cells: tuple[str, ...], output: Path) -> None:
    """Draw cells, as SVG.

    The whole cell, its gradient on the way back, three steps of it in time, and each equation.
    """
    for each in _each(_cells(cells), "drawing"):
        texts = {
            f"{name}.svg": pipeline.svg(picture, f"{each.name}-{name}")
            for name, picture in pipeline.pictures(each).items()
        }
        written = pipeline.write(output / each.name, texts)
        told = f"{_count(len(written), 'picture')} written to" if written else "nothing new for"
        _out.print(f"{each.name:<22} {told} {output / each.name}")


@main.command()
@click.argument("left", metavar="LEFT")
@click.argument("right", metavar="RIGHT")
@click.option(
    "-o", "--output", metavar="FILE", callback=_ending_in(".svg"), help="The picture.  [default: LEFT-RIGHT.svg]"
)
@_reported
def compare(left: str, right: str, output: Path | None) -> None:
    """Draw two cells side by side, as SVG.

    States that one has and the other has not are pointed out, and what on them is kept, written and read.
    """
    one, other = _cells([left])[0], _cells([right])[0]
    name = f"{one.name}-{other.name}"
    path = output or Path(f"{name}.svg")
    pipeline.write(path.parent, {path.name: pipeline.svg(pipeline.beside(one, other), name)})
    _out.print(f"picture written to {path}")


@main.command()
@click.argument("name", metavar="CELL")
@click.argument("weights", metavar="WEIGHTS.npz")
@click.option("--input", "inputs", metavar="X.npz", help="Inputs by name, each (T, …) or (T, B, …).")
@click.option("--lag", type=click.IntRange(min=1), help="Steps to remember.  [default: as many as the input has]")
@click.option(
    "--picture", metavar="FILE", callback=_ending_in(".svg", ".png"),
    help="Draw the gradient flow too: .svg or .png.",
)  # fmt: skip
@_reported
def diagnose(name: str, weights: str, inputs: str | None, lag: int | None, picture: Path | None) -> None:
    """Say how gradients flow in a trained network, and what to change if they vanish or explode.

    WEIGHTS.npz holds the parameters by name, as derive.save_params writes them.
    """
    drawing = _extra("figures") if picture else None
    [each] = _cells([name])
    network = pipeline.load_network(each, weights, inputs)
    diagnosis = pipeline.diagnose(network.kernel, network.params, network.x, lag=lag)
    _out.print(f"{each.name}, {weights}; {network.source}")
    for part in report(diagnosis):
        (_wide if isinstance(part, Table) else _out).print(part)
    if drawing and picture:
        drawing.save(drawing.network(diagnosis.flow), picture)
        _out.print(f"picture written to {picture}")


_NEEDED = {"figures": ("pictures need matplotlib", "plot"), "pages": ("pages need latex2mathml and Pygments", "pages")}


def _extra(room: str) -> Any:
    """A room that needs more than the rest."""
    try:
        return import_module(f"derive.{room}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "derive":
            raise
        needs, extra = _NEEDED[room]
        raise SystemExit(_fail(f"{needs}: pip install 'derive-rnn[{extra}]'")) from error


@contextmanager
def _told(total: int) -> Iterator[Callable[[str, float], None]]:
    """A progress line, where there is a terminal: is told what is done, and how many cells are."""
    if not _progress.is_terminal:
        yield lambda doing, done: None
        return
    with Progress(console=_progress, transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda doing, done: progress.update(task, description=doing, completed=done)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
