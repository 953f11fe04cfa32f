"""How many cases a second one eager worker gets checked: the target is 300; and what TensorFlow alone takes of that."""

import importlib.util
import time
from collections.abc import Iterator
from typing import Any

import pytest

from conformance import ops
from conformance.model import inside
from conformance.ops import OPS
from conformance.run.rows import rows
from conformance.run.trials import Outcome, Panel
from conformance.targets import registry

COUNT = 300  # of an op, as in a run


@pytest.fixture(scope="module")
def panel() -> Iterator[Panel]:
    """Give one eager worker."""
    with Panel({"tf-cpu-eager": registry.find("tf-cpu-eager")}) as panel:
        panel.about()
        yield panel


@pytest.mark.tensorflow
@pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="TensorFlow is not installed")
@pytest.mark.benchmark(timer=time.perf_counter)
@pytest.mark.parametrize("op", OPS)
def test_throughput(benchmark: Any, panel: Panel, op: str) -> None:  # noqa: ANN401 -- pytest-benchmark has no types
    """
    Draw, run, judge and describe a run's cases of an op, one after the other.

    Beside the rate it records the one that a suite which costs nothing would have: by the processor time inside
    TensorFlow's calls, those that end their process included, which are made once more alone.
    """
    stream = list(ops.generate(op, 0, 0, COUNT if benchmark.enabled else 4))
    outcomes: list[Outcome] = []

    def check() -> None:
        for each in panel.examined((case, ()) for case in stream):
            rows(each)
            outcomes.extend(each)

    benchmark.pedantic(check, rounds=1)

    assert len(outcomes) == len(stream)
    if not benchmark.enabled:
        return
    alone = sum(inside(each.observation) for each in outcomes)
    benchmark.extra_info |= {
        "cases a second": COUNT / benchmark.stats.stats.mean,
        "cases a second of TensorFlow alone": COUNT / alone,
    }
