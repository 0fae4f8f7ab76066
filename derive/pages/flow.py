"""What was measured of a cell's gradient flow, told in words, numbers and plots.

In: the measurements of a cell, and of another one to compare with. Out: finished pieces for the template.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from derive.pages.material import Measured
from derive.pages.plots import plots, table
from derive.pages.rows import Row
from derive.pages.text import plain, sentence
from derive.pipeline import GradientFlow
from derive.report import certificate

_NO_PLOTS = "Plots need matplotlib: <code>pip install 'derive-rnn[pages]'</code>."


def measured(own: Measured, other: Measured | None) -> Row:
    """The text and the plots."""
    sizes = ", ".join(f"{escape(axis)} = {size}" for axis, size in own.sizes.items())
    about = (
        f"A network of this cell as its text initialises it{f' ({sizes})' if sizes else ''}, {own.steps} steps of "
        "standard normal input, seed 0."
    )
    if own.diagnosis is None:
        return {"text": f"<p>{about} It cannot be examined: {escape(own.failed)}.</p>", "plots": []}
    flows = [each.diagnosis.flow for each in (own, other) if each and each.diagnosis]
    drawn = plots(flows)
    told = [*own.diagnosis.sentences, *certificate(own.diagnosis.flow)]
    parts = [f"<p>{about}</p>", _list(told), _table(own.diagnosis.flow) if own.diagnosis.flow.states else ""]
    if not drawn:
        parts.append(f"<p>{_NO_PLOTS}</p>")
    return {"text": "\n".join(parts), "plots": drawn}


def short_certificate(own: Measured) -> str:
    """What the certificate says, in a sentence."""
    if own.diagnosis is None:
        return "Not examined."
    return next(iter(certificate(own.diagnosis.flow))).removeprefix("Certificate: ")


def _list(sentences: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{sentence(s)}</li>" for s in sentences) + "</ul>"


def _table(flow: GradientFlow) -> str:
    rows = table(flow)
    heads = "".join(f'<th scope="col">{name}</th>' for name in rows[0])
    cells = ["".join(_cell(value, k) for k, value in enumerate(row.values())) for row in rows]
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return (
        '<div class="table" role="group" tabindex="0" aria-label="Jacobian over lags">'
        "<table><caption>Norm of the Jacobian of all states over so many steps, and what bounds it</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(value: str, place: int) -> str:
    return f'<th scope="row">{plain(value)}</th>' if place == 0 else f"<td>{plain(value)}</td>"
