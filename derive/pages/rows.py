"""Equations as rows of a page, each term linked to where it comes from.

In: the derivation of a cell, its symbols. Out: finished rows for the template: LaTeX between no signs, HTML with LaTeX
between dollar signs, identifiers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from derive.backends.formula import Contribution, Derivation, Explained, Piece
from derive.backends.formula.nodes import Entry, Formula, Name, Total
from derive.backends.latex import Symbols, Typesetter, sides
from derive.backends.text import Spelling
from derive.calculus import Adjoint
from derive.pages.text import plain

Row = dict[str, Any]
Told = Callable[[Piece], tuple[str, str]]
"""Of a summand: the place that it is linked to, and what is said of it."""


class Rows:
    """The rows of one derivation; `of`: variable → the identifier of the row that its adjoint stands in."""

    def __init__(self, derivation: Derivation, adjoint: Adjoint, symbols: Symbols) -> None:
        self.derivation, self.symbols = derivation, symbols
        self.variables = {bar: name for name, bar in adjoint.bars.items()}
        self.numbered = {line.number: line for line in derivation.normal}
        self.of = {step.variable.name: f"eq-{step.result.number}" for step in derivation.steps}
        for kind in ("weights", "inputs"):
            lines: Sequence[Explained] = getattr(derivation, kind)
            self.of |= {self.variable(line): f"{kind}-{k}" for k, line in enumerate(lines, 1)}

    def variable(self, line: Explained) -> str:
        """The variable whose adjoint a line gives, or that it defines."""
        left = line.left.of if isinstance(line.left, Entry) else line.left
        name = left.name if isinstance(left, Name) else ""
        return self.variables.get(name, name)

    # -- rows

    def normal(self) -> list[Row]:
        """The normal form, each term with what goes back through it."""
        return [self._row(line, f"eq-{line.number}", self._onward) for line in self.derivation.normal]

    def steps(self) -> list[Row]:
        """The adjoints in order: what each term of the equations contributes, and the sum."""
        return [
            {
                "contributions": [self._contribution(c) for c in step.contributions],
                "result": self._row(step.result, f"eq-{step.result.number}", self._back),
                "label": f"Equation {step.result.number}",
            }
            for step in self.derivation.steps
        ]

    def lines(self, kind: str, clock: str = "t") -> list[Row]:
        """The equations of the recurrence, of weights, inputs or initial states."""
        lines: Sequence[Explained] = getattr(self.derivation, kind)
        return [self._row(line, f"{kind}-{k}", self._back, clock) for k, line in enumerate(lines, 1)]

    def _row(self, line: Explained, identifier: str, told: Told, clock: str = "t") -> Row:
        typesetter = Typesetter(self.symbols, clock)
        return {
            "id": identifier,
            "number": f"({line.number})" if line.number else "",
            "left": typesetter.text(line.left),
            "spoken": plain(Spelling(clock).text(line.left)),
            "terms": list(self._terms(typesetter, line, identifier, told)),
            "remark": "",
        }

    def _terms(self, typesetter: Typesetter, line: Explained, identifier: str, told: Told) -> Iterator[Row]:
        summands = [(summand, piece) for piece in line.pieces for summand in _summands(piece.formula)]
        if not summands:
            yield {"text": typesetter.text(line.right), "link": ""}
        spelling = Spelling(typesetter.clock)
        for k, (summand, piece) in enumerate(summands):
            link, source = told(piece)
            text = typesetter.summand(summand, first=k == 0) if len(summands) > 1 else typesetter.text(summand)
            label = plain(spelling.text(summand))
            yield {"text": text, "link": link, "source": source, "id": f"{identifier}-{k + 1}", "label": label}

    # -- where a term comes from, and where it goes

    def _back(self, piece: Piece) -> tuple[str, str]:
        """A term of an adjoint: the term of the equation that it is the transpose of."""
        if not piece.contributions:
            return "loss", f"The loss ${self.symbols.loss}$ itself, where it reads this variable."
        found = [f"{self._equation(c)}: {self._change(c)}" for c in piece.contributions]
        first = piece.contributions[0]
        return self._place(first), f"Transposed from {', then '.join(found)}"

    def _onward(self, piece: Piece) -> tuple[str, str]:
        """A term of an equation: what it gives backwards."""
        into = [(self.of.get(c.into.name, ""), c) for c in piece.contributions]
        reached = [(place, c) for place, c in into if place]
        if not reached:
            return "", ""
        told = [
            f"{self._change(c)}, so ${self._text(c.into, bar=True)}$ gets ${self._text(c.gives)}$" for _, c in reached
        ]
        return reached[0][0], f"When it changes: {'; '.join(told)}"

    def _contribution(self, contribution: Contribution) -> str:
        gives = self._text(contribution.gives)
        return f"From {self._link(contribution)}: {self._change(contribution)} gives ${gives}$"

    def _equation(self, contribution: Contribution) -> str:
        return f"({contribution.equation}){' one step later' if contribution.later else ''}"

    def _link(self, contribution: Contribution) -> str:
        later = " one step later" if contribution.later else ""
        return f'<a href="#{self._place(contribution)}">({contribution.equation})</a>{later}'

    def _place(self, contribution: Contribution) -> str:
        """The term of the normal form that a contribution comes from."""
        line = self.numbered[contribution.equation]
        k = 0
        for piece in line.pieces:
            if contribution in piece.contributions:
                return f"eq-{contribution.equation}-{k + 1}"
            k += len(_summands(piece.formula))
        return f"eq-{contribution.equation}"

    def _change(self, contribution: Contribution) -> str:
        left, right = sides(contribution.change, self.symbols)
        rest = "" if contribution.alone else r"\br + \cdots"
        return rf"${left}\br = {right}{rest}$"

    def _text(self, formula: Formula, *, bar: bool = False) -> str:
        if bar and isinstance(formula, Name):
            name = next((b for b, v in self.variables.items() if v == formula.name), formula.name)
            return self.symbols[name].at("t" if formula.shift is not None else "")
        return Typesetter(self.symbols).text(formula)


def bare(rows: Iterable[dict[str, str]], kind: str) -> list[Row]:
    """Rows whose terms come from nowhere else."""
    return [
        {**row, "id": f"{kind}-{k}", "terms": [{"text": row["right"], "link": ""}]} for k, row in enumerate(rows, 1)
    ]


def _summands(formula: Formula) -> tuple[Formula, ...]:
    return formula.terms if isinstance(formula, Total) else (formula,)
