"""How parameters start: a cell's `init` schemes as Python source.

In: a cell and a parameter. Out: one expression over `rng`, `dtype` and the sizes of the axes.
"""

from __future__ import annotations

from derive.language import syntax as tree
from derive.language.syntax import Cell, Init, Node, Variable


def init_line(cell: Cell, parameter: Variable) -> tuple[str, str]:
    """(parameter, source of its array); the shape is `shapes["name"]`, a size `sizes["d_h"]`."""
    scheme = cell.inits[parameter.name]
    return parameter.name, _array(scheme, f'shapes["{parameter.name}"]')


def _array(init: Init, shape: str) -> str:
    if init.value is None:
        return f"{init.scheme}(rng, {shape}, dtype)"
    value = _source(init.value)
    if init.scheme == "constant":
        return f"np.full({shape}, {value}, dtype)"
    if init.scheme == "uniform":
        return f"uniform(rng, {value}, {shape}, dtype)"
    return f"normal(rng, {value}, {shape}, dtype)"


def _source(node: Node) -> str:
    match node:
        case tree.Number():
            value = node.value
            return str(value) if value.denominator == 1 else repr(float(value))
        case tree.Size():
            return f'sizes["{node.axis}"]'
        case tree.Negative():
            return f"-{_source(node.operand)}"
        case tree.Binary():
            return f"({_source(node.left)} {node.operator} {_source(node.right)})"
        case tree.Power():
            return f"{_source(node.base)}**{node.exponent}"
        case tree.Apply(function="sqrt"):
            return f"float(np.sqrt({_source(node.operands[0])}))"
    raise TypeError(f"{type(node).__name__} cannot stand in an init; expected numbers, sizes, + - * / sqrt")
