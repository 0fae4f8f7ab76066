"""A contender for tests: right, wrong, failing or slow, by its variant."""

import time

from bench.contenders import naive
from bench.task import Run


def versions():
    return {"stub": "1"}


def prepare(variant, task, problem):
    if variant == "fails":
        raise RuntimeError("cannot do that")
    if variant == "dies":
        raise SystemExit("gone")
    if variant == "slow":
        time.sleep(60)
    run = naive.prepare("per step", task, problem)
    if variant == "wrong":
        return Run(run.call, lambda returned: {**run.read(returned), "dx": -returned["dx"]})
    return run
