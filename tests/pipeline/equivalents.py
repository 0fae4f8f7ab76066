"""Faults that are none: what the mutation test plants without changing any result, and why it does not."""

from __future__ import annotations

NO_SLOPE = "a selector, or what only a selector reads: its derivative is zero as it is"
CONSTANT = "a number made of sizes: nothing that moves enters it"
CENTRED = "a sum of deviations from the mean, which is zero whatever multiplies it"
SQUARED = "the cell reads this maximum squared"
SYMMETRIC = "it is contracted with outer(h, h), which is symmetric"
FOR_THE_TAPE = "no gradient reads it; it is saved so that the tape can offer every state"
SHIFTED = "softmax is the same whatever number is taken off its argument"
STOPPED = "only what is held back reads it"
ADDED = "both are added to one sum"
NO_GRADIENT = "nothing reads this parameter: its gradient is zero, which is taken where none is given"
BESIDE = "nothing reads it later; it is kept because it lies beside what is kept in one buffer"


def _held(reason: str, *names: str) -> dict[str, str]:
    return {f"{name}: gradient held back": reason for name in names}


def _softmax(of: str, *stopped: str) -> dict[str, str]:
    return {**_held(STOPPED, *stopped), f"{of}_stop: gradient let through": SHIFTED}


def _addend(reason: str, *names: str) -> dict[str, str]:
    faults = ("addend 0 dropped", "sign of addend 0", "factor of addend 0")
    return {f"{name}: {fault} of term 0": reason for name in names for fault in faults}


def _not_kept(*names: str) -> dict[str, str]:
    return {f"forward, {name} not kept": BESIDE for name in names}


def _without(*names: str) -> dict[str, str]:
    return {f"backward, {name}: without term 0": CENTRED for name in names}


def _backward(faults: dict[str, str]) -> dict[str, str]:
    return {f"backward, {label}": reason for label, reason in faults.items()}


_LAYERNORM = _addend(CENTRED, "dh_sum", "do_sum2", "dg_sum2", "di_sum2", "df_sum2")
_FAST_WEIGHTS = _addend(CENTRED, "dh_sum4")

# (stage, cell) → label → reason
EQUIVALENT = {
    ("schedule", "gru_reset_after"): _not_kept("r_net", "z_net"),
    ("adjoint", "lstm_layernorm"): _LAYERNORM,
    ("schedule", "lstm_layernorm"): _backward(_LAYERNORM),
    ("system", "mlstm"): {
        **_held(CONSTANT, "sqrt_k", "recip_sqrt_k"),
        **_held(NO_SLOPE, "m_arg", "nonnegative_m_arg", "r_arg", "nonnegative_r_arg"),
    },
    ("schedule", "mlstm"): {"saved without m": FOR_THE_TAPE},
    ("system", "slstm"): _held(NO_SLOPE, "m_arg", "nonnegative_m_arg"),
    ("schedule", "slstm"): {"saved without m": FOR_THE_TAPE},
    ("system", "addressed_memory"): _softmax("w", "w_max_of", "w_first", "w_max"),
    ("system", "concatenations"): _softmax(
        "h", "h_first", "h_max", "h_first2", "h_max2", "h_arg", "nonnegative_h_arg"
    ),
    ("system", "delta_rule"): _softmax("q", "q_first", "q_max") | _softmax("k", "k_first", "k_max"),
    ("adjoint", "fast_weights"): {**_FAST_WEIGHTS, "drate: transpose of dS of term 0": SYMMETRIC},
    ("schedule", "fast_weights"): _backward({**_FAST_WEIGHTS, "drate_at: transpose of dS of term 0": SYMMETRIC}),
    ("system", "kinks"): {
        "a_max: sign of addend 0 of term 0": SQUARED,
        **_held(NO_SLOPE, "u_arg", "nonnegative_u_arg", "a_arg", "nonnegative_a_arg", "a_first", "h_first"),
    },
    ("system", "mass_conserving_lstm"): _softmax("i", "i_max_of", "i_first", "i_max"),
    ("system", "maxima_of_parts"): _held(
        NO_SLOPE,
        *("h_first", *(f"h_first{k}" for k in range(2, 9))),
        *(f"{name}{k}" for name in ("h_arg", "nonnegative_h_arg") for k in ("", 2, 3)),
    ),
    ("schedule", "multiplicative_lstm"): _not_kept("f_net", "i_net", "o_net"),
    ("schedule", "nas"): _not_kept("p_net", "p_net2", "q_net", "r_net", "r_net2", "s_net", "s_net2"),
    ("tiled", "fast_weights"): _without("dh_sum4"),
    ("tiled", "lstm_layernorm"): _without("dh_sum", "do_sum2", "dg_sum2", "di_sum2", "df_sum2"),
    ("tiled", "odd_products"): {"forward, z_net_late_dot/z_net_late2_dot: targets exchanged": ADDED},
    ("tiled", "second_order"): _backward({"dspare: left out": NO_GRADIENT, "nest of dspare: left out": NO_GRADIENT}),
    ("system", "square_memory"): _held(NO_SLOPE, "y_first", "y_first2"),
}  # fmt: skip
