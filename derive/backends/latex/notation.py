"""What the derivation's signs mean: variables with their shapes, functions with their derivatives.

In: a cell, its system and its symbols. Out: finished rows and lines for the template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import sympy as sp

from derive import functions
from derive.backends.formula.contract import Reader
from derive.backends.formula.nodes import Applied, Name
from derive.backends.latex.symbols import Symbol, Symbols
from derive.backends.latex.text import Text
from derive.backends.latex.typeset import Typesetter, width
from derive.calculus import Adjoint
from derive.functions.pieces import has_kink
from derive.functions.table import SELECTORS
from derive.language.remarks import MARK
from derive.language.syntax import Cell, Shape, Variable
from derive.system import Element, System, Term, Var

_ROLES = {"input": "input", "state": "state", "param": "parameter", "local": "intermediate"}
_WIDE_SYMBOL, _WIDE_SHAPE = 11, 22
_TIMES = r"\bri \times "

Row = dict[str, str | bool]


def variable_rows(cell: Cell, system: System, symbols: Symbols, text: Text) -> list[Row]:
    """A row for each variable of the cell; `wide` if it does not fit into columns."""
    return [_row(cell, system, symbols, v, text) for v in cell.variables.values()]


def _row(cell: Cell, system: System, symbols: Symbols, variable: Variable, text: Text) -> Row:
    timed = any(system.variables[b].time for b in system.stored[variable.name].blocks.values())
    symbol, shape = symbols[variable.name].at("t" if timed else ""), shape_text(variable.shape, symbols)
    role = _ROLES[variable.role] + (", output" if variable.name in cell.outputs else "")
    wide = width(symbol) > _WIDE_SYMBOL or width(shape) > _WIDE_SHAPE
    return {
        "symbol": symbol,
        "role": role,
        "shape": shape,
        "comment": text.plain(variable.comment),
        "wide": wide,
    }


def shape_text(shape: Shape, symbols: Symbols) -> str:
    """A shape: `d_h × (d_h + d_x)`."""
    if not shape:
        return r"\text{scalar}"
    sizes = []
    for axis in shape:
        size = r"\bri + ".join(symbols.axis(part) for part in axis.parts)
        sizes.append(f"({size})" if len(axis.parts) > 1 and len(shape) > 1 else size)
    return _TIMES.join(sizes)


def block_lines(
    system: System, symbols: Symbols, names: Iterable[str], *, bars: Mapping[str, str] | None = None
) -> list[tuple[str, str, str]]:
    """For each variable stored in several blocks: the whole, its blocks side by side, their shapes."""
    lines = []
    for name in names:
        stored = system.stored[name]
        if len(stored.blocks) > 1:
            timed = "t" if any(system.variables[b].time for b in stored.blocks.values()) else ""
            whole = symbols[name] if bars is None else replace(symbols[name], accented=True)
            shapes = [_block_shape(system, symbols, b) for b in stored.blocks.values()] if bars is None else []
            lines.append(
                (
                    whole.at(timed),
                    _grid(stored.shape, stored.blocks, symbols, bars, timed),
                    r",\quad ".join(shapes),
                )
            )
    return lines


def _block_shape(system: System, symbols: Symbols, block: str) -> str:
    variable = system.variables[block]
    sizes, symbol = [symbols.axis(a) for a in variable.axes], symbols[block].at("t" if variable.time else "")
    if width("".join(sizes)) > _WIDE_SHAPE:
        return rf"${symbol}$ of shape ${_TIMES.join(sizes)}$"
    product = r" \times ".join(sizes)
    return rf"${symbol} \in \mathbb{{R}}^{{{product}}}$"


def _grid(
    shape: Shape,
    blocks: Mapping[tuple[int, ...], str],
    symbols: Symbols,
    bars: Mapping[str, str] | None,
    time: str,
) -> str:
    """Blocks in a row, or rows of blocks where the first of two axes is split too."""

    def text(block: str) -> str:
        if bars is None:
            return symbols[block].at(time)
        return symbols[bars[block]].at(time) if block in bars else "0"

    split = [axis for axis, extent in enumerate(shape) if len(extent.parts) > 1]
    if len(split) == 1:
        return r"\bigl[" + r",\br ".join(text(b) for b in blocks.values()) + r"\bigr]"
    if split != [0, 1] or len(shape) != 2:
        return r"\bigl[" + r",\br ".join(text(b) for b in blocks.values()) + r"\bigr]"
    rows = range(len(shape[0].parts))
    lines = (" & ".join(text(b) for parts, b in blocks.items() if parts[0] == row) for row in rows)
    return r"\begin{bmatrix} " + r" \\ ".join(lines) + r" \end{bmatrix}"


# -- functions


def has_kinks(system: System) -> bool:
    """Whether a function occurs that bends or jumps somewhere."""
    return any(has_kink(functions.lookup(name).closed) for name in _used(system))


def function_lines(adjoint: Adjoint, symbols: Symbols, text: Text) -> list[tuple[str, str, str, str]]:
    """For each function that occurs: its spelling, a sign, what it is, its derivative where one is needed."""
    return list(_function_lines(_used(adjoint.system), symbols, text))


def _used(system: System) -> list[str]:
    """The functions that occur, in the table's order."""
    bodies = [t.body for e in system.equations for t in e.terms]
    found = {a.row_name for b in bodies for a in b.atoms(functions.ScalarFunction)}
    known = [*functions.FUNCTIONS, *SELECTORS]
    return [name for name in known if name in found] + sorted(found - set(known))


def _function_lines(names: Iterable[str], symbols: Symbols, text: Text) -> Iterator[tuple[str, str, str, str]]:
    own = replace(symbols, symbols={"y": Symbol("y"), "z": Symbol("z")})
    variables = {name: Var(name, "local", (), time=False) for name in ("y", "z")}
    reader = Reader(variables, lambda name: int(name == "z"))
    values = {functions.Y: Element("y"), functions.Z: Element("z")}
    for name in names:
        row = functions.lookup(name)
        slope = functions.derivative(name) if name in functions.FUNCTIONS else sp.S.Zero
        shown = Typesetter(own).text(reader.formula((), [Term(slope.xreplace(values))]))
        derivative = "" if slope == 0 or slope.has(functions.application(f"{name}_prime")) else shown
        call = Applied(rank=0, function=name, operands=(Name(name="z", rank=0),))
        sign = "=" if row.summary.startswith(MARK) else r"\colon"
        yield Typesetter(own).text(call), sign, text.remark(row.summary), derivative
