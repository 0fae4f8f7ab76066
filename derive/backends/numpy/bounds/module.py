"""The module of bounds: the pieces that its template puts together.

In: a cell, its flow, the lines of its header. Out: the context of `templates/numpy/bounds.py.j2`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

from derive.backends.numpy.blocks import block_lines
from derive.backends.numpy.bounds.intervals import IntervalPrinter
from derive.backends.numpy.bounds.norms import NormPrinter
from derive.backends.numpy.bounds.scope import Scope
from derive.backends.numpy.bounds.step import StepPrinter
from derive.backends.numpy.functions import definitions
from derive.backends.numpy.text import commented, escaped, shown
from derive.bounds import Flow
from derive.functions import ScalarFunction
from derive.language.syntax import Cell, Role, Variable
from derive.system import FirstMaximum, elements

Context = dict[str, Any]

_TAKEN = frozenset(
    """
    Certificate Factor Fraction Inputs Interval MANY MARGIN NamedTuple Params SHAPES STATES State about abs added after
    anywhere block_bounds bounded box certify contraction corners dict enclosed erf erfc error_function_parts
    exactly extent factor first_maximum flat float hull image initial inputs inside int invariant jacobian largest
    largest_eigenvalue len limit limited matrix max measure members min natural natural_factor norm normal
    normalised np outward params peak range reachable share size sized sizes spanned spectral split spread state
    step_jacobian steps sum summed taken tuple unbounded up visited widened x_t z zip
    """.split()  # noqa: SIM905 - a list of these would fill a page
)
"""Every name that the template uses where a cell's lines stand."""


def bounds(cell: Cell, flow: Flow, header: Sequence[str]) -> Context:
    """The context of a cell's module of bounds; `header` says where it comes from and what was proven."""
    return _Module(cell, flow).context(header)


class _Module:
    def __init__(self, cell: Cell, flow: Flow) -> None:
        self.cell, self.flow = cell, flow
        bodies = [term.body for e in flow.read for term in e.terms]
        self.functions = [b.row_name for body in bodies for b in body.atoms(ScalarFunction)]
        self.uses_first_maximum = any(body.has(FirstMaximum) for body in bodies)
        self.scope = Scope(cell, flow, _TAKEN | set(self.functions))
        self.step, self.intervals = StepPrinter(self.scope), IntervalPrinter(self.scope)
        self.norms = NormPrinter(self.scope, self.intervals)

    def context(self, header: Sequence[str]) -> Context:
        values, differentials = self.step.values(), self.step.differentials()
        rows, row_entries = self.norms.rows(), self._entries()
        norms, norm_entries = self.norms.norms(), self._entries()
        return {
            "name": self.cell.name,
            "header": [line for text in header for line in (wrap(escaped(text), 100) or [""])],
            "x_axes": ", ".join(shown((), v.shape) for v in self.cell.of_role("input")),
            "states": repr(self.flow.states),
            "shapes": self._shapes(),
            "params": self._fields("param"),
            "state_fields": self._fields("state"),
            "inputs": self._fields("input"),
            "unpack": self._unpack(),
            "values": values,
            "differentials": differentials,
            "blocks": [
                (state, source, repr(gates), name, self._sizes(state), self._sizes(source))
                for (state, source, gates), name in self.step.blocks.items()
            ],
            "intervals": self.intervals.values(),
            "interval_names": self.intervals.read(),
            "new_states": [self.scope[state] for state in self.flow.states],
            "rows": rows,
            "row_entries": row_entries,
            "norms": norms,
            "norm_entries": norm_entries,
            "uses_first_maximum": self.uses_first_maximum,
            "helpers": definitions(sorted(set(self.functions))).splitlines(),
        }

    def _sizes(self, state: str) -> str:
        return self.scope.sizes(self.scope.variables[state])

    def _entries(self) -> list[tuple[int, int, str]]:
        """Which bound stands where in the matrix."""
        states = self.flow.states
        return [
            (row, states.index(source), bound)
            for row, state in enumerate(states)
            for source, bound in self.norms.reach[state].items()
        ]

    def _fields(self, role: Role) -> list[tuple[str, str]]:
        return [(v.name, commented(shown((), v.shape), v.comment)) for v in self.cell.of_role(role)]

    def _shapes(self) -> Mapping[str, list[tuple[str, str]]]:
        kinds: dict[str, Iterable[Variable]] = {
            "params": self.cell.of_role("param"),
            "x_t": self.cell.of_role("input"),
            "state": self.cell.of_role("state"),
        }
        return {
            kind: [(v.name, repr(tuple(axis.parts for axis in v.shape))) for v in variables]
            for kind, variables in kinds.items()
        }

    def _unpack(self) -> list[str]:
        """Lines that bring what a step is given under its own names."""
        used = {e.name for equation in self.flow.read for t in equation.terms for e in elements(t.body)}
        for differential in self.flow.differentials.values():
            used |= differential.read
        lines = [f'{name} = sizes["{axis}"]' for axis, name in self.scope.axes.items()]
        params = self.cell.of_role("param")
        lines += block_lines(
            params, self.flow.system.stored, used, self.scope.__getitem__, self.scope.axes.__getitem__
        )
        lines += [f"{self.scope[v.name]} = inputs.{v.name}" for v in self.cell.of_role("input") if v.name in used]
        lines += [f"{self.scope[d]} = initial.{s}" for s, d in self.flow.delays.items() if d in used]
        return lines
