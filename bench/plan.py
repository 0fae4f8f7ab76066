"""Which points are measured. In: the full plan, the quick one, or a selection. Out: `Point`s, by number of threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bench.contenders import ALL, CONTENDERS, CUSTOM, Contender
from bench.task import MODES, Point, Size, Task

FULL = (
    Size(100, 1, 32, 32),
    Size(100, 1, 64, 128),
    Size(128, 1, 128, 256),
    Size(128, 1, 512, 512),
    Size(64, 16, 128, 128),
    Size(64, 32, 256, 256),
    Size(64, 64, 512, 512),
    Size(32, 64, 1024, 1024),
    Size(77, 3, 17, 100),
    Size(50, 20, 65, 129),
)
STREAMS = (Size(1, 1, 8, 8), Size(1, 1, 16, 16), Size(1, 1, 32, 32))

QUICK = (Size(100, 1, 64, 128), Size(64, 32, 256, 256))


def full(threads: Iterable[int]) -> Iterator[Point]:
    """What `make bench` measures."""
    for count in threads:
        yield from points(["lstm"], ["training", "inference"], FULL, count)
        yield from points(["gru_reset_after", "rnn"], ["training"], FULL, count)
        # torch.compile takes a minute for every size of a loop that it unrolls.
        yield from points(["gru", *CUSTOM], ["training"], FULL if count == 1 else QUICK, count)
        if count == 1:
            yield from points(["lstm"], ["streaming"], STREAMS, count)
            yield from points(["lstm"], ["numpy"], FULL, count)


def quick(threads: Iterable[int]) -> Iterator[Point]:
    """What `make bench-quick` measures."""
    for count in threads:
        yield from points(["lstm"], ["training"], QUICK, count)
        if count == 1:
            yield from points(["lstm"], ["inference"], QUICK, count)
            yield from points(["gru_reset_after", "lstm_peephole"], ["training"], QUICK[1:], count)
            yield from points(["lstm"], ["streaming"], STREAMS[1:2], count)
            yield from points(["lstm"], ["numpy"], QUICK[:1], count)


def selected(
    cells: Sequence[str], modes: Sequence[str], sizes: Sequence[Size] | None, threads: Iterable[int]
) -> Iterator[Point]:
    """Every combination that means something; without sizes, all of the mode."""
    for count in threads:
        for mode in modes:
            chosen = sizes or (STREAMS if mode == "streaming" else FULL)
            yield from points(cells, [mode], chosen, count)


def points(cells: Iterable[str], modes: Iterable[str], sizes: Sequence[Size], threads: int) -> Iterator[Point]:
    """Those that anyone takes; a stream has one step and one sequence."""
    for cell in cells:
        for mode in modes:
            task = Task(cell, mode, threads)
            if any(contender.takes(task) for contender in CONTENDERS):
                yield from (Point(task, size) for size in sizes if mode != "streaming" or size[:2] == (1, 1))


def sizes(text: str) -> tuple[Size, ...]:
    """`all`, `quick`, `streams`, or sizes such as 64x32x256x256,100x1x32x32."""
    named = {"all": FULL, "quick": QUICK, "streams": STREAMS}
    if text in named:
        return named[text]
    found = []
    for each in text.split(","):
        numbers = each.split("x")
        if len(numbers) != 4 or not all(number.isdecimal() and int(number) for number in numbers):
            raise ValueError(f"{each!r}: expected {', '.join(named)}, or T x B x d_x x d_h such as 64x32x256x256")
        found.append(Size(*map(int, numbers)))
    return tuple(found)


def names(text: str, known: Sequence[str]) -> list[str]:
    """A list with commas, or `all`."""
    chosen = list(known) if text == "all" else text.split(",")
    if unknown := [name for name in chosen if name not in known]:
        raise ValueError(f"{', '.join(unknown)}: expected all, or some of {', '.join(known)}")
    return chosen


def cells(text: str) -> list[str]:
    return names(text, ALL)


def modes(text: str) -> list[str]:
    return names(text, MODES)


def contenders(text: str | None, *, slow: bool) -> list[Contender]:
    """Those whose name begins with one of the words, ours always; without words, all, without slow ones the fast."""
    if text is None:
        return [each for each in CONTENDERS if slow or not each.slow]
    words = text.lower().split(",")
    for word in words:
        if not any(each.name.lower().startswith(word) for each in CONTENDERS):
            raise ValueError(f"{word}: expected beginnings of {'; '.join(each.name for each in CONTENDERS)}")
    return [each for each in CONTENDERS if each.name.lower().startswith(("derive", *words))]
