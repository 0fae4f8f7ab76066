"""Passes over a program's equations and regions: aliases, hoisting, fusion of consumers.

Each takes and returns equations or regions, and keeps what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sympy as sp

from derive.schedule.graph import Region, addends, reads
from derive.system import TIME, Element, Equation, Index, Term, Var, elements

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
            here = Term(variable.element.xreplace({}))
            result.append(Equation(equation.target, _summed([here, *inner])))
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


def fused(regions: Sequence[Region], variables: Mapping[str, Var]) -> list[Region]:
    """Move into a loop what reduces a larger variable of it, so that the larger one need not be kept.

    Larger: with more axes than the result has, besides time and batch; or a matrix summed over time.
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
                if _reduces(equation, inside, variables) and not (set(reads(equation)) & later):
                    other.equations.remove(equation)
                    region.equations.append(equation)
                    later.discard(equation.name)
                    if TIME in equation.target.indices:
                        inside.add(equation.name)
    return [r for r in result if r.equations]


def _reduces(equation: Equation, inside: set[str], variables: Mapping[str, Var]) -> bool:
    rank = len(variables[equation.name].axes)
    summed = any(TIME in t.over for t in equation.terms)
    if summed and len(equation.terms) > 1:
        return False
    for term in equation.terms:
        for element in elements(term.body):
            larger = len(variables[element.name].axes)
            if element.name in inside and not element.shift and larger >= 2 and (larger > rank or summed):
                return True
    return False


def feature_sum(term: Term) -> Index | None:
    """The index of a sum over exactly one feature axis."""
    if len(term.over) == 1 and term.over[0].axis not in ("T", "B"):
        return term.over[0]
    return None
