"""The character model of the examples, and the same model in PyTorch: from the same weights, the same loss curve."""

from itertools import islice

import numpy as np
import pytest

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch", reason="needs PyTorch: make test-peers")
peers = pytest.importorskip("torch_peers", reason="needs PyTorch: make test-peers", exc_type=ImportError)

STEPS, HIDDEN = 60, 32


def torch_curve(model, codes, steps, rate):
    """The same training with autograd, `torch.optim.Adam` and one bias a gate."""
    import char_lm

    embedding, readout, bias = (
        torch.tensor(a, requires_grad=True) for a in (model.embedding, model.readout, model.bias)
    )
    layer = peers.module("lstm", model.cell._asdict(), model.embedding.shape[1], HIDDEN)
    layer.bias_hh_l0.requires_grad_(False)
    weights = [embedding, *(p for p in layer.parameters() if p.requires_grad), readout, bias]
    adam = torch.optim.Adam(weights, lr=rate)
    state, losses = None, []
    for read, following in islice(char_lm.stretches(codes, length=64, streams=32), steps):
        y, state = layer(embedding[torch.from_numpy(read)], state)
        state = tuple(s.detach() for s in state)
        logits = (y @ readout + bias).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(following).flatten())
        adam.zero_grad()
        loss.backward()
        norm = torch.sqrt(sum((w.grad**2).sum() for w in weights))
        for weight in weights:
            weight.grad *= min(1, 1 / norm)
        adam.param_groups[0]["lr"] = rate * (1 - len(losses) / steps)
        adam.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_the_loss_curve_is_pytorchs(kernel_of, dtype, tolerance):
    import char_lm

    kernel = kernel_of("lstm", "c", dtype)
    codes, alphabet = char_lm.encode(char_lm.read_text())
    assert (len(codes) - 1) // 32 // 64 >= STEPS
    start = char_lm.new_model(kernel, {"d_x": 16, "d_h": HIDDEN}, len(alphabet), np.random.default_rng(0))
    theirs = torch_curve(start, codes, STEPS, rate=0.004)
    ours = list(char_lm.train(kernel, start, codes, STEPS, rate=0.004))
    assert ours[-1] < ours[0] - 1
    np.testing.assert_allclose(ours, theirs, rtol=tolerance)
