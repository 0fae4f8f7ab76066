"""Each rule of docs/language.md, by its own examples."""

import re
from pathlib import Path

import pytest

from derive.functions import FUNCTIONS
from derive.language import CODES, CellError, parse

PAGE = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```cell\n(.*?)```\n\n(```text\n.*?```|\|.*?)(?:\n\n|\Z)", PAGE, re.DOTALL)


def _shown(cell):
    rows = [
        f"| `{v.name}` | {v.role} | {', '.join(str(axis) for axis in v.shape) or 'scalar'} |"
        for v in cell.variables.values()
    ]
    return "\n".join(["| name | role | shape |", "|---|---|---|", *rows])


def test_every_example_says_what_it_means():
    assert len(EXAMPLES) == PAGE.count("```cell") > 30


@pytest.mark.parametrize(("text", "meaning"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_example(text, meaning):
    if meaning.startswith("|"):
        assert _shown(parse(text)) == meaning.rstrip()
    else:
        with pytest.raises(CellError) as caught:
            parse(text, "example.cell")
        assert str(caught.value) == meaning.removeprefix("```text\n").removesuffix("\n```")


def test_every_code_has_an_example_and_a_row():
    shown = set(re.findall(r"^error\[(\w+)\]", PAGE, re.MULTILINE))
    assert shown == set(CODES) - {"unknown"}
    assert re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", PAGE.split("These are all:")[1], re.MULTILINE) == list(
        CODES.items()
    )


def test_functions_named_in_the_norm_exist():
    rule = re.search(r"\*\*E6\.\*\*(.*?)`maximum\(a", PAGE, re.DOTALL)
    assert rule is not None
    assert set(re.findall(r"`(\w+)`", rule[1])) <= set(FUNCTIONS)


def test_every_rule_has_a_number_of_its_own():
    numbers = re.findall(r"^\*\*([A-Z]\d+)\.\*\*", PAGE, re.MULTILINE)
    assert len(set(numbers)) == len(numbers) > 25
