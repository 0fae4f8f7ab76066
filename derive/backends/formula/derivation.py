"""A derivation in the order in which it is read: forward, normal form, steps, recurrence, gradients.

In: a cell, its system and its adjoint. Out: a `Derivation` of lines whose two sides are formulas, for the
printers to spell. A delay is never shown: `h_prev` is printed as h at t-1, and what its adjoint collects
stands in the adjoint of `h`, at t+1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

import sympy as sp

from derive import functions
from derive.backends.formula.author import written
from derive.backends.formula.contract import DIFFERENTIAL, Reader
from derive.backends.formula.network import NoMatrixForm
from derive.backends.formula.nodes import Entry, Formula, Line, Name, Stopped, Total, mapped, total
from derive.backends.formula.order import place_of, places
from derive.calculus import Adjoint, Linear, linear_terms, linearize, transpose
from derive.language.syntax import Cell
from derive.system import TIME, Element, Equation, Index, System, Term, Var, nets


@dataclass(frozen=True)
class Contribution:
    """What one term of one equation adds to an adjoint.

    `equation`: the number of the equation; `later`: whether it is meant one step later; `change`: how
    the variable moves the equation's left side, `alone` if nothing else does; `gives`: what the
    transpose makes of the adjoint; `into`: the variable whose adjoint that is.
    """

    equation: int
    later: bool
    alone: bool
    change: Line
    gives: Formula
    into: Name


@dataclass(frozen=True)
class Piece:
    """A summand of an equation, and what of the derivation belongs to it.

    Of an adjoint: the terms that it is the transpose of, those of a chain from its variable on; none for the loss
    itself. Of an equation forward: the terms that it has in its differential.
    """

    formula: Formula
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True)
class Explained(Line):
    """An equation whose right side is the sum of `pieces`."""

    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Step:
    """How one adjoint comes about; `seeded` if the loss reads the variable itself."""

    variable: Name
    contributions: tuple[Contribution, ...]
    seeded: bool
    result: Explained


@dataclass(frozen=True)
class Derivation:
    """`initial` holds at the first time step; no gradient reaches what is in `absent`."""

    forward: tuple[Line, ...]
    normal: tuple[Explained, ...]
    steps: tuple[Step, ...]
    recurrence: tuple[Explained, ...]
    weights: tuple[Explained, ...]
    inputs: tuple[Explained, ...]
    initial: tuple[Explained, ...]
    absent: tuple[Name, ...]


@dataclass(frozen=True)
class _Part:
    """A transposed linear term, the forward term that it comes from, and whether it is one step later.

    `chain`: the parts that it is composed of, if it is.
    """

    forward: Linear
    back: Linear
    later: bool = False
    chain: tuple[_Part, ...] = ()

    @property
    def links(self) -> tuple[_Part, ...]:
        """The parts that it is composed of, or itself."""
        return self.chain or (self,)


def explain(cell: Cell, system: System, adjoint: Adjoint) -> Derivation:
    """The derivation of a cell."""
    return _Explanation(cell, system, adjoint).derivation()


class _Explanation:
    def __init__(self, cell: Cell, system: System, adjoint: Adjoint) -> None:
        self.cell, self.system, self.adjoint = cell, system, adjoint
        self.variables = adjoint.system.variables
        self.places = places(cell, system)
        self.parts = self._parts()
        self.own = {block for stored in system.stored.values() for block in stored.blocks.values()}
        self.nets = nets(system)
        self.numbers = count(1)
        self.number: dict[str, int] = {}

    def derivation(self) -> Derivation:
        forward = tuple(self._forward())
        normal = tuple(self._normal())
        shown = [e.name for e in self.adjoint.equations if self._about(e.name) in self.parts]
        names = [self._about(n) for n in shown]
        timed = [n for n in names if self._is_inner(n) and self.variables[n].time]
        fixed = [n for n in names if self._is_inner(n) and not self.variables[n].time]
        params = [v.name for v in self.system.of_role("param") if v.name in self.parts]
        inputs = [v.name for v in self.system.of_role("input") if v.name in self.parts]
        steps = tuple(self._step(n) for n in timed)
        kept, inline = self._collect(timed), applications(self.system)
        return Derivation(
            forward=forward,
            normal=normal,
            steps=steps,
            recurrence=tuple(self._line(n, self.parts[n], inline) for n in kept),
            weights=tuple(self._line(n, self.parts[n], inline) for n in (*fixed, *params)),
            inputs=tuple(self._line(n, self.parts[n], inline) for n in inputs),
            initial=tuple(self._initial(inline)),
            absent=tuple(self._name(v.name) for v in self.system.of_role("input", "param") if v.name not in self.parts),
        )

    def _about(self, bar: str) -> str:
        return self.variables[bar].about if self.variables[bar].role == "adjoint" else ""

    def _is_inner(self, name: str) -> bool:
        return self.variables[name].role in ("local", "state")

    def _name(self, name: str, shift: int = 0) -> Name:
        variable = self.variables[name]
        return Name(name=name, shift=shift if variable.time else None, rank=len(variable.axes))

    # -- forward

    def _forward(self) -> Iterable[Line]:
        for equation in self.cell.equations:
            blocks = list(self.system.stored[equation.target].blocks.values())
            variable = self.cell.variables[equation.target]
            shift = 0 if self.variables[blocks[0]].time else None
            left = Name(name=equation.target, shift=shift, rank=len(variable.shape))
            yield Line(
                left,
                written(self.system, equation.value),
                next(self.numbers),
                equation.comment or variable.comment,
            )

    def _normal(self) -> Iterable[Explained]:
        for equation in self.system.equations:
            if self.variables[equation.name].role == "delay":
                continue
            self.number[equation.name] = next(self.numbers)
            reader = self._reader(equation.name)
            line = self._both(reader, equation.target, equation.terms, sort=True)
            pieces = self._forward_pieces(reader, equation, line.right)
            if self.variables[equation.name].held:
                line, pieces = replace(line, right=Stopped(rank=line.right.rank, operand=line.right)), ()
            yield Explained(line.left, line.right, self.number[equation.name], pieces=pieces)

    def _forward_pieces(self, reader: Reader, equation: Equation, whole: Formula) -> tuple[Piece, ...]:
        """The summands of an equation as they stand, each with its own terms of the differential if it can be told."""
        found: dict[Formula, list[Contribution]] = {}
        delays = set(self.system.delays.values())
        known = [p for name, parts in self.parts.items() if name not in delays for p in parts]
        for term in (part for whole_term in equation.terms for part in _addends(whole_term)):
            formula = self._both(reader, equation.target, [term]).right
            moved = {each.source for each in linear_terms(self.system, replace(equation, terms=(term,)))}
            own = [p for p in known if p.forward.target == equation.target and p.forward.source in moved]
            found.setdefault(formula, []).extend(map(self._contribution, own))
        summands = whole.terms if isinstance(whole, Total) else (whole,)
        if not all(summand in found for summand in summands):
            return (Piece(whole, tuple(c for each in found.values() for c in each)),)
        return tuple(Piece(summand, tuple(found[summand])) for summand in summands)

    # -- backward

    def _parts(self) -> dict[str, list[_Part]]:
        """For every variable with an adjoint, the terms that make it up; those of a delay go to its state."""
        bars, forward = self.adjoint.bars, linearize(self.system)
        self.moves = Counter(term.target.name for term in forward)
        found: dict[str, list[_Part]] = {name: [] for name in bars}
        for ahead, back in zip(forward, transpose(forward), strict=True):
            if back.target.name in bars and back.source.name in bars:
                found[back.target.name].append(_Part(ahead, back))
        later = {TIME: TIME + 1}
        delays = {self.system.delays[s]: s for s in self.system.delays}
        return {
            name: [
                q
                for p in parts
                for q in (
                    [_Part(d.forward, _moved(d.back, later), later=True) for d in found[p.back.source.name]]
                    if p.back.source.name in delays
                    else [p]
                )
            ]
            for name, parts in found.items()
        }

    def _reader(self, equation: str, inline: Mapping[str, sp.Expr] | None = None) -> Reader:
        place = place_of(self.system, self.places, equation)
        return Reader(self.variables, place, inline)

    def _step(self, name: str) -> Step:
        contributions = tuple(self._contribution(p) for p in self.parts[name])
        result = replace(self._line(name, self.parts[name]), number=next(self.numbers))
        return Step(self._name(name), contributions, name in self.adjoint.seeds, result)

    def _contribution(self, part: _Part) -> Contribution:
        ahead = part.forward
        reader = self._reader(ahead.target.name)
        moved = Element(DIFFERENTIAL + ahead.source.name, *ahead.source.indices)
        target = Element(DIFFERENTIAL + ahead.target.name, *ahead.target.indices)
        change = self._both(reader, target, [Term(ahead.coefficient * moved, ahead.over)])
        if part.later:
            change = Line(_later(change.left), _later(change.right))
        gives = self._both(reader, part.back.target, [self._term(part.back)]).right
        number = self.number[ahead.target.name]
        source = self.variables[ahead.source.name]
        into = self._name(source.about if source.role == "delay" else source.name)
        return Contribution(number, part.later, self.moves[ahead.target.name] == 1, change, gives, into)

    def _term(self, back: Linear) -> Term:
        return Term(back.coefficient * Element(self.adjoint.bars[back.source.name], *back.source.indices), back.over)

    def _line(self, name: str, parts: Sequence[_Part], inline: Mapping[str, sp.Expr] | None = None) -> Explained:
        """The adjoint of a variable as the sum of its parts, in matrix form if all of them have one."""
        target = self.variables[self.adjoint.bars[name]].element
        seeds = [self._name(self.adjoint.seeds[name])] if name in self.adjoint.seeds else []
        readers = [self._reader(p.forward.target.name, inline) for p in parts]
        free = target.feature_indices
        left: Formula = self._name(target.name)
        terms: list[Formula]
        try:
            terms = [
                *seeds,
                *(r.formula(free, [self._term(p.back)]) for r, p in zip(readers, parts, strict=True)),
            ]
        except NoMatrixForm:
            left = Entry(of=left, indices=free)
            bare = [Entry(of=s, indices=free) if free else s for s in seeds]
            terms = [
                *bare,
                *(r.entries([self._term(p.back)]) for r, p in zip(readers, parts, strict=True)),
            ]
        origins = [()] * len(seeds) + [tuple(map(self._contribution, p.links)) for p in parts]
        pieces = tuple(Piece(term, origin) for term, origin in zip(terms, origins, strict=True))
        return Explained(left, total(terms, left.rank), pieces=pieces)

    def _both(self, reader: Reader, target: Element, terms: Sequence[Term], *, sort: bool = False) -> Line:
        """An equation in matrix form, or with indices where it has none."""
        free, left = target.feature_indices, reader.name(target)
        try:
            return Line(left, reader.formula(free, terms, sort=sort))
        except NoMatrixForm:
            return Line(Entry(of=left, indices=free) if free else left, reader.entries(terms, sort=sort))

    def _initial(self, inline: Mapping[str, sp.Expr]) -> Iterable[Explained]:
        for state, delay in self.system.delays.items():
            if delay in self.parts:
                line = self._line(delay, self.parts[delay], inline)
                rank = line.left.rank
                name = self.adjoint.bars.get(state, self.adjoint.bars[delay])
                bar = Name(name=name, shift=-1, rank=len(self.variables[state].axes))
                left = (
                    Entry(of=bar, indices=line.left.indices)
                    if isinstance(line.left, Entry)
                    else replace(bar, rank=rank)
                )
                yield replace(line, left=left)

    # -- the recurrence, with what is used once put in its place

    def _collect(self, names: Sequence[str]) -> list[str]:
        """Put each adjoint that is one product and read once where it is read; the names that remain."""
        delays, kept = set(self.system.delays.values()), []
        for name in names:
            readers = [(n, i) for n, ps in self.parts.items() for i, p in enumerate(ps) if p.back.source.name == name]
            own = self.parts[name]
            once = len([n for n, _ in readers if n not in delays]) == 1
            if not self._is_monomial(name, own) or not (once or self._is_alias(name, own)):
                kept.append(name)
                continue
            for reader, place in readers:
                self.parts[reader][place] = _composed(self.parts[reader][place], own[0], self.variables[name])
        return kept

    def _is_monomial(self, name: str, parts: Sequence[_Part]) -> bool:
        single = len(parts) == 1 and not parts[0].back.over and not parts[0].later
        return single and name not in self.adjoint.seeds and name not in self.nets

    def _is_alias(self, name: str, parts: Sequence[_Part]) -> bool:
        """Whether the adjoint of a temporary is that of another variable."""
        return name not in self.own and parts[0].back.coefficient == 1


def applications(system: System) -> dict[str, sp.Expr]:
    """Temporaries that are a function of one of the author's variables, and what they are."""
    own = {block for stored in system.stored.values() for block in stored.blocks.values()}
    return {
        e.name: e.terms[0].body
        for e in system.equations
        if e.name not in own
        and isinstance(e.terms[0].body, functions.ScalarFunction)
        and isinstance(e.terms[0].body.args[0], Element)
        and e.terms[0].body.args[0].name in own
    }


def _addends(term: Term) -> Iterable[Term]:
    """The summands that a term is shown as."""
    return [term] if term.over else [Term(addend) for addend in sp.Add.make_args(term.body)]


def _moved(term: Linear, times: Mapping[Index, sp.Expr]) -> Linear:
    return Linear(term.target, term.coefficient.xreplace(times), term.source.xreplace(times), term.over)


def _composed(outer: _Part, inner: _Part, variable: Var) -> _Part:
    """A term that reads an adjoint, with that adjoint's only term in its place."""
    at = outer.back.source
    where = dict(zip(variable.indices, at.indices, strict=True))
    coefficient = outer.back.coefficient * inner.back.coefficient.xreplace(where)
    back = Linear(outer.back.target, coefficient, inner.back.source.xreplace(where), outer.back.over)
    further = tuple(replace(link, later=outer.later) for link in inner.links)
    return _Part(inner.forward, back, outer.later, (*outer.links, *further))


def _later(formula: Formula) -> Formula:
    """The same one step later."""
    if isinstance(formula, Name):
        return formula if formula.shift is None else replace(formula, shift=formula.shift + 1)
    return mapped(formula, _later)
