"""What a cell costs, as closed formulas. In: phases and the sizes of buffers. Out: a `Cost`.

Operations are counted in the phases that are carried out, as `nests` and `expressions` spell them: a sum is formed
from zero, a difference or a quotient is one operation, a change of sign, a comparison or a copy none. Not counted is
what depends on the set of instructions: filling up the last tile of a product, adding up the lanes of a vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import sympy as sp

from derive import functions
from derive.backends.arithmetic import Select
from derive.backends.c import sizes
from derive.backends.c.amounts import Style, amount
from derive.backends.c.expressions import is_divisor
from derive.backends.c.phases import (
    Apply,
    Gather,
    Multiply,
    Nest,
    Once,
    Op,
    Outer,
    Phase,
    Point,
    Product,
    Rows,
    Turns,
    summed,
)
from derive.backends.c.places import width
from derive.language.syntax import Variable
from derive.native.interface import ALIGNMENT
from derive.system import FirstMaximum, Index, Length, Var


@dataclass(frozen=True)
class Operations:
    """How many of each kind. `products`: multiplications and additions of matrix products, one each; `elementwise`:
    arithmetic operations of all else; `functions`: values of functions of the table, a reciprocal being a quotient."""

    products: sp.Expr = sp.S.Zero
    elementwise: sp.Expr = sp.S.Zero
    functions: sp.Expr = sp.S.Zero

    def __add__(self, other: Operations) -> Operations:
        return Operations(
            self.products + other.products,
            self.elementwise + other.elementwise,
            self.functions + other.functions,
        )

    def by_kind(self) -> list[tuple[str, sp.Expr]]:
        """The counts that are not zero, each with its kind."""
        kinds = ("in products", self.products), ("elementwise", self.elementwise), ("functions", self.functions)
        return [(kind, count) for kind, count in kinds if count != 0]

    def text(self, style: Style) -> str:
        """The counts that are not zero, as text."""
        return ", ".join(f"{amount(count, style)} {kind}" for kind, count in self.by_kind()) or "none"

    def times(self, count: sp.Expr) -> Operations:
        """Every count multiplied by `count`."""
        return Operations(self.products * count, self.elementwise * count, self.functions * count)


@dataclass(frozen=True)
class Buffer:
    """A buffer that the C asks for: the numbers that each part of it takes, the work done in one part.

    A part starts at a multiple of 64 bytes, and so does a row of a packed matrix (`sizes.Whole`). `units`: how many
    times 64 bytes stand in front. `matrices`: the packed matrices that stand behind its own parts.
    """

    own: tuple[sp.Expr, ...]
    units: int = 0
    matrices: Buffer | None = None

    @property
    def parts(self) -> tuple[sp.Expr, ...]:
        """All parts."""
        return (*self.own, *(self.matrices.parts if self.matrices else ()))

    @property
    def numbers(self) -> sp.Expr:
        """How many numbers there are, without what is rounded up."""
        return _plain(sp.Add(*self.parts))

    @property
    def rounded(self) -> sp.Expr:
        """How many times something is rounded up, each time by less than 64 bytes, or stands in front."""
        rows = [_rows(part) for part in self._known]
        return self._in_front + len(self.parts) + sp.Add(*rows)

    def text(self, style: Style, packed: str = "packed") -> str:
        """The numbers as text, with the matrices under a name."""
        return amount(_plain(sp.Add(*self.own)), style, *([packed] if self.matrices else []))

    def room(self, lengths: Mapping[str, int], itemsize: int) -> int:
        """How many bytes its parts take exactly; `lengths`: of T, B and the cell's axes."""
        unit = ALIGNMENT // itemsize
        values = {Length(name): sp.Integer(value) for name, value in lengths.items()}

        def whole(count: sp.Expr) -> sp.Expr:
            return unit * sp.ceiling(count / unit)

        exact = [whole(_compared(part.xreplace(values).replace(sizes.Whole, whole))) for part in self._known]
        return int(sp.Add(self._in_front * unit, *exact)) * itemsize

    def bytes(self, lengths: Mapping[str, int], itemsize: int) -> int:
        """How many bytes are asked for; never none."""
        return max(self.room(lengths, itemsize), ALIGNMENT)

    @property
    def _in_front(self) -> int:
        return self.units + (self.matrices.units if self.matrices else 0)

    @property
    def _known(self) -> list[sp.Expr]:
        return [part.xreplace(_CONSTANTS) for part in self.parts]


_CONSTANTS = {length: sp.Integer(number) for length, number in (sizes.CHOSEN | {sizes.PARTS: 1}).items()}


def _plain(size: sp.Expr) -> sp.Expr:
    return size.xreplace(_CONSTANTS).replace(sizes.Whole, lambda count: count)


def _rows(size: sp.Expr) -> sp.Expr:
    """How many rows that are rounded up a part has at most."""
    ones = size.replace(sizes.Whole, lambda _: sp.S.One).replace(sizes.Largest, sp.Max)
    return ones if size.has(sizes.Whole) else sp.S.Zero


def _compared(size: sp.Expr) -> sp.Expr:
    return size.replace(sizes.Largest, sp.Max).replace(sizes.Smallest, sp.Min)


@dataclass(frozen=True)
class Cost:
    """Operations of a call, and numbers in memory, as SymPy expressions in `Length("T")`, `Length("B")` and those of
    the cell's axes. `packed_forward`: of what is packed, the matrices that forward applies. `caller`: the arrays of the
    caller's structs. All without checkpoints, where no other is asked for: with them backward does what forward does
    once more."""

    forward: Operations
    backward: Operations
    tape: Buffer
    packed: Buffer
    packed_forward: Buffer
    forward_work: Buffer
    backward_work: Buffer
    caller: Mapping[str, Buffer]

    def tape_bytes(self, lengths: Mapping[str, int], itemsize: int, checkpoint: int = 0) -> int:
        """How many bytes the tape takes; with a checkpoint the states between segments of so many steps."""
        if not checkpoint:
            return self.tape.bytes(lengths, itemsize)
        segments = -(-lengths["T"] // checkpoint)
        return max((segments - 1) * self.caller["states"].room(lengths, itemsize), ALIGNMENT)

    def work_bytes(self, lengths: Mapping[str, int], itemsize: int, checkpoint: int = 0) -> int:
        """How many bytes the workspace takes, which serves forward and backward; with a checkpoint it holds the tape
        of a segment and what that gives, too."""
        forward, backward = (work.bytes(lengths, itemsize) for work in (self.forward_work, self.backward_work))
        if not checkpoint:
            return max(forward, backward)
        segment = {**lengths, "T": min(lengths["T"], checkpoint)}
        held = [self.caller[struct] for struct in ("outputs", "params", "states", "states")]
        kept = self.tape.bytes(segment, itemsize) + sum(each.room(segment, itemsize) for each in held)
        return max(self.work_bytes(segment, itemsize) + kept, forward)  # inference does not cut the sequence

    def step_bytes(self, lengths: Mapping[str, int], itemsize: int, checkpoint: int = 0) -> int:
        """How many bytes a training step takes at its peak besides the caller's arrays: tape and workspace."""
        return sum(size(lengths, itemsize, checkpoint) for size in (self.tape_bytes, self.work_bytes))

    def inference_bytes(self, lengths: Mapping[str, int], itemsize: int) -> int:
        """How many bytes inference takes besides the caller's arrays, with the option of that name: matrices packed for
        forward, and a workspace without matrices."""
        work = replace(self.forward_work, matrices=None)
        return sum(buffer.bytes(lengths, itemsize) for buffer in (self.packed_forward, work))

    @property
    def step(self) -> sp.Expr:
        """The numbers of a training step besides the caller's arrays, without what is rounded up."""
        return self.tape.numbers + sp.Max(*(_compared(b.numbers) for b in (self.forward_work, self.backward_work)))

    def lines(self, name: Callable[[str], str] = str) -> tuple[str, ...]:
        """All of it as text; `name` says how lengths are spelled."""
        style = Style(name)
        arrays = ", ".join(f"{struct} {array.text(style)}" for struct, array in self.caller.items() if array.parts)
        return (
            "Operations, all gradients wanted:",
            f"  forward   {self.forward.text(style)}",
            f"  backward  {self.backward.text(style)}",
            "Numbers in memory, each part and packed row rounded up to 64 bytes, 64 in front of what is packed:",
            f"  tape      {self.tape.text(style)}",
            f"  packed    {self.packed.text(style)}; for inference {self.packed_forward.text(style)}",
            f"  work of forward   {self.forward_work.text(style)}",
            f"  work of backward  {self.backward_work.text(style)}",
            f"  caller's  {arrays}; gradients too",
            "  to train  tape, the larger work, the caller's",
            "  to infer  packed for inference, work of forward without packed, the caller's",
        )

    def __str__(self) -> str:
        return "\n".join(self.lines())


def caller(arrays: Mapping[str, Iterable[Variable]]) -> dict[str, Buffer]:
    """The arrays that the caller passes, struct by struct."""
    rows = {"params": sp.S.One, "states": sizes.B}
    return {
        struct: Buffer(
            tuple(
                rows.get(struct, sizes.T * sizes.B) * sp.Mul(*(sizes.length(axis) for axis in variable.shape))
                for variable in variables
            )
        )
        for struct, variables in arrays.items()
    }


# -- operations


def operations(phases: Iterable[Phase], variables: Mapping[str, Var]) -> Operations:
    """The operations of a program."""
    return _sum(_of_phase(phase, variables) for phase in phases)


def _sum(found: Iterable[Operations]) -> Operations:
    return sum(found, Operations())


def _of_phase(phase: Phase, variables: Mapping[str, Var]) -> Operations:
    sequence = sizes.T * sizes.B
    match phase:
        case Once():
            return _sum(map(_of_nest, phase.nests))
        case Apply() | Gather():
            return _of_product(phase, variables).times(sequence)
        case Turns():
            return _sum(_of_item(item, variables) for item in (*phase.ahead, *phase.items)).times(sequence)
    raise TypeError(f"no operations are counted for {type(phase).__name__}; count them in derive/backends/c/cost.py")


def _of_item(item: Rows | Product, variables: Mapping[str, Var]) -> Operations:
    return _sum(map(_of_nest, item.nests)) if isinstance(item, Rows) else _of_product(item, variables)


def _of_product(product: Product, variables: Mapping[str, Var]) -> Operations:
    """For one time and sequence of the batch."""
    if isinstance(product, Gather):
        return _sum(_of_sum(one, variables) for one in product.sums)
    columns = sp.Add(*(width(variables[target]) for target in product.targets))
    depth = sp.Add(*(width(variables[factor.left]) for factor in product.factors))
    return Operations(products=2 * columns * depth)


def _of_sum(one: Outer, variables: Mapping[str, Var]) -> Operations:
    height = width(variables[one.left])
    if one.right is None:
        return Operations(elementwise=height)
    return Operations(products=2 * height * width(variables[one.right]))


def _of_nest(nest: Nest) -> Operations:
    terms = dict.fromkeys(t for op in nest.ops for t in op.terms if t.over and isinstance(op, Point))
    sums = dict.fromkeys((summed(term)[0], term.over) for term in terms)
    whole = (_of_body(summed(term)[1]) for term in terms)
    found = (*(_added_up(*each) for each in sums), *whole, *map(_of_op, nest.ops))
    return _sum(found).times(_count(nest.space))


def _count(indices: Iterable[Index]) -> sp.Expr:
    return sp.Mul(*(Length(index.axis) for index in indices))


def _of_op(op: Op) -> Operations:
    """For one element of the target, besides sums."""
    if isinstance(op, Multiply):
        return Operations(products=2 * Length(op.over.axis))
    joins = len(op.terms) - 1 + op.add
    return _sum(_of_body(t.body) for t in op.terms if not t.over) + Operations(elementwise=sp.Integer(joins))


def _added_up(body: sp.Expr, over: Iterable[Index]) -> Operations:
    return (_of_body(body) + Operations(elementwise=sp.S.One)).times(_count(over))


def _of_body(body: sp.Expr) -> Operations:
    """As `Expressions` writes it."""
    if isinstance(body, FirstMaximum):
        return _of_body(body.args[0])
    if isinstance(body, Select):
        return _sum(map(_of_body, body.args))
    if isinstance(body, functions.ScalarFunction):
        quotient = int(body.row_name == "recip")
        own = Operations(elementwise=sp.Integer(quotient), functions=sp.Integer(1 - quotient))
        return own + _of_body(body.args[0])
    if isinstance(body, sp.Pow):
        exponent = int(body.exp)
        return Operations(elementwise=sp.Integer(abs(exponent) - (exponent > 0))) + _of_body(body.base)
    if isinstance(body, sp.Add | sp.Mul):
        operands = body.args if isinstance(body, sp.Add) else tuple(_factors(body))
        return Operations(elementwise=sp.Integer(len(operands) - 1)) + _sum(map(_of_body, operands))
    return Operations()


def _factors(body: sp.Mul) -> Iterator[sp.Expr]:
    """What is multiplied, and what is divided by; it begins with 1 where all is divided by."""
    number, rest = body.as_coeff_Mul()
    parts = sp.Mul.make_args(rest)
    below = [part for part in parts if isinstance(part, sp.Pow) and part.exp.is_negative]
    if len(below) == len(parts) and (abs(number) == 1 or is_divisor(number)):
        yield sp.S.One
    if abs(number) != 1:
        yield number
    yield from (part for part in parts if part not in below)
    yield from (1 / part for part in below)
