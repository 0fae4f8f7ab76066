"""What the binding and the header tell of a cell. In: a cell, its schedule. Out: the table, the structs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive.backends.c.names import member
from derive.backends.c.notes import safe
from derive.language.syntax import Axis, Cell, Variable
from derive.native.interface import AxisSum, Field, Interface
from derive.schedule import Schedule


@dataclass(frozen=True)
class Precision:
    """A type of numbers: suffix, types of C, how math.h names its functions, bits, description."""

    name: str
    type: str
    integer: str
    function: str
    bits: int
    about: str


PRECISIONS = (
    Precision("f32", "float", "int32_t", "name##f", 32, "single precision"),
    Precision("f64", "double", "int64_t", "name", 64, "double precision"),
)


@dataclass(frozen=True)
class InstructionSet:
    """A set of instructions: numbers in a vector and rows of a tile as the preprocessor is told, where it may be
    compiled (empty: everywhere), what GCC and Clang call it (empty where every machine of the kind has it),
    description; on x86-64, how GCC is to optimise it, if otherwise."""

    name: str
    lanes: str
    rows: int
    where: str
    target: str
    about: str
    optimize: str = ""


_AVX2 = "avx2,fma,bmi2"
_AVX512 = f"avx512f,avx512dq,avx512vl,avx512bw,{_AVX2}"
SETS = (
    InstructionSet("plain", "1", 3, "", "", "C99 alone", optimize="Os"),  # few x86 machines run it
    InstructionSet("avx2", "(256 / BITS)", 3, "defined X86", _AVX2, "x86-64 with AVX2 and FMA"),
    InstructionSet("avx512", "16", 6, "defined X86 && BITS == 32", _AVX512, "x86-64 with AVX-512; single precision"),
    InstructionSet("neon", "(128 / BITS)", 6, "defined ARM", "", "AArch64"),
)
"""The same for every cell, numbered from 1; a later one is taken before an earlier one."""

ERRORS = (
    ("ok", "success"),
    ("null", "NULL where none is allowed"),
    ("empty", "a size of zero"),
    ("overflow", "sizes that cannot be addressed"),
    ("misaligned", "packed, tape or work is not aligned"),
    ("unsupported", "options that this machine cannot follow, or that make no sense"),
    ("mispacked", "packed for other sizes, another set of instructions, or inference alone"),
)

OPTIONS = ("set", "part", "parts", "stage", "checkpoint", "inference")
"""The members of the options."""


def prefix_of(cell: Cell) -> str:
    """What every exported name begins with."""
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in cell.name)
    return name if name[:1].isalpha() else f"cell_{name}"


def interface(cell: Cell, schedule: Schedule) -> Interface:
    """The compiled cell, for the binding."""
    return Interface(
        prefix=prefix_of(cell),
        precisions=tuple(p.name for p in PRECISIONS),
        axes=("T", "B", *schedule.axes),
        params=_fields(cell.of_role("param")),
        inputs=_fields(cell.of_role("input")),
        states=_fields(cell.of_role("state")),
        outputs=_fields([cell.variables[name] for name in cell.outputs]),
        tape=tuple(Field(name, ("T", "B", *schedule.variables[name].axes)) for name in schedule.saved),
        options=OPTIONS,
        errors=("", *(text for _, text in ERRORS[1:])),
    )


def table(found: Interface) -> list[str]:
    """The same as Python source, an argument of `Interface` a line or more."""
    lines = [f"prefix={found.prefix!r},", f"precisions={found.precisions!r},", f"axes={found.axes!r},"]
    for name in ("params", "inputs", "states", "outputs", "tape"):
        fields: Sequence[Field] = getattr(found, name)
        lines += [f"{name}=(", *(f"    Field({f.name!r}, {f.shape!r})," for f in fields), "),"]
    lines += [f"options={OPTIONS!r},", "errors=(", *(f"    {text!r}," for text in found.errors), "),"]
    return [line.replace("'", '"') for line in lines]


def _fields(variables: Sequence[Variable]) -> tuple[Field, ...]:
    return tuple(Field(v.name, tuple(map(_axis, v.shape))) for v in variables)


def _axis(axis: Axis) -> AxisSum:
    return axis.parts[0] if len(axis.parts) == 1 else axis.parts


@dataclass(frozen=True)
class Member:
    """A line of a struct."""

    name: str
    about: str


@dataclass(frozen=True)
class Struct:
    """A struct of pointers."""

    name: str
    about: str
    const: str
    members: tuple[Member, ...]


def structs(cell: Cell) -> tuple[Struct, ...]:
    """The structs of one precision."""
    params, inputs, states = (cell.of_role(role) for role in ("param", "input", "state"))
    outputs = [cell.variables[name] for name in cell.outputs]
    return (
        Struct("params", "The parameters: read.", "const ", _members(params)),
        Struct("dparams", "Gradients of the parameters: written.", "", _members(params)),
        Struct("inputs", "The inputs at every step: read.", "const ", _members(inputs, "T", "B")),
        Struct("dinputs", "Gradients of the inputs: written.", "", _members(inputs, "T", "B")),
        Struct(
            "state",
            "The state at one step, or its gradient: initial and dfinal are read, final and dinitial written.",
            "",
            _members(states, "B"),
        ),
        Struct(
            "outputs",
            "The outputs at every step: written; or their gradients: read.",
            "",
            _members(outputs, "T", "B"),
        ),
    )


def _members(variables: Sequence[Variable], *leading: str) -> tuple[Member, ...]:
    found = []
    for variable in variables:
        shape = "".join(f"[{axis}]" for axis in (*leading, *variable.shape)) or "[1]"
        comment = safe(variable.comment)
        found.append(Member(member(variable.name), f"{shape}  {comment}".rstrip()))
    return tuple(found)
