"""The whole way from text to a `Cell`.

In: the text of a cell. Out: the cell, every name resolved and every shape known. Reads as the
stages: read, classify, survey, translate, infer, name the axes, rebuild.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from derive.language import limits, ranks, reader
from derive.language.axes import Axes, Mismatch, Part
from derive.language.errors import CellError, Source
from derive.language.initial import initialisation
from derive.language.mismatch import axis_error, rank_error, undetermined_axis, undetermined_rank
from derive.language.names import KEYWORDS
from derive.language.resolve import Resolver
from derive.language.scope import Name, survey
from derive.language.statements import classify
from derive.language.syntax import Axis, Cell, Equation, Node, Number, Role, Shape, Variable
from derive.language.translate import Translator
from derive.language.tree import rebuild, walk


def parse(text: str, name: str = "cell", path: str | None = None) -> Cell:
    """The cell that a text describes; a `CellError` says what is wrong with it."""
    source = Source(path or name, text)
    try:
        source = Source(path or name, reader.clean(text))
        return _cell(name, source)
    except CellError as error:
        error.source = source
        raise


def _cell(name: str, source: Source) -> Cell:
    scope = survey([classify(statement) for statement in reader.read(source.text)])
    resolver = Resolver(scope)
    equations = _translate(resolver)
    names = dict(sorted(scope.names.items(), key=lambda item: (item[1].span.line, item[1].span.start)))
    axes = _infer(equations, names, source)
    called = _name_axes(axes, names)
    shapes = {n: _shape(axes.variables[n], called) for n in names}
    variables = _variables(names, shapes, equations)
    order = tuple(dict.fromkeys(part for n in names for axis in shapes[n] for part in axis.parts))
    _check_axes(resolver, order)
    built = _rebuild(equations, axes, called, source)
    return Cell(
        name=name,
        title=reader.title(source.text),
        source=source.text,
        axes=order,
        variables=variables,
        equations=built,
        outputs=tuple(t.text for t in scope.outputs) or (scope.of_role("state")[0].name,),
        inits=initialisation(scope.inits, variables, order),
        macros=scope.macros.used_by(resolver.macros),
        notes=scope.notes,
    )


def _translate(resolver: Resolver) -> list[Equation]:
    equations: list[Equation] = []
    _check_macros(resolver)
    for statement in resolver.scope.equations:
        resolver.enter(statement)
        value = Translator(resolver, statement.value).node(statement.value.tree)
        resolver.leave(value)
        equations.append(Equation(statement.target.text, value, statement.target.span, statement.comment))
    return equations


def _check_macros(resolver: Resolver) -> None:
    """Read every macro's body once where it stands, so that its mistakes are shown there."""
    for macro in resolver.scope.macros.own:
        anything = {p.text: Number(shape=(), span=p.span, value=Fraction(1)) for p in macro.parameters}
        Translator(resolver, macro.body, arguments=anything).node(macro.body.tree)
    resolver.macros.clear()


def _infer(equations: list[Equation], names: dict[str, Name], source: Source) -> Axes:
    """Ranks, then axes, of everything."""
    declared = {n.name: len(n.axes) for n in names.values() if n.axes is not None}
    inferred = ranks.Ranks(declared)
    try:
        ranks.infer(inferred, equations)
    except ranks.Conflict as conflict:
        raise rank_error(conflict, inferred, names, source) from None
    for name in names.values():
        if name.role == "param" and inferred.known(inferred.variable(name.name)) is None:
            raise undetermined_rank(name)

    def rank_of(name: str) -> int:
        rank = inferred.known(inferred.variable(name))
        assert rank is not None
        return rank

    axes = Axes({n.name: n.axes for n in names.values()}, rank_of)
    try:
        for equation in equations:
            axes.add(equation)
    except Mismatch as mismatch:
        raise axis_error(mismatch, axes, names, source) from None
    return axes


def _name_axes(axes: Axes, names: dict[str, Name]) -> dict[Part, str]:
    """A name for every axis: the declared one, or one after the first variable that has it."""
    called = {part: name for name, part in axes.named.items()}
    measured = {part for n in names.values() if n.role != "local" for part in _atoms(axes.variables[n.name])}
    taken = {*called.values(), *names, *KEYWORDS}
    for name in names.values():
        for part in _atoms(axes.variables[name.name]):
            if part in called:
                continue
            if part not in measured:
                raise undetermined_axis(name.span, f"`{name.name}`")
            called[part] = _fresh(f"d_{name.name}", taken)
            taken.add(called[part])
    if len(called) > limits.AXES:
        raise CellError("limit", f"this cell has {len(called)} axes", expected=f"at most {limits.AXES}")
    return called


def _atoms(shape: Iterable[Part]) -> list[Part]:
    return [part for axis in shape for part in axis.flat()]


def _fresh(base: str, taken: set[str]) -> str:
    """The name itself, or with the first free number behind it."""
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def _shape(axes: Iterable[Part], called: dict[Part, str]) -> Shape:
    return tuple(Axis(tuple(called[part] for part in axis.flat())) for axis in axes)


_ROLES: tuple[Role, ...] = ("input", "state", "param", "local")


def _variables(
    names: dict[str, Name], shapes: dict[str, Shape], equations: list[Equation]
) -> dict[str, Variable]:
    comments = {e.target: e.comment for e in equations}
    return {
        n.name: Variable(n.name, role, shapes[n.name], n.span, n.comment or comments.get(n.name, ""))
        for role in _ROLES
        for n in names.values()
        if n.role == role
    }


def _check_axes(resolver: Resolver, order: tuple[str, ...]) -> None:
    for size in resolver.sizes:
        if size.axis not in order:
            raise CellError(
                "role",
                f"there is no axis `{size.axis}`",
                size.span,
                expected=f"one of {', '.join(order)}",
                remedy=f"names with `d_` are sizes; for a parameter so named write `param {size.axis}`",
            )


def _rebuild(
    equations: list[Equation], axes: Axes, called: dict[Part, str], source: Source
) -> tuple[Equation, ...]:
    """The equations with every shape filled in."""
    built: list[Equation] = []
    done: dict[int, Node] = {}
    for equation in equations:
        for node in walk(equation.value):
            if id(node) in done:
                continue
            for part in _atoms(axes.of(node)):
                if part not in called:
                    raise undetermined_axis(node.span, f"`{source.cut(node.span)}`")
            done[id(node)] = rebuild(node, _shape(axes.of(node), called), done)
        built.append(Equation(equation.target, done[id(equation.value)], equation.span, equation.comment))
    return tuple(built)
