"""Expressions to syntax nodes, macros expanded; shapes come later.

In: a `Scope` and, equation by equation, Python's `ast`. Out: nodes whose `shape` is still `()`.
Every name is resolved here: order within the time step, times of states, parameters nobody declared.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from derive.language import limits
from derive.language.calls import call
from derive.language.errors import CellError
from derive.language.names import OPERATORS
from derive.language.numbers import exponent, number
from derive.language.resolve import Resolver
from derive.language.statements import Expression
from derive.language.syntax import (
    Binary,
    Concatenation,
    Contraction,
    Macro,
    Negative,
    Node,
    Power,
    Span,
)


class Translator:
    """Reads one expression: the right side of an equation, or a macro's body at a call."""

    def __init__(
        self,
        resolver: Resolver,
        expression: Expression,
        *,
        depth: int = 0,
        arguments: Mapping[str, Node] | None = None,
        place: Span | None = None,
    ) -> None:
        self.resolver = resolver
        self.expression = expression
        self.depth = depth
        self.arguments = arguments
        self.place = place

    def span(self, tree: ast.expr) -> Span:
        """The place of a part; inside a macro, the place of the call."""
        return self.place or self.expression.span(tree)

    def node(self, tree: ast.expr) -> Node:
        """The node of an expression."""
        if self.depth > limits.NESTING:
            raise CellError(
                "limit", "this expression is nested too deeply", self.span(tree),
                expected=f"at most {limits.NESTING} levels", remedy="give a part of it a name of its own",
            )  # fmt: skip
        self.depth += 1
        try:
            node = self._node(tree)
        finally:
            self.depth -= 1
        self.resolver.count(node)
        return node

    def _node(self, tree: ast.expr) -> Node:
        span = self.span(tree)
        match tree:
            case ast.Constant():
                return number(self._source(tree), span)
            case ast.Name(id=name):
                if self.arguments is not None and name in self.arguments:
                    return self.arguments[name]
                return self.resolver.plain(name, span)
            case ast.Subscript(value=ast.Name(id=name), slice=time):
                if self.arguments is not None:
                    raise CellError("macro", f"`{name}` has no time inside a macro", span)
                return self.resolver.timed(name, time, span)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Negative(shape=(), span=span, operand=self.node(operand))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.node(operand)
            case ast.BinOp():
                return self._binary(tree, span)
            case ast.List(elts=parts):
                return self._concatenation(parts, span)
            case ast.Call(func=ast.Name(id=name)):
                return self._call(name, tree, span)
        raise _no_expression(tree, span)

    def _source(self, tree: ast.expr) -> str:
        span = self.expression.span(tree)
        return next(t.text for t in self.expression.tokens if t.span == span)

    def _binary(self, tree: ast.BinOp, span: Span) -> Node:
        if isinstance(tree.op, ast.Pow):
            power = exponent(tree, self._source, self.span(tree.right))
            return Power(shape=(), span=span, base=self.node(tree.left), exponent=power)
        left, right = self.node(tree.left), self.node(tree.right)
        match tree.op:
            case ast.MatMult():
                return Contraction(shape=(), span=span, left=left, right=right)
            case ast.Add():
                return Binary(shape=(), span=span, operator="+", left=left, right=right)
            case ast.Sub():
                return Binary(shape=(), span=span, operator="-", left=left, right=right)
            case ast.Mult():
                return Binary(shape=(), span=span, operator="*", left=left, right=right)
            case ast.Div():
                return Binary(shape=(), span=span, operator="/", left=left, right=right)
        raise _no_expression(tree, span)

    def _concatenation(self, parts: list[ast.expr], span: Span) -> Node:
        if not 2 <= len(parts) <= limits.OPERANDS:
            raise CellError(
                "arguments",
                f"a concatenation of {len(parts)}",
                span,
                expected=f"2 to {limits.OPERANDS} vectors: `[a, b]`",
            )
        return Concatenation(shape=(), span=span, operands=tuple(self.node(p) for p in parts))

    def _call(self, name: str, tree: ast.Call, span: Span) -> Node:
        macro = self.resolver.scope.macros.statements.get(name)
        if macro is None:
            return call(name, tree, span, self.node, self.resolver)
        parameters = [p.text for p in macro.parameters]
        if tree.keywords or len(tree.args) != len(parameters):
            raise CellError(
                "arguments", f"`{name}` takes {len(parameters)} argument{'s' * (len(parameters) != 1)}", span,
                expected=f"`{name}({', '.join(parameters)})`",
            )  # fmt: skip
        operands = tuple(self.node(a) for a in tree.args)
        inside = Translator(
            self.resolver,
            macro.body,
            depth=self.depth,
            arguments=dict(zip(parameters, operands, strict=True)),
            place=span,
        )
        self.resolver.macros.add(name)
        return Macro(shape=(), span=span, name=name, operands=operands, body=inside.node(macro.body.tree))


def _no_expression(tree: ast.expr, span: Span) -> CellError:
    remedy = ""
    if isinstance(tree, ast.Tuple):
        remedy = "vectors are joined in square brackets: `[a, b]`"
    elif isinstance(tree, ast.Call):
        remedy = "products are written with `*` or `@`"
    elif isinstance(tree, ast.Subscript):
        remedy = "only a state has a time, `h[t-1]`, and nothing else has an index"
    elif isinstance(tree, ast.BinOp):
        remedy = OPERATORS
    return CellError("syntax", "this is no expression of the language", span, remedy=remedy)
