"""Passes over a program's equations and regions: aliases, hoisting, fusion of consumers.

Each takes and returns equations or regions, and keeps what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import sympy as sp

from derive.schedule.graph import Region, addends
from derive.system import BATCH, TIME, Element, Equation, Index, Term, Var, elements

Fresh = Callable[[str, Var], Var]


def without_aliases(equations: Sequence[Equation], keep: set[str]) -> list[Equation]:
    """Drop `v = w` (same indices) by reading w instead; the names to `keep` stay."""
    alias: dict[str, str] = {}
    rest = []
    for equation in equations:
        body = equation.terms[0].body
        plain = len(equation.terms) == 1 and not equation.terms[0].over and isinstance(body, Element)
        if plain and equation.name not in keep and body.indices == equation.target.indices:
            alias[equation.name] = alias.get(body.name, body.name)
        else:
            rest.append(equation)
    while any(w in alias for w in alias.values()):
        alias = {v: alias.get(w, w) for v, w in alias.items()}
    return [_renamed(e, alias) for e in rest]


def _renamed(equation: Equation, alias: Mapping[str, str]) -> Equation:
    def renamed(term: Term) -> Term:
        change = {e: Element(alias[e.name], *e.indices) for e in elements(term.body) if e.name in alias}
        return Term(term.body.xreplace(change), term.over) if change else term

    return Equation(equation.target, tuple(map(renamed, equation.terms)))


def summands_named(
    equations: Sequence[Equation], fresh: Fresh, variables: Mapping[str, Var]
) -> list[Equation]:
    """Name what a vector or a scalar sums over time and batch, where it is more than one element.

    Sums of one element are stacked, and summed accurately, by every backend. Outer products stay.
    """
    known = {
        (e.terms[0].body, frozenset[Index]()): e.target
        for e in equations
        if len(e.terms) == 1 and not e.terms[0].over and not isinstance(e.terms[0].body, Element)
    }
    result = []
    for equation in equations:
        terms = []
        for term in equation.terms:
            if _plain_sum(equation, term):
                terms.append(term)
                continue
            inner = tuple(i for i in term.over if i not in (TIME, BATCH))
            summed = term.body, frozenset(inner)
            if summed not in known:
                like = replace(variables[equation.name], time=True)
                variable = fresh(f"{equation.name}_at", like)
                known[summed] = variable.element
                result.append(Equation(variable.element, (Term(term.body, inner),)))
            terms.append(Term(known[summed], (TIME, BATCH)))
        result.append(Equation(equation.target, tuple(terms)))
    return result


def _plain_sum(equation: Equation, term: Term) -> bool:
    """Whether a term is no sum over time and batch, or one that every backend has a routine for."""
    if TIME not in term.over or len(equation.target.indices) > 1:
        return True
    factors = sp.Mul.make_args(term.body)
    if not all(isinstance(f, Element) for f in factors):
        return False
    if len(factors) == 1:
        return set(term.over) == {TIME, BATCH}
    features = [set(f.feature_indices) for f in factors]
    return len(factors) == 2 and not features[0] & features[1] and set(term.over) == {TIME, BATCH}


def hoisted(regions: Sequence[Region], fresh: Fresh, variables: Mapping[str, Var]) -> list[Equation]:
    """All equations, with the sums that a loop's equation does not need the loop for made their own.

    What such a sum shares its equation with and needs no loop either (a bias) goes along.
    """
    result = []
    for region in regions:
        inside = {e.name for e in region.equations} if region.loop else set()
        for equation in region.equations:
            split = _split(equation, inside) if inside else None
            if split is None:
                result.append(equation)
                continue
            outer, inner = split
            variable = fresh(f"{equation.name}_in", variables[equation.name])
            result.append(Equation(variable.element, _summed(outer)))
            result.append(Equation(equation.target, _summed([Term(variable.element), *inner])))
    return result


def _split(equation: Equation, inside: set[str]) -> tuple[list[Term], list[Term]] | None:
    single = [Term(a) for t in equation.terms if not t.over for a in addends(t.body)]
    terms = single + [t for t in equation.terms if t.over]
    outer = [t for t in terms if not any(e.name in inside for e in elements(t.body))]
    inner = [t for t in terms if t not in outer]
    if not inner or not any(t.over for t in outer):
        return None
    return outer, inner


def _summed(terms: Sequence[Term]) -> tuple[Term, ...]:
    plain = sp.Add(*(t.body for t in terms if not t.over))
    sums = tuple(t for t in terms if t.over)
    return (Term(plain), *sums) if plain != 0 or not sums else sums


def fused(regions: Sequence[Region], fresh: Fresh, variables: Mapping[str, Var]) -> list[Region]:
    """Move into a loop what reads a matrix of it, so that no matrix need be kept over time.

    Where an equation needs what comes later too, only those of its terms move that reduce the matrix.
    """
    result = [Region(list(r.equations), r.loop, r.backward) for r in regions]
    for k, region in enumerate(result):
        if not region.loop:
            continue
        inside = {e.name for e in region.equations}
        later = {e.name for r in result[k + 1 :] for e in r.equations}
        for other in result[k + 1 :]:
            if other.loop:
                continue
            for equation in list(other.equations):
                moved, left = _parted(equation, inside, later, fresh, variables)
                if moved is None:
                    continue
                region.equations.append(moved)
                place = other.equations.index(equation)
                other.equations[place : place + 1] = [left] if left else []
                if moved.name == equation.name:
                    later.discard(equation.name)
                if TIME in moved.target.indices:
                    inside.add(moved.name)
    return [r for r in result if r.equations]


def _parted(
    equation: Equation, inside: set[str], later: set[str], fresh: Fresh, variables: Mapping[str, Var]
) -> tuple[Equation | None, Equation | None]:
    """What of an equation moves into a loop, and what stays behind it."""
    own = variables[equation.name]
    touching = [t for t in equation.terms if _larger(t, inside, variables)]
    if (
        touching
        and not later & _read_by(equation.terms)
        and (own.time or len(touching) == len(equation.terms))
    ):
        return equation, None
    inner = [t for t in touching if TIME in t.over or _larger(t, inside, variables) > len(own.axes)]
    if not inner or later & _read_by(inner):
        return None, equation
    part = fresh(f"{equation.name}_part", own)
    rest = [t for t in equation.terms if t not in inner]
    return Equation(part.element, _summed(inner)), Equation(
        equation.target, _summed([Term(part.element), *rest])
    )


def _read_by(terms: Sequence[Term]) -> set[str]:
    return {e.name for term in terms for e in elements(term.body)}


def _larger(term: Term, inside: set[str], variables: Mapping[str, Var]) -> int:
    """How many axes the largest matrix of a loop has that a term reads at its own time; 0 for none."""
    ranks = [len(variables[e.name].axes) for e in elements(term.body) if e.name in inside and not e.shift]
    return max((rank for rank in ranks if rank >= 2), default=0)
