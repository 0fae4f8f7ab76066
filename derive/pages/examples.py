"""How a cell is used, from Python and from C: text that runs as it stands.

In: a cell. Out: examples for the template.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from derive.language import cell as shipped_cell
from derive.language import shipped
from derive.language.syntax import Cell, Variable
from derive.pages.rows import Row

_BATCH, _STEPS = 4, 20


def examples(cell: Cell) -> list[Row]:
    """The examples, in the order in which they are read."""
    return [
        {"text": "From Python, compiled or as NumPy:", "label": "Python", "code": escape(python(cell), quote=False)},
        {
            "text": "As files that need NumPy alone, C that needs nothing, and the derivation as LaTeX:",
            "label": "Commands",
            "code": escape(_commands(cell)),
        },
    ]


def python(cell: Cell) -> str:
    """A program that makes a network and trains it one step."""
    load = f'derive.cell("{cell.name}")' if _is_shipped(cell) else f'derive.load("{cell.name}.cell")'
    sizes = {axis: 3 + 2 * k for k, axis in enumerate(cell.axes)}
    written = ", ".join(f'"{axis}": {size}' for axis, size in sizes.items())
    inputs = [_lengths(v, sizes, _STEPS, _BATCH) for v in cell.of_role("input")]
    drawn = [f'rng.normal(size=({shape})).astype("float32")' for shape in inputs]
    x = drawn[0] if len(drawn) == 1 else f"kernel.Inputs({', '.join(drawn)})"
    states = [f'np.zeros(({_lengths(v, sizes, _BATCH)},), "float32")' for v in cell.of_role("state")]
    initial = f"initial = kernel.State({', '.join(states)})\n" if cell.untold else ""
    return f"""import derive
import numpy as np

cell = {load}
kernel = derive.build(cell, backend="c", dtype="float32")     # or backend="numpy"
rng = np.random.default_rng(0)
params = kernel.init({{{written}}}, rng)
x = {x}     # time, batch, …
{initial}
y, final, tape = kernel.forward(params, x{", initial" if initial else ""})
dparams, dx, dinitial = kernel.backward(params, tape, dy=y)    # gradients of ½ Σ y²"""


def _lengths(variable: Variable, sizes: Mapping[str, int], *before: int) -> str:
    return ", ".join(str(n) for n in (*before, *(sum(sizes[p] for p in axis.parts) for axis in variable.shape)))


def _commands(cell: Cell) -> str:
    name = cell.name if _is_shipped(cell) else f"{cell.name}.cell"
    return f"""derive prove {name}
derive generate {name} -o generated
python -c "from generated import {cell.name}; print({cell.name}.Params._fields)"
cc -O3 -c generated/{cell.name}/{cell.name}.c -I generated -I generated/{cell.name}"""


def _is_shipped(cell: Cell) -> bool:
    return cell.name in shipped() and shipped_cell(cell.name).source == cell.source
