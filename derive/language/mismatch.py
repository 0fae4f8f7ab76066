"""Explains shapes that do not fit, or that nothing determines.

In: what the inference of ranks or axes could not reconcile. Out: a `CellError` that names both
shapes and says where each comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive.language.axes import Axes, Mismatch, Part
from derive.language.errors import CellError, Source
from derive.language.ranks import Conflict, Ranks
from derive.language.scope import Name
from derive.language.syntax import (
    Apply,
    Binary,
    Concatenation,
    Contraction,
    Node,
    Outer,
    Reduction,
    Reference,
    Span,
    Spread,
    Transpose,
)
from derive.language.tree import Dot, operands, walk

_WORDS = ("a scalar", "a vector", "a matrix", "an array of three axes")


def _word(rank: int | None) -> str:
    return "of unknown shape" if rank is None else _WORDS[rank]


def rank_error(conflict: Conflict, ranks: Ranks, names: Mapping[str, Name], source: Source) -> CellError:
    """The error for parts whose ranks do not go together."""
    rule, node = conflict.rule, conflict.rule.node
    if rule.equation is not None:
        target = names[rule.equation.target]
        notes = [_described(node, ranks, source), _variable(target, ranks)]
        message = f"`{target.name}` and its value have different shapes"
        return CellError("shape", message, node.span, notes=_once(notes), remedy=_value_help(node, ranks))
    notes = [
        note
        for part in operands(node)
        for note in (_described(part, ranks, source), *_leaves(part, ranks, names))
    ]
    message, expected, remedy = _rank_words(node, [ranks.rank(part) for part in operands(node)])
    return CellError(
        "shape", message, node.span, notes=_inside(node) + _once(notes), expected=expected, remedy=remedy
    )


def _rank_words(node: Node, known: Sequence[int | None]) -> tuple[str, str, str]:
    """Message, what was expected, and the remedy, for a node whose parts do not fit."""
    match node:
        case Binary(operator=sign):
            message = f"`{sign}` between {_word(known[0])} and {_word(known[1])}"
            remedy = "write `rows(v)` or `cols(v)` to repeat a vector, `outer(u, v)`, or `dot(u, v)`"
            if None in known:
                message = f"the shapes around this `{sign}` do not fit the rest of the file"
                remedy = "if a parameter here is a scalar, declare it: `param p`"
            return message, "the same axes on both sides, or a scalar on one", remedy
        case Apply(function=name):
            return f"`{name}` of {_word(known[0])} and {_word(known[1])}", "the same axes, or a scalar", ""
        case Dot():
            return (
                "`dot` takes two vectors",
                "two vectors with the same axis",
                "matrices are contracted with `@`",
            )
        case Contraction():
            if 0 in known:
                return (
                    "`@` meets a scalar",
                    "at least one axis on both sides of `@`",
                    "products with a scalar are written `*`",
                )
            return (
                "the shapes around this `@` do not fit the rest of the file",
                "",
                "`dot(u, v)` of two vectors is a scalar",
            )
        case Outer():
            return "`outer` takes two vectors", "two vectors", ""
        case Spread(along=along):
            return f"`{('rows', 'cols')[along]}` takes a vector", "a vector", ""
        case Transpose():
            return "`transpose` takes a matrix", "a matrix", ""
        case Concatenation():
            return "only vectors are joined end to end", "vectors in `[a, b]`", ""
        case Reduction(kind=kind, axis=axis):
            if axis is None:
                return f"`{kind}` of a scalar", "a vector or a matrix", "leave it out"
            return f"`{kind}` along an axis that is not there", f"more than {axis} axes", ""
    raise TypeError(f"no explanation for {type(node).__name__}: add one to derive/language/mismatch.py")


def _value_help(node: Node, ranks: Ranks) -> str:
    return "a scalar beside a vector becomes one: `0 * h[t-1] + …`" if ranks.rank(node) == 0 else ""


def _described(node: Node, ranks: Ranks, source: Source) -> str:
    return f"`{source.cut(node.span)}` is {_word(ranks.rank(node))}"


def _leaves(node: Node, ranks: Ranks, names: Mapping[str, Name]) -> list[str]:
    """Where the variables of a part have their shapes from: the declared ones."""
    found = dict.fromkeys(part.name for part in walk(node) if isinstance(part, Reference))
    return [_variable(names[name], ranks) for name in found if names[name].axes is not None]


def _variable(name: Name, ranks: Ranks) -> str:
    if name.axes is None:
        return f"`{name.name}` is {_word(ranks.known(ranks.variable(name.name)))}"
    shape = f"({', '.join(name.axes)})" if name.axes else "a scalar"
    return f"`{name.name}` is declared {shape} on line {name.span.line}"


def _once(notes: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(notes))


def _inside(node: Node) -> list[str]:
    """A part that stands where the whole stands comes out of a macro."""
    inside = any(part.span == node.span for part in operands(node))
    return ["this is inside the macro that is called here"] if inside else []


def axis_error(mismatch: Mismatch, axes: Axes, names: Mapping[str, Name], source: Source) -> CellError:
    """The error for axes that meet and are not the same."""
    node = mismatch.node
    left, right = _text([mismatch.left]), _text([mismatch.right])
    if mismatch.equation is not None:
        target = mismatch.equation.target
        notes = [_origin(mismatch.left, target, [target], axes, names, source)]
        notes += [_part_note(mismatch.right, node, axes, names, source)]
        return CellError(
            "shape",
            f"`{target}` has axis {left}, its value {right}",
            node.span,
            notes=_once(notes),
            expected=f"a value of shape ({_text(axes.variables[target])})",
            remedy="a matrix changes an axis: `W @ …`",
        )
    parts = operands(node)
    sign = (
        {"Contraction": "@", "Dot": "dot"}.get(type(node).__name__)
        or getattr(node, "operator", "")
        or getattr(node, "function", "")
    )
    notes = [f"`{source.cut(part.span)}` has shape ({_text(axes.of(part))})" for part in parts]
    notes += [
        _part_note(axis, part, axes, names, source)
        for axis, part in zip((mismatch.left, mismatch.right), parts, strict=True)
    ]
    expected = (
        "the last axis of the left equal to the first of the right"
        if sign == "@"
        else "the same axes on both sides"
    )
    return CellError(
        "shape",
        f"`{sign}` meets axis {left} with axis {right}",
        node.span,
        notes=_once(notes),
        expected=expected,
        remedy="a matrix changes an axis: `W @ …`; or declare both with one axis, if they are of one size",
    )


def _part_note(axis: Part, node: Node, axes: Axes, names: Mapping[str, Name], source: Source) -> str:
    """Which variable in a part brings an axis."""
    leaves = [part.name for part in walk(node) if isinstance(part, Reference)]
    return _origin(axis, source.cut(node.span), leaves, axes, names, source)


def _origin(
    axis: Part, text: str, leaves: Sequence[str], axes: Axes, names: Mapping[str, Name], source: Source
) -> str:
    wanted = axis.flat()
    for name in leaves:
        for cell in axes.variables[name]:
            if cell.flat() != wanted:
                continue
            if names[name].axes is not None:
                return f"{_text([axis])} comes from `{name}`, declared on line {names[name].span.line}"
            if cell.met is not None:
                place = f"`{source.cut(cell.met.span)}` on line {cell.met.span.line}"
                return f"{_text([axis])} comes from `{name}`, which has it from {place}"
            return f"{_text([axis])} is the axis of `{name}`, first seen on line {names[name].span.line}"
    return f"{_text([axis])} is the axis of `{text}`"


def _text(shape: Sequence[Part]) -> str:
    return ", ".join(" + ".join(part.name or "?" for part in axis.flat()) for axis in shape)


def undetermined_rank(name: Name) -> CellError:
    """The error for a parameter of which nothing says how many axes it has."""
    return CellError(
        "undetermined", f"nothing determines the shape of `{name.name}`", name.span,
        remedy=f"declare `param {name.name} : …` with its axes, or `param {name.name}` for a scalar",
    )  # fmt: skip


def undetermined_axis(span: Span, what: str) -> CellError:
    """The error for an axis that is on no input, state or parameter."""
    return CellError(
        "undetermined", f"nothing determines an axis of {what}", span,
        expected="every axis on an input, a state or a parameter",
        remedy="`rows(v)` and `cols(v)` take their other axis from what they meet; `outer` names both",
    )  # fmt: skip
