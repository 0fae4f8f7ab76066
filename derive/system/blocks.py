"""From the arrays that the author knows to the blocks that the equations read, and back.

In: stored arrays (`W_f` of shape (d_h, d_h + d_x)). Out: arrays of blocks (`W_fh`, `W_fx`), or the reverse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from derive.language.syntax import Axis
from derive.system.model import Stored

Array = np.ndarray[Any, Any]


def split(
    stored: Mapping[str, Stored], arrays: Mapping[str, Array], sizes: Mapping[str, int]
) -> dict[str, Array]:
    """The blocks of some stored arrays; axes in front of the stored ones (time, batch) are kept whole."""
    blocks = {}
    for name, array in arrays.items():
        for parts, block in stored[name].blocks.items():
            shape = stored[name].shape
            where: Any = [_stretch(axis, part, sizes) for axis, part in zip(shape, parts, strict=True)]
            blocks[block] = array[(..., *where)] if where else array
    return blocks


def join(stored: Stored, blocks: Mapping[str, Array]) -> Array:
    """The stored array of some blocks."""

    def joined(parts: tuple[int, ...]) -> Array:
        axis = len(parts)
        if axis == len(stored.shape):
            return blocks[stored.blocks[parts]]
        pieces = [joined((*parts, part)) for part in range(len(stored.shape[axis].parts))]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=axis - len(stored.shape))

    return joined(())


def offsets(axis: Axis, sizes: Mapping[str, int]) -> Sequence[int]:
    """Where each part of an axis starts, and where the last one ends."""
    ends = [0]
    for part in axis.parts:
        ends.append(ends[-1] + sizes[part])
    return ends


def _stretch(axis: Axis, part: int, sizes: Mapping[str, int]) -> slice:
    ends = offsets(axis, sizes)
    return slice(ends[part], ends[part + 1])
