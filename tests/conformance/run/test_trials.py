"""A case on every target: routed, observed, judged, and written down, whatever the targets do."""

import math
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import pytest

from conformance import ops
from conformance.errors import UsageError
from conformance.judge.allowed import Results, allowed
from conformance.judge.judging import declared
from conformance.model import Case, Crashed, Observation, Raised, Returned, TimedOut, Unsupported, inside
from conformance.ops import OPS
from conformance.run.rows import rows
from conformance.run.scope import route_of
from conformance.run.trials import Outcome, Panel, twice
from conformance.selftest import robustness
from conformance.targets import registry
from conformance.targets.limits import Limit
from conformance.targets.target import constants, way_of
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Limits, Worker
from tests.miniatures.processes import children

MINIATURES = Path(__file__).parents[2] / "miniatures"
PAGE = os.sysconf("SC_PAGE_SIZE")

# What each hazard of tests/miniatures/faulty.py has to end in. A hang costs a second: it comes once.
OUTCOMES = {
    **robustness.OUTCOMES,
    "divide": ("crashed", "crashed"),
    "exit 7": ("crashed", "crashed"),
    "sys.exit": ("raised", "refused-valid"),
    "interrupt": ("raised", "refused-valid"),
    "lack": ("unsupported", ""),
    "objects": ("returned", "wrong-shape"),
    "nothing": ("returned", "wrong-shape"),
    "text": ("returned", "wrong-shape"),
}


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """Let workers import the miniatures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(MINIATURES))
        yield


def panel(*names: str, limits: Limits | None = None) -> Panel:
    """Return a panel of these targets."""
    return Panel({name: registry.find(name) for name in names}, limits, confirm=False)


def resident(pid: int | str = "self") -> int:
    """Return how many bytes a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def test_a_worker_that_took_a_wrong_call_is_replaced() -> None:
    """What it wrote where it should not would end a later call, which would be blamed; one that refuses goes on."""
    wrong = next(case for case in ops.generate("dropout_grad", 0, 0, 600) if case.breaks == "dropout.R2")
    with panel("planted:lenient", "planted:faithful") as targets:
        verdicts = [outcome.verdict.kind for outcome in targets.examine(wrong)]
        starts = [worker.starts for worker in targets.workers.values()]

    assert verdicts == ["accepted-invalid", ""]
    assert starts == [2, 1]


def test_the_next_case_is_with_the_target_before_the_last_is_judged() -> None:
    """When the first outcome is there, its call was taken and the next one is at the target; outcomes come in order."""
    stream = list(islice((case for case in ops.generate("avg_pool", 0, 0, 40) if not case.breaks), 4))
    with panel("planted:faithful") as targets:
        outcomes = targets.examined((case, ()) for case in stream)
        first = next(outcomes)
        worker = targets.workers["planted:faithful"]
        calls = worker.calls, len(worker._pending)
        rest = list(outcomes)

    assert calls == (1, 1)
    assert [outcome.case for (outcome,) in (first, *rest)] == stream


@pytest.fixture
def hurries(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return of each call whether it has less time than usual, as they are submitted."""
    noted: list[bool] = []
    submit = Worker.submit

    def noting(worker: Worker, *calls: Call, hurried: bool) -> None:
        noted.append(hurried)
        submit(worker, *calls, hurried=hurried)

    monkeypatch.setattr(Worker, "submit", noting)
    return noted


def test_what_shares_its_geometry_with_a_call_that_hangs_comes_last_and_is_hurried(hurries: list[bool]) -> None:
    """Two calls of each of two geometries, of which those of the first hang: the second of them comes after all."""
    valid = [case for case in ops.generate("max_pool", 3, 0, 12) if not case.breaks]
    hanging = [replace(case, attributes={**case.attributes, "name": "hang"}) for case in valid[:2]]
    stream = [*hanging, *valid[5:7]]
    with Panel({"faulty:named": registry.find("faulty:named")}, Limits(seconds=2.0, grace=0.3)) as targets:
        outcomes = [outcome for (outcome,) in targets.examined((case, ()) for case in stream)]

    assert [outcome.case for outcome in outcomes] == [stream[0], *stream[2:], stream[1]]
    assert [outcome.verdict.kind for outcome in outcomes] == ["hung", "", "", "hung"]
    assert hurries == [False, False, False, True]


def test_what_a_target_says_may_hang_is_hurried(hurries: list[bool]) -> None:
    """Of the pools that it says it of, those of 16-bit types; both calls end."""
    valid = next(case for case in ops.generate("max_pool", 3, 0, 12) if not case.breaks)
    limit = Limit(reason="slow", ops=("max_pool",), features={"dtype": ("bfloat16", "float16")})
    says = {"planted:faithful": replace(registry.find("planted:faithful"), hangs=(limit,))}
    with Panel(says, Limits(seconds=100.0)) as targets:
        outcomes = [targets.examine(OPS["max_pool"].cast(valid, dtype))[0] for dtype in ("bfloat16", "float32")]

    assert [outcome.verdict.outcome for outcome in outcomes] == ["agrees", "agrees"]
    assert hurries == [True, False]


def test_only_broken_calls_are_made_by_a_process_that_may_be_damaged() -> None:
    """Two calls of which a rate is taken that must be refused, then two valid ones: the process is replaced once."""
    stream = list(ops.generate("dropout_grad", 0, 0, 300))
    broken, valid = ([case for case in stream if case.breaks == rule][:2] for rule in ("dropout.R2", None))
    with panel("planted:lenient") as targets:
        outcomes = [outcome for (outcome,) in targets.examined((case, ()) for case in [*broken, *valid])]
        starts = targets.workers["planted:lenient"].starts

    assert [outcome.verdict.kind for outcome in outcomes] == ["accepted-invalid", "accepted-invalid", "", ""]
    assert starts == 2


def test_a_hurried_call_has_a_tenth_of_the_time() -> None:
    """It is ended after one second, where the limit is ten."""
    valid = next(case for case in ops.generate("max_pool", 3, 0, 12) if not case.breaks)
    hanging = replace(valid, attributes={**valid.attributes, "name": "hang"})
    with Panel({"faulty:named": registry.find("faulty:named")}, Limits(seconds=10.0), confirm=False) as targets:
        (outcome,) = targets.examine(hanging, hurried=True)

    assert outcome.verdict.kind == "hung"
    assert 1 <= outcome.verdict.evidence["seconds"] < 10


def test_every_cancelling_sum_is_run_twice() -> None:
    """There another order of the sum shows most; of the other regimes one case in sixteen is."""
    stream = [case for case in ops.generate("conv2d", 0, 0, 300) if not case.breaks]
    cancelling = [case for case in stream if case.regime == "ill-conditioned"]

    assert cancelling
    assert all(map(twice, cancelling))
    assert all(twice(replace(case, seed=16)) and not twice(replace(case, seed=17)) for case in stream[::5])


@pytest.mark.parametrize("op", OPS)
def test_the_specification_meets_the_bounds_of_float32(op: str) -> None:
    """A target that is the reference, and declares no more than float32, never disagrees."""
    with panel("planted:faithful") as targets:
        outcomes = [outcome for case in ops.generate(op, 11, 0, 48) for outcome in targets.examine(case)]

    assert [outcome for outcome in outcomes if outcome.verdict.outcome != "agrees"] == []


def test_a_namespace_says_what_it_claims() -> None:
    """Its PROFILE comes with its `ready` message, and the target is judged by it."""
    with panel("profiled") as running:
        target = running.targets["profiled"]

        assert target.profile
        assert target.profile.version == "1.0"
        assert target.deterministic
        assert target.unsupported("conv2d", {"dtype": "float32", "dilation": "above 1"}) == "no dilation"


def test_a_profile_that_is_none_is_the_users_error() -> None:
    """One line names the target, the key and the value, and the workers end."""
    with (
        pytest.raises(UsageError, match="the profile of misprofiled: dtypes: 'float31' is not known"),
        panel("misprofiled"),
    ):
        pass


def test_a_missing_function_is_unsupported() -> None:
    """A namespace without the op is not blamed."""
    with panel("math") as targets:
        (outcome,) = targets.examine(next(ops.generate("max_pool", 0, 0, 1)))

    assert outcome.verdict.outcome == "unsupported"


def test_the_routes_of_a_target_take_turns_by_the_seed() -> None:
    """
    The first of TensorFlow's three ways to the gradient of max_pool takes the even seeds, the others the odd ones.

    A plug-in has one way, nameless.
    """
    case = next(ops.generate("max_pool_grad", 0, 0, 1))
    tensorflow, plugin = registry.find("tf-cpu-eager"), registry.find("planted:faithful")

    routes = [route_of(tensorflow, replace(case, seed=seed)) for seed in range(6)]

    assert routes == ["raw", "tape", "raw", "argmax", "raw", "tape"]
    assert route_of(plugin, case) == ""


def test_calls_of_one_shape_are_traced_by_one_way_and_one_in_five_with_constants() -> None:
    """All arrays are constants of that graph, or all but the first: members of a group have consecutive seeds."""
    graph, plain = registry.find("tf-cpu-graph"), registry.find("tf-cpu-eager")
    valid = [case for case in ops.generate("conv2d", 0, 0, 60) if not case.breaks]
    case = valid[0]

    routes = [route_of(graph, replace(case, seed=seed)) for seed in range(10)]

    way = routes[1]
    assert routes == [f"{way}+input+filters", *[way] * 4, f"{way}+filters", *[way] * 4]
    assert {way_of(route_of(graph, each)) for each in valid} == set(graph.routes["conv2d"])
    assert not any(constants(route_of(plain, each)) for each in valid)


def test_a_row_brings_case_classes_and_verdict_back() -> None:
    """The content is the case; the verdict lacks its measures, which have columns of their own."""
    case = next(ops.generate("conv2d", 0, 0, 1))
    with panel("reference") as targets:
        (outcome,) = targets.examine(case)

    (written,) = rows([outcome])

    assert (written.call, written.case) == (case, case.id)
    assert written.classes == ops.features(case)
    assert written.judged == replace(outcome.verdict, measures={})
    assert written.cpu_seconds > 0


@pytest.mark.parametrize(
    ("observation", "seconds"),
    [
        (Returned((), 0.5, None, 0.25, 0.125), 0.125),
        (Returned((), 0.5, None, 0.25), 0.75),
        (Raised("E", "", 0.5, 0.0), 0.0),
        (Raised("E", "", 0.5), 0.5),
        (Crashed(1, seconds=3.0, cpu_seconds=0.25), 0.25),
        (TimedOut(10.0), 0.0),
        (Unsupported(""), 0.0),
    ],
)
def test_time_inside_a_call_is_processor_time(observation: Observation, seconds: float) -> None:
    """Where an answer does not tell it, the time with tracing; a call without an answer may have slept."""
    assert inside(observation) == seconds


def hazardous(count: int) -> Iterator[tuple[Case, str]]:
    """Yield cases that no error conforms to; every tenth is named after a hazard, in turn."""
    drawn = ops.generate("max_pool", 3, 0, 2 * count)
    owed = (case for case in drawn if isinstance(allowed(case, ops.arguments(case)), Results))
    hazards = cycle(OUTCOMES)
    for number, case in enumerate(islice(owed, count)):
        hazard = next(hazards) if number % 10 == 9 else "none"
        yield replace(case, attributes={**case.attributes, "name": hazard}), hazard


def check_hazards(count: int) -> None:
    """Run cases of which every tenth misbehaves: each is observed as what it is, and no other is touched by it."""
    seen: list[tuple[Outcome, str]] = []
    began = time.monotonic()
    with panel("faulty:named", limits=Limits(seconds=1.0, grace=0.3, memory=1 << 30)) as targets:
        for case, hazard in hazardous(count):
            (outcome,) = targets.examine(case)
            assert outcome.case == case
            seen.append((outcome, hazard))
        assert not targets.workers["faulty:named"].idle_deaths
    print(f"{count} cases, a fault in every tenth: {count / (time.monotonic() - began):.1f} cases a second")  # noqa: T201

    wrong = [
        (hazard, outcome.observation, outcome.verdict)
        for outcome, hazard in seen
        if (type(outcome.observation).__name__.lower(), outcome.verdict.kind) != OUTCOMES.get(hazard, ("returned", ""))
    ]
    assert len(seen) == count
    assert wrong == []
    assert [state for _, state in children() if state == "Z"] == []


def test_a_fault_in_every_tenth_case_touches_no_other() -> None:
    """170 cases: each hazard once."""
    check_hazards(170)


@pytest.mark.slow
def test_a_thousand_faults_in_ten_thousand_cases_touch_no_other() -> None:
    """Each hazard 58 times or more: nothing is lost, nothing is blamed on a neighbour, no zombie is left."""
    check_hazards(10_000)


@pytest.mark.slow
def test_memory_stays_flat_over_twenty_thousand_observations() -> None:
    """Of this process and of the worker: no more in the last quarter than in the second, but for 5%."""
    held: list[tuple[int, int]] = []
    with panel("reference") as targets:
        targets.about()
        (worker,) = [pid for pid, state in children() if state != "Z"]
        for number, case in enumerate(generated(20_000)):
            rows(targets.examine(case))
            if number % 500 == 0:
                held.append((resident(), resident(worker)))

    quarter = len(held) // 4
    for own in zip(*held, strict=True):
        assert max(own[3 * quarter :]) <= 1.05 * max(own[quarter : 2 * quarter])


def generated(count: int) -> Iterator[Case]:
    """Yield so many cases, the ops taking turns."""
    streams = [ops.generate(op, 0, 0, math.ceil(count / len(OPS))) for op in OPS]
    return islice((case for together in zip(*streams, strict=True) for case in together), count)


def test_a_target_is_judged_by_what_it_declares() -> None:
    """The reference is held to the last bit; float32 is allowed more, and the sets are worked out once for each."""
    counts: Counter[str] = Counter()
    with panel("planted:faithful", "reference") as targets:
        case = next(case for case in ops.generate("conv2d", 0, 0, 99) if case.regime == "normal")
        for outcome in targets.examine(case):
            counts[outcome.target] += outcome.verdict.outcome == "agrees"
        arithmetics = [declared(target, case).name for target in targets.targets.values()]

    assert arithmetics == ["float32", "correctly-rounded"]
    assert counts == {"planted:faithful": 1, "reference": 1}
