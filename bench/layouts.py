"""The parameters of a cell as other libraries hold them: gates stacked, columns of h and of x apart.

In: a cell's parameters by name, as the kernels have them. Out: stacked arrays by name; and back, for gradients. A
stacked array is a list of blocks: `b_f` is a whole parameter, `W_f h` its columns that meet the state, `W_f x` those
that meet the input. Gates stand in PyTorch's order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

Arrays = dict[str, np.ndarray]
Layout = Mapping[str, Sequence[str]]


def _gates(*names: str) -> dict[str, list[str]]:
    return {
        "W_x": [f"W_{name} x" for name in names],
        "W_h": [f"W_{name} h" for name in names],
        "b": [f"b_{name}" for name in names],
    }


def _alone(*names: str) -> dict[str, list[str]]:
    return {name: [name] for name in names}


LAYOUTS: Mapping[str, Layout] = {
    "rnn": {"W_x": ["U"], "W_h": ["W"], "b": ["b"]},
    "lstm": _gates("i", "f", "c", "o"),
    "lstm_peephole": _gates("i", "f", "c", "o") | _alone("p_i", "p_f", "p_o"),
    "lstm_layernorm": _gates("i", "f", "c", "o") | {"g": ["g_i", "g_f", "g_c", "g_o"]} | _alone("g_h", "b_h"),
    "slstm": _gates("i", "f", "z", "o"),
    "gru": _gates("z", "r", "h") | {"W_h": ["W_z h", "W_r h"], "W_g": ["W_h h"]},
    "mgu": _gates("f", "h") | {"W_h": ["W_f h"], "W_g": ["W_h h"]},
    "gru_reset_after": {
        "W_x": ["W_ir", "W_iz", "W_in"],
        "W_h": ["W_hr", "W_hz", "W_hn"],
        "b": ["b_r", "b_z", "b_in"],
        "b_hn": ["b_hn"],
    },
}


def stacked(cell: str, params: Arrays) -> Arrays:
    """The arrays of the cell's layout."""
    return {
        name: np.ascontiguousarray(np.concatenate([_block(params, block) for block in blocks]))
        for name, blocks in LAYOUTS[cell].items()
    }


def parameters(cell: str, arrays: Arrays) -> Arrays:
    """Stacked arrays, such as gradients, as the cell's parameters."""
    blocks: Arrays = {}
    for name, names in LAYOUTS[cell].items():
        blocks |= zip(names, np.split(np.asarray(arrays[name]), len(names)), strict=True)
    whole = {block.partition(" ")[0] for block in blocks}
    return {
        name: blocks[name] if name in blocks else np.concatenate([blocks[f"{name} h"], blocks[f"{name} x"]], axis=1)
        for name in sorted(whole)
    }


def _block(params: Arrays, block: str) -> np.ndarray:
    name, _, columns = block.partition(" ")
    rows = len(params[name])
    return params[name][{"": ..., "h": np.s_[:, :rows], "x": np.s_[:, rows:]}[columns]]
