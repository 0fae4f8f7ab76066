"""The listing for a terminal: what stands in it, for any cell, and what `derive show` prints of the LSTM."""

from pathlib import Path

import pytest

import derive

ROOT = Path(__file__).parents[2]
CELLS = sorted([*(ROOT / "derive" / "cells").glob("*.cell"), *(ROOT / "tests" / "cells").glob("*.cell")])

LSTM = [
    "f[t] = sigmoid(W_f [h[t-1], x[t]] + b_f)    # forget gate",
    "c[t] = f[t] ∘ c[t-1] + i[t] ∘ g[t]    # cell state",
    "f_net[t] = W_fh h[t-1] + W_fx x[t] + b_f",
    "df_net[t] = f[t] ∘ (1 - f[t]) ∘ c[t-1] ∘ dc[t]",
    "dc[t] = f[t+1] ∘ dc[t+1] + o[t] ∘ (1 - tanh(c[t])²) ∘ dh[t]",
    "dW_fh = Σ_t df_net[t] h[t-1]ᵀ",
    "dx[t] = W_fxᵀ df_net[t] + W_ixᵀ di_net[t] + W_cxᵀ dg_net[t] + W_oxᵀ do_net[t]",
    "dc[0] = f[1] ∘ dc[1]",
]


def test_the_listing_of_the_lstm() -> None:
    lines = {line.strip() for line in derive.derivation(derive.cell("lstm")).show().splitlines()}
    assert [line for line in LSTM if line not in lines] == []


@pytest.mark.parametrize("path", CELLS, ids=lambda path: path.stem)
def test_every_name_of_the_cell_is_listed(path: Path) -> None:
    cell = derive.load(path)
    text = derive.derivation(cell).show()
    assert [name for name in cell.variables if name not in text] == []
    assert all(line == line.rstrip() for line in text.splitlines())
