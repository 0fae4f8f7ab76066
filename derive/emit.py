"""The only place that knows Jinja: finished lines in, the text of a file out.

Templates place lines and do nothing else. A name that a template uses and is not given raises, and so
does one that is given and not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta, nodes

_HERE = Path(__file__).parent
_FOLDERS = [_HERE / "templates", _HERE.parent / "templates"]

# For templates with LaTeX in them, which is full of braces.
_MATHEMATICAL_MARKS = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}


class TemplateMismatch(Exception):
    """What a template uses is not what it was given: a fault of this toolkit."""


def render(template: str, context: Mapping[str, Any]) -> str:
    """The text of a template such as `numpy/module.py.j2` with its lines in place."""
    environment = _environment(template.endswith((".tex.j2", ".html.j2")))
    used = _used(environment, template)
    if used != set(context):
        raise TemplateMismatch(
            f"{template}: not given {sorted(used - set(context))}, not used {sorted(set(context) - used)}"
        )
    return environment.get_template(template).render(context)


def _used(environment: jinja2.Environment, template: str) -> set[str]:
    """The names that a template, or one that it includes, does not give a value itself."""
    parsed = environment.parse(_source(template))
    own = {name.name for name in parsed.find_all(nodes.Name) if name.ctx == "store"}
    included = (each.template for each in parsed.find_all(nodes.Include))
    within = (_used(environment, name.value) for name in included if isinstance(name, nodes.Const))
    return meta.find_undeclared_variables(parsed) | (set().union(*within) - own)


@cache
def _environment(mathematical: bool) -> jinja2.Environment:
    marks: dict[str, Any] = _MATHEMATICAL_MARKS if mathematical else {}
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDERS),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **marks,
    )


def _source(template: str) -> str:
    for folder in _FOLDERS:
        if (folder / template).is_file():
            return (folder / template).read_text(encoding="utf-8")
    raise jinja2.TemplateNotFound(template)
