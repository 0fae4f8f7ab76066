"""How the names of a cell are written in LaTeX.

In: a cell and its adjoint. Out: for every variable a `Symbol`, no two alike, and letters for what is not
the cell's: the loss, the number of steps, running indices. `W_f` becomes W with the subscript f, `net` an
upright word, `delta` a Greek letter. A variable that the toolkit made up carries the name of the author's
variable that it belongs to as a superscript.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from derive.calculus import Adjoint
from derive.language.syntax import Cell
from derive.pictures.notation import GREEK
from derive.system import System, temporaries

_RESERVED = frozenset({r"\sigma"})
_NET = r"\mathrm{net}"


@dataclass(frozen=True)
class Symbol:
    """A letter or word with what hangs on it; `accented` if a bar goes over the base."""

    base: str
    subscripts: tuple[str, ...] = ()
    superscript: str = ""
    accented: bool = False

    def at(self, time: str = "", mark: str = "") -> str:
        """The symbol at a time, with a mark such as a transpose behind its superscript."""
        wide = (len(self.base) > 1 and not self.base.startswith("\\")) or self.base.startswith(r"\math")
        base = rf"\{'overline' if wide else 'bar'}{{{undotted(self.base)}}}" if self.accented else self.base
        above = r"\,".join(part for part in (self.superscript, mark) if part)
        below = _joined(self.subscripts)
        below = f"{below},{time}" if below and time else below or time
        return base + (f"^{{{above}}}" if above else "") + (f"_{{{below}}}" if below else "")


@dataclass(frozen=True)
class Symbols:
    """What everything is called.

    `error` is the derivative with respect to a net input, `other` a made-up variable that is none, `loss`
    `steps` and `batch` the loss, the number of time steps and that of sequences, `letters` are running indices.
    """

    symbols: Mapping[str, Symbol]
    error: str
    other: str
    loss: str
    steps: str
    batch: str
    letters: tuple[str, ...]

    def __getitem__(self, name: str) -> Symbol:
        return self.symbols[name]

    def axis(self, name: str) -> str:
        """The length of an axis."""
        return _symbol(name).at()

    def length(self, name: str) -> str:
        """The length of an axis, the number of time steps or that of sequences."""
        return {"T": self.steps, "B": self.batch}.get(name) or self.axis(name)


def spelled(cell: Cell, system: System, adjoint: Adjoint) -> Symbols:
    """The symbols of a cell."""
    symbols = _author(cell, system)
    bases = {s.base for s in symbols.values()}
    loss = free(("E", "L", "J", r"\mathcal{E}"), bases)
    other, error = free("uzsae", bases), free((r"\delta", r"\varepsilon"), bases)
    symbols |= _made_up(system, symbols, other)
    symbols |= _adjoints(adjoint, symbols, error, loss)
    letters = tuple(c for c in "ijklmnpqrsuvwabcdefgh" if c not in bases)
    steps = free(("T", "N", r"\tau"), bases)
    batch = free(("B", "N", r"\nu"), {*bases, steps})
    return Symbols(symbols, error, other, loss, steps, batch, letters or ("i'",))


def _author(cell: Cell, system: System) -> dict[str, Symbol]:
    symbols = {name: _symbol(name) for name in cell.variables}
    for name, stored in system.stored.items():
        for block in stored.blocks.values():
            if block != name:
                suffix = block.removeprefix(name).removeprefix("_")
                symbols[block] = replace(symbols[name], subscripts=(*symbols[name].subscripts, *_token(suffix)))
    count = Counter(s.at() for s in symbols.values())
    return {
        name: _verbatim(name) if count[symbol.at()] > 1 or symbol.base in _RESERVED else symbol
        for name, symbol in symbols.items()
    }


def _made_up(system: System, author: Mapping[str, Symbol], other: str) -> dict[str, Symbol]:
    """Net inputs, and all other temporaries, numbered where an author's variable has several."""
    return {
        name: Symbol(_NET if one.net else other, (), author[one.about].at() + (f",{one.number}" if one.number else ""))
        for name, one in temporaries(system).items()
    }


def _adjoints(adjoint: Adjoint, known: Mapping[str, Symbol], error: str, loss: str) -> dict[str, Symbol]:
    symbols = {}
    held = {delay: state for state, delay in adjoint.system.delays.items() if state not in adjoint.bars}
    for variable, bar in adjoint.bars.items():
        name = held.get(variable, variable)  # a state that is held back has a gradient at the start alone
        if name in known:
            net = known[name].base == _NET and known[name].superscript
            symbols[bar] = replace(known[name], base=error) if net else replace(known[name], accented=True)
    for block, seed in adjoint.seeds.items():
        symbols[seed] = replace(known[block], accented=True, superscript=loss)
    return symbols


def _verbatim(name: str) -> Symbol:
    escaped = name.replace("_", r"\_")
    return Symbol(rf"\mathtt{{{escaped}}}")


def _symbol(name: str) -> Symbol:
    base, *subscripts = name.split("_")
    letters, digits = re.fullmatch(r"(.*?)(\d*)", base).groups()  # type: ignore[union-attr]
    below = [digits] if digits else []
    for subscript in subscripts:
        below += [subscript] if subscript.isdigit() else _token(subscript)
    return Symbol(word(letters), tuple(below))


def _token(subscript: str) -> list[str]:
    return [subscript if len(subscript) == 2 else word(subscript)]


def word(letters: str) -> str:
    """A letter as it is, a Greek one by its command, a longer word upright."""
    if letters in GREEK:
        return "\\" + letters
    return letters if len(letters) == 1 or letters.isdigit() else rf"\mathrm{{{letters}}}"


def undotted(letter: str) -> str:
    """A letter that gets a bar, without its own dot."""
    return rf"\{letter}math" if letter in ("i", "j") else letter


def _joined(subscripts: Sequence[str]) -> str:
    """`f`, `h` side by side; words apart."""
    short = all(len(s) <= 1 for s in subscripts)
    return ("" if short else ",").join(subscripts)


def free(candidates: Iterable[str], taken: Iterable[str]) -> str:
    """The first candidate that is not taken; the last if all are."""
    pool: list[str] = list(candidates)
    rest: Iterator[str] = (c for c in pool if c not in set(taken))
    return next(rest, pool[-1])
