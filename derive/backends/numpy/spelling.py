"""How a program's variables are written in NumPy, at the time at hand.

In: a program, and what each of its variables is called. Out: pieces of source: an element, a target, neighbours
in a buffer, shapes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from derive.backends.arithmetic import constants, selectors
from derive.backends.numpy.expressions import Expressions
from derive.backends.numpy.layout import Layout
from derive.schedule import Loop, Program, Schedule
from derive.system import Element, Names, Var


class Spelling:
    """Of one program. `identifiers`: variable → its name in the source; `names`: of what is local; `single`:
    whether there is one time only. `stretches`: what was written for neighbours → these."""

    def __init__(
        self,
        schedule: Schedule,
        program: Program,
        identifiers: Mapping[str, str],
        names: Names,
        *,
        single: bool,
    ) -> None:
        self.schedule, self.program, self.identifiers, self.single = schedule, program, identifiers, single
        self.variables = schedule.variables
        self.stretches: dict[str, tuple[str, ...]] = {}
        self.order = {name: k for k, name in enumerate(_reading_order(schedule))}
        self.layout = Layout(program, schedule.variables)
        self.selectors, self.constants = selectors(schedule), constants(schedule)
        self.buffers = {b: names.fresh(f"{identifiers[b[0]]}_stack") for b in program.buffers}
        self.owner = {delay: state for state, delay in schedule.delays.items()}
        self.carried = {schedule.bars[d]: f"d{s}_next" for s, d in schedule.delays.items()}
        self.carried = {bar: names.fresh(hint) for bar, hint in self.carried.items()}
        loops = [s for s in program.steps if isinstance(s, Loop)]
        self.beside = {s.equation.name for loop in loops for s in self.layout.beside(loop)}

    # -- one variable

    def writer(self, loop: Loop | None) -> Expressions:
        """Writes bodies inside a loop, or of what holds at all times."""
        timed = loop is None and not self.single

        def spell(element: Element) -> str:
            return self.element(element, loop)

        return Expressions(spell, self.rank, time=timed, constants=self.constants)

    def rank(self, name: str) -> int:
        """Where a variable comes in a product."""
        return self.order[name]

    def element(self, element: Element, loop: Loop | None) -> str:
        """An element at the time at hand."""
        name = self.identifiers[element.name]
        if element.shift > 0:
            if loop and element.name in {e.name for e in loop.equations}:
                return self.carried[element.name]
            later = f"advanced({name}, {self.final(element.name)})"
            return f"{later}[t]" if loop else later
        return self.named(element.name, loop)

    def named(self, variable: str, loop: Loop | None) -> str:
        """A variable at the time at hand: an array's row, or what is there for this turn only."""
        name = self.identifiers[variable]
        if loop is None or not self.variables[variable].time:
            return name
        if variable in self.beside:
            return f"{name}[t - start]"
        passing = variable in {e.name for e in loop.equations} and variable not in self.program.sequences
        return name if passing and not self._state_history(variable) else f"{name}[t]"

    def _state_history(self, name: str) -> bool:
        return name in self.owner or name in self.schedule.delays

    def target(self, name: str, loop: Loop | None) -> str:
        """What is assigned where a variable gets its value."""
        identifier = self.identifiers[name]
        if (
            loop
            and self.variables[name].time
            and (name in self.program.sequences or name in self.schedule.delays)
        ):
            return f"{identifier}[t]"
        if not loop and any(name in b for b in self.layout.laid_out):
            return f"{identifier}[...]"
        return identifier

    def assigned_in_place(self, name: str, loop: Loop | None) -> bool:
        """Whether that is a part of an array, rather than a name."""
        return self.target(name, loop).endswith("]")

    def length(self, name: str) -> str:
        """How long a vector is."""
        return self.axis(self.variables[name].axes[0])

    def axis(self, axis: str) -> str:
        """The length of an axis."""
        return self.identifiers[f"axis {axis}"]

    def shape(self, variable: Var, *, inside: bool = False) -> str:
        """The shape of a variable's array; `inside` a loop without time."""
        lead = ["T", "B"] if variable.time else []
        sizes = [*(lead[1:] if inside or self.single else lead), *map(self.axis, variable.axes)]
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"

    def final(self, name: str) -> str:
        """The caller's gradient by the final value of a state, of which `name` is the delay's adjoint."""
        state = self.owner[self.variables[name].about]
        return f"dfinal.{state}"

    # -- neighbours

    def views(self, names: Sequence[str], value: str, widths: Sequence[str]) -> str:
        """An assignment of parts of an array to names."""
        return (
            f"{', '.join(self.identifiers[n] for n in names)} = split({value}, {', '.join(widths)}, axis=-1)"
        )

    def stretch(self, names: Sequence[str], loop: Loop | None) -> str:
        """Neighbours in a buffer as one array, at the time at hand."""
        found = self._stretch(names, loop)
        self.stretches[found] = tuple(names)
        return found

    def _stretch(self, names: Sequence[str], loop: Loop | None) -> str:
        buffer = self.buffer(names)
        text = self.buffers[buffer]
        passing = loop and buffer not in self.layout.laid_out and any(e.name in buffer for e in loop.equations)
        here = loop is not None and not passing
        if len(names) == len(buffer):
            return f"{text}[t]" if here else text
        start = buffer.index(names[0])
        end = start + len(names)
        low, high = self.width(buffer[:start]), self.width(buffer[:end] if end < len(buffer) else ())
        before = "t, :" if here else ":" if loop else "..."
        return f"{text}[{before}, {low}:{high}]"

    def width(self, names: Iterable[str]) -> str:
        """How broad some vectors are side by side."""
        return _total(map(self.length, names))

    def buffer(self, members: Sequence[str]) -> tuple[str, ...]:
        """The buffer that some variables are in."""
        return next(b for b in self.program.buffers if set(members) <= set(b))


def _total(widths: Iterable[str]) -> str:
    """A sum of lengths, equal ones counted."""
    counted = Counter(widths)
    return " + ".join(width if number == 1 else f"{number} * {width}" for width, number in counted.items())


def _reading_order(schedule: Schedule) -> list[str]:
    """Where a variable comes in a product: adjoints, matrices, what is computed, states and inputs."""
    ranks = {"adjoint": 0, "seed": 1, "param": 2, "local": 3, "state": 4, "delay": 5, "input": 6}
    return [v.name for v in sorted(schedule.variables.values(), key=lambda v: ranks[v.role])]
