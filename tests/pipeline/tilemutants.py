"""Small faults planted in what the C printer gets: in a program's phases, and in how long its variables live.

In: forward and backward as a pair of `Tiled`. Out: for each fault a label and the faulty pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mutants import Mutant

from derive.backends.c.phases import Apply, Gather, Multiply, Nest, Once, Op, Point, Rows, Turns, read_by
from derive.backends.c.storage import Life, Scope, Tiled

_SHORTER: dict[Scope, Scope] = {
    "sequence": "turn", "chunk": "turn", "turn": "row", "row": "local", "lasting": "local"
}  # fmt: skip


def of_tiled(pair: tuple[Tiled, Tiled]) -> Iterator[Mutant]:
    for which, tiled in enumerate(pair):
        for label, wrong in _of_program(tiled):
            yield f"{('forward', 'backward')[which]}, {label}", (*pair[:which], wrong, *pair[which + 1 :])


def _of_program(tiled: Tiled) -> Iterator[Mutant]:
    for label, phases in _one_of(tiled.phases, tiled):
        yield label, replace(tiled, phases=phases)
    for name, life in tiled.lives.items():
        if name not in tiled.kept and life.scope != "local":
            shorter = _SHORTER[life.scope]
            label = f"{name}: {shorter} instead of {life.scope}"
            yield label, replace(tiled, lives={**tiled.lives, name: Life(shorter)})


def _one_of(items: tuple[Any, ...], of: Tiled) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """One of several changed or left out."""
    for k, item in enumerate(items):
        before, after = items[:k], items[k + 1 :]
        yield f"{_named(item)}: left out", (*before, *after)
        for label, wrong in _changed(item, of):
            yield label, (*before, wrong, *after)


def _named(item: Any) -> str:
    """What an item computes first."""
    if isinstance(item, Turns):
        return f"turns of {_named(item.items[0])}"
    if isinstance(item, Rows | Once):
        return f"rows of {_named(item.nests[0])}"
    if isinstance(item, Nest):
        return f"nest of {_named(item.ops[0])}"
    return "/".join(item.targets) if isinstance(item, Apply | Gather) else item.target.name


def _changed(item: Any, of: Tiled) -> Iterator[Mutant]:
    name = _named(item)
    if isinstance(item, Turns):
        if _recurs(item, of):
            yield f"{name}: wrong way", replace(item, backward=not item.backward)
        if len(item.items) > 1:
            yield f"{name}: first last", replace(item, items=(*item.items[1:], item.items[0]))
        for field in ("items", "ahead"):
            for label, wrong in _one_of(getattr(item, field), of):
                if wrong or field == "ahead":
                    yield label, replace(item, **{field: wrong})
    elif isinstance(item, Rows | Once):
        for label, wrong in _one_of(item.nests, of):
            yield label, replace(item, nests=wrong)
    elif isinstance(item, Nest):
        for label, wrong in _one_of(item.ops, of):
            yield label, replace(item, ops=wrong)
    elif isinstance(item, Apply):
        yield from _of_apply(item, of)
    elif isinstance(item, Gather):
        yield from _of_gather(item, of)
    else:
        yield from _of_operation(item)


def _recurs(turns: Turns, of: Tiled) -> bool:
    """Whether a turn reads what another has made."""
    ops = [op for item in turns.items if isinstance(item, Rows) for nest in item.nests for op in nest.ops]
    made = {op.target.name for op in ops}
    made |= {name for item in turns.items if isinstance(item, Apply) for name in item.targets}
    read = [e for op in ops for e in read_by(op) if e.shift or e.name in of.owners]
    return any(of.owners.get(e.name, e.name) in made for e in read)


def _of_apply(apply: Apply, of: Tiled) -> Iterator[Mutant]:
    name = _named(apply)
    yield f"{name}: {'not ' if apply.add else ''}added", replace(apply, add=not apply.add)
    if len(apply.targets) > 1:
        yield f"{name}: targets exchanged", replace(apply, targets=apply.targets[::-1])
    for k, factor in enumerate(apply.factors):
        before, after = apply.factors[:k], apply.factors[k + 1 :]
        yield f"{name}: without {factor.left}", replace(apply, factors=(*before, *after))
        if len(of.variables[factor.matrices[0]].axes) > 1:
            turned = replace(factor, turned=not factor.turned)
            yield f"{name}: {'/'.join(factor.matrices)} turned", replace(apply, factors=(*before, turned, *after))


def _of_gather(gather: Gather, of: Tiled) -> Iterator[Mutant]:
    yield f"{_named(gather)}: {'not ' if gather.add else ''}added", replace(gather, add=not gather.add)
    for k, each in enumerate(gather.sums):
        rest = (*gather.sums[:k], *gather.sums[k + 1 :])
        if rest:
            yield f"{each.target}: not gathered", replace(gather, sums=rest)
        if each.right and len(of.variables[each.target].axes) > 1:
            wrong = replace(each, left=each.right, right=each.left)
            yield f"{each.target}: operands exchanged", replace(gather, sums=(*rest, wrong))


def _of_operation(op: Op) -> Iterator[Mutant]:
    name = _named(op)
    if isinstance(op, Multiply):
        yield f"{name}: {'not ' if op.add else ''}added", replace(op, add=not op.add)
        turned = op.left.func(op.left.name, *op.left.indices[:-2], *op.left.indices[:-3:-1])
        yield f"{name}: {op.left.name} turned", replace(op, left=turned)
    if isinstance(op, Point):
        yield f"{name}: {'not ' if op.add else ''}added", replace(op, add=not op.add)
        for k, term in enumerate(op.terms):
            if term.body != 0:
                yield f"{name}: without term {k}", replace(op, terms=(*op.terms[:k], *op.terms[k + 1 :]))
