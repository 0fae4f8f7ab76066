"""What PyTorch computes for a cell: the same weights in, every gradient out, under the cell's own names.

In: the name of a cell and a `Problem`. Out: name → array, as `kernel_results` gives it for a kernel.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

Arrays = dict[str, np.ndarray]

# For each of PyTorch's parameters the blocks of the cell's that it stacks: a name, alone or with "h" or "x" for
# the columns that meet h[t-1] or x. PyTorch has two biases where most cells have one; "0" is a block of zeros.
LAYOUTS: dict[str, dict[str, list[str]]] = {
    "rnn": {"weight_ih_l0": ["U"], "weight_hh_l0": ["W"], "bias_ih_l0": ["b"], "bias_hh_l0": ["0 b"]},
    "lstm": {
        "weight_ih_l0": ["W_i x", "W_f x", "W_c x", "W_o x"],
        "weight_hh_l0": ["W_i h", "W_f h", "W_c h", "W_o h"],
        "bias_ih_l0": ["b_i", "b_f", "b_c", "b_o"],
        "bias_hh_l0": ["0 b_i", "0 b_f", "0 b_c", "0 b_o"],
    },
    "gru_reset_after": {
        "weight_ih_l0": ["W_ir", "W_iz", "W_in"],
        "weight_hh_l0": ["W_hr", "W_hz", "W_hn"],
        "bias_ih_l0": ["b_r", "b_z", "b_in"],
        "bias_hh_l0": ["0 b_r", "0 b_z", "b_hn"],
    },
}
