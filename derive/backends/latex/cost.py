"""The section on cost. In: what a cell costs, its symbols. Out: finished rows for the template."""

from __future__ import annotations

from typing import Any

from derive.backends.c import Cost, Style, amount
from derive.backends.latex.symbols import Symbols

_ARRAYS = {"params": "parameters", "inputs": "inputs", "outputs": "outputs", "states": "states"}
_KINDS = {"in products": "products", "elementwise": "all else", "functions": "functions"}
_PACKED = r"\mathrm{packed}"

Row = dict[str, str]


def cost_section(cost: Cost, symbols: Symbols) -> dict[str, Any]:
    """Rows of operations, of buffers and of the caller's arrays: what, how many, a remark. Each name has one value."""
    spelled = style(symbols)
    operations = [
        _row(f"{what}, {_KINDS[kind]}", amount(count, spelled), "")
        for what, all_of_it in (("forward", cost.forward), ("backward", cost.backward))
        for kind, count in all_of_it.by_kind()
    ]
    buffers = [
        _row("tape", cost.tape.text(spelled), "kept from forward to backward"),
        _row("packed", cost.packed.text(spelled), "made of parameters, once for many calls"),
        _row("packed for inference", cost.packed_forward.text(spelled), "of these, what forward applies"),
        _row("work of forward", cost.forward_work.text(spelled, _PACKED), ""),
        _row("work of backward", cost.backward_work.text(spelled, _PACKED), ""),
    ]
    arrays = [
        _row(_ARRAYS[struct], amount(array.numbers, spelled), "")
        for struct, array in cost.caller.items()
        if array.parts
    ]
    return {"batch": symbols.batch, "operations": operations, "buffers": buffers, "arrays": arrays}


def _row(what: str, count: str, remark: str) -> Row:
    return {"left": rf"\text{{{what}}}", "right": count, "number": "", "remark": remark}


def style(symbols: Symbols) -> Style:
    """How an amount is spelled in LaTeX."""
    return Style(
        name=symbols.length,
        apart=r"\brj\,",
        plus=r"\br + ",
        plus_inside=r"\bri + ",
        power=lambda base, exponent: f"{base}^{{{exponent}}}",
        compared=lambda name, operands: rf"\{name}({', '.join(operands)})",
    )
