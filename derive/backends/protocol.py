"""What a backend is given and what it must provide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from derive.bounds import Flow
from derive.calculus import Adjoint
from derive.language.syntax import Cell
from derive.schedule import Schedule
from derive.system import System


@dataclass(frozen=True)
class Derived:
    """Everything that is known of a cell: as written, in normal form, its adjoint, its programs, its step Jacobian."""

    cell: Cell
    system: System
    adjoint: Adjoint
    schedule: Schedule
    flow: Flow


@dataclass(frozen=True)
class Proven:
    """What was proven and how, in remarks: of outputs and gradients, and of the step Jacobian."""

    gradients: Sequence[str]
    jacobian: Sequence[str]


@dataclass(frozen=True)
class Page:
    """One file to make: a template and the lines that it places."""

    template: str
    context: Mapping[str, Any]


class Backend(Protocol):
    """A backend is a module with this function."""

    def pages(self, derived: Derived, header: Sequence[str], proven: Proven) -> Mapping[str, Page]:
        """File name → page. `header` says where a file comes from."""
