"""docs/errors.md leaves no error out: every place that refuses a cell is reached, every text is shown.

Both are taken from the syntax trees of derive/language, so a new message is missed here until the page has it.
"""

import ast
import re
import sys
from pathlib import Path

import pytest
import runpages

from derive.language import CODES, CellError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "derive" / "language").glob("*.py")}
WORDS = re.compile(r"[A-Za-z,;]+ |, | [A-Za-z]+")


def refusals():
    """(file, first line, last line) of every place where a refusal is made."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "CellError":
                yield path, node.lineno, node.end_lineno


def silent(tree):
    """What no reader of a report sees: docstrings, patterns, what a developer is told, the macros of every cell."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.startswith("re.") or name == "TypeError":
                yield node
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PRELUDE":
            yield node


def texts():
    """Every text with words in it that a report may contain: a pattern, with anything where values go."""
    for path, tree in TREES.items():
        hidden = {id(inner) for node in silent(tree) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            if id(node) in hidden:
                continue
            if isinstance(node, ast.JoinedStr):
                hidden |= {id(part) for part in node.values}
                parts = [re.escape(p.value) if isinstance(p, ast.Constant) else ".*?" for p in node.values]
                written = "".join(str(p.value) for p in node.values if isinstance(p, ast.Constant))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                parts, written = [re.escape(node.value)], node.value
            else:
                continue
            if WORDS.search(written):
                yield f"{path.name}:{node.lineno}: {written}", "".join(parts)


@pytest.fixture(scope="module")
def reached(tmp_path_factory):
    """Where the refusals of the page were made."""
    places = set()
    original = CellError.__init__

    def watched(self, *args, **options):
        caller = sys._getframe(1)
        places.add((Path(caller.f_code.co_filename), caller.f_lineno))
        original(self, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("errors"))
        patch.setattr(CellError, "__init__", watched)
        runpages.run(PAGE)
    return places


def unreached(places):
    """Where a refusal is made that is none of these."""
    return [
        f"{path.name}:{first}"
        for path, first, last in refusals()
        if path.name != "errors.py" and not any(file == path and first <= line <= last for file, line in places)
    ]


def unshown(page):
    """The texts that no block of a page has."""
    shown = "\n".join(block.text for block in runpages.blocks(page) if block.language == "text")
    lines = shown + "\n" + "\n".join(CODES.values())
    return [where for where, pattern in texts() if not re.search(pattern, lines)]


def test_every_refusal_is_on_the_page(reached):
    assert not unreached(reached), "docs/errors.md has no cell that is refused there"


def test_every_text_is_on_the_page():
    missing = unshown(PAGE.read_text(encoding="utf-8"))
    assert not missing, "docs/errors.md does not show\n" + "\n".join(missing)


def test_what_is_missing_is_noticed(reached):
    page = PAGE.read_text(encoding="utf-8")
    before, _, behind = page.partition("## `cycle`")
    assert unshown(before + behind.partition("\n## ")[2])
    unseen = unreached({place for place in reached if place[0].name != "numbers.py"})
    assert {where.partition(":")[0] for where in unseen} == {"numbers.py"}


def test_every_code_has_a_section():
    sections = re.findall(r"^## `(\w+)`: (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sections == list(CODES.items())
