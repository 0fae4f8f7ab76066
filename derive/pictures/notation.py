"""How the names of a cell are written in pictures: as the typeset derivation has them.

In: a cell. Out: a label for each of its variables, at a time; and for an expression that stands in a box. `W_f` becomes
W with the subscript f, `net` an upright word, `delta` a Greek letter; names that would look alike stand as they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from derive.language import syntax as tree
from derive.language.syntax import Cell, Node
from derive.language.tree import walk
from derive.pictures.text import Label, Run, joined, raised, words

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ",
    "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ",
    "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
FUNCTIONS = {"sigmoid": "σ", "sqrt": "√", "log_sigmoid": "log σ", "maximum": "max", "minimum": "min", "abs": "|·|"}
"""What functions are called in a box, where it is not their own name."""

MINUS = "−"
_DECIMALS = 6
_SUM, _PRODUCT, _FACTOR, _ATOM = range(4)


@dataclass(frozen=True)
class Symbol:
    """A base and what hangs on it."""

    base: Run
    subscripts: tuple[str, ...] = ()

    def at(self, time: str = "") -> Label:
        """The symbol at a time."""
        between = "" if all(len(s) <= 1 for s in self.subscripts) else ","
        below = [(s, "upright" if len(s) > 2 else "italic") for s in self.subscripts]
        runs: list[Run] = []
        for text, style in [*below, *([(time, "italic")] if time else [])]:
            sign = between if text != time else ","
            runs.append(Run(f"{sign if runs else ''}{text}", style, "sub"))  # type: ignore[arg-type]
        return (self.base, *runs)


class Notation:
    """The symbols of a cell."""

    def __init__(self, cell: Cell) -> None:
        symbols = {name: symbol(name) for name in cell.variables}
        alike = Counter(s.at() for s in symbols.values())
        self.symbols = {
            name: Symbol(Run(name, "mono")) if alike[s.at()] > 1 or s.base.text == "σ" else s
            for name, s in symbols.items()
        }
        self.timed = {v.name for v in cell.variables.values() if v.role != "param"} - set(constant(cell))

    def name(self, name: str, time: str = "t") -> Label:
        """A variable at a time; what has no time is written without."""
        return self.symbols[name].at(time if name in self.timed else "")

    def expression(self, node: Node) -> Label:
        """An expression in one line."""
        return self._level(node)[0]

    def _at(self, node: Node, level: int) -> Label:
        label, own = self._level(node)
        return label if own >= level else (*words("("), *label, *words(")"))

    def _level(self, node: Node) -> tuple[Label, int]:
        match node:
            case tree.Number():
                return words(number(node.value)), _ATOM
            case tree.Size():
                return symbol(node.axis).at(), _ATOM
            case tree.Reference():
                return self.name(node.name, "t−1" if node.lag else "t"), _ATOM
            case tree.Negative():
                return (*words(MINUS), *self._at(node.operand, _PRODUCT)), _SUM
            case tree.Binary():
                return self._binary(node)
            case tree.Power():
                return raised(self._at(node.base, _ATOM), str(node.exponent).replace("-", MINUS)), _FACTOR
            case tree.Contraction():
                return joined((self._at(node.left, _FACTOR), self._at(node.right, _FACTOR)), " "), _FACTOR
            case tree.Outer():
                return joined((self._at(node.left, _FACTOR), self._at(node.right, _FACTOR)), " ⊗ "), _FACTOR
            case tree.Transpose():
                return raised(self._at(node.operand, _ATOM), "⊤"), _FACTOR
            case tree.Concatenation():
                return (*words("["), *joined(map(self.expression, node.operands), ", "), *words("]")), _ATOM
        return self._call(node), _ATOM

    def _binary(self, node: tree.Binary) -> tuple[Label, int]:
        if node.operator in "+-":
            sign = f" {node.operator} ".replace("-", MINUS)
            return joined((self._at(node.left, _SUM), self._at(node.right, _PRODUCT)), sign), _SUM
        plain = not node.left.shape or not node.right.shape
        sign = " / " if node.operator == "/" else " " if plain else " ∘ "
        return joined((self._at(node.left, _PRODUCT), self._at(node.right, _FACTOR)), sign), _PRODUCT

    def _call(self, node: Node) -> Label:
        match node:
            case tree.Apply() | tree.Macro():
                operands = node.operands
                name = node.function if isinstance(node, tree.Apply) else node.name
            case tree.Reduction():
                name, operands = node.kind, (node.operand,)
            case tree.Spread():
                name, operands = ("rows", "cols")[node.along], (node.operand,)
            case tree.Stop():
                name, operands = "stop", (node.operand,)
            case _:
                kind = type(node).__name__
                raise TypeError(f"no label for the node {kind}; give it one in derive/pictures/notation.py")
        return (*words(f"{called(name)}("), *joined(map(self.expression, operands), ", "), *words(")"))


def number(value: Fraction) -> str:
    """A number: as a decimal fraction where it is a short one and none that one says otherwise, such as a third."""
    tens = next((n for n in range(_DECIMALS + 1) if 10**n % value.denominator == 0), None)
    if value.denominator < 10 or tens is None:
        return str(value).replace("-", MINUS)
    return f"{float(value):.{tens}f}".replace("-", MINUS)


def called(function: str) -> str:
    """A function's sign or name."""
    return {**FUNCTIONS, "abs": "abs"}.get(function, function)


def constant(cell: Cell) -> Iterable[str]:
    """The variables that nothing moves: made of parameters alone."""
    still: list[str] = []
    for equation in cell.equations:
        given = {n.name for n in _references(equation.value)}
        moving = any(cell.variables[name].role != "param" and name not in still for name in given)
        if not moving and cell.variables[equation.target].role == "local" and equation.target not in cell.outputs:
            still.append(equation.target)
    return still


def _references(node: Node) -> Sequence[tree.Reference]:
    return [n for n in walk(node) if isinstance(n, tree.Reference)]


def symbol(name: str) -> Symbol:
    """A name taken apart: letters, digits and what follows underscores."""
    base, *subscripts = name.split("_")
    found = re.fullmatch(r"(.*?)(\d*)", base)
    assert found is not None
    letters, digits = found.groups()
    below = ([digits] if digits else []) + [GREEK.get(s, s) for s in subscripts]
    text = GREEK.get(letters, letters)
    return Symbol(Run(text, "italic" if len(text) == 1 else "upright"), tuple(below))
