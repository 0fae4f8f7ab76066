"""Cells of chance: matrices that share operands, meet one vector twice or several as one, in any order, gates that
need others, inputs a step late, parameters of three axes; memories that are matrices, and matrices made of parameters.
C and NumPy have to agree."""

import random

import pytest
from cellfolder import FULL
from ckernels import agree

import derive

pytestmark = pytest.mark.needs("cc")
SEEDS = range(100 if FULL else 3)
SIZES = [
    {"T": 5, "B": 1, "d_x": 5, "d_h": 37},
    {"T": 4, "B": 3, "d_x": 17, "d_h": 70},
    {"T": 1, "B": 2, "d_x": 1, "d_h": 1},
]


def text_of_chance(seed):
    draw = random.Random(seed)
    states = ["a", "b", "c"][: draw.randint(1, 3)]
    vectors = ["x", *(f"{state}[t-1]" for state in states)]
    lines = ["input x : d_x", f"state {', '.join(states)} : d_h"]
    late = draw.random() < 0.5
    if late:
        lines.append("state late : d_x")
        vectors.append("late[t-1]")
    tensors = []
    for number in range(draw.randint(2, 5)):
        used = draw.sample(vectors, min(draw.randint(1, 3), len(vectors)))
        terms = [addend(draw, f"{number}{k}", vector, vectors, tensors) for k, vector in enumerate(used)]
        lines.append(f"g{number} = {draw.choice(['tanh', 'sigmoid'])}({' + '.join(terms)} + b{number})")
        vectors.append(f"g{number}")
    gates = [vector for vector in vectors if vector.startswith("g")]
    for state in states:
        g, h = draw.choice(gates), draw.choice(gates)
        step = draw.choice(["{g} * {s}[t-1] + {h}", "tanh({g}) * {h}", "{g} + {s}[t-1] * {h}", "{g} - {h}"])
        lines.append(f"{state}[t] = {step.format(g=g, h=h, s=state)}")
    declared = [f"param {name} : d_h, {axes}" for name, axes in tensors]
    return "\n".join(declared + lines + ["late[t] = x"] * late)


def addend(draw, name, vector, vectors, tensors):
    """A matrix that meets a vector, alone or beside others, one that is made from a vector, or weights of a vector."""
    kind = draw.choice(["alone", "beside", "beside", "weighted", "made"])
    short = vector in ("x", "late[t-1]")
    if kind == "weighted" and not short:
        return f"w{name} * {vector}"
    if kind == "made":
        other = draw.choice(vectors)
        tensors.append((f"Q{name}", f"{'d_x' if short else 'd_h'}, {'d_x' if other in ('x', 'late[t-1]') else 'd_h'}"))
        return f"(Q{name} @ {other}) @ {vector}"
    others = [v for v in vectors if v != vector]
    met = [vector, *draw.sample(others, min(2, len(others)))] if kind == "beside" else [vector]
    draw.shuffle(met)
    return f"M{name} @ [{', '.join(met)}]" if len(met) > 1 else f"M{name} @ {vector}"


@pytest.mark.parametrize("seed", SEEDS)
def test_c_and_numpy_agree(seed):
    cell = derive.parse(text_of_chance(seed), name="chance")
    agree(cell, *(dict.fromkeys(cell.axes, 7) | sizes for sizes in SIZES), weights=0.1)


MEMORY_SIZES = [
    {"T": 3, "B": 2, "d_x": 5, "d_v": 19, "d_k": 33},
    {"T": 4, "B": 1, "d_x": 3, "d_v": 7, "d_k": 2},
    {"T": 1, "B": 3, "d_x": 1, "d_v": 1, "d_k": 16},
]
MADE = {
    "v, k": ["exp(-K)", "N @ L", "N @ L / d_k", "rows(r) * K + cols(c)", "sigmoid(N) * K"],
    "v, v": ["J @ transpose(J)", "J @ V + V", "exp(J / d_v)"],
    "k, k": ["L @ L", "transpose(L) @ U - U", "L * mean(r)"],
}
TERMS = [
    "f * S[t-1]", "A * S[t-1]", "outer(v, k)", "S[t-1] @ D", "C @ S[t-1]", "0.1 * S[t-1] @ D", "C @ S[t-1] @ D",
    "S[t-1] @ outer(k, q)", "outer(v - S[t-1] @ k, k)", "rows(v)", "cols(q) * S[t-1]", "C @ A", "A @ D * S[t-1]",
    "0.1 * S[t-1] @ transpose(S[t-1]) @ A", "rows(C @ v)",
]  # fmt: skip
READ = [
    "S[t] @ q", "S[t] @ (D @ k)", "C @ (S[t] @ k)", "sum(S[t] * S[t-1], axis=1)", "mean(S[t] * cols(k), axis=1)",
    "max(S[t] @ D, axis=1)", "v * dot(k, transpose(S[t]) @ v)", "S[t] @ (transpose(S[t-1]) @ v)",
]  # fmt: skip


def memory_of_chance(seed):
    draw = random.Random(f"memory {seed}")
    lines = [
        "input x : d_x", "state S : d_v, d_k", "param K, N : d_v, d_k", "param L, U : d_k, d_k",
        "param J, V : d_v, d_v", "param r : d_v", "param c : d_k", "output y",
    ]  # fmt: skip
    for name, shape in (("A", "v, k"), ("C", "v, v"), ("D", "k, k")):
        lines.append(f"{name} = {draw.choice(MADE[shape])}")
    lines += ["k = tanh(W_k @ x)", "q = W_q @ x + c", "v = sigmoid(W_v @ x)", "f = sigmoid(dot(w, x))"]
    lines.append(f"S[t] = {' + '.join(draw.sample(TERMS, draw.randint(2, 4)))}")
    lines.append(f"y = {' + '.join(draw.sample(READ, draw.randint(1, 3)))}")
    return "\n".join(lines)


@pytest.mark.parametrize("seed", SEEDS)
def test_c_and_numpy_agree_on_memories(seed):
    cell = derive.parse(memory_of_chance(seed), name="chance")
    agree(cell, *(dict.fromkeys(cell.axes, 7) | sizes for sizes in MEMORY_SIZES), weights=0.3)
