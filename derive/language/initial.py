"""How parameters start.

In: the `init` statements, and the parameters with their shapes. Out: a scheme for every parameter.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal

from derive.language import limits
from derive.language.errors import CellError
from derive.language.numbers import number
from derive.language.statements import Expression, InitStatement
from derive.language.syntax import Apply, Binary, Init, Negative, Node, Number, Size, Span, Variable


def initialisation(
    statements: Sequence[InitStatement], variables: Mapping[str, Variable], axes: Sequence[str]
) -> dict[str, Init]:
    """A scheme for every parameter: what the cell says, or the rule of the language."""
    params = {v.name: v for v in variables.values() if v.role == "param"}
    said: dict[str, Init] = {}
    for statement in statements:
        for token in statement.names:
            if token.text not in params:
                other = variables.get(token.text)
                what = (
                    f"`{token.text}` is no parameter"
                    if other
                    else f"no equation reads a parameter `{token.text}`"
                )
                raise CellError(
                    "init",
                    what,
                    token.span,
                    expected=f"one of {', '.join(params)}" if params else "a parameter",
                )
            if token.text in said:
                raise CellError(
                    "twice", f"`{token.text}` is initialised twice", token.span, remedy="remove one of the two"
                )
            said[token.text] = _checked(_scheme(statement.value, params[token.text], axes), statement.value, axes)
    return {name: said.get(name) or _default(variable) for name, variable in params.items()}


def _default(variable: Variable) -> Init:
    """Zero for a scalar or a vector, uniform within 1/sqrt(fan in) for the rest."""
    span = variable.span
    if len(variable.shape) < 2:
        return Init("constant", Number(shape=(), span=span, value=Fraction(0)))
    fan_in: Node | None = None
    for axis in variable.shape[-1].parts:
        size = Size(shape=(), span=span, axis=axis)
        fan_in = (
            size if fan_in is None else Binary(shape=(), span=span, operator="+", left=fan_in, right=size)
        )
    assert fan_in is not None
    root = Apply(shape=(), span=span, function="sqrt", operands=(fan_in,))
    one = Number(shape=(), span=span, value=Fraction(1))
    return Init("uniform", Binary(shape=(), span=span, operator="/", left=one, right=root))


def _scheme(value: Expression, variable: Variable, axes: Sequence[str]) -> Init:
    tree = value.tree
    match tree:
        case ast.Name(id="glorot"):
            return _random("glorot", variable, value.whole)
        case ast.Name(id="orthogonal"):
            return _random("orthogonal", variable, value.whole)
        case ast.Call(func=ast.Name(id="uniform"), args=[bound], keywords=[]):
            return Init("uniform", _constant(bound, value, axes))
        case ast.Call(func=ast.Name(id="normal"), args=[deviation], keywords=[]):
            return Init("normal", _constant(deviation, value, axes))
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)) if name not in (*axes, "sqrt"):
            raise CellError("init", "no such scheme", value.whole, expected=_EXPECTED)
    return Init("constant", _constant(tree, value, axes))


def _checked(init: Init, written: Expression, axes: Sequence[str]) -> Init:
    """A scheme whose number fits, at some sizes or at others."""
    numbers = range(61, 61 + 2 * len(axes), 2)
    found = _unfit(init, dict(zip(axes, numbers, strict=True)))
    if found and _unfit(init, dict(zip(axes, reversed(numbers), strict=True))):
        message, expected = found
        raise CellError("init", message, written.whole, expected=expected)
    return init


def _unfit(init: Init, sizes: Mapping[str, int]) -> tuple[str, str] | None:
    """What is wrong with a scheme's number at some sizes, and what is expected instead."""
    if init.value is None:
        return None
    try:
        value = _value(init.value, sizes)
    except ZeroDivisionError:
        return "this divides by zero", "another divisor"
    except ValueError:
        return "this is the root of a negative number", "a root of 0 or more"
    if not abs(value) <= 10.0**limits.LARGEST:
        return f"this comes to {value:g}", f"a number up to 1e{limits.LARGEST}"
    if init.scheme != "constant" and value < 0:
        return f"`{init.scheme}` of a negative number, {value:g}", "at least 0"
    return None


def _value(node: Node, sizes: Mapping[str, int]) -> float:
    match node:
        case Number():
            return float(node.value)
        case Size():
            return float(sizes[node.axis])
        case Negative():
            return -_value(node.operand, sizes)
        case Apply():
            return math.sqrt(_value(node.operands[0], sizes))
        case Binary():
            return float(_OPERATIONS[node.operator](_value(node.left, sizes), _value(node.right, sizes)))
    raise TypeError(f"{type(node).__name__} cannot stand in an init")


_OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
_EXPECTED = "a number, `uniform(a)`, `normal(s)`, `glorot` or `orthogonal`"


def _random(scheme: Literal["glorot", "orthogonal"], variable: Variable, span: Span) -> Init:
    rank = len(variable.shape)
    if rank < 2 or (scheme == "orthogonal" and rank > 2):
        wanted = "a matrix" if scheme == "orthogonal" else "two or three axes"
        raise CellError(
            "init", f"`{scheme}` does not fit `{variable.name}`", span,
            notes=[f"`{variable.name}` has {rank} ax{'is' if rank == 1 else 'es'}"],
            expected=f"a parameter with {wanted}", remedy="write a number, `uniform(a)` or `normal(s)`",
        )  # fmt: skip
    return Init(scheme, None)


def _constant(tree: ast.expr, value: Expression, axes: Sequence[str], depth: int = 0) -> Node:
    """An expression of numbers, sizes of axes, `+ - * /` and `sqrt`."""
    span = value.span(tree)
    if depth > limits.NESTING:
        raise CellError("limit", "this expression is nested too deeply", span)

    def part(inner: ast.expr) -> Node:
        return _constant(inner, value, axes, depth + 1)

    match tree:
        case ast.Constant():
            return number(next(t.text for t in value.tokens if t.span == span), span)
        case ast.Name(id=name) if name in axes:
            return Size(shape=(), span=span, axis=name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Negative(shape=(), span=span, operand=part(operand))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return Binary(shape=(), span=span, operator="+", left=part(left), right=part(right))
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return Binary(shape=(), span=span, operator="-", left=part(left), right=part(right))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return Binary(shape=(), span=span, operator="*", left=part(left), right=part(right))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return Binary(shape=(), span=span, operator="/", left=part(left), right=part(right))
        case ast.Call(func=ast.Name(id="sqrt"), args=[operand], keywords=[]):
            return Apply(shape=(), span=span, function="sqrt", operands=(part(operand),))
    raise CellError(
        "init", "a start value is made of numbers and sizes", span,
        expected=f"numbers, {', '.join(axes)}, `+ - * /` and `sqrt`",
    )  # fmt: skip
