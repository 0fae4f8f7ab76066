"""What a published theorem certifies, our certificates certify too, with a rate no larger than the paper's.

10,000 networks a theorem with DERIVE_FULL, otherwise a sample. How many more we certify is shown after the run.
"""

import os

import numpy as np
import pytest
from published import THEOREMS, Theorem, draws

import derive

COUNT = 10_000 if os.environ.get("DERIVE_FULL") else 100


@pytest.mark.parametrize("theorem", THEOREMS, ids=[theorem.name for theorem in THEOREMS])
def test_certificates_contain_it(theorem: Theorem, record_property) -> None:
    cell = derive.cell(theorem.cell)
    bound = derive.gradient_bound(cell)
    Params = derive.build(cell, backend="numpy", dtype="float64").Params
    theirs = both = ours = 0
    slower = []  # their exponent over ours: how many of our steps one of theirs is worth
    for number, p in enumerate(draws(theorem, COUNT)):
        claim = theorem.claim(p)
        certificate = bound.certify(Params(**vars(p)), x_max=1.0, initial_max=claim.initial, norm=theorem.norm)
        assert certificate.contracts == (certificate.rate < 1), number
        ours += certificate.contracts
        if claim.holds:
            theirs += 1
            assert certificate.contracts, (number, claim, certificate.rate)
            both += 1
        if claim.rate < 1:
            assert certificate.rate <= claim.rate * (1 + 1e-6), (number, claim, certificate.rate)
            if certificate.rate > 0:
                slower.append(np.log(certificate.rate) / np.log(claim.rate))
    record_property(
        "shown",
        f"{theorem.name}: of {COUNT} networks the paper certifies {theirs}, we certify these and {ours - both} more; "
        f"our exponent is {np.median(slower):.2f} times theirs (median)",
    )
    assert theirs >= 0.3 * COUNT
    if theorem.sharper:
        assert ours > both
