"""The document's pieces, in the order in which they are read.

In: a cell, its system, its adjoint, what was proven, the header. Out: the context of
`templates/latex/derivation.tex.j2`: strings, and lists of strings, none of them to be worked on further.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from derive.backends.c import Cost
from derive.backends.formula import Contribution, Step, explain
from derive.backends.formula.contract import Reader
from derive.backends.formula.derivation import applications
from derive.backends.formula.nodes import Line
from derive.backends.formula.order import place_of, places
from derive.backends.formula.single import Recurrence, single_recurrence
from derive.backends.latex.cost import cost_section
from derive.backends.latex.drawings import drawings
from derive.backends.latex.gradient_flow import gradient_flow
from derive.backends.latex.notation import block_lines, function_lines, has_kinks, variable_rows
from derive.backends.latex.symbols import spelled
from derive.backends.latex.text import LATEX, Text
from derive.backends.latex.typeset import Typesetter, sides
from derive.bounds import Flow
from derive.calculus import Adjoint
from derive.language import syntax as tree
from derive.language.expanded import walk_expanded
from derive.language.macros import prelude_names
from derive.language.remarks import marked, pieces
from derive.language.syntax import Cell
from derive.system import FirstMaximum, System, nets

Context = dict[str, Any]
Equation = dict[str, str]


def derivation(
    cell: Cell,
    system: System,
    adjoint: Adjoint,
    flow: Flow,
    cost: Cost,
    proof: Sequence[str],
    header: Sequence[str],
    text: Text = LATEX,
) -> Context:
    """The context of a cell's derivation; `header` says where it comes from, `proof` what was proven."""
    document = _Document(cell, system, adjoint, flow, text)
    return document.context(proof, header) | {"cost": cost_section(cost, document.symbols)}


def gradient_section(cell: Cell, system: System, adjoint: Adjoint, flow: Flow) -> Context:
    """The context of the section on gradient flow alone."""
    return {"gradient_flow": _Document(cell, system, adjoint, flow).gradient_flow()}


class _Document:
    def __init__(self, cell: Cell, system: System, adjoint: Adjoint, flow: Flow, text: Text = LATEX) -> None:
        self.cell, self.system, self.adjoint, self.flow, self.text = cell, system, adjoint, flow, text
        self.symbols = spelled(cell, system, adjoint)
        self.derivation = explain(cell, system, adjoint)

    def context(self, proof: Sequence[str], header: Sequence[str]) -> Context:
        found = self.derivation
        parts: Context = {
            "forward": self._lines(found.forward),
            "pictures": drawings(self.cell),
            "splits": self._blocks(("param", "input", "local"), bars=False),
            "normal": self._lines(found.normal),
            "steps": [self._step(step) for step in found.steps],
            "recurrence": self._lines(found.recurrence),
            "weights": self._lines(found.weights) + self._blocks(("param",), bars=True),
            "inputs": self._lines(found.inputs) + self._blocks(("input",), bars=True),
            "initial": self._lines(found.initial, clock="1"),
            "carried": self._carried(),
            "gradient_flow": self.gradient_flow(),
        }
        return parts | {
            "header": [line.encode("ascii", "replace").decode() for line in header],
            "name": self.text.plain(self.cell.name),
            "title": self.text.plain(self.cell.title),
            "loss": self.symbols.loss,
            "error": self.symbols.error,
            "new_variables": self._new_variables(),
            "end": self.symbols.steps,
            "variables": variable_rows(self.cell, self.system, self.symbols, self.text),
            "functions": function_lines(self.adjoint, self.symbols, self.text),
            "macros": list(self._macros()),
            "conventions": [*self._concatenations(), *_conventions(str(parts))],
            "remarks": self._remarks(),
            "absent": [Typesetter(self.symbols).text(name) for name in found.absent],
            "finals": [self.symbols[s].at(self.symbols.steps) for s in self.system.delays],
            "notes": [self.text.remark(note) for note in self.cell.notes],
            "proof": [self._proven(line) for line in proof],
        }

    # -- equations

    def _lines(self, lines: Iterable[Line], clock: str = "t") -> list[Equation]:
        return [self._line(line, clock) for line in lines]

    def _line(self, line: Line, clock: str = "t") -> Equation:
        left, right = sides(line, self.symbols, clock)
        return _equation(left, right, line.number, self.text.plain(line.remark))

    def _blocks(self, roles: Sequence[str], *, bars: bool) -> list[Equation]:
        names = [v.name for role in roles for v in self.cell.variables.values() if v.role == role]
        lines = block_lines(self.system, self.symbols, names, bars=self.adjoint.bars if bars else None)
        return [_equation(left, right, None, remark) for left, right, remark in lines]

    def _step(self, step: Step) -> dict[str, Any]:
        """Each contribution on a line of its own; a single one is told beside the result."""
        result = self._line(step.result)
        if len(step.contributions) + step.seeded == 1:
            change = self._change(step.contributions[0]) if step.contributions else "the loss alone"
            return {"seed": "", "contributions": [], "result": result | {"remark": change}}
        seed = ""
        if step.seeded:
            seed = Typesetter(self.symbols).text(replace(step.variable, name=self.adjoint.seeds[step.variable.name]))
        lines = [
            {"change": self._change(c), "gives": Typesetter(self.symbols).text(c.gives)} for c in step.contributions
        ]
        return {"seed": seed, "contributions": lines, "result": result}

    def _change(self, contribution: Contribution) -> str:
        """`(17): dh = o ∘ du + ⋯`."""
        left, right = sides(contribution.change, self.symbols)
        rest = "" if contribution.alone else r"\br + \cdots"
        return rf"({contribution.equation})\nobreak\quad${left}\br = {right}{rest}$"

    # -- gradient flow

    def gradient_flow(self) -> Context:
        """The pieces of its section."""
        return gradient_flow(self.cell, self.system, self.flow, self.symbols, self._recurrence(), self._letters())

    def _recurrence(self) -> Recurrence | None:
        """The recurrence of a cell that has a single one, through one matrix."""
        if len(self.system.delays) != 1:
            return None
        (state,) = self.system.delays
        place = place_of(self.system, places(self.cell, self.system), state)
        reader = Reader(self.adjoint.system.variables, place, applications(self.system))
        return single_recurrence(self.system, reader)

    def _letters(self) -> dict[str, str]:
        """A running time and the first time of a product over time."""
        free = [c for c in self.symbols.letters if c not in ("t", self.symbols.loss)]
        return {"step": free[0], "first": "k" if "k" in free[1:] else free[1]}

    def _carried(self) -> list[dict[str, str]]:
        """Both readings of the error, where the cell has a single recurrence through one matrix."""
        found, letters = self._recurrence(), self._letters()
        if found is None:
            return []
        step, readings = letters["step"], []
        for name, factor in ((found.net, found.by_net), (found.state, found.by_state)):
            after, this, of = (self.symbols[name.name].at(time) for time in (f"{step}+1", step, "t"))
            product = Typesetter(self.symbols, step).text(factor)
            readings.append({"next": after, "this": this, "of": of, "factor": product, **letters})
        return readings

    # -- prose

    def _macros(self) -> Iterator[dict[str, Any]]:
        """Those that the cell defines, and those that it uses of what every cell has."""
        for whose, own in (("as the cell defines them", True), ("which every cell has", False)):
            found = [m for m in self.cell.macros if (m.name not in prelude_names()) == own]
            lines = [self.text.source(f"{m.name}({', '.join(m.parameters)}) = {m.body}") for m in found]
            if lines:
                yield {"whose": whose, "lines": lines}

    def _concatenations(self) -> Iterator[str]:
        """What brackets around vectors and around matrices mean, where there are such."""
        split = [stored for stored in self.system.stored.values() if len(stored.blocks) > 1]
        if split or any(isinstance(n, tree.Concatenation) for n in self._nodes()):
            yield "$[u, v]$ is $u$ on top of $v$."
        if any(len(stored.shape) > 1 for stored in split):
            yield "$[A, B]$ is $A$ beside $B$."

    def _nodes(self) -> Iterator[tree.Node]:
        """All that the cell's expressions are made of."""
        return (node for equation in self.cell.equations for node in walk_expanded(equation.value))

    def _new_variables(self) -> list[str]:
        """What the normal form's own variables are called."""
        loss, error, other = self.symbols.loss, self.symbols.error, self.symbols.other
        own = {block for stored in self.system.stored.values() for block in stored.blocks.values()}
        fresh = {v.name for v in self.system.of_role("local")} - own
        found = []
        if fresh & nets(self.system):
            found.append(
                r"$\mathrm{net}^{v}$ is the net input of the activation in the equation of $v$, numbered where "
                rf"there are several; $\partial {loss} / \partial\,\mathrm{{net}}^{{v}}$ is written ${error}^{{v}}$."
            )
        if fresh - nets(self.system):
            found.append(rf"${other}^{{v}}$ is what else has to be named in the equation of $v$.")
        return found

    def _proven(self, remark: str) -> str:
        """A remark of the proof, its variables and lengths written as everywhere else."""
        return "".join(self._quoted(text) if inside else self.text.remark(text) for text, inside in pieces(remark))

    def _quoted(self, mathematics: str) -> str:
        """A variable, a length and how large it is, or what else stands in a remark."""
        name, equal, size = mathematics.partition("=")
        if equal and size.isdigit():
            return rf"${self.symbols.length(name)}\bri = {size}$"
        known = self.symbols.symbols.get(mathematics)
        return f"${known.at()}$" if known else self.text.remark(marked(mathematics))

    def _remarks(self) -> list[str]:
        """What holds at kinks, and where the gradient is held back."""
        found = []
        if any(isinstance(n, tree.Apply) and n.function in ("maximum", "minimum") for n in self._nodes()):
            found.append(r"Where the operands of $\max(a, b)$ or $\min(a, b)$ are equal, the first is taken.")
        if any(isinstance(b, FirstMaximum) for e in self.system.equations for b in (t.body for t in e.terms)):
            found.append("The largest of equal elements is the one with the lowest index; the gradient is its alone.")
        if has_kinks(self.system):
            found.append("At a kink the derivative is the one that the formulas above give, here and in every backend.")
        held = [self.symbols[v.name].at("t" if v.time else "") for v in self.system.variables.values() if v.held]
        if held:
            names = ", ".join(f"${h}$" for h in held)
            passes = "pass on their values" if len(held) > 1 else "passes on its value"
            found.append(rf"No gradient goes through $\operatorname{{stop}}$: {names} {passes} only.")
        return found


_NORMALISING = (
    r"$\mathbf{N}_n$ is what the Jacobian of a normalised vector $y$ of $n$ elements is besides its scale, "
    r"$P - y\, y^{\top} / n$ with a projector $P$: its norm is at most $1$ in the $2$-norm, "
    r"$2 + \sqrt{n}$ in the $1$- and the $\infty$-norm."
)


_IVERSON = r"\\left\[[\w']+ = [\w']+\\right\]"


def _equation(left: str, right: str, number: int | None, remark: str) -> Equation:
    return {"left": left, "right": right, "number": "" if number is None else f"({number})", "remark": remark}


def _conventions(text: str) -> list[str]:
    """The signs that occur, explained."""
    texts = text.replace("\\\\", "\\")
    known = (
        (r"\circ ", r"$u \circ v$ is the element-by-element product; a matrix product binds more tightly."),
        (r"\mathbf{1}", r"$\mathbf{1}$ is a column of ones, as long as its place asks."),
        (r"\operatorname{diag}", r"$\operatorname{diag}[v]$ is the diagonal matrix of $v$."),
        (
            r"\rangle_{",
            r"$\langle A, B \rangle_{\mathrm{F}}$ is the sum of the products of all elements of $A$ and $B$.",
        ),
        (
            r"\operatorname{first}",
            r"$\operatorname{first}(a)$ is $1$ where the largest element of $a$ stands, otherwise $0$.",
        ),
        (r"_{1}(", r"A subscript $1$ or $2$ at a sum, mean or maximum names the axis that it runs over."),
        (r"_{2}(", r"A subscript $1$ or $2$ at a sum, mean or maximum names the axis that it runs over."),
        (r"\mathbf{N}_", _NORMALISING),
        (r"\mathbf{I}", r"$\mathbf{I}$ is the identity matrix."),
        (r"\operatorname{vec}", r"$\operatorname{vec}(A)$ is the column of all elements of $A$."),
        ("]_{", r"$[A]_{ij}$ is an element of $A$, where matrices alone cannot say it."),
    )
    found = [meaning for sign, meaning in known if sign in texts]
    if re.search(_IVERSON, texts):
        found.append("$[i = j]$ is $1$ where the indices $i$ and $j$ are equal, otherwise $0$.")
    return list(dict.fromkeys(found))
