"""The rows of the article, and where on a page the cell's own counterpart of each stands.

In: what was derived from a cell, and the places that its page has. Out: the rows that the cell has something for. A
place is found by what was derived: a gate by being a switch on a state, never by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from derive.bounds import Flow, Switches, switches

Link = tuple[str, str]
"""An identifier on the page, and what the link says."""


@dataclass(frozen=True)
class Places:
    """`equations`: variable → the equation as written; `pictures`: variable → the picture of its equation;
    `sections`: identifier → title of what else there is on the page."""

    flow: Flow
    equations: Mapping[str, Link]
    pictures: Mapping[str, Link]
    sections: Mapping[str, str]
    found: tuple[Switches, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "found", tuple(s for s in switches(self.flow) if s.keep))

    def section(self, *identifiers: str) -> list[Link]:
        """Those of some sections that there are."""
        return [(each, self.sections[each]) for each in identifiers if each in self.sections]

    def of(self, *kinds: str) -> list[Link]:
        """The equations of variables in some role, of every state that has switches."""
        return [self.equations[name] for name in self.named(*kinds) if name in self.equations]

    def named(self, *kinds: str) -> list[str]:
        """The variables in some role."""
        found: dict[str, None] = {}
        for each in self.found:
            for kind in kinds:
                names = getattr(each, kind)
                found |= dict.fromkeys((names,) if isinstance(names, str) else names)
        return list(found)

    def drawn(self) -> list[Link]:
        """The pictures of the equations that stand in a role."""
        names = self.named("keep", "write", "written", "state", "read", "readers") or list(self.equations)
        return [self.pictures[name] for name in names if name in self.pictures]


_ROWS: Sequence[tuple[str, str, Callable[[Places], Iterable[Link]]]] = (
    ("A1", "The error carried back through time is a product of one factor a step", lambda p: p.section("carried")),
    ("A2", "Its norm is at most the product of the factors’ norms", lambda p: p.section("chain")),
    ("A3", r"In closed form a power: $(\beta_f\, \beta_W)^{t-k}$", lambda p: p.section("chain")),
    ("A4", "The gradient of a weight is a sum over time", lambda p: p.section("gradients")),
    ("A5", "Picture: what each time step contributes to it", lambda p: p.section("shares")),
    ("B1", "Picture: a network with one state beside one that has a second, which keeps the long term",
     lambda p: p.section("beside")),
    ("B2", "Picture: unrolled in time, inputs and outputs named", lambda p: p.section("unrolled")),
    ("B3", "Three switches on the state: keep, write, read", lambda p: p.of("keep", "write", "read")),
    ("C1", "The gate that keeps: forget gate", lambda p: p.of("keep")),
    ("C2", "Its matrix is two side by side, one for the state and one for the input", lambda p: p.section("blocks")),
    ("C3", "The gate that lets in: input gate", lambda p: p.of("write")),
    ("C4", "What is let in: the candidate", lambda p: p.of("written")),
    ("C5", "The state: what is kept and what is let in", lambda p: p.of("state")),
    ("C6", "The gate that lets out: output gate", lambda p: p.of("read")),
    ("C7", "What is let out", lambda p: p.of("readers")),
    ("C8", "Pictures of the computation of each of them", lambda p: p.drawn()),
    ("D1", "Training: the gradient through every gate, by every weight, bias, input and initial state",
     lambda p: p.section("steps", "recurrence", "gradients", "input-gradients", "initial-gradients")),
    ("D2", "Why long dependences are learned or lost, made precise: the counterpart of A1 to A3, and A5 drawn",
     lambda p: p.section("jacobian", "theorem", "direct", "shares")),
)  # fmt: skip


def article(places: Places) -> list[dict[str, str]]:
    """The rows, each with links to its places."""
    rows = []
    for identifier, states, found in _ROWS:
        links = [f'<a href="#{place}">{title}</a>' for place, title in dict.fromkeys(found(places))]
        if links:
            rows.append({"id": identifier, "states": states, "places": ", ".join(links)})
    return rows
