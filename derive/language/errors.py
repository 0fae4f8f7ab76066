"""What is wrong with a cell, said as a good compiler says it.

In: a code of `CODES`, a message, the place, what was expected, what to write instead. Out: a
`CellError`, whose text shows file, line, column and the line with carets under the place. Every
refusal of this room is one of these; `docs/language.md` has an example for each code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive.language.syntax import Span

CODES = {
    "empty": "the file defines no recurrent cell",
    "syntax": "the text cannot be read",
    "character": "a character outside ASCII, or one that the language does not use",
    "name": "a name that cannot be one",
    "reserved": "a name that is taken by a language or by a function",
    "number": "a number that cannot be used",
    "power": "an exponent that is no integer",
    "limit": "larger than any cell needs to be",
    "function": "an unknown function",
    "arguments": "a function with the wrong arguments",
    "shape": "shapes that do not fit",
    "undetermined": "a shape that nothing determines",
    "order": "a name read before its equation",
    "cycle": "equations that need each other within one time step",
    "twice": "a name that is given two meanings",
    "update": "a state that is never updated",
    "time": "a time that a variable does not have",
    "role": "a variable where its role does not allow it",
    "init": "an initialisation that does not fit",
    "macro": "a macro that cannot be expanded",
    "unknown": "no shipped cell of that name, or no such file",
}


@dataclass(frozen=True)
class Source:
    """The text of a cell, and what to call it."""

    name: str
    text: str

    def line(self, number: int) -> str:
        """One line (from 1), without its end; empty beyond the last."""
        lines = self.text.split("\n")
        return lines[number - 1] if number <= len(lines) else ""

    def cut(self, span: Span) -> str:
        """The text at a place."""
        return self.line(span.line)[span.start : span.end]


class CellError(Exception):
    """A cell that is refused. `str()` is the whole report; the fields are its pieces."""

    def __init__(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        expected: str = "",
        remedy: str = "",
        notes: Sequence[str] = (),
        source: Source | None = None,
    ) -> None:
        super().__init__(message)
        assert code in CODES, code
        self.code = code
        self.message = message
        self.span = span
        self.expected = expected
        self.remedy = remedy
        self.notes = tuple(notes)
        self.source = source

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def __reduce__(self) -> tuple[object, ...]:
        return (_again, (self.code, self.message, self.__dict__))

    def _lines(self) -> list[str]:
        lines = [f"error[{self.code}]: {self.message}"]
        margin = " "
        if self.span is not None and self.source is not None:
            margin = " " * len(str(self.span.line))
            lines += _excerpt(self.source, self.span, margin)
        elif self.source is not None:
            lines.append(f"{margin}--> {self.source.name}")
        lines += [f"{margin} = note: {note}" for note in self.notes]
        if self.expected:
            lines.append(f"{margin} = expected: {self.expected}")
        if self.remedy:
            lines.append(f"{margin} = help: {self.remedy}")
        return lines


def _again(code: str, message: str, state: dict[str, object]) -> CellError:
    error = CellError(code, message)
    error.__dict__.update(state)
    return error


_WIDTH = 100


def _excerpt(source: Source, span: Span, margin: str) -> list[str]:
    """The place: where, the line, the carets. A long line is shown around the place."""
    line = source.line(span.line).replace("\t", " ")
    line = "".join(c if c.isprintable() else "?" for c in line)
    first = max(0, span.start - _WIDTH // 2) if len(line) > _WIDTH else 0
    shown = line[first : first + _WIDTH]
    start = span.start - first
    carets = max(1, min(span.end - first, len(shown)) - start)
    return [
        f"{margin}--> {source.name}:{span.line}:{span.start + 1}",
        f"{margin} |",
        f"{span.line} | {shown}",
        f"{margin} | {' ' * start}{'^' * carets}",
        f"{margin} |",
    ]
