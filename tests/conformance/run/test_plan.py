"""A plan's shards: each source whole and evenly spread, each lap of a budget another, each target what it can pay."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import dropwhile, islice, takewhile

import pytest

from conformance import ops
from conformance.ops.listed import blocks
from conformance.run.plan import AHEAD, CASES, CORE, Plan, Shard, Task, own_cases, shards, taking
from conformance.run.scope import route_of
from conformance.run.sources import COVERING, SHARD
from conformance.run.sweep import ListedBlock
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


def of_kind(tasks: Sequence[Task], kind: str) -> int:
    """Return how many shards are of a source of calls, or of a class of shards."""
    return sum(kind in (type(task).__name__, getattr(task, "source", "")) for task in tasks)


def places(tasks: Sequence[Task], source: str) -> list[int]:
    """Return where the shards of a source are."""
    return [place for place, task in enumerate(tasks) if isinstance(task, Shard) and task.source == source]


def test_every_source_is_gone_through_once() -> None:
    """No name comes twice, the blocks are all of the corpus, and the last shard of a source is counted as it is."""
    tasks = list(shards(plan()))
    names = [task.name for task in tasks]

    assert len(set(names)) == len(names)
    listed = [task for task in tasks if isinstance(task, ListedBlock)]
    assert len(listed) == sum(len(blocks(op, 3, whole=False)) for op in OPS)
    assert sum(task.size(plan()) for task in of_source(tasks, "stream")) == len(OPS) * CASES
    covering = sum(task.size(plan()) for task in of_source(tasks, "covering"))
    assert covering == len(OPS) * COVERING
    assert own_cases(plan())["avg_pool"] == CASES + covering // len(OPS) + len(list(ops.refusals("avg_pool")))


def test_each_beginning_is_a_sample_of_every_source() -> None:
    """Where half of the broken calls have come, half of the others have: a run that is cut short meets all of them."""
    tasks = list(shards(plan(world=3)))
    broken = places(tasks, "refusals")
    half = tasks[: broken[len(broken) // 2]]

    for kind in ("Block", "ListedBlock"):
        whole = of_kind(tasks, kind)
        assert abs(of_kind(half, kind) - whole / 2) <= whole / len(broken)


def test_a_run_begins_with_all_pairs_of_classes() -> None:
    """Its first shards are of covering calls, and meet what all 4,096 draws that are taken do."""
    first = list(takewhile(lambda task: "covering" in task.name, shards(plan())))
    for op in OPS:
        own = [shard for shard in of_source(first, "covering") if shard.op == op]
        numbers = [number for shard in own for number in shard.prepared(plan()).draws or ()]
        calls = [case for number in numbers for case in ops.drawn(op, 3, number)]
        met = ops.met(ops.made(calls), ops.makeable(op, 3, taken=taking(plan())))["pairs"]

        assert met.reached == met.makeable
        assert len(numbers) < ops.of_pairs(op, 3, taken=taking(plan())) + SHARD


def test_each_op_is_on_every_target_next() -> None:
    """The first shards after those of the pairs are the first of each op's stream."""
    tasks = dropwhile(lambda task: "covering" in task.name, shards(plan()))

    assert [task.name for task in islice(tasks, len(OPS))] == ["max_pool_grad-00000", "avg_pool-00000"]


@pytest.mark.parametrize(("source", "pace"), [("covering", AHEAD), ("stream", CORE)])
def test_some_sources_are_ahead(source: str, pace: int) -> None:
    """Of so many times the pace: where so small a part of the broken calls has come, all of them have, evenly."""
    tasks = list(dropwhile(lambda task: "covering" in task.name, shards(plan())))[len(OPS) :]
    ahead, others = places(tasks, source), places(tasks, "refusals")

    assert ahead[-1] < others[len(others) // pace + 1]
    assert abs(sum(place < others[len(others) // pace // 3] for place in ahead) - len(ahead) / 3) <= pace


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
    """Two laps: the broken calls of the second go by other routes, its covering calls are others."""
    targets = {name: find(name) for name in TARGETS}
    tasks = list(islice((task for task in shards(plan(cases=10**6, budget=1.0)) if isinstance(task, Shard)), 600))
    several = [task for task in of_source(tasks, "covering") if task.op == "avg_pool"]
    broken = [task for task in of_source(tasks, "refusals") if task.op == "avg_pool"]
    lap = len({task.name for task in of_source(list(shards(plan())), "refusals") if task.op == "avg_pool"})
    (one, first), (other, second) = (next(broken[number].cases(plan(), targets)) for number in (0, lap))
    drawn = [set(ops.covering("avg_pool", 3, number, draws=60)) for number in (0, 1)]

    assert len({task.name for task in several}) == len(several) > COVERING // SHARD
    assert not drawn[0] & drawn[1]
    assert replace(one, seed=0) == replace(other, seed=0)
    assert (route_of(targets["tf-cpu-eager"], one), route_of(targets["tf-cpu-eager"], other)) == ("nn", "nn2d")
    assert first[0] == second[0] == "tf-cpu-eager"


def test_the_shards_of_a_covering_array_carry_its_draws() -> None:
    """All of the choice, each draw once: who makes the calls has nothing to choose."""
    lap = [Shard(number, "avg_pool", "covering").prepared(plan()) for number in range(COVERING // SHARD)]

    assert tuple(draw for shard in lap for draw in shard.draws or ()) == ops.covering("avg_pool", 3)


def test_covering_calls_go_to_targets_that_trace_nothing() -> None:
    """A new geometry costs XLA a compilation, and eager nothing."""
    targets = {name: find(name) for name in TARGETS}
    calls = list(Shard(0, "avg_pool", "covering").cases(plan(), targets))

    assert {name for _, names in calls for name in names} == {"tf-cpu-eager", "reference"}


def test_what_can_meet_is_what_a_target_claims() -> None:
    """Eager TensorFlow pools no float64 in NCHW: on it alone nothing covers that, and nothing of it can be reached."""
    eager, wide = (taking(plan(targets=names)) for names in (("tf-cpu-eager", "tf-cpu-xla"), TARGETS))
    nchw = ("dtype", "float64"), ("layout", "NCHW")

    for taken, there in ((eager, False), (wide, True)):
        rows = ops.makeable("avg_pool", 3, 600, taken).rows
        chosen = [
            ops.features(*ops.drawn("avg_pool", 3, number)) for number in ops.covering("avg_pool", 3, 0, 600, taken)
        ]
        assert any({*nchw} <= {*row} for row in rows) == there
        assert any({*nchw} <= {*classes.items()} for classes in chosen) == there


def test_a_call_that_no_target_claims_is_not_made() -> None:
    """Eager TensorFlow pools float64 in NHWC only: of what is drawn it gets the rest."""
    calls = list(Shard(0, "avg_pool", "covering").cases(plan(), {"tf-cpu-eager": find("tf-cpu-eager")}))

    assert {names for _, names in calls} == {("tf-cpu-eager",)}
    assert len(calls) < SHARD


def test_a_broken_call_goes_to_the_first_target_and_to_one_of_the_others() -> None:
    """TensorFlow's three ways to max_pool_grad take turns, and the other two targets do."""
    targets = {name: find(name) for name in TARGETS}
    calls = [
        call
        for shard in of_source(list(shards(plan(ops=("max_pool_grad",)))), "refusals")
        for call in shard.cases(plan(), targets)
    ]
    counts = Counter(name for _, names in calls for name in names)
    routes = Counter(route_of(targets["tf-cpu-eager"], case) for case, _ in calls)

    assert len(calls) == len(list(ops.refusals("max_pool_grad")))
    assert counts["tf-cpu-eager"] > 0.98 * len(calls)  # by one way it claims NHWC only
    assert min(counts["tf-cpu-xla"], counts["reference"]) > len(calls) / 4
    assert sorted(routes) == ["argmax", "raw", "tape"]
    assert max(routes.values()) - min(routes.values()) <= 1


def test_a_sparse_op_has_one_in_so_many_shards_of_its_stream() -> None:
    """Patterns, whose calls are traced one by one, have the first and the fifth of eight."""
    tasks = list(shards(plan(ops=("pattern", "avg_pool"), more=False, corpus="")))

    assert [task.number for task in of_source(tasks, "stream") if task.op == "pattern"] == [0, 4]
    assert len([task for task in of_source(tasks, "stream") if task.op == "avg_pool"]) == CASES // SHARD
