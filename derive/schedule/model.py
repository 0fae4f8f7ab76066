"""What is done when: the programs that the printers print and the interpreter runs.

A `Program` is a straight list of steps; a step is one equation, a `Stack` (several equations served
by one matrix product) or a `Loop` over time. Outside a loop an equation covers the whole sequence.
Excluded: any notion of a language, of registers or of memory beyond which variables lie side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from derive.system import Element, Equation, Stored, Term, Var


@dataclass(frozen=True)
class Statement:
    """One equation. Inside a loop it holds at the loop's time.

    `accumulate`: it sums over time, so each turn of the loop adds its share.
    """

    equation: Equation
    accumulate: bool = False

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The equations carried out."""
        return (self.equation,)


@dataclass(frozen=True)
class Stack:
    """Equations served by one matrix product, because `members` lie side by side in a buffer.

    rows     [m₁; m₂; …] = [M₁; M₂; …] shared, each then adding the rest of its equation
    columns  shared = [M₁; M₂; …]ᵀ [m₁; m₂; …] + the rest of its equation
    outer    [M₁; M₂; …] = Σ_{t,n} [m₁; m₂; …] sharedᵀ (shared None: of ones, so a sum)
    `rests`: for each equation, its terms that are not part of the product.
    """

    kind: Literal["rows", "columns", "outer"]
    equations: tuple[Equation, ...]
    members: tuple[str, ...]
    matrices: tuple[Element, ...]
    shared: Element | None
    rests: tuple[tuple[Term, ...], ...]


Simple = Statement | Stack


@dataclass(frozen=True)
class Loop:
    """Steps carried out for t = 0 … T-1, or for t = T-1 … 0."""

    backward: bool
    body: tuple[Simple, ...]

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The equations carried out, in order."""
        return tuple(e for step in self.body for e in step.equations)


Step = Statement | Stack | Loop


@dataclass(frozen=True)
class Program:
    """Steps in order.

    `given`: what is read but not computed here. `results`: what must outlive the program.
    `sequences`: variables computed in a loop whose values at all times are kept; the others computed
    there are there for one turn only. `buffers`: variables that lie side by side along their last axis.
    """

    steps: tuple[Step, ...]
    given: tuple[str, ...]
    results: tuple[str, ...]
    sequences: frozenset[str]
    buffers: tuple[tuple[str, ...], ...]

    def simple_steps(self) -> Iterator[tuple[Simple, Loop | None]]:
        """Every step that is not a loop, with the loop it stands in."""
        for step in self.steps:
            if isinstance(step, Loop):
                yield from ((inner, step) for inner in step.body)
            else:
                yield step, None

    @property
    def equations(self) -> tuple[Equation, ...]:
        """Every equation, in order."""
        return tuple(e for step, _ in self.simple_steps() for e in step.equations)


@dataclass(frozen=True)
class Schedule:
    """All programs of a cell.

    forward     inputs, parameters, initial states → outputs, final states, what is saved
    backward    those saved, and the outputs' gradients → gradients
    step        the forward equations at one time
    replay      from what is saved, every intermediate that is not
    `saved`: the variables on the tape, besides inputs and initial states.
    """

    variables: Mapping[str, Var]
    stored: Mapping[str, Stored]
    delays: Mapping[str, str]
    outputs: tuple[str, ...]
    axes: tuple[str, ...]
    bars: Mapping[str, str]
    seeds: Mapping[str, str]
    saved: tuple[str, ...]
    forward: Program
    backward: Program
    step: Program
    replay: Program
