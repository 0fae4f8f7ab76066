"""The step Jacobian: proven for every cell, the emitted one equal to the oracle's, its paths named by their gates."""

from dataclasses import replace

import jacobians
import numpy as np
import pytest
from boundcells import bounds_of, network
from cellfolder import EVERY, cell, derived

import derive
from derive import gradient_bound, parse
from derive.bounds import Flow
from derive.pipeline.candidates import jacobian_candidate
from derive.proof import ProofError, prove_jacobian


@pytest.mark.parametrize("name", EVERY)
def test_it_is_proven(name):
    proof = prove_jacobian(cell(name), jacobian_candidate(derived(name).flow))
    assert proof.exponent >= 70
    assert f"2^-{proof.exponent}" in proof.remarks()[0]


@pytest.mark.parametrize("name", EVERY)
def test_the_emitted_one_is_the_true_one(name):
    for seed in range(3):
        drawn = network(name, seed)
        for x, state, true in zip(drawn.inputs, drawn.states, drawn.jacobians, strict=False):
            with np.errstate(all="ignore"):
                got = bounds_of(name).step_jacobian(drawn.params, x, state)
            largest = max((np.abs(b[np.isfinite(b)]).max(initial=0) for b in true.values()), default=0)
            for key, block in true.items():
                made = got.get(key, np.zeros_like(block))
                assert made.shape == block.shape
                good = np.isfinite(block)
                assert np.abs(made - block)[good].max(initial=0) <= 1e-12 * max(largest, 1), (seed, key)


def test_paths_are_named_by_their_gates():
    def paths(name):
        drawn = network(name, 0)
        return set(bounds_of(name).jacobian(drawn.params, drawn.inputs[0], drawn.states[0]))

    assert paths("rnn") == {("h", "h", ("net",))}
    assert paths("gru") == {("h", "h", gates) for gates in [(), ("z",), ("g",), ("g", "r")]}
    through = {("c", "h", (gate,)) for gate in "fig"} | {("h", "h", (gate,)) for gate in "figo"}
    assert paths("lstm") == through | {("c", "c", ()), ("h", "c", ())}


def test_the_direct_path_of_an_lstm_is_its_forget_gate():
    drawn = network("lstm", 3)
    direct = bounds_of("lstm").jacobian(drawn.params, drawn.inputs[0], drawn.states[0])["c", "c", ()]
    p, joined = drawn.params, np.concatenate([drawn.states[0].h, drawn.inputs[0].x])
    assert np.allclose(direct, np.diag(1 / (1 + np.exp(-(p.W_f @ joined + p.b_f)))), rtol=1e-14, atol=0)


def faulty(flow: Flow, fault: str) -> Flow:
    """A flow with one thing wrong."""
    state = flow.states[-1]
    differential = flow.differentials[state]
    passages, directs = differential.passages, differential.directs
    match fault:
        case "a passage left out":
            passages = passages[1:]
        case "a direct share left out":
            directs = directs[1:]
        case "a sign":
            passages = (replace(passages[0], ways=tuple((-1, *way) for way in passages[0].ways)), *passages[1:])
        case "a factor twice":
            way = directs[0].ways[0]
            directs = (replace(directs[0], ways=((*way, way[0]),)), *directs[1:])
    changed = replace(differential, passages=passages, directs=directs)
    return replace(flow, differentials={**flow.differentials, state: changed})


@pytest.mark.parametrize("fault", ["a passage left out", "a direct share left out", "a sign", "a factor twice"])
@pytest.mark.parametrize("name", ["lstm", "lstm_peephole", "gru", "multiplicative_lstm"])
def test_a_fault_is_caught(name, fault):
    with pytest.raises(ProofError, match=r"the step Jacobian of [ch] by the old [ch] differs"):
        prove_jacobian(cell(name), jacobian_candidate(faulty(derived(name).flow, fault)))


def test_arguments_that_do_not_fit():
    made, drawn = bounds_of("lstm"), network("lstm", 0)
    with pytest.raises(TypeError, match=r"params: got tuple, expected Params\(W_f, b_f"):
        made.jacobian((), drawn.inputs[0], drawn.states[0])
    with pytest.raises(ValueError, match=r"x_t\.x: got float64 \(7,\), expected an array"):
        made.jacobian(drawn.params, np.zeros(7), drawn.states[0])
    assert jacobians.step_jacobian(cell("lstm"), drawn.params, drawn.inputs[0], drawn.states[0])


def test_a_cell_that_forgets_everything_has_no_blocks():
    cell = parse("input x : d\nstate h : d\nh[t] = tanh(W @ x + b)\n", name="forgetful")
    bound = gradient_bound(cell)
    params = derive.build(cell).init({"d": 3}, np.random.default_rng(0))
    for norm in (1, 2, np.inf):
        certificate = bound.certify(params, norm=norm)
        assert (certificate.matrix == 0).all()
        assert certificate.rate == 0


def test_too_many_ways_to_follow_are_taken_apart():
    """All share g, so that otherwise none is: 2^12 ways through twelve equations."""
    chain = "\n".join(f"a{k} = g * a{k - 1} + a{k - 1} * a{k - 1}" for k in range(1, 13))
    text = f"input x : d\nstate h : d\ng = sigmoid(W @ x)\na0 = h[t-1] / 9 + b\n{chain}\nh[t] = tanh(a12)"
    assert gradient_bound(parse(text, name="ways")).states == ("h",)  # it is proven


def test_an_axis_may_repeat_in_a_concatenation():
    text = "input x, z : d_x\nstate h : d_h\nh[t] = tanh(W @ [x, z, x] + U @ h[t-1])"
    cell = parse(text, name="thrice")
    bound, kernel = gradient_bound(cell), derive.build(cell)
    params = kernel.init({"d_x": 2, "d_h": 3}, np.random.default_rng(0))
    each = kernel.Inputs(np.full(2, 0.5), np.full(2, 0.5))
    assert bound.certify(params, x_max=each).rate == bound.certify(params, x_max=0.5).rate
    with pytest.raises(TypeError, match="got a tuple, expected a number, or one for each of x, z"):
        bound.certify(params, x_max=(0.5, 0.5))
