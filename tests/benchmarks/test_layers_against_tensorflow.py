"""
The reference's speed on the layers of real networks, against TensorFlow eager float32 on the same number of threads.

Both run in workers of their own, in turns, so that what else the machine does meets both; times are taken there, around
the op alone: on one thread the processor's time, which a busy machine changes little; on all threads what a clock on
the wall shows, and only on a machine that has nothing else to do: threads that wait for one another, each for its turn
at a processor, measure that. What pytest-benchmark reports is the reference's time. `pytest tests/benchmarks` runs
them; they are left out where TensorFlow is not installed.
"""

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import reference
from conformance.bench.checking import of_image
from conformance.bench.peers import PEERS
from conformance.bench.subjects import Subject, arguments, subjects
from conformance.bench.timing import LIMITS, start
from conformance.model import Array, Returned
from conformance.targets import registry
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Worker

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.slow,
    pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="TensorFlow is not installed"),
]

BUSY = 0.5  # processes that want to run, before one begins to time all threads
ROUNDS = 5
SECONDS = 0.03  # of one turn
LAYERS = (
    "conv2d-56",
    "conv2d_transpose-28",
    "max_pool-2",
    "max_pool-3",
    "avg_pool-2",
    "avg_pool-3",
    "lenet-5",
    "lenet-5-mnist/dropout",
    "dqn/conv1",
    "dqn/conv2",
    "vgg-16/conv3_2",
    "vgg-16/conv5_1",
    "vgg-16/pool3",
    "vgg-16-mirror/unpool3",
    "dcgan/up2",
    "dcgan/up4",
)
SUBJECTS = list(subjects(LAYERS, (1,)))
THREADS = tuple(dict.fromkeys((1, os.cpu_count() or 1)))

# How many times TensorFlow's time the reference aims at: the value, value and bound, the value in float64. That is
# recorded beside what was measured, and no test: a machine's other work is no fault.
CONVOLUTION = {"reference": 4.0, "reference-bounds": 8.0, "float64": 60.0}
POOL = {"reference": 2.0, "reference-bounds": 8.0, "float64": 60.0}
AVERAGE = POOL | {"reference": 6.0}  # docs/decisions/0008


@dataclass
class Stopwatch:
    """A timer for pytest-benchmark that shows the seconds spent in workers."""

    spent: float = 0.0

    def __call__(self) -> float:
        """Return the seconds so far."""
        return self.spent


STOPWATCH = Stopwatch()


@pytest.fixture(scope="module", params=THREADS, ids=lambda count: f"{count} threads")
def workers(request: pytest.FixtureRequest) -> Iterator[dict[str, Worker]]:
    """Give warm workers of TensorFlow, the reference, and the reference with bounds."""
    targets = [registry.find("tf-cpu-eager"), registry.find("reference"), PEERS["reference-bounds"]]
    with ExitStack() as stack:
        yield {
            target.name: stack.enter_context(Worker(start(target, request.param, SECONDS), LIMITS))
            for target in targets
        }


def turn(worker: Worker, subject: Subject, given: dict[str, Any]) -> Returned:
    """Have a call made, many times, and return what came of it: the results, and the times."""
    observed = worker.run(Call(op=subject.op, arguments=given))
    assert isinstance(observed, Returned), observed
    return observed


def median(worker: Worker, observed: Returned) -> float:
    """Return the median time of one turn."""
    alone = worker.start.environment["OMP_NUM_THREADS"] == "1"
    return float(np.median(observed.arrays[-1][1 if alone else 0, 1:]))


@pytest.mark.benchmark(timer=STOPWATCH, min_rounds=ROUNDS)
@pytest.mark.parametrize("kind", ["reference", "reference-bounds", "float64"])
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: f"{subject.layer}-{subject.op}")
def test_time_against_tensorflow(
    benchmark: Any,  # noqa: ANN401 -- pytest-benchmark ships no types
    workers: dict[str, Worker],
    subject: Subject,
    kind: str,
) -> None:
    """
    Both sides compute what is allowed; how long that takes is recorded.

    Recorded are the median over rounds of the ratio of both sides' times in a round, and the ratio aimed at.
    """
    if workers["reference"].start.environment["OMP_NUM_THREADS"] != "1" and os.getloadavg()[0] > BUSY:
        pytest.skip("the machine is busy: all threads cannot be timed")
    if kind == "reference-bounds" and subject.op == "dropout":
        pytest.skip("it draws by no seed: its mask is open, and bounded by nothing")
    given = arguments(subject)
    mine = arguments(replace(subject, dtype="float64")) if kind == "float64" else given
    worker, tensorflow = workers["reference" if kind == "float64" else kind], workers["tf-cpu-eager"]
    ratios: list[float] = []
    observed: dict[str, Returned] = {}

    def both() -> None:
        observed["other"], observed["own"] = turn(tensorflow, subject, given), turn(worker, subject, mine)
        STOPWATCH.spent += median(worker, observed["own"])
        ratios.append(median(worker, observed["own"]) / median(tensorflow, observed["other"]))

    benchmark.pedantic(both, rounds=ROUNDS, warmup_rounds=1)

    theirs = of_image(subject, given).check(registry.find("tf-cpu-eager"), observed["other"])
    if theirs.verdict.outcome == "unsupported":
        pytest.skip("eager TensorFlow has no such call")
    assert theirs.correct
    assert of_image(subject, mine).check(registry.find("reference"), observed["own"]).correct

    aim = CONVOLUTION if "conv2d" in subject.op else AVERAGE if "avg" in subject.op else POOL
    benchmark.extra_info |= {"times TensorFlow's": float(np.median(ratios[1:])), "aim": aim[kind]}


def pool_sums(given: dict[str, Any]) -> Callable[[], Array]:
    """Return what gives the means of avg_pool-2 with no check of the call and no proof."""
    image = given["input"]

    def sums() -> Array:
        high = np.add(image[:, ::2], image[:, 1::2], dtype=np.float64)
        wide = high[:, :, ::2] + high[:, :, 1::2]
        return np.asarray(wide / 4, np.float32)

    return sums


def matrix_product(given: dict[str, Any]) -> Callable[[], Array]:
    """Return what gives conv2d-56 as one matrix product, of patches that are there already."""
    image, filters = given["input"], given["filters"]
    padded = np.pad(image.astype(np.float64), [(0, 0), (1, 1), (1, 1), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    patches = np.ascontiguousarray(windows.transpose(0, 1, 2, 4, 5, 3)).reshape(-1, 9 * image.shape[3])
    matrix = filters.astype(np.float64).reshape(patches.shape[1], -1)
    return lambda: (patches @ matrix).astype(np.float32).reshape(*image.shape[:3], -1)


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize(("layer", "bare"), [("avg_pool-2/layer", pool_sums), ("conv2d-56/layer", matrix_product)])
def test_what_numpy_needs_alone(
    benchmark: Any,  # noqa: ANN401 -- pytest-benchmark ships no types
    workers: dict[str, Worker],
    layer: str,
    bare: Callable[[dict[str, Any]], Callable[[], Array]],
) -> None:
    """
    The bare float64 sums of whole numbers are the reference's result.

    Recorded is how many times TensorFlow's time they take.
    """
    if workers["reference"].start.environment["OMP_NUM_THREADS"] != "1":
        pytest.skip("NumPy adds on one thread")
    subject = next(each for each in SUBJECTS if each.layer == layer)
    drawn = arguments(subject)
    given = drawn | {name: np.rint(drawn[name] * 8) for name in ("input", "filters") if name in drawn}
    made = bare(given)

    out = benchmark.pedantic(made, rounds=50, warmup_rounds=5)

    assert out.tolist() == getattr(reference, subject.op)(**given).tolist()
    other = median(workers["tf-cpu-eager"], turn(workers["tf-cpu-eager"], subject, given))
    benchmark.extra_info["times TensorFlow's"] = benchmark.stats.stats.median / other
