"""A character-level language model of English, trained with a compiled cell and Adam.

The text comes with Python: the manual's topics that `help()` shows. Each paragraph is kept once, which leaves 0.37
million characters, and the last tenth of them is held out. A character is looked up in an embedding, the cell reads
it, and a softmax guesses the next one. The state is handed on from each stretch of text to the next.

The default run comes below 2.0 bits per character of the held-out text (1.96 with the text of Python 3.11; 6.8 before
training), in little more than a minute on one core.

    python examples/char_lm.py                    # the long short-term memory
    python examples/char_lm.py --cell gru         # or any other cell, by name
    python examples/char_lm.py --cell my.cell     # or one of your own
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pydoc_data.topics import topics
from typing import Any, NamedTuple

import numpy as np
from optim import Adam, clip
from rich.progress import Progress

import derive


class Model(NamedTuple):
    """What is learned: a vector for each character, the cell, and the way from its output to a guess."""

    embedding: np.ndarray  # (characters, d_x)
    cell: Any  # the kernel's Params
    readout: np.ndarray  # (d_h, characters)
    bias: np.ndarray  # (characters,)

    def arrays(self) -> list[np.ndarray]:
        """All of it as a list, in a fixed order."""
        return [self.embedding, *self.cell, self.readout, self.bias]


def read_text() -> str:
    """The topics one after another; a paragraph that several of them share stands where it comes first."""
    paragraphs = "\n\n".join(topics[name] for name in sorted(topics)).split("\n\n")
    return "\n\n".join(dict.fromkeys(paragraphs))


def encode(text: str) -> tuple[np.ndarray, str]:
    """The text as numbers, and the characters they stand for."""
    alphabet = "".join(sorted(set(text)))
    number = {character: n for n, character in enumerate(alphabet)}
    return np.array([number[character] for character in text]), alphabet


def stretches(codes: np.ndarray, length: int, streams: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The text read in several streams side by side: what is read and what comes next, each (length, streams)."""
    rows = (len(codes) - 1) // streams // length * length
    read = codes[: rows * streams].reshape(streams, rows).T
    following = codes[1 : rows * streams + 1].reshape(streams, rows).T
    for start in range(0, rows, length):
        yield read[start : start + length], following[start : start + length]


def new_model(kernel: Any, sizes: dict[str, int], characters: int, rng: np.random.Generator) -> Model:
    """A model to start from; the cell's part starts as the cell file says."""
    cell = kernel.init(sizes, rng)
    dtype, d_x, d_h = cell[0].dtype, sizes["d_x"], sizes["d_h"]
    embedding = rng.standard_normal((characters, d_x)).astype(dtype)
    readout = (rng.standard_normal((d_h, characters)) / np.sqrt(d_h)).astype(dtype)
    return Model(embedding, cell, readout, np.zeros(characters, dtype))


def guess(model: Model, y: np.ndarray, following: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss, nats a character, and its gradient by the logits."""
    logits = y @ model.readout + model.bias
    logits -= logits.max(axis=-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    right = following[..., None]
    dlogits = np.exp(log_p)
    np.put_along_axis(dlogits, right, np.take_along_axis(dlogits, right, -1) - 1, -1)
    return -float(np.take_along_axis(log_p, right, -1).mean()), dlogits / following.size


def learn(kernel: Any, model: Model, read: np.ndarray, following: np.ndarray, state: Any) -> tuple:
    """The loss on a stretch of text, its gradients in the order of `Model.arrays`, and the state at its end."""
    y, final, tape = kernel.forward(model.cell, model.embedding[read], state)
    loss, dlogits = guess(model, y, following)
    dcell, dx, _ = kernel.backward(model.cell, tape, dlogits @ model.readout.T)
    dembedding = np.zeros_like(model.embedding)
    np.add.at(dembedding, read, dx)
    dreadout = np.tensordot(y, dlogits, axes=((0, 1), (0, 1)))
    return loss, [dembedding, *dcell, dreadout, dlogits.sum(axis=(0, 1))], final


def bits(kernel: Any, model: Model, codes: np.ndarray) -> float:
    """Bits a character on a text."""
    losses, state = [], None
    for read, following in stretches(codes, length=100, streams=16):
        y, state, _ = kernel.forward(model.cell, model.embedding[read], state, tape=False)
        losses.append(guess(model, y, following)[0])
    return float(np.mean(losses)) / np.log(2)


def train(kernel: Any, model: Model, codes: np.ndarray, steps: int, rate: float = 0.006) -> Iterator[float]:
    """Train in place; yields the loss of each step, in nats a character."""
    arrays = model.arrays()
    adam = Adam(arrays, rate)
    done = 0
    while done < steps:
        state = None
        for read, following in stretches(codes, length=64, streams=32):
            loss, gradients, state = learn(kernel, model, read, following, state)
            adam.rate = rate * (1 - done / steps)
            adam.update(clip(gradients, 1.0))
            yield loss
            done += 1
            if done == steps:
                return


def main() -> None:
    """Train, and say how many bits a character the held-out text costs."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--cell", default="lstm", help="a shipped cell, or a file ending in .cell")
    arguments.add_argument("--steps", type=int, default=2000)
    arguments.add_argument("--hidden", type=int, default=128)
    given = arguments.parse_args()

    cell = derive.load(given.cell) if given.cell.endswith(".cell") else derive.cell(given.cell)
    if not {"d_x", "d_h"} <= set(cell.axes):
        got = ", ".join(cell.axes)
        arguments.error(f"--cell: got {cell.name}, of {got}; expected one with an input of d_x and an output of d_h")
    kernel = derive.build(cell, backend="c", dtype="float32")
    codes, alphabet = encode(read_text())
    held_out = len(codes) * 9 // 10
    sizes = dict.fromkeys(cell.axes, given.hidden) | {"d_x": 32}
    model = new_model(kernel, sizes, len(alphabet), np.random.default_rng(0))
    print(f"{cell.name}: before training {bits(kernel, model, codes[held_out:]):.2f} bits per character")
    with Progress() as progress:
        task = progress.add_task("training", total=given.steps)
        for loss in train(kernel, model, codes[:held_out], given.steps):
            progress.update(task, advance=1, description=f"training, {loss / np.log(2):.2f} bits")
    print(f"{cell.name}: after {given.steps} steps {bits(kernel, model, codes[held_out:]):.2f} bits per character")


if __name__ == "__main__":
    main()
