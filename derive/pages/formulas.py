"""LaTeX of the derivation as MathML, which browsers typeset by themselves.

In: LaTeX for math mode, as `backends/latex` spells it. Out: `<math>` elements. Where that LaTeX marks places to break
a line, one element ends and the next begins, so that a formula wraps as text does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import escape
from xml.etree import ElementTree as ET

from latex2mathml.converter import convert

_UPRIGHT, _TYPEWRITER, _OPERATOR = "\ue000", "\ue001", "\ue002"
_WORD = re.compile(r"\\(mathrm|operatorname|mathtt)\{((?:[A-Za-z0-9.']|\\_)+)\}")
_SIZED = re.compile(r"\\(?:[Bb]igg?)([lr])(?![A-Za-z])")
_LITTLE = re.compile(r"\\big[lr](?![A-Za-z]) ?")
_GREEK = re.compile(r"\\ensuremath\{(\\[A-Za-z]+)\}")
_BREAK = re.compile(r"\\br(?:io|i|o|j)?(?![A-Za-z]) ?")
_INLINE = re.compile(r"(?:\$\$(.+?)\$\$|\$(.+?)\$)([,.;:)]*)", re.DOTALL)
_WRAP = "<wbr>"
_BOLD = {"1": "𝟏"}
_CLOSE = ("|", "‖", "/")
_LETTERS = ("∂", "∇", "∞", "⋯", "…")
_THIN = "0.167em"
_ATOM = "."
_IN_A_ROW = ("math", "mrow", "mstyle", "msqrt", "mtd")
_OPENING = ("", "(", "[", ",", "=", "≤")
_BETWEEN = re.compile(r"\s*(?:[-+=/] |\\(?:circ|cdot|le|mathbin)\b)")
"""The sign that a piece begins with stands behind another piece: it has a space behind it."""
_SPLIT = re.compile(rf"\\bro?(?![A-Za-z]) ?|\\brio?(?![A-Za-z]) ?(?={_BETWEEN.pattern})")
"""Where a line may break: outside parentheses, and inside them before a sign between two terms."""
_NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"


def typeset(text: str) -> str:
    """HTML whose formulas stand between dollar signs, with MathML in their place; `$$` for those set large."""
    text = text.replace(r"$,\quad $", "$, $")
    return _INLINE.sub(_typeset, text)


def _typeset(match: re.Match[str]) -> str:
    """A formula with the punctuation behind it, which begins no line."""
    large, inline, behind = match.groups()
    *front, last = (mathml(large, large=True) if large else mathml(inline)).split(_WRAP)
    return _WRAP.join([*front, f'<span class="closed">{last}{behind}</span>' if behind else last])


def mathml(latex: str, *, large: bool = False) -> str:
    """A formula as one `<math>` element or several in a row. `large`: with limits above and below, as on its own."""
    return _WRAP.join(_element(piece, large) for piece in pieces(latex))


def pieces(latex: str) -> Iterator[str]:
    """A formula cut where a line may break outside all brackets that grow with what is in them."""
    open_piece = ""
    for piece in _SPLIT.split(latex):
        open_piece += piece
        if _is_closed(open_piece):
            if open_piece.strip():
                yield open_piece
            open_piece = ""
    if open_piece.strip():
        yield open_piece


def _is_closed(latex: str) -> bool:
    sizes = _SIZED.findall(latex)
    return sizes.count("l") == sizes.count("r") and latex.count("{") == latex.count("}")


@cache
def _element(latex: str, large: bool) -> str:
    root = ET.fromstring(convert(_readable(latex), display="block" if large else "inline"))
    _improve(root)
    first = _first(root)
    if first.tag == "mo" and _BETWEEN.match(latex):
        first.set("form", "infix")
    attributes = ' displaystyle="true"' if large else ""
    inner = "".join(_serialised(child) for child in root)
    return f"<math{attributes}>{inner}</math>"


def _readable(latex: str) -> str:
    """The same without what only TeX needs, and with words as text, marked by how they are written."""
    text = _BREAK.sub("", latex)
    text = _SIZED.sub(lambda m: r"\left" if m[1] == "l" else r"\right", _LITTLE.sub("", text))
    text = text.replace(r"\overline", r"\bar").replace(r"\mathbin{/}", rf"\text{{{_OPERATOR}/}}")
    return _WORD.sub(_word, _GREEK.sub(r"\1 ", text))


def _word(match: re.Match[str]) -> str:
    kind = _TYPEWRITER if match[1] == "mathtt" else _UPRIGHT
    return rf"\text{{{kind}{match[2].replace(chr(92) + '_', '_')}}}"


def _improve(element: ET.Element) -> None:
    """What browsers do not know of MathML 3, said as they know it."""
    element.tag = element.tag.removeprefix(_NAMESPACE)
    text = element.text or ""
    variant = element.get("mathvariant", "")
    if text[:1] == _OPERATOR:
        element.tag, element.text = "mo", text[1:]
    elif text[:1] in (_UPRIGHT, _TYPEWRITER) and text:
        element.tag, element.text = "mi", text[1:]
        if text[0] == _TYPEWRITER:
            element.set("class", "typewriter")
        elif len(text) == 2:
            element.set("mathvariant", "normal")
    elif variant == "bold":
        del element.attrib["mathvariant"]
        element.text = _BOLD.get(text, text)
    elif element.tag == "mo" and text in _LETTERS:
        element.tag = "mi"
    elif element.tag == "mo" and text in _CLOSE:
        element.attrib |= {"lspace": "0", "rspace": "0"}
    for child in element:
        _improve(child)
    if element.tag in _IN_A_ROW:
        _space(list(element))


def _space(row: list[ET.Element]) -> None:
    """The spaces that TeX would set around signs and the names of operators."""
    before = ""
    for child, behind in zip(row, [*row[1:], None], strict=False):
        own = (child.text or "") if child.tag == "mo" else ""
        if own in ("+", "−") and before in _OPENING:
            child.set("form", "prefix")
        elif own.isalpha():
            bracketed = behind is None or behind.tag == "mo" or (behind.tag == "mrow" and behind[0].tag == "mo")
            child.attrib |= {"lspace": _THIN if before == _ATOM else "0", "rspace": "0" if bracketed else _THIN}
        before = own or ("" if child.tag == "mspace" else _ATOM)


def _first(element: ET.Element) -> ET.Element:
    while len(element):
        element = element[0]
    return element


def _serialised(element: ET.Element) -> str:
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in element.attrib.items())
    inner = escape(element.text or "", quote=False) + "".join(map(_serialised, element))
    return f"<{element.tag}{attributes}>{inner}</{element.tag}>"
