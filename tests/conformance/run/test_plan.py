"""A plan's shards: each source whole and evenly spread, each lap of a budget another, each target what it can pay."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice

import pytest

from conformance import ops
from conformance.ops.listed import blocks
from conformance.run.plan import CASES, Plan, Shard, Task, own_cases, shards
from conformance.run.sources import COVERING, SHARD
from conformance.run.sweep import Block, ListedBlock
from conformance.targets.registry import find

TARGETS = ("tf-cpu-eager", "tf-cpu-xla", "reference")
OPS = ("max_pool_grad", "avg_pool")


def plan(**changed: object) -> Plan:
    """Return a run's plan as it is by default, of two ops."""
    given = {"ops": OPS, "targets": TARGETS, "cases": CASES, "seed": 3, "jobs": 1, "more": True, "corpus": "small"}
    return Plan(**{**given, **changed})  # type: ignore[arg-type]


def of_source(tasks: Sequence[Task], source: str) -> list[Shard]:
    """Return the shards of a source."""
    return [task for task in tasks if isinstance(task, Shard) and task.source == source]


def test_every_source_is_gone_through_once() -> None:
    """No name comes twice, the blocks are all of the corpus, and the last shard of a source is counted as it is."""
    tasks = list(shards(plan()))
    names = [task.name for task in tasks]

    assert len(set(names)) == len(names)
    listed = [task for task in tasks if isinstance(task, ListedBlock)]
    assert len(listed) == sum(len(blocks(op, 3, whole=False)) for op in OPS)
    assert sum(task.size(plan()) for task in of_source(tasks, "stream")) == len(OPS) * CASES
    assert sum(task.size(plan()) for task in of_source(tasks, "covering")) == len(OPS) * COVERING
    # By three routes: tf.nn.avg_pool, tf.nn.avg_pool2d, and the tape of the tape.
    assert own_cases(plan())["avg_pool"] == CASES + COVERING + 3 * len(list(ops.refusals("avg_pool")))


@pytest.mark.parametrize("source", ["stream", "refusals", "covering"])
def test_each_beginning_is_a_sample_of_every_source(source: str) -> None:
    """Of half of the shards, about half are of each source: a run that is cut short has met all of them."""
    tasks = [task for task in shards(plan()) if not isinstance(task, Block)]
    whole, half = (len(of_source(part, source)) for part in (tasks, tasks[: len(tasks) // 2]))

    assert abs(half - whole / 2) <= len(OPS) + 1


def test_a_run_of_so_many_cases_has_the_stream_alone() -> None:
    """As `--cases` asks."""
    tasks = list(shards(plan(cases=60, more=False, corpus="")))

    assert [task.name for task in tasks] == [
        "max_pool_grad-00000",
        "avg_pool-00000",
        "max_pool_grad-00001",
        "avg_pool-00001",
    ]


def test_only_valid_calls_have_no_refusals() -> None:
    """As `--valid-only` asks."""
    assert not of_source(list(shards(plan(valid_only=True))), "refusals")


def test_under_a_budget_every_lap_has_other_calls() -> None:
    """Two laps: the refusals come in the first one only, the covering calls of the second are others."""
    tasks = list(islice((task for task in shards(plan(cases=10**6, budget=1.0)) if isinstance(task, Shard)), 600))
    several = of_source(tasks, "covering")
    numbers = [task.number for task in several if task.op == "avg_pool"]
    first, second = ({case.id for case in ops.covering("avg_pool", 3, lap, draws=60)} for lap in (0, 1))

    assert numbers == list(range(len(numbers)))
    assert len(numbers) > COVERING // SHARD
    assert len(of_source(tasks, "refusals")) == len(of_source(list(shards(plan())), "refusals"))
    assert not first & second


def test_covering_calls_go_to_targets_that_trace_nothing() -> None:
    """A new geometry costs XLA a compilation, and eager nothing."""
    targets = {name: find(name) for name in TARGETS}
    calls = list(Shard(0, "avg_pool", "covering").cases(plan(), targets))

    assert {name for _, names in calls for name in names} == {"tf-cpu-eager", "reference"}


def test_refusals_go_to_every_target_by_each_of_its_routes() -> None:
    """TensorFlow has three ways to max_pool_grad, the reference one: it gets each call once."""
    targets = {name: find(name) for name in TARGETS}
    number = len(list(ops.refusals("max_pool_grad")))
    calls = [
        call
        for shard in of_source(list(shards(plan(ops=("max_pool_grad",)))), "refusals")
        for call in shard.cases(plan(), targets)
    ]
    counts = Counter(name for _, names in calls for name in names)

    assert counts["reference"] == number
    assert counts["tf-cpu-eager"] > 2 * number
    assert {case.seed for case, names in calls if "tf-cpu-eager" in names} == {0, 1, 2}
