"""Which names a cell may use.

In: a token's text. Out: nothing, or a `CellError` with the remedy. Whatever a cell calls its
variables is also how generated Python, C and C++ spell them as fields, so their keywords are taken.
"""

from __future__ import annotations

import keyword
import re
import unicodedata

from derive.functions import FUNCTIONS
from derive.language import limits
from derive.language.errors import CellError
from derive.language.syntax import Span

ROLES = ("input", "state", "param")
STATEMENTS = (*ROLES, "output", "init", "note")
OPERATIONS = (
    "cols", "dot", "max", "maximum", "mean", "minimum", "outer", "rows", "stop", "sum", "transpose",
)  # fmt: skip
SCHEMES = ("glorot", "normal", "orthogonal", "uniform")

_C99 = (
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum",
    "extern", "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return",
    "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void",
    "volatile", "while", "_Bool", "_Complex", "_Imaginary",
)  # fmt: skip
_CPP = (
    "alignas", "alignof", "and", "and_eq", "asm", "bitand", "bitor", "bool", "catch", "char16_t",
    "char32_t", "char8_t", "class", "co_await", "co_return", "co_yield", "compl", "concept",
    "const_cast", "consteval", "constexpr", "constinit", "decltype", "delete", "dynamic_cast",
    "explicit", "export", "false", "friend", "mutable", "namespace", "new", "noexcept", "not", "not_eq",
    "nullptr", "operator", "or", "or_eq", "private", "protected", "public", "reinterpret_cast",
    "requires", "static_assert", "static_cast", "template", "this", "thread_local", "throw", "true",
    "try", "typeid", "typename", "using", "virtual", "wchar_t", "xor", "xor_eq",
)  # fmt: skip
KEYWORDS = frozenset([*keyword.kwlist, *_C99, *_CPP])

_CYRILLIC = dict(zip("аеорсухіѕјһкмтвнАВЕКМНОРСТХ", "aeopcyxisjhkmtbhABEKMHOPCTX", strict=True))
_SIGNS = {
    "×": "*", "·": "*", "⋅": "*", "∘": "*", "⊙": "*", "∗": "*", "÷": "/", "∕": "/", "−": "-", "–": "-",
    "—": "-", "‐": "-", "‑": "-", "“": '"', "”": '"', "‘": "'", "’": "'", "′": "'", "⊗": "outer(u, v)",
    "√": "sqrt(…)", "∑": "sum(…)", "⊤": "transpose(…)", "ᵀ": "transpose(…)", "²": "**2", "³": "**3",
}  # fmt: skip
NO_CONDITIONS = "there are no conditions: `maximum`, `minimum`, `relu` and `abs` choose"
INSTEAD = {
    **dict.fromkeys(("and", "or", "not", "if", "else"), NO_CONDITIONS),
    **dict.fromkeys(("for", "while"), "there are no loops: an equation holds for every element, at every step"),
    "def": "a macro is written `f(a) = …`",
    "return": "leave it out: the first state is the output, or what `output y` names",
    "const": "a number that is trained is a `param`; one that is not stands in the equation",
}
"""What to write instead of a word that other languages have."""
OPERATORS = "the operators are `+ - * / ** @`; comments begin with `#`"
_ASCII_SIGNS = {
    "^": "powers are written `x**2`",
    ".": "there are no attributes: write the function's name alone, and `transpose(M)`",
    "'": 'text stands in remarks only: `note "…"`; a transpose is `transpose(M)`',
    ";": "write one statement a line",
    "<": NO_CONDITIONS,
    ">": NO_CONDITIONS,
    "!": NO_CONDITIONS,
    "{": "time stands in square brackets: `h[t-1]`",
    "\\": "functions have plain names, as `tanh`; a statement goes on over the line's end inside brackets",
}


def check_name(name: str, span: Span) -> None:
    """Refuse what can be no name of a variable, an axis, a macro or a macro's parameter."""
    if len(name) > limits.NAME:
        raise CellError("limit", "this name is too long", span, expected=f"at most {limits.NAME} characters")
    if name.startswith("_") or name.endswith("_") or "__" in name:
        raise CellError(
            "name", f"`{name}` cannot be a name", span,
            expected="a letter, then letters and digits, with single underscores inside",
        )  # fmt: skip
    why = _taken_by(name)
    if why:
        other = f"choose another name, such as `{name}_0`"
        remedy = f"square brackets hold the time, as in `h[t]`; or {other}" if name == "t" else other
        raise CellError("reserved", f"`{name}` is {why}", span, remedy=remedy)


def check_axis(name: str, span: Span) -> None:
    """Refuse what can be no axis."""
    check_name(name, span)
    if name in ("T", "B"):
        meaning = {"T": "the number of time steps", "B": "the number of sequences in a batch"}[name]
        raise CellError(
            "reserved",
            f"the axis `{name}` is {meaning}",
            span,
            remedy="every variable has it already; leave it out",
        )


def _taken_by(name: str) -> str:
    if name == "t":
        return "the time"
    if name in STATEMENTS:
        return "a word of this language"
    if name in KEYWORDS:
        return "a keyword of Python, C or C++"
    if name in OPERATIONS or name in SCHEMES or name in FUNCTIONS:
        return "the name of a function"
    return ""


def foreign_character(character: str, span: Span) -> CellError:
    """The error for a character that the language does not use, with what to write instead."""
    if character.isascii():
        remedy = _ASCII_SIGNS.get(character, OPERATORS if character.isprintable() else "delete it")
        shown = character if character.isprintable() else f"\\x{ord(character):02x}"
        return CellError("character", f"`{shown}` is no sign of this language", span, remedy=remedy)
    name = unicodedata.name(character, "a character without a name").lower()
    shown = character if character.isprintable() else f"\\u{ord(character):04x}"
    plain = _plain(character)
    remedy = f"write `{plain}`" if plain else "write it in ASCII, or move it into a comment"
    if character.isspace() or unicodedata.category(character) == "Cf":
        remedy = "write a space" if character.isspace() else "delete it"
    return CellError("character", f"`{shown}` ({name}) is not ASCII", span, remedy=remedy)


def _plain(character: str) -> str:
    if character in _CYRILLIC:
        return _CYRILLIC[character]
    if character in _SIGNS:
        return _SIGNS[character]
    greek = re.fullmatch(
        r"GREEK (?:SMALL|CAPITAL) LETTER (?:FINAL )?([A-Z]+)", unicodedata.name(character, "")
    )
    if greek:
        return greek[1].lower() if "SMALL" in greek[0] else greek[1].capitalize()
    folded = unicodedata.normalize("NFKC", character)
    if folded.isascii():
        return folded
    bare = unicodedata.normalize("NFKD", character)[:1]
    return bare if bare.isascii() else ""
