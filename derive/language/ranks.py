"""How many axes everything has.

In: equations with unresolved shapes, and the axes that are declared. Out: the rank of every variable
and node. Each node states which ranks of its parts go together; what follows is propagated over the
whole file. Where that leaves a choice, equations are taken in order and the plain reading is tried: both sides of an
operator alike; what stands left of `@` a matrix; beside a scalar a scalar; and last, what stands right of a matrix a
vector.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from derive.language.syntax import (
    Apply,
    Binary,
    Concatenation,
    Contraction,
    Equation,
    Macro,
    Negative,
    Node,
    Number,
    Outer,
    Power,
    Reduction,
    Reference,
    Size,
    Spread,
    Stop,
    Transpose,
)
from derive.language.tree import Dot, operands, walk

_ALL = (0, 1, 2, 3)
_ALIKE = frozenset(
    (left, right, max(left, right)) for left in _ALL for right in _ALL if left == right or 0 in (left, right)
)
_CONTRACT = frozenset((a, b, a + b - 2) for a in (1, 2, 3) for b in (1, 2, 3) if a + b - 2 <= 3)


@dataclass(frozen=True, eq=False)
class Rule:
    """Which ranks of these slots go together: those of `node`'s parts, then its own."""

    node: Node
    slots: tuple[int, ...]
    allowed: frozenset[tuple[int, ...]]
    equation: Equation | None = None


class Conflict(Exception):
    """No ranks satisfy a rule."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule)
        self.rule = rule


class Ranks:
    """The ranks still possible of each slot: a slot a variable, a slot a node with a rank of its own."""

    def __init__(self, declared: Mapping[str, int]) -> None:
        self.domains: list[frozenset[int]] = []
        self.declared = declared
        self._variables: dict[str, int] = {}
        self._nodes: dict[int, int] = {}
        self._watch: list[list[Rule]] = []

    def slot_of(self, node: Node) -> int:
        """The slot that holds a node's rank."""
        return self._nodes[id(node)]

    def variable(self, name: str) -> int:
        """The slot that holds a variable's rank."""
        if name not in self._variables:
            rank = self.declared.get(name)
            self._variables[name] = self._new(_ALL if rank is None else (rank,))
        return self._variables[name]

    def rank(self, node: Node) -> int | None:
        """A node's rank, if known."""
        return self.known(self.slot_of(node))

    def known(self, slot: int) -> int | None:
        """The rank of a slot, if only one is left."""
        domain = self.domains[slot]
        return next(iter(domain)) if len(domain) == 1 else None

    def _new(self, domain: Iterable[int]) -> int:
        self.domains.append(frozenset(domain))
        self._watch.append([])
        return len(self.domains) - 1

    def add(self, equation: Equation) -> list[Rule]:
        """State the rules of an equation."""
        rules = [rule for node in walk(equation.value) for rule in self._state(node)]
        ends = (self.slot_of(equation.value), self.variable(equation.target))
        rules.append(Rule(equation.value, ends, frozenset((r, r) for r in _ALL), equation))
        for rule in rules:
            for slot in rule.slots:
                self._watch[slot].append(rule)
        return rules

    def _state(self, node: Node) -> list[Rule]:
        """Give a node its slot, and the rule that ties it to its parts."""
        if id(node) in self._nodes:
            return []
        match node:
            case Reference():
                self._nodes[id(node)] = self.variable(node.name)
                return []
            case Number() | Size():
                self._nodes[id(node)] = self._new((0,))
                return []
            case Negative(operand=same) | Power(base=same) | Stop(operand=same) | Macro(body=same):
                self._nodes[id(node)] = self.slot_of(same)
                return []
            case Apply(operands=(same,)):
                self._nodes[id(node)] = self.slot_of(same)
                return []
        own = self._nodes[id(node)] = self._new(_ALL)
        return [Rule(node, (*(self.slot_of(part) for part in operands(node)), own), _allowed(node))]

    def propagate(self, rules: Iterable[Rule]) -> None:
        """Strike out what cannot be, until nothing changes; `Conflict` where nothing is left."""
        queue = deque(rules)
        waiting = set(map(id, queue))
        while queue:
            rule = queue.popleft()
            waiting.discard(id(rule))
            fits = [c for c in rule.allowed if self._possible(c, rule.slots)]
            if not fits:
                raise Conflict(rule)
            for place, slot in enumerate(rule.slots):
                left = self.domains[slot] & {c[place] for c in fits}
                if left != self.domains[slot]:
                    self.domains[slot] = left
                    for other in self._watch[slot]:
                        if id(other) not in waiting:
                            waiting.add(id(other))
                            queue.append(other)

    def _possible(self, choice: tuple[int, ...], slots: tuple[int, ...]) -> bool:
        """Whether each slot may have its rank; a slot that stands twice, one rank."""
        chosen: dict[int, int] = {}
        return all(
            rank in self.domains[slot] and chosen.setdefault(slot, rank) == rank
            for rank, slot in zip(choice, slots, strict=True)
        )

    def attempt(self, slot: int, rank: int) -> bool:
        """Settle a slot, if that contradicts nothing."""
        before = list(self.domains)
        if rank not in self.domains[slot]:
            return False
        self.domains[slot] = frozenset((rank,))
        try:
            self.propagate(self._watch[slot])
        except Conflict:
            self.domains = before
            return False
        return True


def _allowed(node: Node) -> frozenset[tuple[int, ...]]:
    """The ranks that go together: of the parts, then of the whole."""
    match node:
        case Binary() | Apply():
            return _ALIKE
        case Dot():
            return frozenset([(1, 1, 0)])
        case Contraction():
            return _CONTRACT
        case Reduction(axis=None):
            return frozenset((rank, 0) for rank in (1, 2, 3))
        case Reduction(axis=int(axis)):
            return frozenset((rank, rank - 1) for rank in (1, 2, 3) if rank > axis)
        case Outer():
            return frozenset([(1, 1, 2)])
        case Spread():
            return frozenset([(1, 2)])
        case Transpose():
            return frozenset([(2, 2)])
        case Concatenation(operands=parts):
            return frozenset([(1,) * (len(parts) + 1)])
    raise TypeError(f"no rule of ranks for {type(node).__name__}: add one to derive/language/ranks.py")


def infer(ranks: Ranks, equations: Sequence[Equation]) -> None:
    """Find the ranks of all variables and nodes, as far as anything determines them."""
    rules = [ranks.add(equation) for equation in equations]
    ranks.propagate([rule for group in rules for rule in group])
    while any(_settle(ranks, group, choices) for choices in _CHOICES for group in rules):
        pass


_Choice = Callable[[Ranks, Rule], list[tuple[int, int]]]


def _settle(ranks: Ranks, group: Sequence[Rule], choices: Sequence[_Choice]) -> bool:
    return any(
        ranks.attempt(slot, rank) for choose in choices for rule in group for slot, rank in choose(ranks, rule)
    )


def _open(ranks: Ranks, slots: Iterable[int]) -> list[int]:
    return [slot for slot in slots if ranks.known(slot) is None]


def _alike(ranks: Ranks, rule: Rule) -> list[tuple[int, int]]:
    """Both sides of an element-wise operator have the axes that one of them, or the result, has."""
    if not isinstance(rule.node, Binary | Apply) or rule.equation:
        return []
    most = max(ranks.known(slot) or 0 for slot in rule.slots)
    return [(slot, most) for slot in _open(ranks, rule.slots)] if most else []


def _matrix(ranks: Ranks, rule: Rule) -> list[tuple[int, int]]:
    """What stands left of `@` is a matrix."""
    if not isinstance(rule.node, Contraction) or rule.equation:
        return []
    return [(slot, 2) for slot in _open(ranks, rule.slots[:1])]


def _vector(ranks: Ranks, rule: Rule) -> list[tuple[int, int]]:
    """What stands right of a matrix is a vector."""
    if not isinstance(rule.node, Contraction) or rule.equation:
        return []
    left, right, _ = rule.slots
    return [(slot, 1 if ranks.known(left) != 1 else 2) for slot in _open(ranks, [right])]


def _scalar(ranks: Ranks, rule: Rule) -> list[tuple[int, int]]:
    """What stands beside a scalar that is no mere number is a scalar."""
    if not isinstance(rule.node, Binary | Apply) or rule.equation:
        return []
    parts = zip(operands(rule.node), rule.slots, strict=False)
    if any(ranks.known(slot) == 0 and not _literal(part) for part, slot in parts):
        return [(slot, 0) for slot in _open(ranks, rule.slots[:-1])]
    return []


_CHOICES = ((_alike, _matrix, _scalar), (_vector,))


def _literal(node: Node) -> bool:
    return not any(isinstance(part, Reference) for part in walk(node))
