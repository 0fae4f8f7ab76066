"""Calls of the language's operations and of the functions in the table.

In: a call. Out: its node. Unknown names and wrong arguments are refused with what was meant.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable
from typing import Literal

from derive.functions import FUNCTIONS
from derive.language.errors import CellError
from derive.language.names import OPERATIONS
from derive.language.resolve import Resolver
from derive.language.syntax import (
    Apply,
    Node,
    Outer,
    Reduction,
    Span,
    Spread,
    Stop,
    Transpose,
)
from derive.language.tree import Dot

_PAIRED = ("dot", "outer", "maximum", "minimum")
_EXAMPLES = {
    "dot": "dot(u, v)",
    "outer": "outer(u, v)",
    "maximum": "maximum(a, b)",
    "minimum": "minimum(a, b)",
}


def call(name: str, tree: ast.Call, span: Span, node: Callable[[ast.expr], Node], resolver: Resolver) -> Node:
    """The node of `name(…)`, where the name is no macro's."""
    if name not in OPERATIONS and name not in FUNCTIONS:
        raise _unknown(name, Span(span.line, span.start, min(span.end, span.start + len(name))), resolver)
    if name in ("sum", "mean", "max"):
        axis = _axis(name, tree, span)
        return _reduction(name, node(tree.args[0]), axis, span)
    wanted = 2 if name in _PAIRED else 1
    if tree.keywords or len(tree.args) != wanted or any(isinstance(a, ast.Starred) for a in tree.args):
        raise CellError(
            "arguments", f"`{name}` takes {('one argument', 'two arguments')[wanted - 1]}", span,
            expected=f"`{_EXAMPLES.get(name, f'{name}(e)')}`",
        )  # fmt: skip
    operands = tuple(node(a) for a in tree.args)
    match name:
        case "dot":
            return Dot(shape=(), span=span, left=operands[0], right=operands[1])
        case "outer":
            return Outer(shape=(), span=span, left=operands[0], right=operands[1])
        case "rows":
            return Spread(shape=(), span=span, operand=operands[0], along=0)
        case "cols":
            return Spread(shape=(), span=span, operand=operands[0], along=1)
        case "transpose":
            return Transpose(shape=(), span=span, operand=operands[0])
        case "stop":
            return Stop(shape=(), span=span, operand=operands[0])
    return Apply(shape=(), span=span, function=name, operands=operands)


def _axis(name: str, tree: ast.Call, span: Span) -> Literal[0, 1] | None:
    keywords = [(k.arg, k.value) for k in tree.keywords]
    if len(tree.args) == 1 and not isinstance(tree.args[0], ast.Starred):
        match keywords:
            case []:
                return None
            case [("axis", ast.Constant(value=int(axis)))] if axis in (0, 1):
                return 0 if axis == 0 else 1
    paired = len(tree.args) == 2 and (name == "max" or not isinstance(tree.args[1], ast.Constant))
    other = {"max": "maximum", "sum": "dot"}.get(name) if paired else None
    raise CellError(
        "arguments", f"`{name}` takes one argument, and perhaps an axis", span,
        expected=f"`{name}(e)`, `{name}(e, axis=0)` or `{name}(e, axis=1)`",
        remedy=f"of two arguments there is `{other}(a, b)`" if other else "",
    )  # fmt: skip


def _reduction(name: str, operand: Node, axis: int | None, span: Span) -> Reduction:
    match name:
        case "sum":
            return Reduction(shape=(), span=span, kind="sum", operand=operand, axis=axis)
        case "mean":
            return Reduction(shape=(), span=span, kind="mean", operand=operand, axis=axis)
        case _:
            return Reduction(shape=(), span=span, kind="max", operand=operand, axis=axis)


_FAMILIAR = {
    "sigma": "sigmoid",
    "logistic": "sigmoid",
    "concat": "[a, b]",
    "cat": "[a, b]",
    "clamp": "minimum(maximum(v, a), b)",
    "clip": "minimum(maximum(v, a), b)",
    "matmul": "a @ b",
    "norm": "sqrt(dot(v, v))",
    "min": "minimum(a, b)`, or of one vector `-max(-v)",
    "pow": "x**2",
    "inverse": "1 / x",
    "logsigmoid": "log_sigmoid(x)",
    "zeros": "0 * v",
    "ones": "1 + 0 * v",
    "detach": "stop(e)",
    "average": "mean(e)",
    "T": "transpose(M)",
}


def _unknown(name: str, span: Span, resolver: Resolver) -> CellError:
    known = sorted({*FUNCTIONS, *OPERATIONS, *resolver.scope.macros.statements})
    near = difflib.get_close_matches(name, known, 1, cutoff=0.7)
    if name in resolver.scope.names:
        remedy = f"`{name}` is a variable; products are written `{name} * (…)` or `{name} @ (…)`"
    elif name in _FAMILIAR:
        remedy = f"write `{_FAMILIAR[name]}`"
    elif near:
        remedy = f"did you mean `{near[0]}`?"
    else:
        remedy = f"define it above: `{name}(a) = …`"
    expected = "" if near or name in _FAMILIAR else f"one of {', '.join(known)}"
    return CellError("function", f"there is no function `{name}`", span, expected=expected, remedy=remedy)
