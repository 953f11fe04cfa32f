"""
How many small calls a second one eager worker gets checked, against what TensorFlow alone makes of the same calls.

At least half of them over all forward ops, and a quarter over all gradients, is the aim; that oneDNN names its kernels
may cost a tenth. Both run in turns, so that what else the machine does meets both. The rate of the suite is what
`pytest tests/benchmarks/test_small_world.py` prints; the extra information has the ratios, by a clock on the wall and
by the processor time of all processes.
"""

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from conformance.ops import OPS, regions
from conformance.run.scope import Scope
from conformance.run.spent import processor_seconds
from conformance.run.sweep import sweep
from conformance.run.trials import Panel
from conformance.targets import registry
from conformance.targets.tensorflow.kernels import WISH
from tests.benchmarks.alone import SIDE, TARGET, calls

ROUNDS = 3
COUNT = 128
WORLDS = [op for op in OPS if regions(op, SIDE)]
TOGETHER = {  # as many calls of each
    "all forward ops": [op for op in WORLDS if not OPS[op].gradient],
    "all gradients": [op for op in WORLDS if OPS[op].gradient],
}


@pytest.fixture(scope="module")
def panel() -> Iterator[Panel]:
    """Give one eager worker."""
    with Panel({TARGET: registry.builtin()[TARGET]}) as panel:
        panel.about()
        yield panel


@pytest.fixture(scope="module")
def nameless() -> Iterator[Panel]:
    """Give one eager worker that names no kernels."""
    target = registry.builtin()[TARGET]
    environment = {name: text for name, text in target.environment.items() if name not in WISH}
    with Panel({TARGET: replace(target, environment=environment)}) as panel:
        panel.about()
        yield panel


@pytest.fixture(scope="module")
def alone() -> "Iterator[subprocess.Popen[str]]":
    """Give a process in which TensorFlow makes calls alone, in the environment of the worker; it names no kernels."""
    started = registry.builtin()[TARGET].start().environment
    environment = {name: text for name, text in started.items() if name not in WISH}
    command = [sys.executable, "-m", "tests.benchmarks.alone"]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, env=environment, text=True, **pipes) as process:  # noqa: S603 -- this one
        yield process
        process.kill()


def by_tensorflow(process: "subprocess.Popen[str]", op: str, first: int, count: int) -> tuple[float, float]:
    """Return seconds a call on the wall and of the processor."""
    assert process.stdin
    assert process.stdout
    print(op, first, count, file=process.stdin, flush=True)
    wall, busy = map(float, process.stdout.readline().split())
    return wall / count, busy / count


def by_suite(panel: Panel, op: str, first: int, count: int) -> tuple[float, float]:
    """Return seconds a call on the wall and of the processor, of the suite and its worker."""
    scopes, cases = {TARGET: Scope(target=panel.targets[TARGET])}, calls(op, first, count)
    began, busy = time.perf_counter(), processor_seconds(panel.zygotes)
    swept = sweep(panel, scopes, cases)[TARGET]
    wall, used = time.perf_counter() - began, processor_seconds(panel.zygotes) - busy
    assert swept.counts.total() == len(cases)
    assert swept.counts["agrees"] > swept.counts["unsupported"]  # a few that a route refuses, here and there
    return wall / len(cases), used / len(cases)


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="TensorFlow is not installed")
@pytest.mark.parametrize("some", [*TOGETHER, *WORLDS])
def test_small_calls(benchmark: Any, panel: Panel, alone: "subprocess.Popen[str]", some: str) -> None:  # noqa: ANN401 -- no types
    """Check the first small calls of an op, or of several, as many of each part, in turns with TensorFlow alone."""
    count = COUNT if benchmark.enabled else 12
    shares: list[tuple[float, float]] = []

    def turn() -> None:
        first = len(shares) * count  # no call is made twice: kernels are made for each shape
        both = [
            (by_suite(panel, op, first, count), by_tensorflow(alone, op, first, count))
            for op in TOGETHER.get(some, [some])
        ]
        ours, theirs = (np.sum(times, axis=0) for times in zip(*both, strict=True))
        shares.append(tuple(theirs / ours))
        benchmark.extra_info["small calls a second"] = len(both) / ours[0]

    turn()  # the first one warms both up, and is not among what is counted
    benchmark.pedantic(turn, rounds=ROUNDS if benchmark.enabled else 1)

    benchmark.extra_info["of the calls a second of TensorFlow alone"] = median(wall for wall, _ in shares[1:])
    benchmark.extra_info["TensorFlow's share of the processor time"] = median(busy for _, busy in shares[1:])


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="TensorFlow is not installed")
@pytest.mark.parametrize("op", ["conv2d", "conv2d_backprop_filter", "max_pool", "dropout_grad"])
def test_price_of_kernels(benchmark: Any, panel: Panel, nameless: Panel, op: str) -> None:  # noqa: ANN401 -- no types
    """Check the same small calls by two workers, in turns: one names the kernels that computed them."""
    count = COUNT if benchmark.enabled else 12
    prices: list[float] = []

    def turn() -> None:
        first = len(prices) * count
        (_, named), (_, without) = (by_suite(each, op, first, count) for each in (panel, nameless))
        prices.append(named / without)

    turn()
    benchmark.pedantic(turn, rounds=ROUNDS if benchmark.enabled else 1)

    benchmark.extra_info["processor time, of that without the names of kernels"] = median(prices[1:])
