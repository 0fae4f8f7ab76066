"""Sizes of the checks, and estimates of what they cost, so that no clock decides what runs.

In: a cell. Out: sizes for each check, and its cost in units of very roughly a microsecond. The cost is
counted from the equations, never measured, so that what runs is the same everywhere.
"""

from __future__ import annotations

import math

from derive.language import syntax
from derive.language.expanded import children, walk_expanded
from derive.proof.degrees import Degrees
from derive.proof.identity import differentiate, draw_directions, unrolled_loss
from derive.proof.oracle import Sizes, exact, extents
from derive.proof.problem import pose
from derive.proof.trees import Tree, Trees

LIMIT = 3_000_000
_LONGER = 4


def identity_sizes(cell: syntax.Cell) -> dict[str, int]:
    """T=3 and B=2; the axes have 3, 4, 5, … in order of appearance, from 3 again after 10."""
    return _sizes(cell, {"T": 3, "B": 2}, least=3, period=8)


def rational_sizes(cell: syntax.Cell) -> dict[str, int]:
    """T=2 and B=1; the axes have 2, 3, 4, 2, …"""
    return _sizes(cell, {"T": 2, "B": 1}, least=2, period=3)


def brute_force_sizes(cell: syntax.Cell) -> tuple[dict[str, int], ...]:
    """T=2 and B=1, the first choice first: the axes have 1, 2, 1, 2, …; or all have 1, where that divides by none."""
    first, second = (_sizes(cell, {"T": 2, "B": 1}, least=1, period=period) for period in (2, 1))
    return (first,) if _divides_by_zero(cell, second) else (first, second)


def _sizes(cell: syntax.Cell, counts: Sizes, *, least: int, period: int) -> dict[str, int]:
    """Each axis one longer than the one before, over and over; all longer where a divisor such as d_h - 1 is zero."""
    choices = [
        {**counts, **{axis: least + more + place % period for place, axis in enumerate(cell.axes)}}
        for more in range(_LONGER + 1)
    ]
    return next((sizes for sizes in choices if not _divides_by_zero(cell, sizes)), choices[0])


def _divides_by_zero(cell: syntax.Cell, sizes: Sizes) -> bool:
    """Whether a divisor of numbers and sizes alone is zero."""
    nodes = [node for equation in cell.equations for node in walk_expanded(equation.value)]
    divisors = [n.right for n in nodes if isinstance(n, syntax.Binary) and n.operator == "/"]
    divisors += [n.base for n in nodes if isinstance(n, syntax.Power) and n.exponent < 0]
    try:
        return any(exact(divisor, sizes) == 0 for divisor in divisors)
    except ZeroDivisionError:
        return True


def rational_cost(cell: syntax.Cell, sizes: Sizes) -> int:
    """One run for each leaf; an operation takes longer with the digits, which grow with the degree: many of them
    with their square."""
    ring = Degrees()
    problem = pose(cell, sizes, ring.variable)
    _, _, derivative = differentiate(cell, ring, problem, draw_directions(ring, problem))
    degree: int = derivative.numerator + derivative.denominator
    return len(problem.leaves()) * operations(cell, sizes) * (10 + degree) // 10 * (1 + degree // 500)


def brute_force_cost(cell: syntax.Cell, sizes: Sizes) -> int:
    """SymPy walks the whole loss, written out as a tree, for every coordinate of every leaf."""
    ring = Trees()
    problem = pose(cell, sizes, ring.variable)
    loss: Tree = unrolled_loss(cell, ring, problem)
    return sum(leaf.size for leaf in problem.leaves().values()) * loss.work


def operations(cell: syntax.Cell, sizes: Sizes) -> int:
    """Scalar operations of the oracle in one run of T steps over B examples."""
    step = sum(_operations(equation.value, sizes) for equation in cell.equations)
    return sizes["T"] * sizes["B"] * step


def _operations(node: syntax.Node, sizes: Sizes) -> int:
    below = sum(_operations(child, sizes) for child in children(node))
    own = math.prod(extents(node.shape, sizes))
    match node:
        case syntax.Contraction():
            return below + own * extents(node.right.shape, sizes)[0]
        case syntax.Reduction():
            return below + math.prod(extents(node.operand.shape, sizes))
        case syntax.Macro() | syntax.Number() | syntax.Size() | syntax.Reference():
            return below
    return below + own
