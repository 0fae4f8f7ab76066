"""docs/python.md names every public thing, with its signature and its parts."""

import ast
import inspect
import re
from pathlib import Path

import derive

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `([^`]+)`\n(.*?)(?=^##|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))
CALLS = {heading.partition("(")[0]: heading for heading in SECTIONS}


def signature(of):
    """Names, kinds and defaults, as a heading would have them."""
    plain = [p.replace(annotation=p.empty) for p in inspect.signature(of).parameters.values() if p.name != "self"]
    return f"({ast.unparse(ast.parse(f'lambda {str(inspect.Signature(plain))[1:-1]}: 0')).removeprefix('lambda')}"


def shown(heading):
    inside = heading.partition("(")[2].removesuffix(")")
    return f"({ast.unparse(ast.parse(f'lambda {inside}: 0')).removeprefix('lambda')}"


def test_every_public_name_has_a_section():
    named = {name.removeprefix("derive.") for name in CALLS if name.startswith("derive.")}
    assert named == set(derive.__all__)


def test_functions_are_shown_with_their_signature():
    for name in derive.__all__:
        if inspect.isfunction(getattr(derive, name)):
            assert shown(CALLS[f"derive.{name}"]) == signature(getattr(derive, name)), name


def test_of_a_class_every_public_part_is_named():
    for name in derive.__all__:
        kind = getattr(derive, name)
        if not inspect.isclass(kind):
            continue
        parts = {part for part in (*vars(kind), *getattr(kind, "__dataclass_fields__", ())) if part[0] != "_"}
        text = SECTIONS[f"derive.{name}"]
        assert parts <= set(re.findall(r"`(\w+)(?:\([^`]*\))?`", text)), name
        assert all(hasattr(kind, p) or p in parts for p in re.findall(r"^\* `(\w+)", text, flags=re.MULTILINE)), name


def test_kernels_have_the_methods_shown():
    c = derive.native.Kernel
    methods = {name for name, member in vars(c).items() if inspect.isfunction(member) and name[0] != "_"}
    assert {name.removeprefix("kernel.") for name in CALLS if name.startswith("kernel.")} == methods
    numpy = derive.build(derive.cell("rnn"))
    for name in methods:
        assert shown(CALLS[f"kernel.{name}"]) == signature(getattr(c, name)), name
        arguments = set(inspect.signature(getattr(numpy, name)).parameters)
        only_c = set(inspect.signature(getattr(c, name)).parameters) - {"self"} - arguments
        assert only_c <= {"threads", "checkpoint"}, name
