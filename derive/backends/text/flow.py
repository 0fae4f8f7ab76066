"""The step Jacobian and its bounds as plain text.

In: what was derived from a cell. Out: each word and each bound on a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from derive.backends.formula.bound import BoundFormulas
from derive.backends.formula.flow import Block, Gates, JacobianFormulas, Word, signed
from derive.backends.protocol import Derived
from derive.backends.text.spelling import Spelling

Pair = tuple[str, str]


def step_words(derived: Derived) -> dict[Pair, tuple[tuple[Gates, str], ...]]:
    """(state, source) → for each sequence of gates what goes through them."""
    blocks = _formulas(derived).expanded()
    return {(b.variable, b.source): tuple(zip([w.gates for w in b.words], _words(b), strict=True)) for b in blocks}


def block_bounds(derived: Derived) -> dict[Pair, str]:
    """(state, source) → what the norm of the block cannot exceed, other states' blocks by their norms."""
    bounds = BoundFormulas(_formulas(derived), lambda name: False).bounds()
    found = {(b.variable, b.source): Spelling().text(b.formula) for b in bounds}
    return {(a, b): found[a, b] for a in derived.flow.states for b in derived.flow.states if (a, b) in found}


def jacobian_lines(derived: Derived) -> list[str]:
    """Every block, a line for each gate, behind those that it refers to."""
    return [line for block in _formulas(derived).blocks() for line in _lines(block)]


def _formulas(derived: Derived) -> JacobianFormulas:
    return JacobianFormulas(derived.cell, derived.system, derived.flow)


def _words(block: Block) -> list[str]:
    """The words of a block, with the same letters for the same indices."""
    spelling = Spelling()
    spelling.text(block.left)
    return [spelling.text(word.formula) for word in block.words]


def _lines(block: Block) -> Iterator[str]:
    spelling = Spelling()
    left = spelling.text(block.left)
    for number, word in enumerate(block.words):
        minus, formula = signed(word.formula)
        sign = ("= -" if minus else "= ") if number == 0 else ("- " if minus else "+ ")
        yield f"  {left if number == 0 else ' ' * len(left)} {sign}{spelling.text(formula)}{_remark(word)}"


def _remark(word: Word) -> str:
    if word.gates:
        return f"    # through {', '.join(word.gates)}"
    return "    # directly" if word.direct else ""
