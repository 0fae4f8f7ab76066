"""The site made from the Markdown of this folder. In: the pages. Out: what `make docs` writes to build/docs.

Needs no network, neither to build nor to read: no fonts and no scripts from elsewhere, formulas as MathML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version as version_of
from typing import Any

from docutils import nodes
from math_core import LatexToMathML
from pygments.lexer import RegexLexer, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text
from sphinx.application import Sphinx

from derive.functions import FUNCTIONS
from derive.language.macros import prelude_names
from derive.language.names import OPERATIONS, STATEMENTS

project = "derive"
version = release = version_of("derive-rnn")

extensions = ["myst_parser"]
templates_path = ["_templates"]
exclude_patterns = ["figures", "benchmarks"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
smartquotes = False

html_theme = "furo"
html_title = "derive"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_use_index = False


class CellLexer(RegexLexer):
    """Colours for cells, by the words that the language knows."""

    name = "cell"
    tokens = {  # noqa: RUF012 - as Pygments has it
        "root": [
            (r"#.*", Comment),
            (r'"[^"]*"', String),
            (words(STATEMENTS, prefix="^", suffix=r"\b"), Keyword),
            (words((*FUNCTIONS, *OPERATIONS, *prelude_names()), prefix=r"\b", suffix=r"\b"), Name.Function),
            (r"\w+", Name),
            (r"[0-9.]+(e[+-]?[0-9]+)?", Number),
            (r"[-+*/@=]+", Operator),
            (r"[()\[\],:]", Punctuation),
            (r"\s+", Text),
            (r".", Text),
        ]
    }


_formulas = LatexToMathML()


def setup(app: Sphinx) -> None:
    """Register what the site needs besides the theme."""
    app.add_lexer("cell", CellLexer)
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    app.connect("source-read", _for_the_site)


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(_formulas.convert_with_local_state(node.astext(), displaystyle=False))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(_formulas.convert_with_local_state(node.astext(), displaystyle=True))
    raise nodes.SkipNode


def _for_the_site(_app: Sphinx, name: str, source: list[str]) -> None:
    """What a reader of the files has no need of: the order of the pages; and no links to what is not on the site."""
    outside = r"\]\((?:\.\./)+" if "/" not in name else r"\]\((?:\.\./){2,}"
    source[0] = re.sub(rf"\[([^\]]+){outside}[^)]*\)", r"\1", source[0])
    if name == "index":
        source[0] += _toctree("hidden", re.findall(r"\]\(([\w/]+)\.md\)", source[0]))
    if name == "decisions/README":
        source[0] += _toctree("glob", ["[0-9]*"])


def _toctree(option: str, pages: Iterable[str]) -> str:
    return "\n".join(["", "```{toctree}", f":{option}:", "", *dict.fromkeys(pages), "```", ""])
