"""Plain text in LaTeX.

In: what an author wrote in a comment or a note. Out: LaTeX for text mode; letters that pdflatex does not
know without further packages become math or their code; a word too long for a line may be broken.
"""

from __future__ import annotations

import unicodedata

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", '"': "''", "\u00a0": "~",
    "…": r"\ldots{}", "–": "--", "—": "---", "’": "'", "‘": "`", "“": "``", "”": "''",
    "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}",
    "Ł": r"\L{}", "æ": r"\ae{}", "ı": r"\i{}", "ο": "o",
}  # fmt: skip
MATHEMATICS = {
    "<": "<", ">": ">", "|": "|", "×": r"\times", "·": r"\cdot", "±": r"\pm", "≤": r"\le", "≥": r"\ge",
    "→": r"\to", "∂": r"\partial", "∘": r"\circ", "∞": r"\infty", "∏": r"\prod", "Σ": r"\Sigma",
    "ς": r"\varsigma", "√": r"\surd", "‖": r"\|", "²": "^2", "³": "^3", "ᵀ": r"^{\top}", "−": "-",
}  # fmt: skip
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u030a": "r", "\u030c": "v",
    "\u0327": "c", "\u0304": "=", "\u0306": "u", "\u0307": ".", "\u030b": "H",
}  # fmt: skip
_ROMAN = {
    "alpha": "A", "beta": "B", "epsilon": "E", "zeta": "Z", "eta": "H", "iota": "I", "kappa": "K", "mu": "M",
    "nu": "N", "omicron": "O", "rho": "P", "tau": "T", "chi": "X",
}  # fmt: skip
_LONG = 24


def escaped(text: str) -> str:
    """Text as LaTeX."""
    return " ".join(_word(word) for word in text.split())


def verbatim(text: str) -> str:
    """Source text in typewriter letters."""
    return rf"\texttt{{{escaped(text)}}}"


def _word(word: str) -> str:
    pieces = [word[k : k + _LONG] for k in range(0, len(word), _LONG)]
    return r"\hspace{0pt}".join("".join(map(_character, piece)) for piece in pieces)


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character in MATHEMATICS:
        return rf"\ensuremath{{{MATHEMATICS[character]}}}"
    if character.isascii():
        return character
    parts = unicodedata.normalize("NFD", character)
    base, marks = parts[0], parts[1:]
    if base.isascii() and all(mark in _ACCENTS for mark in marks):
        for mark in marks:
            base = rf"\{_ACCENTS[mark]}{{{base}}}"
        return base
    name = unicodedata.name(character, "").split()
    if name[:1] == ["GREEK"] and len(name) == 4 and name[2] == "LETTER":
        return _greek(name[3].lower().replace("lamda", "lambda"), capital=name[1] == "CAPITAL")
    return f"U+{ord(character):04X}"


def _greek(letter: str, *, capital: bool) -> str:
    if capital:
        return _ROMAN.get(letter) or rf"\ensuremath{{\{letter.capitalize()}}}"
    return rf"\ensuremath{{\{letter}}}"
