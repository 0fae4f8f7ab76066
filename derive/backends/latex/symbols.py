"""How the names of a cell are written in LaTeX.

In: a cell and its adjoint. Out: for every variable a `Symbol`, no two alike, and letters for what is not
the cell's: the loss, the number of steps, running indices. `W_f` becomes W with the subscript f, `net` an
upright word, `delta` a Greek letter. A variable that the toolkit made up carries the name of the author's
variable that it belongs to as a superscript.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from derive import functions
from derive.calculus import Adjoint
from derive.language.syntax import Cell
from derive.system import Element, System

_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
_RESERVED = frozenset({r"\sigma", r"\top"})


@dataclass(frozen=True)
class Symbol:
    """A letter or word with what hangs on it; `accented` if a bar goes over the base."""

    base: str
    subscripts: tuple[str, ...] = ()
    superscript: str = ""
    accented: bool = False

    def at(self, time: str = "", mark: str = "") -> str:
        """The symbol at a time, with a mark such as a transpose behind its superscript."""
        wide = len(self.base) > 1 and not self.base.startswith("\\") or self.base.startswith(r"\math")
        base = rf"\{'overline' if wide else 'bar'}{{{self.base}}}" if self.accented else self.base
        above = r"\,".join(part for part in (self.superscript, mark) if part)
        below = _joined(self.subscripts)
        below = f"{below},{time}" if below and time else below or time
        return base + (f"^{{{above}}}" if above else "") + (f"_{{{below}}}" if below else "")


class Symbols:
    def __init__(self, cell: Cell, system: System, adjoint: Adjoint) -> None:
        self.symbols: dict[str, Symbol] = {}
        self._author(cell, system)
        bases = {s.base for s in self.symbols.values()}
        self.net, self.other, self.error = _free((r"\mathrm{net}",), ()), _free("uzsae", bases), _free((r"\delta", r"\varepsilon"), bases)
        self.loss, self.steps = _free(("E", "L", "J", r"\mathcal{E}"), bases), _free(("T", "N", r"\tau"), bases)
        self.letters = [c for c in "ijklmnpqrsuvwabcdefgh" if c not in bases]
        self._made_up(system)
        self._adjoints(adjoint)

    def __getitem__(self, name: str) -> Symbol:
        return self.symbols[name]

    def axis(self, name: str) -> str:
        """The length of an axis."""
        return _symbol(name).at()

    def _author(self, cell: Cell, system: System) -> None:
        for name in cell.variables:
            self.symbols[name] = _symbol(name)
        for name, stored in system.stored.items():
            for block in stored.blocks.values():
                if block != name:
                    suffix = block.removeprefix(name).removeprefix("_")
                    whole = self.symbols[name]
                    self.symbols[block] = replace(whole, subscripts=(*whole.subscripts, *_tokens(suffix)))
        count = Counter(s.at() for s in self.symbols.values())
        for name, symbol in self.symbols.items():
            if count[symbol.at()] > 1 or symbol.base in _RESERVED:
                self.symbols[name] = Symbol(rf"\mathtt{{{name.replace('_', chr(92) + '_')}}}")

    def _made_up(self, system: System) -> None:
        nets = _arguments(system)
        for about in dict.fromkeys(v.about for v in system.variables.values()):
            fresh = [v.name for v in system.of_role("local") if v.about == about and v.name not in self.symbols]
            for base, chosen in ((self.net, [n for n in fresh if n in nets]), (self.other, [n for n in fresh if n not in nets])):
                for number, name in enumerate(chosen, 1):
                    above = self.symbols[about].at() + (f",{number}" if len(chosen) > 1 else "")
                    self.symbols[name] = Symbol(base, (), above)

    def _adjoints(self, adjoint: Adjoint) -> None:
        for name, bar in adjoint.bars.items():
            if name in self.symbols:
                symbol = self.symbols[name]
                is_net = symbol.base == self.net and symbol.superscript
                self.symbols[bar] = replace(symbol, base=self.error) if is_net else replace(symbol, accented=True)
        for block, seed in adjoint.seeds.items():
            self.symbols[seed] = replace(self.symbols[block], accented=True, superscript=self.loss)


def _arguments(system: System) -> set[str]:
    bodies = [t.body for e in system.equations for t in e.terms if isinstance(t.body, functions.ScalarFunction)]
    return {b.args[0].name for b in bodies if isinstance(b.args[0], Element)}


def _symbol(name: str) -> Symbol:
    base, *subscripts = name.split("_")
    letters, digits = re.fullmatch(r"(.*?)(\d*)", base).groups()  # type: ignore[union-attr]
    below = [digits] if digits else []
    for subscript in subscripts:
        below += [subscript] if subscript.isdigit() else _tokens(subscript)
    return Symbol(_word(letters), tuple(below))


def _tokens(subscript: str) -> list[str]:
    return [_word(subscript) if len(subscript) != 2 else subscript]


def _word(word: str) -> str:
    if word in _GREEK:
        return "\\" + word
    return word if len(word) == 1 or word.isdigit() else rf"\mathrm{{{word}}}"


def _joined(subscripts: Sequence[str]) -> str:
    """`f`, `h` side by side; words apart."""
    short = all(len(s) <= 1 for s in subscripts)
    return ("" if short else ",").join(subscripts)


def _free(candidates: Iterable[str], taken: Iterable[str]) -> str:
    """The first candidate that is not taken; the last if all are."""
    pool: list[str] = list(candidates)
    rest: Iterator[str] = (c for c in pool if c not in set(taken))
    return next(rest, pool[-1])
