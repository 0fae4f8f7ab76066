"""Normal form: from the author's syntax tree to a system of equations over indexed scalars.

In: a checked `Cell`. Out: a `System`. Every matrix that meets a concatenation is split into one
block a part; every activation becomes the whole right side of an equation of its own; a contraction
keeps its place in a sum, and gets a name of its own where it is used twice, inside a product, or without time in an
equation that has it;
`s[t-1]` is read through a delay, the only equation that looks at another time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import product as cartesian

import sympy as sp

from derive.functions import application
from derive.language import syntax as tree
from derive.language.expanded import children, walk_expanded
from derive.language.syntax import Cell, Node
from derive.system.check import check
from derive.system.model import (
    BATCH,
    TIME,
    Element,
    FirstMaximum,
    Index,
    Length,
    System,
    Term,
    elements,
    indices_of,
    multiplied,
)
from derive.system.variables import Slot, Slots, Workspace, parts_of, timed


def normalize(cell: Cell) -> System:
    """The system of a cell's equations, in normal form."""
    return check(_Normalizer(cell).run())


class _Normalizer:
    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.space = Workspace(cell)
        self.uses = Counter(_contractions(e.value for e in cell.equations))

    def run(self) -> System:
        self.space.declare()
        for equation in self.cell.equations:
            self._define(equation)
        return System(
            name=self.cell.name,
            variables=self.space.variables,
            equations=tuple(self.space.equations),
            stored=self.space.stored,
            delays=self.space.delays,
            outputs=self.cell.outputs,
            axes=self.cell.axes,
        )

    # -- equations

    def _define(self, equation: tree.Equation) -> None:
        variable = self.cell.variables[equation.target]
        self.space.about = equation.target
        lowered = {}
        for parts in parts_of(variable.shape):
            slots = self.space.slots(variable.shape, parts)
            lowered[parts] = (slots, self._terms(equation.value, slots, whole=True))
        if variable.role == "local":
            over_time = equation.target in self.cell.outputs or any(timed(t) for _, t in lowered.values())
            self.space.store(equation.target, "local", variable.shape, over_time)
        for parts, (slots, terms) in lowered.items():
            self.space.emit(self.space.stored[equation.target].blocks[parts], slots, terms)

    # -- expressions: as terms of a sum

    def _terms(self, node: Node, at: Slots, *, whole: bool = False) -> list[Term]:
        """The terms of an expression; `whole` where it is all of an equation's right side."""
        match node:
            case tree.Macro():
                return self._terms(node.body, at, whole=whole)
            case tree.Negative():
                return _scaled(self._terms(node.operand, at), sp.S.NegativeOne)
            case tree.Binary(operator="+" | "-"):
                left = self._terms(node.left, at if node.left.shape else ())
                right = self._terms(node.right, at if node.right.shape else ())
                return left + (_scaled(right, sp.S.NegativeOne) if node.operator == "-" else right)
            case tree.Binary(operator="*" | "/") if _constant(node.right):
                factor = self._constant(node.right)
                return _scaled(self._terms(node.left, at), factor if node.operator == "*" else 1 / factor)
            case tree.Binary(operator="*") if _constant(node.left):
                return _scaled(self._terms(node.right, at), self._constant(node.left))
            case tree.Contraction() | tree.Reduction(kind="sum" | "mean") if self.uses[node] == 1 or whole:
                return self._sum(node, at)
            case tree.Apply() if whole and len(node.operands) == 1:
                return [Term(self._application(node, at))]
            case tree.Concatenation():
                operand, slot = _operand(node, at[0])
                return self._terms(operand, (slot,))
            case _:
                return [Term(self._lower(node, at))]

    def _sum(self, node: Node, at: Slots) -> list[Term]:
        if isinstance(node, tree.Contraction):
            return list(self._contraction(node, at))
        assert isinstance(node, tree.Reduction)
        return list(self._reduction(node, at))

    def _contraction(self, node: tree.Contraction, at: Slots) -> Iterator[Term]:
        kept = len(node.left.shape) - 1
        for slot in self.space.along(node.left.shape[-1]):
            left = self._factor(node.left, (*at[:kept], slot))
            right = self._factor(node.right, (slot, *at[kept:]))
            yield _summed(left * right, (slot.index,))

    def _reduction(self, node: tree.Reduction, at: Slots) -> Iterator[Term]:
        shape = node.operand.shape
        for slots in self._reduced(node, at):
            over = tuple(s.index for s in slots if s not in at)
            body = self._lower(node.operand, slots)
            if node.kind == "mean":
                summed = shape if node.axis is None else (shape[node.axis],)
                body = body / sp.Mul(*(sp.Add(*map(Length, axis.parts)) for axis in summed))
            yield _summed(body, over)

    def _reduced(self, node: tree.Reduction, at: Slots) -> Iterator[Slots]:
        """The operand's slots: those of the result with a fresh one for each axis summed over."""
        shape = node.operand.shape
        if node.axis is None:
            yield from cartesian(*(list(self.space.along(axis)) for axis in shape))
        else:
            for slot in self.space.along(shape[node.axis]):
                yield (*at[: node.axis], slot, *at[node.axis :])

    # -- expressions: as one sum-free scalar

    def _lower(self, node: Node, at: Slots) -> sp.Expr:
        match node:
            case tree.Number() | tree.Size():
                return self._constant(node)
            case tree.Reference():
                return self._reference(node, at)
            case tree.Macro():
                return self._lower(node.body, at)
            case tree.Negative():
                return -self._lower(node.operand, at)
            case tree.Binary():
                return self._binary(node, at)
            case tree.Power():
                base = self._lower(node.base, at)
                if node.exponent < 0:
                    base = self._call("recip", base, at)
                return base ** abs(node.exponent)
            case tree.Apply():
                return self._apply(node, at)
            case tree.Contraction() | tree.Reduction(kind="sum" | "mean"):
                return self.space.name(f"{self.space.about}_sum", at, self._sum(node, at))
            case tree.Reduction():
                return self._maximum(node, at)
            case tree.Outer():
                split = len(node.left.shape)
                return self._lower(node.left, at[:split]) * self._lower(node.right, at[split:])
            case tree.Spread():
                return self._lower(node.operand, (at[node.along],))
            case tree.Transpose():
                return self._lower(node.operand, at[::-1])
            case tree.Concatenation():
                operand, slot = _operand(node, at[0])
                return self._lower(operand, (slot,))
            case tree.Stop():
                return self.space.name(
                    f"{self.space.about}_stop", at, self._terms(node.operand, at), held=True
                )
        raise TypeError(f"no normal form for the node {type(node).__name__}; add a case to normalize")

    def _reference(self, node: tree.Reference, at: Slots) -> sp.Expr:
        if node.lag:
            name = self.space.delays[node.name]
        else:
            name = self.space.stored[node.name].blocks[tuple(s.part for s in at)]
        variable = self.space.variables[name]
        return Element(name, *((TIME, BATCH) if variable.time else ()), *(s.index for s in at))

    def _binary(self, node: tree.Binary, at: Slots) -> sp.Expr:
        left = self._lower(node.left, at if node.left.shape else ())
        if node.operator == "/":
            if _constant(node.right):
                return left / self._constant(node.right)
            below = at if node.right.shape else ()
            return left * self._call("recip", self._lower(node.right, below), below)
        right_value = self._lower(node.right, at if node.right.shape else ())
        if node.operator == "*":
            return left * right_value
        return left + right_value if node.operator == "+" else left - right_value

    def _apply(self, node: tree.Apply, at: Slots) -> sp.Expr:
        if len(node.operands) == 1:
            hint = f"{node.function}_{_label(node.operands[0]) or self.space.about}"
            return self.space.name(hint, at, [Term(self._application(node, at))])
        left, right = (self._lower(o, at if o.shape else ()) for o in node.operands)
        sign = 1 if node.function == "maximum" else -1
        first = self._call("nonnegative", sign * (left - right), at)
        return first * left + (1 - first) * right

    def _application(self, node: tree.Apply, at: Slots) -> sp.Expr:
        """A function of the table at an element, which is named where it is not one already."""
        operand = node.operands[0]
        terms = self._terms(operand, at if operand.shape else ())
        return application(node.function)(self._element(terms, at, "net"))

    def _call(self, function: str, argument: sp.Expr, at: Slots) -> Element:
        element = self._element([Term(argument)], at, "arg")
        hint = f"{function}_{element.name if isinstance(element, Element) else self.space.about}"
        return self.space.name(hint, self._used(at, element), [Term(application(function)(element))])

    def _element(self, terms: Sequence[Term], at: Slots, hint: str) -> sp.Expr:
        """What a function is applied to: an element, named where it has no name yet, or a constant."""
        if not any(term.over for term in terms):
            body = sp.Add(*(term.body for term in terms))
            if isinstance(body, Element) or not elements(body):
                return body
        return self.space.name(f"{self.space.about}_{hint}", self._used(at, *(t.body for t in terms)), terms)

    def _used(self, at: Slots, *bodies: sp.Expr) -> Slots:
        used = set().union(*(indices_of(b) for b in bodies))
        return tuple(s for s in at if s.index in used)

    def _maximum(self, node: tree.Reduction, at: Slots) -> sp.Expr:
        """The largest element, as the sum of the elements that a selector lets through."""
        best: sp.Expr | None = None
        for slots in self._reduced(node, at):
            element = self._element([Term(self._lower(node.operand, slots))], slots, "max_of")
            used = self._used(slots, element)
            over = tuple(s.index for s in used if s not in at)
            value = element
            if over:
                first = self.space.name(f"{self.space.about}_first", used, [Term(FirstMaximum(element, *over))])
                kept = self._used(at, element)
                value = self.space.name(f"{self.space.about}_max", kept, [Term(first * element, over)])
            if best is None:
                best = value
            else:
                keep = self._call("nonnegative", best - value, at)
                best = keep * best + (1 - keep) * value
        assert best is not None
        return best

    def _factor(self, node: Node, at: Slots) -> sp.Expr:
        """A factor of a product under a sum: a product of elements, so that products stay products."""
        value = self._lower(node, at)
        factors = sp.Mul.make_args(value)
        if all(f.is_number or isinstance(f, Element | Length) for f in factors) and len(elements(value)) <= 1:
            return value
        return self._element([Term(value)], at, "in")

    def _constant(self, node: Node) -> sp.Expr:
        match node:
            case tree.Number():
                return sp.Rational(node.value.numerator, node.value.denominator)
            case tree.Size():
                return Length(node.axis)
            case tree.Negative():
                return -self._constant(node.operand)
            case tree.Binary():
                left, right = self._constant(node.left), self._constant(node.right)
                operations = {"+": left + right, "-": left - right, "*": left * right}
                return operations[node.operator] if node.operator in operations else left / right
            case tree.Power():
                return self._constant(node.base) ** node.exponent
        raise TypeError(f"{type(node).__name__} is not a constant")


def _contractions(nodes: Iterable[Node]) -> Iterator[Node]:
    for root in nodes:
        for node in walk_expanded(root):
            if isinstance(node, tree.Contraction | tree.Reduction):
                yield node


def _constant(node: Node) -> bool:
    if isinstance(node, tree.Number | tree.Size):
        return True
    inner = isinstance(node, tree.Negative | tree.Binary | tree.Power)
    return inner and all(_constant(child) for child in children(node))


def _label(node: Node) -> str | None:
    return node.name if isinstance(node, tree.Reference) else None


def _operand(node: tree.Concatenation, slot: Slot) -> tuple[Node, Slot]:
    part = slot.part
    for operand in node.operands:
        parts = len(operand.shape[0].parts)
        if part < parts:
            return operand, Slot(part, slot.index)
        part -= parts
    raise IndexError(f"a concatenation of {len(node.operands)} operands has no part {slot.part}")


def _summed(body: sp.Expr, over: tuple[Index, ...]) -> Term:
    """The sum of a body over some indices; an index that it lacks only multiplies it."""
    lengths, kept = multiplied(over, body)
    return Term(lengths * body, kept)


def _scaled(terms: Iterable[Term], factor: sp.Expr) -> list[Term]:
    return [Term(factor * term.body, term.over) for term in terms]
