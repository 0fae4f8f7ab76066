"""The section on gradient flow: the step Jacobian, the chain of errors in norm, the bound over many steps.

In: a cell, its system, its flow, its symbols. Out: the finished pieces that `templates/latex/gradient_flow.tex.j2`
places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from derive.backends.formula.bound import BlockBound, BoundFormulas, untimed
from derive.backends.formula.chain import RADIUS, Chain, chain
from derive.backends.formula.direct import DirectPath, Keeping, direct_paths, keepings
from derive.backends.formula.flow import Block, JacobianFormulas, Word, signed
from derive.backends.formula.likewise import Alike, alike
from derive.backends.formula.nodes import Diagonal, Formula, Name, Norm
from derive.backends.formula.single import Recurrence
from derive.backends.latex.numbers import number
from derive.backends.latex.symbols import Symbols, free
from derive.backends.latex.typeset import Typesetter, width
from derive.bounds import Flow
from derive.bounds.ranges import Ranges, iterate
from derive.functions import lookup
from derive.language.syntax import Cell
from derive.system import System

Piece = dict[str, Any]

_DIGITS = 6
_SHORT = 12


def gradient_flow(
    cell: Cell, system: System, flow: Flow, symbols: Symbols, carried: Recurrence | None, signs: Mapping[str, str]
) -> Piece:
    """The context of the section. `signs`: what the error, running indices and first time are called."""
    return _Section(cell, system, flow, symbols).context(carried, signs)


class _Section:
    def __init__(self, cell: Cell, system: System, flow: Flow, symbols: Symbols) -> None:
        self.flow, self.system, self.symbols = flow, system, symbols
        self.formulas = JacobianFormulas(cell, system, flow)
        self.bounds = BoundFormulas(self.formulas, self.formulas.own.__contains__).bounds()
        self.ranges = Ranges(flow)

    def context(self, carried: Recurrence | None, signs: Mapping[str, str]) -> Piece:
        names = self._signs(set(signs.values()))
        return {
            **names,
            "loss": self.symbols.loss,
            "error": self.symbols.error,
            "step": signs["step"],
            "first": signs["first"],
            "blocks": self._blocks(),
            "chain": self._chain(chain(self.formulas, carried), names, signs) if carried else None,
            "bounds": self._bounds(),
            "gated": any(word.gates for block in self.formulas.blocks() for word in block.words),
            "vectors": any(self.flow.system.variables[state].axes for state in self.flow.states),
            "several": len(self.flow.states) > 1,
            "state_names": [self._plain(s) for s in self.flow.states],
            "kept": [self._kept(k, names) for k in keepings(self.formulas, self.ranges)],
            "unkept": [self._plain(s) for s in self.flow.states if s not in self.ranges.kept],
            "unbounded": self._unbounded(),
            "directs": [self._direct(d, signs) for d in direct_paths(self.formulas)],
            "partly_direct": any(not d.alone for d in direct_paths(self.formulas)),
        }

    def _signs(self, used: set[str]) -> dict[str, str]:
        """Letters that the cell leaves free."""
        taken = {s.base for s in self.symbols.symbols.values()} | {self.symbols.loss, self.symbols.steps} | used
        wanted = {
            "set": ("S", "D", "Q", r"\mathcal{S}"),
            "matrix": ("M", "B", "K", r"\mathcal{M}"),
            "vector": ("v", "w", "p", r"\nu"),
            "rate": (r"\rho", r"\lambda", r"\varrho"),
            "whole": ("s", "z", "y", r"\varsigma"),
            "beta": (r"\beta", r"\gamma", r"\kappa"),
            "function": ("f", "g", "q", r"\varphi"),
            "radius": ("r", "R", "a", r"\varrho"),
            "share": (r"\alpha", r"\mu", r"\vartheta"),
            "rest": (r"\gamma", r"\nu", r"\omega"),
            "power": ("n", "m", "q", r"\tau"),
            "row": ("a", "p", "u", r"\xi"),
            "column": ("b", "q", "l", r"\eta"),
            "scale": ("w", "a", "q", r"\omega"),
            "orthogonal": ("Q", "O", "P", r"\mathcal{Q}"),
        }
        found: dict[str, str] = {}
        for use, candidates in wanted.items():
            found[use] = free(candidates, taken | set(found.values()))
        return found

    def _text(self, formula: Formula, clock: str = "t") -> str:
        return Typesetter(self.symbols, clock).text(formula)

    def _plain(self, name: str, time: str = "") -> str:
        return self.symbols[name].at(time)

    # -- the step Jacobian

    def _blocks(self) -> list[Piece]:
        """A block with its words line by line, or what it is like."""
        return [
            {"lines": [], "like": self._like(found)} if found.like else {"lines": self._words(found.item), "like": ""}
            for found in alike(self.formulas.blocks(), lambda b: b.variable in self.flow.delays)
        ]

    def _words(self, block: Block) -> list[Piece]:
        typesetter, lines = Typesetter(self.symbols), []
        left = typesetter.text(block.left)
        for number_, word in enumerate(block.words):
            minus, formula = signed(word.formula)
            sign = ("= -" if minus else "=") if number_ == 0 else ("-" if minus else "+")
            lines.append(
                {"left": left, "sign": sign, "right": typesetter.text(formula), "remark": self._remark(block, word)}
            )
            left = ""
        return lines

    def _remark(self, block: Block, word: Word) -> str:
        if word.gates:
            return "through " + ", ".join(f"${self._plain(gate)}$" for gate in word.gates)
        if word.direct:
            return "directly"
        return self._meaning(block.variable) if block.variable not in self.flow.delays else ""

    def _meaning(self, name: str) -> str:
        """What a variable that the toolkit named is, where that is short."""
        text = self._text(self.formulas.definition(name))
        return f"${self._plain(name, 't')} = {text}$" if width(text) <= _SHORT else ""

    def _like(self, found: Alike[Any]) -> str:
        left = self._text(found.item.left if isinstance(found.item, Block) else _normed(self.formulas, found.item))
        pairs = [(self._plain(a), self._plain(b)) for a, b in found.like]
        new, old = (", ".join(f"${pair[side]}$" for pair in pairs) for side in (1, 0))
        return f"${left}$ is the same with {new} in place of {old}."

    # -- the chain

    def _chain(self, found: Chain, names: Mapping[str, str], signs: Mapping[str, str]) -> Piece:
        recurrence, step = found.recurrence, signs["step"]
        named = bool(found.function)
        slope = rf"{names['function']}'" if named else ""
        matrix, factor = self._text(recurrence.fixed), self._text(recurrence.matrix, step)
        net = self._plain(recurrence.net.name, step), self._plain(recurrence.net.name, f"{step}+1")
        diagonals = [
            rf"\bigl\|\operatorname{{diag}}[{slope}({n})]\bigr\|"
            if named
            else self._text(self._slope_norm(recurrence), c)
            for n, c in zip(net, (step, f"{step}+1"), strict=True)
        ]
        return {
            "named": named,
            "matrix": matrix,
            "factor": factor,
            "is": lookup(found.function).latex.replace("#1", r"\,\cdot\,") if named else "",
            "slope": self._text(recurrence.slope, step),
            "net": net[0],
            "net_now": self._plain(recurrence.net.name, "t"),
            "state_now": self._plain(recurrence.state.name, "t"),
            "by_net": rf"\|{factor}\|\brj\, {diagonals[0]}",
            "by_state": rf"{diagonals[1]}\brj\, \|{factor}\|",
            "constant": matrix == factor,
            "supremum": self._supremum(found, names),
            "finite": found.bound is None or bool(found.bound.upper.is_finite),
            "steepest": self._steepest(found),
            "state": self._plain(recurrence.state.name),
            "bare_net": self._plain(recurrence.net.name),
        }

    def _slope_norm(self, recurrence: Recurrence) -> Formula:
        return Norm(operand=Diagonal(operand=recurrence.slope))

    def _supremum(self, found: Chain, names: Mapping[str, str]) -> str:
        """What the slope's supremum is, behind `β =`."""
        slope = rf"\sup\,|{names['function']}'|"
        if found.bound is None:
            return self._text(found.slope)
        if found.bound.exact is not None and found.bound.exact.is_finite:
            return rf"{slope} = {_closed(found.bound.exact)}"
        if found.bound.upper.is_finite:
            return rf"{slope} \le {_rounded_up(found.bound.upper)}"
        on = rf"\sup_{{|z| \le {names['radius']}}} |{names['function']}'(z)|"
        if found.local is None:
            return on
        return rf"{on} = {sp.latex(found.local.subs(RADIUS, sp.Symbol(names['radius'])))}"

    def _steepest(self, found: Chain) -> Piece | None:
        if found.steepest is None:
            return None
        point, value = found.steepest
        return {"point": _closed(point), "value": _closed(value), "origin": point == 0 and value == 0}

    # -- bounds

    def _bounds(self) -> list[Piece]:
        return [
            {"line": None, "like": self._like(found)} if found.like else {"line": self._bound(found.item), "like": ""}
            for found in alike(self.bounds, lambda b: b.variable in self.flow.delays)
        ]

    def _bound(self, bound: BlockBound) -> Piece:
        typesetter = Typesetter(self.symbols)
        left = typesetter.text(_normed(self.formulas, bound))
        return {"left": left, "sign": r"\le", "right": typesetter.text(bound.formula), "remark": ""}

    def _unbounded(self) -> list[str]:
        """For every block of states that rests on what nothing bounds, what that is."""
        found = []
        for bound in self.bounds:
            names = self.ranges.unbounded(bound.reads)
            if names and bound.variable in self.flow.delays:
                now, before = self._plain(bound.variable, "t"), self._plain(bound.source, "t-1")
                listed = ", ".join(f"${self._value(name)}$" for name in names)
                found.append(rf"$\partial {now}\br / \partial {before}$ ({listed})")
        return found

    def _value(self, name: str) -> str:
        return self._text(untimed(self.formulas.value(name)))

    # -- what keeps a state, and the direct path

    def _kept(self, keeping: Keeping, names: Mapping[str, str]) -> Piece:
        state = keeping.state
        share, rest = (sp.Symbol(names[use], positive=True) for use in ("share", "rest"))
        of_start, of_rest = map(sp.latex, iterate(share, rest, sp.Symbol("t")))
        return {
            "varies": bool(keeping.kept.share.free_symbols),
            "of_start": of_start,
            "of_rest": of_rest,
            "manner": keeping.kept.manner,
            "now": self._plain(state, "t"),
            "start": self._plain(state, "0"),
            "share": self._text(keeping.share) if keeping.share else "",
            "share_size": self._text(keeping.share_size) if keeping.share_size else "",
            "rest_size": self._text(keeping.rest_size) if keeping.rest_size else "",
            "recurrence": self._text(keeping.recurrence) if keeping.recurrence else "",
            "other": self._text(keeping.other) if keeping.other else "",
            "other_size": self._text(keeping.other_size) if keeping.other_size else "",
            "supremum": "" if keeping.kept.supremum.is_infinite else _closed(keeping.kept.supremum),
        }

    def _direct(self, direct: DirectPath, signs: Mapping[str, str]) -> Piece:
        first = signs["first"]
        now, before = self._plain(direct.state, "t"), self._plain(direct.state, first)
        derivative = rf"\dfrac{{\partial {now}}}{{\partial {before}}}"
        return {
            "left": derivative if direct.alone else rf"\Bigl({derivative}\Bigr)_{{\mathrm{{direct}}}}",
            "product": self._product(direct, signs["step"], first),
            "remark": self._limits(direct),
        }

    def _product(self, direct: DirectPath, step: str, first: str) -> str:
        """The product of the direct path's factors over time; a power where they are all the same."""
        if direct.is_one:
            return r"\mathbf{I}"
        factor = self._text(direct.factor, step)
        constant = self._text(direct.factor) == factor
        if not isinstance(direct.factor, Name) or (constant and "^" in factor):
            factor = rf"\bigl({factor}\bigr)"
        product = rf"{factor}^{{t-{first}}}" if constant else rf"\prod_{{{step}={first}+1}}^{{t}} {factor}"
        if direct.rank != 1:
            return product
        return rf"\operatorname{{diag}}\Bigl[{product}\Bigr]" if direct.factor.rank else rf"{product}\, \mathbf{{I}}"

    def _limits(self, direct: DirectPath) -> str:
        """What the factors lie between, and which parameters are in them."""
        if direct.between:
            lower, upper = map(_closed, direct.between)
            return rf"factors between ${lower}$ and ${upper}$"
        return f"with {', '.join(f'${self._plain(p)}$' for p in direct.params)}" if direct.params else ""


def _normed(formulas: JacobianFormulas, bound: BlockBound) -> Formula:
    return Norm(operand=formulas.partial(bound.variable, bound.source))


def _closed(value: sp.Expr) -> str:
    """A constant in LaTeX; as sums and roots where it is no rational number."""
    return number(value, str) if value.is_Rational else sp.latex(value)


def _rounded_up(value: sp.Rational) -> str:
    scale = 10 ** (_DIGITS - 1)
    return f"{float(sp.ceiling(value * scale) / scale):.{_DIGITS - 1}f}"
