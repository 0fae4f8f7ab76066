"""One Python module a cell: the pieces that its template puts together.

In: a cell, its schedule, the lines of its header. Out: a context of finished lines for
`templates/numpy/module.py.j2`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

from derive.backends.numpy.blocks import block_lines, part_of
from derive.backends.numpy.economy import for_numpy
from derive.backends.numpy.functions import definitions
from derive.backends.numpy.initial import init_line
from derive.backends.numpy.joined import joined
from derive.backends.numpy.program import ProgramPrinter
from derive.backends.numpy.spelling import Spelling
from derive.backends.numpy.text import commented, escaped, names_in, shown
from derive.backends.numpy.uses import direct_reads, functions_used, reads_of
from derive.language.syntax import Cell, Variable
from derive.schedule import Loop, Program, Schedule, Stack
from derive.system import Names, elements

Context = dict[str, Any]

_TAKEN = frozenset(
    """
    B Inputs NamedTuple Output Params Prepared State Stream T Tape advance advanced any arrays axes
    backward checked checks data delayed described dfinal dinitial dinputs doutputs dparams dtype dy erf erfc
    error_function_parts expected extent extents fill final first_maximum flatten float forward
    given_state glorot infer infer_sizes init initial inputs int isinstance join kind known label len length
    math max members normal now np orthogonal out outer_sum owned params prepare prepared
    product range raw replay repr require reversed rng same shapes sizes slice span split stacked start
    state step steps_at_once stream sum t tape total transposed tuple type unflatten uniform vector
    x_t y zip
    """.split()  # noqa: SIM905 - a list of these would fill two pages
)
"""Every name that the template uses where a program's lines stand."""


def module(cell: Cell, schedule: Schedule, header: Sequence[str]) -> Context:
    """The context of a cell's NumPy module; `header` says where it comes from and what was proven."""
    return _Module(cell, schedule).context(header)


def targets(cell: Cell, schedule: Schedule) -> Mapping[str, tuple[str, ...]]:
    """What a cell's module assigns → the variables that get their values by it: names, and stretches of arrays."""
    made = _Module(cell, schedule)
    made.context([])
    return {name: (variable,) for variable, name in made.identifiers.items()} | made.stretches


class _Module:
    def __init__(self, cell: Cell, schedule: Schedule) -> None:
        self.cell, self.schedule = cell, for_numpy(schedule)
        schedule = self.schedule
        self.programs = (schedule.forward, schedule.backward, schedule.step, schedule.replay)
        self.functions = functions_used(self.programs)
        taken = _TAKEN | set(self.functions)
        self.names = Names(taken)
        self.identifiers = {name: self.names.fresh(name) for name in schedule.variables}
        self.identifiers |= {f"axis {axis}": self.names.fresh(axis) for axis in cell.axes}
        self.matrices: dict[tuple[str, ...], str] = {}
        self.notes = {b: cell.written(e) for e in cell.equations for b in schedule.stored[e.target].blocks.values()}
        self.stretches: dict[str, tuple[str, ...]] = {}
        self.joined = joined(self.schedule.backward, schedule.stored, schedule.bars)
        self.wholes = {param: self.names.fresh(f"d{param}") for each in self.joined for param in each.params}

    def context(self, header: Sequence[str]) -> Context:
        programs = {name: self._print(name, program) for name, program in self._named_programs()}
        unpack = {name: self._unpack(program) for name, program in self._named_programs()}
        blocks = self._blocks({name for key in self.matrices for name in key})
        saved, replayed, result = self._saved(), self._replayed(), self._results()
        values = {
            "forward": [*result["y"], *(value for _, value in saved)],
            "backward": [*result["dparams"], *result["dinputs"], *result["dinitial"]],
            "step": [*result["outputs"], *result["states"]],
            "replay": [value for _, value in replayed],
        }
        delays = [(delay, state) for state, delay in self.schedule.delays.items() if state in self.schedule.saved]
        reads = {n: names_in(programs[n]) | names_in(unpack[n]) | names_in(values[n]) for n in programs}
        reads["all"] = names_in(blocks).union(*reads.values(), {"delayed"} if delays else ())
        return {
            "title": escaped(self.cell.title).splitlines(),
            "header": [line for text in header for line in (wrap(escaped(text), 100) or [""])],
            "equations": _indented([escaped(line) for line in _source_lines(self.cell)]),
            "params": self._fields("param", ()),
            "states": self._fields("state", ("B",)),
            "inputs": self._fields("input", ("T", "B")),
            "outputs": [
                (name, shown(("T", "B"), self.cell.variables[name].shape)) for name in self.cell.outputs
            ],
            "axes": repr(tuple(self.cell.axes)),
            "shapes": self._shapes(),
            "init": [init_line(self.cell, p) for p in self.cell.of_role("param")],
            "schemes": sorted({i.scheme for i in self.cell.inits.values()}),
            "untold": [axis for axis in self._split_axes() if axis not in self._told()],
            "matrices": [(name, [self.identifiers[k] for k in key]) for key, name in self.matrices.items()],
            "split_sizes_line": self._sizes_line(self._split_axes()),
            "blocks": blocks,
            "saved": saved,
            "delayed": delays,
            "replayed": replayed,
            "reads": reads,
            "sizes_lines": {name: self._sizes_line(self._lengths_in(read)) for name, read in reads.items()},
            "helpers": definitions(name for name in self.functions if name in reads["all"]).splitlines(),
            "unpack": unpack,
            **programs,
            "result": result,
        }

    def _results(self) -> dict[str, list[str]]:
        """What each function returns, in the author's shapes."""
        return {
            "outputs": [self._joined(name) for name in self.cell.outputs],
            "y": self._outputs(),
            "states": [self.identifiers[s] for s in self.schedule.delays],
            "dparams": self._gradients("param"),
            "dinputs": self._gradients("input"),
            "dinitial": [self._initial_gradient(s) for s in self.schedule.delays],
        }

    def _named_programs(self) -> Iterable[tuple[str, Program]]:
        return zip(("forward", "backward", "step", "replay"), self.programs, strict=True)

    def _print(self, name: str, program: Program) -> list[str]:
        spelling = Spelling(self.schedule, program, self.identifiers, self.names.fork(), single=name == "step")
        notes = {} if name == "replay" else self.notes
        lines = ProgramPrinter(spelling, self.names, notes, self.matrices, self.joined, self.wholes).lines()
        self.stretches |= spelling.stretches
        return _indented(_trimmed(lines))

    # -- what the cell's author sees

    def _fields(self, role: Any, lead: Sequence[str]) -> list[tuple[str, str]]:
        return [(v.name, commented(shown(lead, v.shape), v.comment)) for v in self.cell.of_role(role)]

    def _shapes(self) -> dict[str, list[tuple[str, str]]]:
        """For each kind of argument, each array's shape: for every axis the names of its parts."""
        kinds: dict[str, tuple[Iterable[Variable], tuple[str, ...]]] = {
            "params": (self.cell.of_role("param"), ()),
            "x": (self.cell.of_role("input"), ("T", "B")),
            "x_t": (self.cell.of_role("input"), ("B",)),
            "state": (self.cell.of_role("state"), ("B",)),
            "y": ([self.cell.variables[o] for o in self.cell.outputs], ("T", "B")),
        }
        return {
            kind: [(v.name, repr((*((a,) for a in lead), *(a.parts for a in v.shape)))) for v in variables]
            for kind, (variables, lead) in kinds.items()
        }

    # -- stored arrays and blocks

    def _blocks(self, used: set[str]) -> list[str]:
        """Lines that give every parameter that is used, or each block of it, its name."""
        params = self.cell.of_role("param")
        return block_lines(params, self.schedule.stored, used, self.identifiers.__getitem__, self._axis)

    def _split_axes(self) -> list[str]:
        """The axes whose sizes tell where a matrix that is stacked is cut into blocks."""
        used = {name for key in self.matrices for name in key}
        cut = [v for v in self.cell.of_role("param") if used & set(self.schedule.stored[v.name].blocks.values())]
        found = {part for v in cut for axis in v.shape if len(axis.parts) > 1 for part in axis.parts}
        return [axis for axis in self.cell.axes if axis in found]

    def _told(self) -> set[str]:
        """The axes whose sizes the parameters tell."""
        told: set[str] = set()
        for _ in self.cell.axes:
            shapes = (set(axis.parts) - told for v in self.cell.of_role("param") for axis in v.shape)
            told |= {part for unknown in shapes if len(unknown) == 1 for part in unknown}
        return told

    def _sizes_line(self, lengths: Sequence[str]) -> str:
        """The line that gives some lengths their names."""
        names = ", ".join(map(self._length, lengths))
        values = ", ".join(f'sizes["{length}"]' for length in lengths)
        return f"{names} = {values}" if names else ""

    def _lengths_in(self, read: set[str]) -> list[str]:
        """T, B and the axes whose names are read."""
        return [length for length in ("T", "B", *self.cell.axes) if self._length(length) in read]

    def _length(self, name: str) -> str:
        return name if name in ("T", "B") else self._axis(name)

    def _axis(self, name: str) -> str:
        return self.identifiers[f"axis {name}"]

    def _joined(self, name: str) -> str:
        """A variable in the author's shape."""
        return self._stored(name, self.identifiers.__getitem__)

    def _gradient(self, variable: Variable) -> str:
        """The gradient in the author's shape; zero where nothing depends on the variable."""
        lead = ["T", "B"] if variable.role == "input" else []

        def of_block(block: str) -> str:
            if block in self.schedule.bars:
                return self.identifiers[self.schedule.bars[block]]
            lengths = [*lead, *map(self._axis, self.schedule.variables[block].axes)]
            return f"np.zeros(({', '.join(lengths)}{',' if len(lengths) == 1 else ''}), dtype)"

        return self._stored(variable.name, of_block)

    def _stored(self, name: str, of_block: Callable[[str], str], parts: tuple[int, ...] = ()) -> str:
        """The blocks of a variable, put together along each axis that has several parts."""
        stored = self.schedule.stored[name]
        axis = len(parts)
        if axis == len(stored.shape):
            return of_block(stored.blocks[parts])
        pieces = [self._stored(name, of_block, (*parts, p)) for p in range(len(stored.shape[axis].parts))]
        if len(pieces) == 1:
            return pieces[0]
        return f"np.concatenate(({', '.join(pieces)}), axis={axis - len(stored.shape)})"

    def _initial_gradient(self, state: str) -> str:
        bar = self.schedule.bars[self.schedule.delays[state]]
        backward = self.schedule.backward
        loops = [s for s in backward.steps if isinstance(s, Loop)]
        passing = any(e.name == bar for loop in loops for e in loop.equations) and bar not in backward.sequences
        return self.identifiers[bar] if passing else f"{self.identifiers[bar]}[0]"

    def _outputs(self) -> list[str]:
        names, forward = self.cell.outputs, self.schedule.forward
        own = {block: block for name in names for block in self.schedule.stored[name].blocks.values()}
        return [self._handed_over(name, self._joined(name), forward, own) for name in names]

    def _gradients(self, role: Any) -> list[str]:
        variables, bars, backward = self.cell.of_role(role), self.schedule.bars, self.schedule.backward
        return [
            self.wholes.get(v.name) or self._handed_over(v.name, self._gradient(v), backward, bars) for v in variables
        ]

    def _handed_over(self, name: str, text: str, program: Program, computed: Mapping[str, str]) -> str:
        """A result; copied where it is one block, and no array of its own. `computed`: block → what holds its value."""
        block, *others = self.schedule.stored[name].blocks.values()
        if others or block not in computed or self._is_new(program, computed[block]):
            return text
        return f"np.array({text})"

    def _is_new(self, program: Program, variable: str) -> bool:
        """Whether a variable is an array with room of its own, and is not on the tape."""
        scalar = not self.schedule.variables[variable].indices
        if scalar or variable in self.schedule.saved or any(variable in buffer for buffer in program.buffers):
            return False
        if variable in program.sequences:
            return True
        step = next(s for s, _ in program.simple_steps() if any(e.name == variable for e in s.equations))
        if isinstance(step, Stack):
            return step.kind == "columns"
        [term, *others] = step.equation.terms
        present = {i for e in elements(term.body) for i in e.indices}
        return not others and bool(term.over) and set(step.equation.target.indices) <= present

    # -- the tape

    def _saved(self) -> list[tuple[str, str]]:
        """(key, source) of each array on the tape; the delay of a saved state goes with it."""
        saved = [(name, self.identifiers[name]) for name in self.schedule.saved]
        for state, delay in self.schedule.delays.items():
            if state in self.schedule.saved and self._delay_view(state):
                saved.append((delay, self.identifiers[delay]))
            elif state in self.schedule.saved:
                now = self.identifiers[state]
                saved.append((delay, f"delayed({now}, initial.{state})"))
        return saved

    def _delay_view(self, state: str) -> bool:
        loops = [s for s in self.schedule.forward.steps if isinstance(s, Loop)]
        return any(e.name == state for loop in loops for e in loop.equations)

    def _replayed(self) -> list[tuple[str, str]]:
        """(author's name, source) of each intermediate that is computed anew when asked for."""
        found = []
        for variable in (*self.cell.of_role("state"), *self.cell.of_role("local")):
            blocks = list(self.schedule.stored[variable.name].blocks.values())
            if blocks != [b for b in blocks if b in self.schedule.saved] or len(blocks) > 1:
                found.append((variable.name, self._joined(variable.name)))
        return found

    def _unpack(self, program: Program) -> list[str]:
        """Lines that bring what a program is given under its own names."""
        computed = {e.name for e in program.equations}
        given = set(program.given)
        lines = self._blocks(direct_reads(program))
        stacks = [s for s, _ in program.simple_steps() if isinstance(s, Stack) and s.kind != "outer"]
        used = dict.fromkeys(self.matrices[tuple(m.name for m in s.matrices)] for s in stacks)
        lines += [f"{name} = prepared.{name}" for name in used]
        for state, delay in self.schedule.delays.items():
            if delay in given and delay not in computed:
                lines.append(f"{self.identifiers[delay]} = initial.{state}")
        on_tape = [
            k for k, _ in self._saved() if k in given or (k in computed and k not in self.schedule.saved)
        ]
        on_tape = [
            k
            for k in on_tape
            if self.schedule.variables[k].role != "delay" or k in reads_of(program.equations)
        ]
        if program in (self.schedule.backward, self.schedule.replay):
            lines += [f'{self.identifiers[k]} = tape._arrays["{k}"]' for k in on_tape]
        for block, seed in self.schedule.seeds.items():
            if seed in given:
                lines.append(f"{self.identifiers[seed]} = {self._seed(block)}")
        inputs = [v.name for v in self.cell.of_role("input") if v.name in given]
        lines += [f"{self.identifiers[name]} = inputs.{name}" for name in inputs]
        return lines

    def _seed(self, block: str) -> str:
        """The part of an output's gradient that belongs to one of its blocks."""
        name, parts = next(
            (name, parts)
            for name in self.cell.outputs
            for parts, candidate in self.schedule.stored[name].blocks.items()
            if candidate == block
        )
        return part_of(f"doutputs.{name}", self.schedule.stored[name].shape, parts, self._axis)


def _source_lines(cell: Cell) -> list[str]:
    lines = [line.rstrip() for line in cell.source.strip().splitlines()]
    while lines and (lines[0].startswith("#") or not lines[0]):
        lines.pop(0)
    return lines


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}".rstrip() for line in lines]


def _trimmed(lines: list[str]) -> list[str]:
    """No empty lines at the ends, nor two in a row."""
    result: list[str] = []
    for line in lines:
        if line or (result and result[-1]):
            result.append(line)
    while result and not result[-1]:
        result.pop()
    return result
