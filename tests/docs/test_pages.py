"""The pages keep their word: what they show is what comes out, what they name exists."""

import re
from pathlib import Path

import pytest
import runpages

from derive import cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
NAMED = [str(page.relative_to(DOCS)) for page in PAGES]


@pytest.mark.drift
@pytest.mark.needs("cc")
@pytest.mark.parametrize("page", PAGES, ids=NAMED)
def test_what_a_page_shows_is_what_comes_out(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    runpages.forget_generated()
    runpages.run(page)
    runpages.forget_generated()


@pytest.mark.parametrize("page", PAGES, ids=NAMED)
def test_links_and_paths_exist(page):
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert (page.parent / link).exists(), link
    for path in re.findall(r"`((?:derive|docs|templates|tests|examples|bench)/[\w./]+)`", text):
        assert (ROOT / path).exists(), path


def test_the_first_page_leads_to_every_other():
    named = re.findall(r"\]\(([\w/]+\.md)\)", (DOCS / "index.md").read_text(encoding="utf-8"))
    assert {str(page.relative_to(DOCS)) for page in PAGES if page.stem[:1].isalpha()} == {*named, "index.md"}


def test_every_command_is_told():
    shown = re.findall(r"^\| `derive (\w+)", (DOCS / "commands.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(shown) == sorted(cli.main.commands)


WRONG = {
    "another output": "```python\nprint(1)\n```\n\n```text\n2\n```\n",
    "an output that is not shown": "```python\nprint(1)\n```\n",
    "an error that is not shown": "```python\nint('x')\n```\n",
    "a cell that is wrong": "```cell\ninput x : d_x\n```\n",
    "a cell that is right": "```cell\ninput x\nstate h\nh[t] = x\n```\n\n```text\nerror[empty]: no cell\n```\n",
    "text from nowhere": "```text\nfrom nowhere\n```\n",
    "text of no file": "<!-- from: Makefile -->\n```text\nno such line\n```\n",
    "a command that prints something else": "```console\n$ derive --version\n0\n```\n",
    "a command that fails": "```console\n$ false\n```\n",
    "an unknown target": "```sh\nmake haste\n```\n",
    "an unknown language": "```fortran\nEND\n```\n",
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_page_is_noticed(fault, tmp_path, monkeypatch):
    monkeypatch.delenv("DERIVE_ACCEPT", raising=False)
    page = tmp_path / "page.md"
    page.write_text(WRONG[fault], encoding="utf-8")
    with pytest.raises(AssertionError):
        runpages.run(page)
    page.write_text("```python\nprint(1)\n```\n\n```text\n1\n```\n", encoding="utf-8")
    runpages.run(page)
