"""No cell, gate or parameter is known by name to the code.

Method: every module of `derive` is parsed; its docstrings and comments are left out, since they may give
examples. What remains, identifiers and strings, is split into words, and so are the templates. No word may
be the name of a cell, and no string may name a variable of a shipped one; single letters are left out, as
they mean something of their own in Python, C and LaTeX. That names do not matter in what the code does with
them is shown by `test_renaming.py`.
"""

import ast
import re

import pytest
from cellfolder import EVERY, ROOT, SHIPPED, cell

from derive.functions import FUNCTIONS

CODE = sorted((ROOT / "derive").rglob("*.py"))
TEMPLATES = sorted(p for p in (ROOT / "templates").rglob("*") if p.is_file())

WORDS_ALLOWED = {
    "rnn": "part of the distribution's name, derive-rnn",
    "scalars": "a word of mathematics",
    "kinks": "a word of mathematics",
    "net": "how the argument of an activation is called where it has no name",
}


def undocumented(tree):
    """The nodes of a module without its docstrings."""
    docs = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docs.add(id(first.value))
    return [n for n in ast.walk(tree) if id(n) not in docs]


def strings(nodes):
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def identifiers(nodes):
    for node in nodes:
        for field in ("id", "attr", "arg", "name"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield value


def words(text):
    return re.findall(r"[A-Za-z_][A-Za-z_0-9]*", text)


@pytest.mark.parametrize("path", CODE, ids=lambda p: str(p.relative_to(ROOT)))
def test_code_names_no_cell_and_no_variable_of_one(path):
    nodes = undocumented(ast.parse(path.read_text(encoding="utf-8")))
    found = {w for text in strings(nodes) for w in words(text)} | set(identifiers(nodes))
    assert sorted(found & set(EVERY) - set(WORDS_ALLOWED)) == []
    assert sorted({text for text in strings(nodes) if _names_a_variable(text)}) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
def test_templates_name_no_cell_and_no_variable_of_one(path):
    found = set(words(path.read_text(encoding="utf-8")))
    assert sorted(found & set(EVERY) - set(WORDS_ALLOWED)) == []
    assert sorted(word for word in found if _names_a_variable(word)) == []


def _names_a_variable(text):
    """Longer than one letter, and nothing but the name of a variable or of a block of one."""
    return text in VARIABLES and len(text) > 1 and text not in WORDS_ALLOWED


VARIABLES = {
    v for name in SHIPPED for v in cell(name).variables if v not in FUNCTIONS
} | {f"W_{gate}{part}" for gate in "figco" for part in "hx"}  # fmt: skip


@pytest.mark.parametrize("room", ["calculus", "schedule"])
def test_calculus_and_schedule_know_no_function_of_the_table(room):
    """Neither has a rule for any function: they see inert applications and their derivatives only."""
    for path in (ROOT / "derive" / room).glob("*.py"):
        nodes = undocumented(ast.parse(path.read_text(encoding="utf-8")))
        assert sorted({w for t in strings(nodes) for w in words(t)} & set(FUNCTIONS)) == []


def test_the_method_finds_what_it_looks_for():
    planted = 'def f(name):\n    """About the lstm."""\n    return name == "lstm" or name in ("W_f",)\n'
    nodes = undocumented(ast.parse(planted))
    assert {w for t in strings(nodes) for w in words(t)} & set(EVERY) == {"lstm"}
    assert [t for t in strings(nodes) if _names_a_variable(t)] == ["W_f"]
