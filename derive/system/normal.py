"""Normal form: from the author's syntax tree to a system of equations over indexed scalars.

In: a checked `Cell`. Out: a `System`. Every matrix that meets a concatenation is split into one
block a part; every activation becomes the whole right side of an equation of its own; a contraction
keeps its place in a sum, and gets a name of its own where it is used twice or inside a product;
`s[t-1]` is read through a delay, the only equation that looks at another time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product as cartesian

import sympy as sp

from derive import functions
from derive.language import syntax as tree
from derive.language.syntax import Axis, Cell, Node, Shape
from derive.system.check import check
from derive.system.model import (
    BATCH,
    TIME,
    Element,
    Equation,
    FirstMaximum,
    Index,
    Length,
    Role,
    Stored,
    System,
    Term,
    Var,
    canonical,
    elements,
    indices_of,
)
from derive.system.names import Names


def normalize(cell: Cell) -> System:
    """The system of a cell's equations, in normal form."""
    return check(_Normalizer(cell).run())


@dataclass(frozen=True)
class _Slot:
    """Where along an axis of an expression: which part, and the index within the part."""

    part: int
    index: Index


_Slots = tuple[_Slot, ...]


class _Normalizer:
    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.names = Names((*cell.variables, *cell.axes))
        self.variables: dict[str, Var] = {}
        self.equations: list[Equation] = []
        self.stored: dict[str, Stored] = {}
        self.delays: dict[str, str] = {}
        self.named: dict[tuple[object, ...], str] = {}
        self.uses = Counter(_contractions(e.value for e in cell.equations))
        self.counter = 0
        self.about = ""

    def run(self) -> System:
        self._declare()
        for state, delay in self.delays.items():
            shifted = self.variables[state].element.xreplace({TIME: TIME - 1})
            self.equations.append(Equation(self.variables[delay].element, (Term(shifted),)))
        for equation in self.cell.equations:
            self._define(equation)
        return System(
            name=self.cell.name,
            variables=self.variables,
            equations=tuple(self.equations),
            stored=self.stored,
            delays=self.delays,
            outputs=self.cell.outputs,
            axes=self.cell.axes,
        )

    # -- variables

    def _declare(self) -> None:
        for role in ("input", "state", "param"):
            for variable in self.cell.of_role(role):
                self._store(variable.name, role, variable.shape, role != "param")
        for state in self.cell.of_role("state"):
            axes = _axes(state.shape, (0,) * len(state.shape))
            name = self.names.fresh(f"{state.name}_prev")
            self.variables[name] = Var(name, "delay", axes, time=True, about=state.name)
            self.delays[state.name] = name

    def _store(self, name: str, role: Role, shape: Shape, time: bool) -> None:
        blocks = {}
        for parts in _parts(shape):
            block = name if len(_parts(shape)) == 1 else self.names.fresh(self._block_name(name, shape, parts))
            blocks[parts] = block
            self.variables[block] = Var(block, role, _axes(shape, parts), time, about=name)
        self.stored[name] = Stored(shape, blocks)

    def _block_name(self, name: str, shape: Shape, parts: tuple[int, ...]) -> str:
        """`W_fh` where `W_f` meets `h` as a part, `W_f1` where that part has no name of its own."""
        suffix = ""
        for axis, (extent, part) in enumerate(zip(shape, parts, strict=True)):
            if len(extent.parts) > 1:
                suffix += self._part_name(name, axis, part)
        return f"{name}{suffix}" if "_" in name else f"{name}_{suffix}"

    def _part_name(self, name: str, axis: int, part: int) -> str:
        for equation in self.cell.equations:
            for node in walk(equation.value):
                if isinstance(node, tree.Contraction) and axis == len(node.left.shape) - 1:
                    met = isinstance(node.left, tree.Reference) and node.left.name == name
                    if met and isinstance(node.right, tree.Concatenation):
                        operand = _flat(node.right)[part]
                        if isinstance(operand, tree.Reference):
                            return operand.name
        return str(part + 1)

    # -- equations

    def _define(self, equation: tree.Equation) -> None:
        variable = self.cell.variables[equation.target]
        self.about = equation.target
        role: Role = "state" if variable.role == "state" else "local"
        lowered = {}
        for parts in _parts(variable.shape):
            slots = self._slots(variable.shape, parts)
            lowered[parts] = (slots, self._terms(equation.value, slots, whole=True))
        if role == "local":
            self._store(equation.target, role, variable.shape, any(_timed(t) for _, t in lowered.values()))
        for parts, (slots, terms) in lowered.items():
            name = self.stored[equation.target].blocks[parts]
            self.named.setdefault((_anonymous(slots, terms), False), name)
            self._emit(name, slots, terms)

    def _emit(self, name: str, slots: _Slots, terms: Sequence[Term]) -> None:
        lead = (TIME, BATCH) if self.variables[name].time else ()
        target = Element(name, *lead, *(s.index for s in slots))
        self.equations.append(canonical(target, _gathered(terms)))

    def _name(self, hint: str, slots: _Slots, terms: Sequence[Term], *, held: bool = False) -> Element:
        """The element of a temporary that stands for a sum of terms; equal ones share a name."""
        time = _timed(terms)
        key = (_anonymous(slots, terms), held)
        name = self.named.get(key)
        if name is None:
            name = self.names.fresh(hint)
            axes = tuple(s.index.axis for s in slots)
            self.variables[name] = Var(name, "local", axes, time, about=self.about, held=held)
            self._emit(name, slots, terms)
            self.named[key] = name
        lead = (TIME, BATCH) if time else ()
        return Element(name, *lead, *(s.index for s in slots))

    # -- expressions: as terms of a sum

    def _terms(self, node: Node, at: _Slots, *, whole: bool = False) -> list[Term]:
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

    def _sum(self, node: Node, at: _Slots) -> list[Term]:
        if isinstance(node, tree.Contraction):
            return list(self._contraction(node, at))
        assert isinstance(node, tree.Reduction)
        return list(self._reduction(node, at))

    def _contraction(self, node: tree.Contraction, at: _Slots) -> Iterator[Term]:
        kept = len(node.left.shape) - 1
        for slot in self._along(node.left.shape[-1]):
            left = self._factor(node.left, (*at[:kept], slot))
            right = self._factor(node.right, (slot, *at[kept:]))
            yield _summed(left * right, (slot.index,))

    def _reduction(self, node: tree.Reduction, at: _Slots) -> Iterator[Term]:
        shape = node.operand.shape
        for slots in self._reduced(node, at):
            over = tuple(s.index for s in slots if s not in at)
            body = self._lower(node.operand, slots)
            if node.kind == "mean":
                summed = shape if node.axis is None else (shape[node.axis],)
                body = body / sp.Mul(*(sp.Add(*map(Length, axis.parts)) for axis in summed))
            yield _summed(body, over)

    def _reduced(self, node: tree.Reduction, at: _Slots) -> Iterator[_Slots]:
        """The operand's slots: those of the result with a fresh one for each axis summed over."""
        shape = node.operand.shape
        if node.axis is None:
            yield from cartesian(*(list(self._along(axis)) for axis in shape))
        else:
            for slot in self._along(shape[node.axis]):
                yield (*at[: node.axis], slot, *at[node.axis :])

    # -- expressions: as one sum-free scalar

    def _lower(self, node: Node, at: _Slots) -> sp.Expr:
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
                return self._name(f"{self.about}_sum", at, self._sum(node, at))
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
                return self._name(f"{self.about}_stop", at, self._terms(node.operand, at), held=True)
        raise TypeError(f"no normal form for the node {type(node).__name__}; add a case to normalize")

    def _reference(self, node: tree.Reference, at: _Slots) -> sp.Expr:
        if node.lag:
            name = self.delays[node.name]
        else:
            name = self.stored[node.name].blocks[tuple(s.part for s in at)]
        variable = self.variables[name]
        return Element(name, *((TIME, BATCH) if variable.time else ()), *(s.index for s in at))

    def _binary(self, node: tree.Binary, at: _Slots) -> sp.Expr:
        left = self._lower(node.left, at if node.left.shape else ())
        if node.operator == "/":
            if _constant(node.right):
                return left / self._constant(node.right)
            right = node.right
            return left * self._call("recip", self._lower(right, at if right.shape else ()), at if right.shape else ())
        right_value = self._lower(node.right, at if node.right.shape else ())
        if node.operator == "*":
            return left * right_value
        return left + right_value if node.operator == "+" else left - right_value

    def _apply(self, node: tree.Apply, at: _Slots) -> sp.Expr:
        if len(node.operands) == 1:
            hint = f"{node.function}_{_label(node.operands[0]) or self.about}"
            return self._name(hint, at, [Term(self._application(node, at))])
        left, right = (self._lower(o, at if o.shape else ()) for o in node.operands)
        sign = 1 if node.function == "maximum" else -1
        first = self._call("nonnegative", sign * (left - right), at)
        return first * left + (1 - first) * right

    def _application(self, node: tree.Apply, at: _Slots) -> sp.Expr:
        """A function of the table at an element, which is named where it is not one already."""
        operand = node.operands[0]
        terms = self._terms(operand, at if operand.shape else ())
        return functions.application(node.function)(self._element(terms, at, "net"))

    def _call(self, function: str, argument: sp.Expr, at: _Slots) -> Element:
        element = self._element([Term(argument)], at, "arg")
        hint = f"{function}_{element.name if isinstance(element, Element) else self.about}"
        return self._name(hint, self._used(at, element), [Term(functions.application(function)(element))])

    def _element(self, terms: Sequence[Term], at: _Slots, hint: str) -> sp.Expr:
        """What a function is applied to: an element, named where it has no name yet, or a constant."""
        if len(terms) == 1 and not terms[0].over:
            body = terms[0].body
            if isinstance(body, Element) or not elements(body):
                return body
        return self._name(f"{self.about}_{hint}", self._used(at, *(t.body for t in terms)), terms)

    def _used(self, at: _Slots, *bodies: sp.Expr) -> _Slots:
        used = set().union(*(indices_of(b) for b in bodies))
        return tuple(s for s in at if s.index in used)

    def _maximum(self, node: tree.Reduction, at: _Slots) -> sp.Expr:
        """The largest element, as the sum of the elements that a selector lets through."""
        best: sp.Expr | None = None
        for slots in self._reduced(node, at):
            over = tuple(s.index for s in slots if s not in at)
            element = self._element([Term(self._lower(node.operand, slots))], slots, "max_of")
            first = self._name(f"{self.about}_first", slots, [Term(FirstMaximum(element, *over))])
            value = self._name(f"{self.about}_max", at, [Term(first * element, over)])
            if best is None:
                best = value
            else:
                keep = self._call("nonnegative", best - value, at)
                best = keep * best + (1 - keep) * value
        assert best is not None
        return best

    def _factor(self, node: Node, at: _Slots) -> sp.Expr:
        """A factor of a product under a sum: a product of elements, so that products stay products."""
        value = self._lower(node, at)
        if all(f.is_number or isinstance(f, Element | Length) for f in sp.Mul.make_args(value)) and len(elements(value)) <= 1:
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

    # -- indices

    def _slots(self, shape: Shape, parts: tuple[int, ...]) -> _Slots:
        return tuple(_Slot(p, self._fresh(axis.parts[p])) for axis, p in zip(shape, parts, strict=True))

    def _along(self, axis: Axis) -> Iterator[_Slot]:
        for part, name in enumerate(axis.parts):
            yield _Slot(part, self._fresh(name))

    def _fresh(self, axis: str) -> Index:
        self.counter += 1
        return Index(axis, 1000 + self.counter)


def walk(node: Node) -> Iterator[Node]:
    """Every node of an expression, macros by their body, the outermost first."""
    yield node
    for child in children(node):
        yield from walk(child)


def children(node: Node) -> tuple[Node, ...]:
    """The operands of a node; for a macro, what it stands for."""
    match node:
        case tree.Macro():
            return (node.body,)
        case tree.Negative() | tree.Reduction() | tree.Spread() | tree.Transpose() | tree.Stop():
            return (node.operand,)
        case tree.Power():
            return (node.base,)
        case tree.Binary() | tree.Contraction() | tree.Outer():
            return (node.left, node.right)
        case tree.Concatenation() | tree.Apply():
            return node.operands
    return ()


def _contractions(nodes: Iterable[Node]) -> Iterator[Node]:
    for root in nodes:
        for node in walk(root):
            if isinstance(node, tree.Contraction | tree.Reduction):
                yield node


def _constant(node: Node) -> bool:
    if isinstance(node, tree.Number | tree.Size):
        return True
    inner = isinstance(node, tree.Negative | tree.Binary | tree.Power)
    return inner and all(_constant(child) for child in children(node))


def _label(node: Node) -> str | None:
    return node.name if isinstance(node, tree.Reference) else None


def _flat(node: tree.Concatenation) -> list[Node]:
    """The operand that each part of a concatenation belongs to."""
    flat = []
    for operand in node.operands:
        flat += [operand] * len(operand.shape[0].parts)
    return flat


def _operand(node: tree.Concatenation, slot: _Slot) -> tuple[Node, _Slot]:
    part = slot.part
    for operand in node.operands:
        parts = len(operand.shape[0].parts)
        if part < parts:
            return operand, _Slot(part, slot.index)
        part -= parts
    raise IndexError(f"a concatenation of {len(node.operands)} operands has no part {slot.part}")


def _anonymous(slots: _Slots, terms: Sequence[Term]) -> Equation:
    """What a sum of terms is, whatever it is called."""
    lead = (TIME, BATCH) if _timed(terms) else ()
    return canonical(Element("?", *lead, *(s.index for s in slots)), _gathered(terms))


def _parts(shape: Shape) -> list[tuple[int, ...]]:
    return list(cartesian(*(range(len(axis.parts)) for axis in shape)))


def _axes(shape: Shape, parts: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(axis.parts[p] for axis, p in zip(shape, parts, strict=True))


def _timed(terms: Iterable[Term]) -> bool:
    return any(TIME in e.indices for term in terms for e in elements(term.body))


def _summed(body: sp.Expr, over: tuple[Index, ...]) -> Term:
    """The sum of a body over some indices; an index that it lacks only multiplies it."""
    used = indices_of(body)
    lengths = sp.Mul(*(Length(i.axis) for i in over if i not in used))
    return Term(lengths * body, tuple(i for i in over if i in used))


def _scaled(terms: Iterable[Term], factor: sp.Expr) -> list[Term]:
    return [Term(factor * term.body, term.over) for term in terms]


def _gathered(terms: Sequence[Term]) -> tuple[Term, ...]:
    """The sum-free terms as one, in front; the sums behind, in the author's order."""
    plain = sp.Add(*(t.body for t in terms if not t.over))
    sums = tuple(t for t in terms if t.over)
    return sums if plain == 0 and sums else (Term(plain), *sums)
