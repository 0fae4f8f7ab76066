"""From a program's steps to phases. In: a `Program`. Out: its `Phase`s, which mean the same.

Each equation is taken apart into matrix products and the rest, the rest going to nests of loops. An
equation in front of a loop that serves this loop alone is carried out inside it, turn by turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import sympy as sp

from derive.backends.arithmetic import selected, selectors
from derive.backends.c.fusion import nests
from derive.backends.c.phases import (
    Apply,
    Constants,
    Factor,
    Gather,
    Once,
    Op,
    Phase,
    Point,
    Product,
    Rows,
    Turns,
    read_by,
)
from derive.backends.c.products import Dense, matrices_of, product_of
from derive.schedule import Loop, Program, Schedule, Stack, Statement, Step
from derive.system import BATCH, TIME, Equation, Term, Var, elements

Fresh = Callable[[str, Var], Var]


class _Sequence:
    """Rows and products in order. A product goes in front of the rows still open where it can.

    `owners`: delay → state, where rows may not look at a state's other times while it is being computed.
    """

    def __init__(self, owners: Mapping[str, str]) -> None:
        self.owners = owners
        self.items: list[Phase | Rows] = []
        self.open: list[Op] = []

    def pending(self, names: Iterable[str]) -> bool:
        """Whether the open rows compute one of these."""
        return bool({op.target.name for op in self.open} & set(names))

    def product(self, product: Product) -> None:
        if self.pending(self.owners.get(n, n) for n in product.names):
            self.close()
        last = self.items[-1] if self.items else None
        if isinstance(product, Apply) and product.add and isinstance(last, Apply) and last.targets == product.targets:
            self.items[-1] = replace(last, factors=(*last.factors, *product.factors))
        else:
            self.items.append(product)

    def op(self, op: Op) -> None:
        delayed = [self.owners[e.name] for e in read_by(op) if e.name in self.owners]
        if self.pending([*delayed, *(e.name for e in read_by(op) if e.shift)]):
            self.close()
        self.open.append(op)

    def once(self, op: Op) -> None:
        if self.pending(e.name for e in read_by(op)):
            self.close()
        before: list[Op] = []
        last = self.items[-1] if self.items else None
        if isinstance(last, Once):
            before = [o for nest in last.nests for o in nest.ops]
            self.items.pop()
        self.items.append(Once(nests([*before, op])))

    def close(self) -> None:
        if self.open:
            self.items.append(Rows(nests(self.open)))
            self.open = []


def _read_in(item: Phase | Rows) -> set[str]:
    """The variables that an item reads."""
    if isinstance(item, Product):
        return set(item.names) - set(item.targets)
    if isinstance(item, Turns):
        return {name for inner in (*item.ahead, *item.items) for name in _read_in(inner)}
    return {e.name for nest in item.nests for op in nest.ops for e in read_by(op)}


def _gathered_together(phases: Iterable[Phase]) -> tuple[Phase, ...]:
    """Sums of outer products that share an operand as one, where nothing else stands between them; not those that
    share both, which are the gradients of two matrices that meet the same."""
    found: list[Phase] = []
    start = 0
    for phase in phases:
        if not isinstance(phase, Gather):
            start = len(found) + 1
        like = [k for k in range(start, len(found)) if _shares(found[k], phase)]
        if like and isinstance(first := found[like[0]], Gather) and isinstance(phase, Gather):
            found[like[0]] = replace(first, sums=(*first.sums, *phase.sums))
        else:
            found.append(phase)
    return tuple(found)


def _shares(first: Phase, other: Phase) -> bool:
    if not isinstance(first, Gather) or not isinstance(other, Gather) or not (first.rights and other.rights):
        return False
    shared = set(first.lefts) & set(other.lefts) or set(first.rights) & set(other.rights)
    twice = {(s.left, s.right) for s in first.sums} & {(s.left, s.right) for s in other.sums}
    return bool(shared) and not twice and first.add == other.add and not set(first.targets) & set(other.targets)


class Tiler:
    """Builds the phases of one program. `dense`: whether what a variable holds for one time and sequence
    lies without gaps; `fresh`: makes a variable; `backward`: how time runs outside the program's loops."""

    def __init__(self, schedule: Schedule, program: Program, dense: Dense, fresh: Fresh, *, backward: bool) -> None:
        self.schedule, self.program, self.dense, self.fresh = schedule, program, dense, fresh
        self.variables = schedule.variables
        self.delays = {delay: state for state, delay in schedule.delays.items()}
        self.backward = backward
        self.selectors = selectors(schedule)
        self.outside = _Sequence(self.delays)
        self.constant = {e.name for e in schedule.forward.equations if not self.variables[e.name].time}
        self.constants: list[Op] = []

    def run(self) -> tuple[Phase, ...]:
        """All phases, in order."""
        steps = self.program.steps
        for k, step in enumerate(steps):
            if isinstance(step, Loop):
                self._loop(step, steps[:k], steps[k + 1 :])
            else:
                self._step(step, self.outside, loop=False)
        self.outside.close()
        constants = [Constants(nests(self.constants))] if self.constants else []
        return _gathered_together([*constants, *map(self._as_phase, self.outside.items)])

    def _as_phase(self, item: Phase | Rows) -> Phase:
        return Turns(self.backward, (item,)) if isinstance(item, Rows) else item

    def _loop(self, loop: Loop, earlier: Sequence[Step], later: Sequence[Step]) -> None:
        inside = _Sequence({})
        inside.open = self._serving(loop)
        self.outside.open = [op for op in self.outside.open if op not in inside.open]
        moved = [Equation(op.target, op.terms) for op in inside.open]
        for step in loop.body:
            self._step(step, inside, loop=True)
        inside.close()
        self.outside.close()
        ahead = self._ahead(loop, moved, [*earlier, *later])
        self.outside.items = [item for item in self.outside.items if item not in ahead]
        items = tuple(i for i in inside.items if isinstance(i, Rows | Product))
        self.outside.items.append(Turns(loop.backward, items, ahead))

    def _serving(self, loop: Loop) -> list[Op]:
        """The open operations that may as well be done in a loop, time by time: nothing in it looks at their other
        times."""
        elsewhere = {e.name for equation in loop.equations for e in self._reads(equation) if e.shift}
        moved: list[Op] = []
        for op in reversed(self.outside.open):
            name = op.target.name
            if name in elsewhere or not isinstance(op, Point) or op.add or not self.variables[name].time:
                elsewhere |= {name, *(e.name for e in self._seen(read_by(op)))}
            else:
                moved.insert(0, op)
        return moved

    def _ahead(self, loop: Loop, moved: Sequence[Equation], others: Sequence[Step]) -> tuple[Apply, ...]:
        """The products in front of a loop that serve it alone, each at the present time, as are all onto its target."""
        inside = {e.name for equation in (*moved, *loop.equations) for e in self._reads(equation) if not e.shift}
        known = {equation.name for equation in moved}
        outside = {name for item in self.outside.items for name in _read_in(item)} | set(self.program.results)
        outside |= {
            e.name
            for step in others
            for equation in step.equations
            if equation.name not in known
            for e in self._reads(equation)
        }
        products = [item for item in self.outside.items if isinstance(item, Apply)]
        elsewhere = [
            item
            for item in products
            if any(factor.left in self.delays for factor in item.factors)
            or set(item.targets) & outside
            or not set(item.targets) <= inside
        ]
        kept = {target for item in elsewhere for target in item.targets}
        return tuple(item for item in products if not kept & set(item.targets))

    def _reads(self, equation: Equation) -> Iterable[sp.Expr]:
        return self._seen(e for term in equation.terms for e in elements(term.body))

    def _seen(self, read: Iterable[sp.Expr]) -> Iterable[sp.Expr]:
        """Elements as read, a delay being its state looked at earlier."""
        for element in read:
            state = self.delays.get(element.name)
            yield self.variables[state].element.xreplace({TIME: TIME - 1}) if state else element

    # -- one step

    def _step(self, step: Step, into: _Sequence, *, loop: bool) -> None:
        if isinstance(step, Stack) and step.kind == "rows":
            self._rows(step, into)
            return
        for equation in step.equations if isinstance(step, Statement | Stack) else ():
            if equation.name in self.delays:
                continue
            if self.variables[equation.name].time:
                self._timed(equation, into)
            else:
                self._timeless(equation, into, loop=loop)

    def _rows(self, stack: Stack, into: _Sequence) -> None:
        assert stack.shared is not None
        targets = [self.fresh(f"{e.name}_dot", self.variables[e.name]) for e in stack.equations]
        names = tuple(m.name for m in stack.matrices)
        into.product(
            Apply(tuple(v.name for v in targets), (Factor(stack.shared.name, names, True),), stack.equations[0].name)
        )
        for equation, rest, target in zip(stack.equations, stack.rests, targets, strict=True):
            self._rest(equation, (Term(target.element), *rest), into)

    def _timed(self, equation: Equation, into: _Sequence) -> None:
        variable = self.variables[equation.name]
        found = [product_of(term, variable, self.variables, self.dense) for term in equation.terms]
        products = [p for p in found if isinstance(p, Apply)]
        rest = [t for t, p in zip(equation.terms, found, strict=True) if not p and t.body != 0]
        target = variable if products and not rest else None
        if products and rest:
            target = self.fresh(f"{equation.name}_dot", variable)
            rest.insert(0, Term(target.element))
        for k, p in enumerate(products):
            assert target is not None
            into.product(replace(p, targets=(target.name,), add=k > 0))
        if rest or not products:
            self._rest(equation, rest, into)

    def _rest(self, equation: Equation, terms: Sequence[Term], into: _Sequence) -> None:
        """What is no product over rows of the batch, at the equation's own time."""
        rest = self._multiplied(equation, terms, self.variables[equation.name], into.op)
        if rest or not terms:
            into.op(Point(equation.target, tuple(selected(rest, self.selectors)) or (Term(sp.S.Zero),)))

    def _multiplied(
        self, equation: Equation, terms: Sequence[Term], like: Var, put: Callable[[Op], None], *, add: bool = False
    ) -> list[Term]:
        """What is left of terms once the products of matrices in them are carried out. `like`: a variable as large as
        these."""
        found = [matrices_of(term, equation.target) for term in terms]
        products = [each for each in found if each]
        if terms and all(each and each[1] == 1 for each in found):
            for k, (product, _) in enumerate(products):
                put(replace(product, add=add or k > 0))
            return []
        rest = []
        for term, each in zip(terms, found, strict=True):
            if each:
                product, factor = each
                result = self.fresh(f"{equation.name}_dot", like).element
                put(replace(product, target=result))
                rest.append(Term(factor * result))
            else:
                rest.append(term)
        return rest

    def _timeless(self, equation: Equation, into: _Sequence, *, loop: bool) -> None:
        """An equation of a variable without time: what sums over time is gathered turn by turn."""
        variable = self.variables[equation.name]
        summed = [t for t in equation.terms if TIME in t.over]
        plain = tuple(t for t in equation.terms if TIME not in t.over)
        products = [product_of(term, variable, self.variables, self.dense) for term in summed]
        first = not loop and not plain and bool(products) and products[0] is not None
        if not first:
            put = self.constants.append if equation.name in self.constant else self.outside.once
            rest = self._multiplied(equation, plain, variable, put)
            if rest or not plain:
                put(Point(equation.target, tuple(rest) or (Term(sp.S.Zero),)))
        for term, p in zip(summed, products, strict=True):
            if p:
                into.product(replace(p, add=not first))
                first = False
            else:
                share = Term(term.body, tuple(i for i in term.over if i not in (TIME, BATCH)))
                rest = self._multiplied(equation, (share,), replace(variable, time=True), into.op, add=True)
                if rest:
                    into.op(Point(equation.target, tuple(rest), add=True))
