"""One page: what it consists of, in the order in which it is read.

In: everything that is known of a cell. Out: the text of an HTML file that needs nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from derive.backends.formula import explain
from derive.backends.latex import derivation, spelled
from derive.emit import render
from derive.pages.article import Link, Places, article
from derive.pages.code import equations, listings
from derive.pages.examples import examples
from derive.pages.flow import measured
from derive.pages.formulas import typeset
from derive.pages.material import Material
from derive.pages.pictures import sections
from derive.pages.rows import Row, Rows, bare
from derive.pages.text import HTML, plain

Context = dict[str, Any]

_BEFORE_PICTURES = (("equations", "Equations"),)
_BEHIND_PICTURES = (
    ("derivation", "Derivation"),
    ("gradient-flow", "Gradient flow"),
    ("proof", "What was proven"),
    ("cost", "Operations and memory"),
    ("code", "Code"),
    ("use", "How to use it"),
    ("remarks", "Remarks"),
    ("article", "The article’s formulas"),
)
_KEPT = (
    "conventions", "loss", "error", "end", "finals", "new_variables", "variables", "functions", "macros",
    "gradient_flow", "carried", "absent", "name", "title", "remarks", "notes", "proof",
)  # fmt: skip
"""What is placed as the document has it."""


def page(own: Material, against: Material | None = None, home: str = "") -> str:
    """The text of the page. `against`: a cell to stand beside it; `home`: the gallery's address, if there is one."""
    context = _Page(own, against).context() | {"home": home}
    return typeset(render("pages/page.html.j2", context))


class _Page:
    def __init__(self, own: Material, against: Material | None) -> None:
        self.own, self.against, derived = own, against, own.derived
        cell, system, adjoint = derived.cell, derived.system, derived.adjoint
        proof = [*own.verified.remarks.gradients, *own.verified.remarks.jacobian]
        self.document = derivation(cell, system, adjoint, derived.flow, own.cost, proof, (), HTML)
        self.symbols = spelled(cell, system, adjoint)
        self.derivation = explain(cell, system, adjoint)
        self.rows = Rows(self.derivation, adjoint, self.symbols)
        self.forward = [
            row | {"id": f"eq-{line.number}"}
            for row, line in zip(bare(self.document["forward"], "forward"), self.derivation.forward, strict=True)
        ]

    def context(self) -> Context:
        cell = self.own.cell
        weights, inputs = (self._gradients(kind) for kind in ("weights", "inputs"))
        pictures = sections(cell, self.forward, self.against.cell if self.against else None)
        flow = measured(self.own.measured, self.against.measured if self.against else None)
        found: Context = {name: self.document[name] for name in _KEPT}
        found |= {
            "source": plain(cell.source.strip()),
            "forward": self.forward,
            "splits": bare(self.document["splits"], "block"),
            "normal": self.rows.normal(),
            "steps": self.rows.steps(),
            "recurrence": self.rows.lines("recurrence"),
            "weights": weights,
            "inputs": inputs,
            "initial": self.rows.lines("initial", clock="1"),
            "pictures": pictures,
            "measured": flow,
            "batch": self.symbols.batch,
            "costs": self._costs(),
            "listings": listings(self.own.derived, equations(self._known(weights, inputs))),
            "examples": examples(cell),
            "footer": self._footer(),
        }
        figures = [*(picture for part in pictures for picture in part["pictures"]), *flow["plots"]]
        shown = {figure["id"]: figure["label"] for figure in figures}
        found["contents"] = list(self._contents(found, pictures))
        found["article"] = article(self._places(found, shown))
        return found

    def _gradients(self, kind: str) -> list[Row]:
        """Gradients of what is stored, those in blocks followed by the whole."""
        rows = self.rows.lines(kind)
        return rows + bare(self.document[kind][len(rows) :], f"{kind}-whole")

    def _known(self, weights: list[Row], inputs: list[Row]) -> Mapping[str, Row]:
        """Variable, or the adjoint of one as the code calls it → its equation."""
        adjoint, found = self.own.derived.adjoint, {}
        for line, row in zip(self.derivation.normal, self.rows.normal(), strict=True):
            found[self.rows.variable(line)] = row
        for step, row in zip(self.derivation.steps, self.rows.steps(), strict=True):
            found[adjoint.bars[step.variable.name]] = row["result"]
        for kind, rows in (("weights", weights), ("inputs", inputs)):
            for line, row in zip(getattr(self.derivation, kind), rows, strict=False):
                found[adjoint.bars[self.rows.variable(line)]] = row
        return found

    def _costs(self) -> list[Row]:
        cost = self.document["cost"]
        kinds = (
            ("operations", "", "Operations", "call", ""),
            ("buffers", "memory", "Memory", "buffer", "what for"),
            ("arrays", "arrays", "Arrays", "array", ""),
        )
        return [
            {"rows": cost[rows], "text": text, "label": label, "what": what, "which": which}
            for rows, text, label, what, which in kinds
            if cost[rows]
        ]

    def _contents(self, found: Context, pictures: list[Row]) -> Iterator[Row]:
        for entry in (*_BEFORE_PICTURES, *((p["id"], p["title"]) for p in pictures), *_BEHIND_PICTURES):
            if entry[0] != "remarks" or found["remarks"] or found["notes"]:
                yield {"id": entry[0], "title": entry[1]}

    def _places(self, found: Context, shown: Mapping[str, str]) -> Places:
        names = [equation.target for equation in self.own.cell.equations]
        written: dict[str, Link] = {
            name: (row["id"], row["number"]) for name, row in zip(names, self.forward, strict=True)
        }
        flow = found["gradient_flow"]
        sections_ = {
            "blocks": "Blocks" if found["splits"] else "",
            "steps": "Back through every equation",
            "recurrence": "The recurrence" if found["recurrence"] else "",
            "gradients": "Gradients of the parameters" if found["weights"] else "",
            "input-gradients": "of the inputs" if found["inputs"] else "",
            "initial-gradients": "of the initial states" if found["initial"] else "",
            "carried": "The error carried back" if found["carried"] else "",
            "chain": "The error carried back, in norm" if flow["chain"] else "",
            "jacobian": "The step Jacobian",
            "theorem": "The bound over many steps",
            "direct": "The direct path",
        }
        pictures = [picture for part in found["pictures"] for picture in part["pictures"]]
        drawn = {p["about"]: (p["id"], f"picture of {p['number']}") for p in pictures if p["about"]}
        return Places(
            self.own.derived.flow,
            written,
            drawn,
            {place: title for place, title in (sections_ | dict(shown)).items() if title},
        )

    def _footer(self) -> str:
        name = plain(self.own.cell.name)
        return f"Derived by derive-rnn {version('derive-rnn')} from {name}.cell; the same text gives the same page."
