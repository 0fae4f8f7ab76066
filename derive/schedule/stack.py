"""Products that share an operand become one: which variables lie side by side, and the steps that use it.

In: regions. Out: the steps of a program, and its buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sympy as sp
from sympy.utilities.iterables import topological_sort

from derive.schedule.graph import Region, reads
from derive.schedule.model import Loop, Simple, Stack, Statement, Step
from derive.system import BATCH, TIME, Element, Equation, Index, Term, Var, elements

Fresh = Callable[[str, Var], Var]
Variables = Mapping[str, Var]


@dataclass(frozen=True)
class _MatrixVector:
    """A term that is a matrix times a vector, or its transpose times one."""

    equation: Equation
    term: Term
    matrix: Element
    vector: Element


@dataclass(frozen=True)
class _Outer:
    """A term that is an outer product summed over time and batch; without `right`, the sum of a vector."""

    equation: Equation
    term: Term
    left: Element
    right: Element | None


_Product = _MatrixVector | _Outer


def stacked(
    regions: Sequence[Region], variables: Variables, fresh: Fresh
) -> tuple[tuple[Step, ...], tuple[tuple[str, ...], ...]]:
    """The steps of some regions, products that share an operand or a result being stacked."""
    regions = [_rows_apart(r, variables, fresh) for r in regions]
    buffers = _buffers(regions, variables)
    steps: list[Step] = []
    for region in regions:
        simple = _steps(region, variables, buffers)
        steps += [Loop(region.backward, tuple(simple))] if region.loop else simple
    used = {s.members[0] for s in _all_stacks(steps)}
    return tuple(steps), tuple(b for b in buffers if used & set(b))


def _all_stacks(steps: Sequence[Step]) -> Iterator[Stack]:
    for step in steps:
        for inner in step.body if isinstance(step, Loop) else (step,):
            if isinstance(inner, Stack):
                yield inner


# -- what a term is


def _matrix_vector(equation: Equation, term: Term, variables: Variables, transposed: bool) -> _MatrixVector | None:
    """`Σ_k M[i, k] u[t, n, k]`, or with `transposed` `Σ_i M[i, k] u[t, n, i]`."""
    bound = _feature_sum(term)
    free = equation.target.feature_indices
    factors = sp.Mul.make_args(term.body)
    if (
        bound is None
        or len(free) != 1
        or len(factors) != 2
        or not all(isinstance(f, Element) for f in factors)
    ):
        return None
    wanted = (bound, free[0]) if transposed else (free[0], bound)
    for matrix, vector in (factors, factors[::-1]):
        is_matrix = variables[matrix.name].role == "param" and matrix.indices == wanted
        if is_matrix and variables[vector.name].time and vector.indices == (TIME, BATCH, bound):
            return _MatrixVector(equation, term, matrix, vector)
    return None


def _feature_sum(term: Term) -> Index | None:
    """The index of a sum over exactly one feature axis."""
    return term.over[0] if len(term.over) == 1 and term.over[0] not in (TIME, BATCH) else None


def _outer(equation: Equation) -> _Outer | None:
    """`Σ_{t,n} a[t, n, i] u[t, n, k]`, or without `u`."""
    term = equation.terms[0]
    if len(equation.terms) != 1 or set(term.over) != {TIME, BATCH}:
        return None
    factors = sp.Mul.make_args(term.body)
    free = equation.target.indices
    if len(factors) > 2 or not all(isinstance(f, Element) for f in factors):
        return None
    if len(factors) == 1:
        return _Outer(equation, term, factors[0], None) if len(free) == 1 else None
    for left, right in (factors, factors[::-1]):
        if (
            len(free) == 2
            and left.indices == (TIME, BATCH, free[0])
            and right.indices == (TIME, BATCH, free[1])
        ):
            return _Outer(equation, term, left, right)
    return None


# -- rows: one operand, several results


def _rows_apart(region: Region, variables: Variables, fresh: Fresh) -> Region:
    """Give a product of its own equation where it shares its operand but cannot be stacked in place."""
    shared = _row_groups(region, variables)
    inside = {e.name for e in region.equations} - {e.name for e in region.equations if _is_delay(e)}
    equations: list[Equation] = []
    for equation in region.equations:
        products = [p for group in shared.values() for p in group if p.equation is equation]
        rest = [t for t in equation.terms if t not in [p.term for p in products]]
        ready = not inside & set(reads(Equation(equation.target, tuple(rest))))
        if not products or (len(products) == 1 and ready):
            equations.append(equation)
            continue
        plain = [t.body for t in rest if not t.over]
        for product in products:
            hint = f"{equation.name}_{variables[product.vector.name].about or product.vector.name}"
            variable = fresh(hint, variables[equation.name])
            equations.append(Equation(variable.element, (product.term,)))
            plain.append(variable.element)
        equations.append(Equation(equation.target, (Term(sp.Add(*plain)), *(t for t in rest if t.over))))
    return Region(equations, region.loop, region.backward)


def _is_delay(equation: Equation) -> bool:
    body = equation.terms[0].body
    return isinstance(body, Element) and body.shift != 0


def _row_groups(region: Region, variables: Variables) -> dict[str, list[_MatrixVector]]:
    groups: dict[str, list[_MatrixVector]] = {}
    for equation in region.equations:
        for term in equation.terms:
            product = _matrix_vector(equation, term, variables, transposed=False)
            if product is not None:
                groups.setdefault(product.vector.name, []).append(product)
    return {operand: group for operand, group in groups.items() if len(group) > 1}


# -- columns and outer: operands side by side


def _column_products(equation: Equation, variables: Variables) -> list[_MatrixVector]:
    found = [_matrix_vector(equation, t, variables, transposed=True) for t in equation.terms]
    products = [p for p in found if p is not None]
    names = [p.vector.name for p in products]
    return products if len(products) > 1 and len(set(names)) == len(names) else []


def _outer_groups(region: Region) -> dict[str, list[_Outer]]:
    groups: dict[str, list[_Outer]] = {}
    for equation in region.equations if not region.loop else ():
        product = _outer(equation)
        if product is not None:
            groups.setdefault(product.right.name if product.right else "", []).append(product)
    return {k: g for k, g in groups.items() if len(g) > 1 and len({p.left.name for p in g}) == len(g)}


def _buffers(regions: Sequence[Region], variables: Variables) -> list[tuple[str, ...]]:
    """Sets of variables to lay side by side, those of the innermost products first.

    Each variable is in one buffer at most. Two sets that overlap share a buffer, with what they have in
    common in the middle.
    """
    computed = {e.name for r in regions for e in r.equations}
    buffers: list[tuple[str, ...]] = []
    shared: set[tuple[str, ...]] = set()
    for names in (w for w in _wanted(regions, variables) if set(w) <= computed):
        met = [b for b in buffers if set(b) & set(names)]
        if not met:
            buffers.append(names)
        elif len(met) == 1 and met[0] not in shared:
            [buffer] = met
            common = [n for n in buffer if n in names]
            first = [n for n in buffer if n not in names]
            joined = (*first, *common, *(n for n in names if n not in buffer))
            buffers[buffers.index(buffer)] = joined
            if len(joined) > len(buffer):
                shared.add(joined)
    for region in regions:
        for group in _row_groups(region, variables).values():
            names = tuple(p.equation.name for p in group)
            if len(set(names)) == len(names) and not any(set(names) & set(b) for b in buffers):
                buffers.append(names)
    return buffers


def _wanted(regions: Sequence[Region], variables: Variables) -> list[tuple[str, ...]]:
    """The operands of each product that could be stacked: in loops first, mere sums last."""
    found: list[tuple[tuple[bool, int, int], tuple[str, ...]]] = []
    for region in regions:
        for equation in region.equations:
            products = _column_products(equation, variables)
            if products:
                names = tuple(p.vector.name for p in products)
                found.append(((not region.loop, 0, -len(names)), names))
        for operand, group in _outer_groups(region).items():
            names = tuple(p.left.name for p in group)
            found.append(((True, 1 if operand else 2, -len(names)), names))
    return [names for _, names in sorted(found, key=lambda item: item[0])]


def _slice(names: Sequence[str], buffers: Sequence[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The stretch of a buffer that holds exactly these variables, in its order."""
    for buffer in buffers:
        if set(names) <= set(buffer):
            start = min(buffer.index(n) for n in names)
            stretch = buffer[start : start + len(names)]
            return stretch if set(stretch) == set(names) else None
    return None


# -- steps


def _steps(region: Region, variables: Variables, buffers: Sequence[tuple[str, ...]]) -> list[Simple]:
    stacks: dict[str, Stack] = {}
    for operand, group in _row_groups(region, variables).items():
        names = [p.equation.name for p in group]
        if len(set(names)) == len(names) and _slice(names, buffers) == tuple(names):
            matrices = tuple(p.matrix for p in group)
            shared = variables[operand].element
            _enter(stacks, Stack("rows", _equations(group), tuple(names), matrices, shared, _rests(group)))
    for alike in _outer_groups(region).values():
        by_left = {p.left.name: p for p in alike}
        stretch = _slice(list(by_left), buffers)
        if stretch:
            ordered = [by_left[name] for name in stretch]
            targets = tuple(p.equation.target for p in ordered)
            right = variables[ordered[0].right.name].element if ordered[0].right else None
            _enter(stacks, Stack("outer", _equations(ordered), stretch, targets, right, _rests(ordered)))
    for equation in region.equations:
        by_vector = {p.vector.name: p for p in _column_products(equation, variables)}
        stretch = _slice(list(by_vector), buffers) if by_vector else None
        if stretch:
            products = [by_vector[name] for name in stretch]
            matrices = tuple(p.matrix for p in products)
            used = [p.term for p in products]
            rest = tuple(t for t in equation.terms if t not in used)
            stacks[equation.name] = Stack("columns", (equation,), stretch, matrices, equation.target, (rest,))
    return _placed(region, stacks)


def _equations(products: Sequence[_Product]) -> tuple[Equation, ...]:
    return tuple(p.equation for p in products)


def _rests(products: Sequence[_Product]) -> tuple[tuple[Term, ...], ...]:
    return tuple(tuple(t for t in p.equation.terms if t is not p.term) for p in products)


def _enter(stacks: dict[str, Stack], stack: Stack) -> None:
    if not any(e.name in stacks for e in stack.equations):
        stacks.update({e.name: stack for e in stack.equations})


def _placed(region: Region, stacks: Mapping[str, Stack]) -> list[Simple]:
    """The region's steps, a stack being one, each behind those that it reads."""
    steps: list[Simple] = []
    for equation in region.equations:
        stack = stacks.get(equation.name)
        if stack is None:
            summed = region.loop and any(TIME in t.over for t in equation.terms)
            steps.append(Statement(equation, accumulate=summed))
        elif stack not in steps:
            steps.append(stack)
    owner = {e.name: k for k, step in enumerate(steps) for e in step.equations}
    edges = [
        (owner[read.name], k)
        for k, step in enumerate(steps)
        for equation in step.equations
        for term in equation.terms
        for read in elements(term.body)
        if owner.get(read.name, k) != k and not (region.loop and read.shift)
    ]
    return [steps[k] for k in topological_sort((range(len(steps)), edges))]
