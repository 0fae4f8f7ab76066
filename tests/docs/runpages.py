"""A page of Markdown as something to run: its blocks of code, and what the page says comes of each.

In: a page. Out: `Blocks` of it, and `run`, which carries them out in order, in a folder of their own, and compares what
they print with what is shown. How a block is marked, so that it reads well wherever Markdown is shown:

    cell, c       written to the file that a comment names before it (`<!-- file: my.cell -->`); a cell is parsed too
    python        run, all of a page in one namespace
    console       lines that begin with `$` are run: derive, the compiler, what that made; the rest is what they print
    text          what the block before it prints, or the report of the cell before it, or part of the file that a
                  comment names (`<!-- from: generated/lstm/__init__.py -->`)
    sh            commands to be typed at a place of the reader's own; not run, but they have to exist

In what is shown `…` stands for anything. `DERIVE_ACCEPT=1` writes what is printed into the page instead.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from derive import CellError, cli, parse

ROOT = Path(__file__).parents[2]
_MARK = re.compile(r"<!-- (file|from): (\S+) -->")
_BLOCK = re.compile(
    r"^(?P<marks>(?:<!-- [^\n]* -->\n)*)```(?P<language>\S*)\n(?P<text>.*?)^```$", flags=re.MULTILINE | re.DOTALL
)


@dataclass
class Block:
    """A fenced block: where its text stands (0-based lines of the page), and what a comment before it says."""

    language: str
    text: str
    first: int
    last: int
    marks: dict[str, str]
    adjoins: bool  # nothing but blank lines stands between it and the block before


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order; none stands within a list."""
    found: list[Block] = []
    end = 0
    for match in _BLOCK.finditer(page):
        adjoins = bool(found) and not page[end : match.start()].strip()
        first = page.count("\n", 0, match.start("text"))
        last = first + match["text"].count("\n")
        found.append(Block(match["language"], match["text"], first, last, dict(_MARK.findall(match["marks"])), adjoins))
        end = match.end()
    return found


class Mismatch(AssertionError):
    """What is shown is not what comes out."""


def run(path: Path) -> None:
    """Carry out a page in the current folder; what differs from what it shows is told, or accepted."""
    lines = path.read_text(encoding="utf-8").split("\n")
    runner = _Runner()
    accepted: list[tuple[Block, str]] = []
    for block, shown, printed in runner.outcomes(blocks("\n".join(lines))):
        if _matches(shown, printed):
            continue
        if not os.environ.get("DERIVE_ACCEPT"):
            raise Mismatch(f"{path.name}, line {block.first}: shown\n\n{shown}\n\nbut it is\n\n{printed}")
        accepted.append((block, printed))
    for block, printed in reversed(accepted):
        lines[block.first : block.last] = printed.rstrip("\n").split("\n")
        path.write_text("\n".join(lines), encoding="utf-8")


def _matches(shown: str, printed: str) -> bool:
    pattern = ".*?".join(re.escape(part) for part in shown.rstrip().split("…"))
    return re.fullmatch(pattern, printed.rstrip(), re.DOTALL) is not None


class _Runner:
    def __init__(self) -> None:
        self.namespace: dict[str, object] = {"__name__": "page"}

    def outcomes(self, of: list[Block]) -> Iterator[tuple[Block, str, str]]:
        """(block that shows, what it shows, what comes out)."""
        pending: str | None = None  # what the block before printed and nothing has shown yet
        for block in of:
            if block.language == "text":
                if "from" in block.marks:
                    _stands_in(block)
                    continue
                assert block.adjoins, f"line {block.first}: what this shows has to follow at once"
                assert pending is not None, f"line {block.first}: nothing says what this shows"
                yield block, block.text, pending
                pending = None
                continue
            assert not pending, f"line {block.first}: the page does not show what came before:\n{pending}"
            pending = None
            match block.language:
                case "cell":
                    pending = _cell(block)
                case "c":
                    Path(block.marks["file"]).write_text(block.text, encoding="utf-8")
                case "python":
                    pending = self._python(block)
                case "console":
                    yield block, block.text, _console(block)
                case "sh":
                    _known(block)
                case other:
                    raise AssertionError(f"line {block.first}: nothing is known of blocks of {other!r}")
        assert not pending, f"the page does not show what came last:\n{pending}"

    def _python(self, block: Block) -> str:
        """What a block prints; an error that it ends with is printed too, as its last line in a terminal."""
        printed = io.StringIO()
        code = compile("\n" * block.first + block.text, "<page>", "exec")
        with contextlib.redirect_stdout(printed):
            try:
                exec(code, self.namespace)  # noqa: S102 - our own text
            except CellError as error:
                print(error)  # noqa: T201
            except (ValueError, TypeError, RuntimeError) as error:
                print(f"{type(error).__name__}: {error}")  # noqa: T201
        return printed.getvalue()


def _cell(block: Block) -> str | None:
    """Written where it has a name; the report where it is refused."""
    file = block.marks.get("file")
    if file:
        Path(file).write_text(block.text, encoding="utf-8")
    name = file or "example.cell"
    try:
        parse(block.text, Path(name).stem, name)
    except CellError as error:
        return str(error)
    return None


def _stands_in(block: Block) -> None:
    """Lines of a file, as they stand there or further to the left; `…` for lines that are left out."""
    file = Path(block.marks["from"])
    text = (file if file.exists() else ROOT / file).read_text(encoding="utf-8")
    at = 0
    for part in re.split(r"^[ \t]*…\n", block.text, flags=re.MULTILINE):
        body = textwrap.dedent(part).rstrip("\n")
        pattern = "\n".join(rf"[ \t]*{re.escape(line.strip())}" if line.strip() else "" for line in body.split("\n"))
        found = re.compile(rf"^{pattern}$", re.MULTILINE).search(text, at)
        assert found, f"line {block.first}: this does not stand in {file}:\n{body}"
        at = found.end()


def _console(block: Block) -> str:
    """The block with what its commands print."""
    told = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            printed = _command(line.removeprefix("$ ")).rstrip()
            told += [line, *printed.splitlines()]
    return "\n".join(part.rstrip() for part in told)


def _command(line: str) -> str:
    program, *arguments = shlex.split(line)
    if program == "derive":
        return _derive(arguments)
    if program == "cat":
        return "".join(Path(name).read_text(encoding="utf-8") for name in arguments)
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _derive(arguments: list[str]) -> str:
    """The command line, in this process: starting another takes a second each."""
    told, code = io.StringIO(), None
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        try:
            cli.main(arguments, prog_name="derive")
        except SystemExit as stop:
            code = stop.code
    assert code != 2, told.getvalue()
    return told.getvalue()


def _known(block: Block) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["make"]:
            assert set(words[1:]) <= set(targets), line
        if words[:1] == ["derive"]:
            assert words[1] in cli.main.commands, line


def forget_generated() -> None:
    """A page may generate and import packages that another generated under the same name."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "generated"]:
        del sys.modules[name]
