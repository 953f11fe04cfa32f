"""
A toy op goes the whole way, defined in this file alone: docs/adding-an-op.md explains it.

It is drawn, broken, judged, shrunk, clustered, shown by a script, known as a cause, reported, and tried by the
self-test with a planted fault.
"""

import datetime as dt
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance import ops
from conformance.cases import demands, regimes, sizes
from conformance.cases.choices import Choices
from conformance.cases.op import Arguments, Op, Permits
from conformance.cases.values import Demand
from conformance.cases.world import Axes, World
from conformance.model import Array, ArraySpec, Case
from conformance.ops.sums import always
from conformance.report.data import gather
from conformance.report.pages import page
from conformance.run import jobs
from conformance.run import plan as plans
from conformance.run.header import header
from conformance.run.plan import Plan
from conformance.run.spent import Spent
from conformance.run.store import Store
from conformance.run.sweep import sweep
from conformance.run.trials import Panel
from conformance.selftest.implementations import trials
from conformance.selftest.mutation.calls import after
from conformance.selftest.mutation.variants import variants
from conformance.sets import Results
from conformance.targets.registry import find
from conformance.triage import campaign
from conformance.triage.accepting import accept
from conformance.triage.known.reading import load
from reference import SpecError
from reference.bounds import exactly

# --- the specification ------------------------------------------------------------------------------------------------


def doubled(x: Array, times: int = 1) -> Array:
    """
    Double x, `times` times.

        out[...] = 2^times x[...]

    Rules:
        doubled.R1  x is floating.
        doubled.R2  times is at least 0.
    """
    if x.dtype.kind != "f":
        raise SpecError("doubled.R1", f"x is {x.dtype.name}: not floating")
    if times < 0:
        raise SpecError("doubled.R2", f"times is {times}: below 0")
    return definition(x, times)


def definition(x: Array, times: int) -> Array:
    """Multiply by a power of two, which is exact."""
    return np.asarray(x * x.dtype.type(2.0**times))


# --- the record -------------------------------------------------------------------------------------------------------

DTYPES = ("float32", "float64")


def valid(choices: Choices) -> Case:
    """Draw a valid call."""
    dtype = choices.pick(DTYPES)
    shape = tuple(choices.pick((1, 2, 3, 8)) for _ in range(choices.pick((1, 2, 3))))
    arrays = {"x": ArraySpec(shape, dtype)}
    attributes = {"times": choices.pick((1, 2, 0, 3))}
    return Case(op="doubled", arrays=arrays, attributes=attributes, regime="normal", seed=choices.integer(0, 99))


def whole_numbers(_op: str, choices: Choices) -> Case:
    """Give integers."""
    case = valid(choices)
    return replace(case, arrays={"x": ArraySpec(case.arrays["x"].shape, "int32")})


def below_zero(_op: str, choices: Choices) -> Case:
    """Halve."""
    return replace(valid(choices), attributes={"times": choices.pick((-1, -2))})


def features(case: Case) -> dict[str, str]:
    """Classify rank and times."""
    return {"rank": str(len(case.arrays["x"].shape)), "times": str(case.attributes["times"])}


def simpler(case: Case) -> Iterator[Case]:
    """Yield the call with a smaller shape, or once doubled."""
    shape, dtype = case.arrays["x"].shape, case.dtype
    if len(shape) > 1:
        yield replace(case, arrays={"x": ArraySpec(shape[1:], dtype)})
    for side in sizes.smaller(shape[0]):
        yield replace(case, arrays={"x": ArraySpec((side, *shape[1:]), dtype)})
    if case.attributes["times"] != 1:
        yield replace(case, attributes={"times": 1})


def varied(case: Case) -> Iterator[Case]:
    """Yield the call doubled twice."""
    yield replace(case, attributes={"times": 2})


def arrays(case: Case) -> dict[str, Array]:
    """Draw small whole numbers on the lattice."""
    return demands.arrays(case, {"x": Demand(largest=100)})


def allowed(arguments: Arguments) -> Permits:
    """Allow the exact result, and nothing else."""
    return always(Results((exactly(doubled(**arguments)),)))


def small(dtype: str, number: int, **chosen: int) -> Case:
    """Return a small call."""
    arrays = {"x": ArraySpec((chosen["high"], chosen["wide"]), dtype)}
    return Case(op="doubled", arrays=arrays, attributes={"times": chosen["times"]}, regime="lattice", seed=number)


def parts(side: int) -> Mapping[str, Axes]:
    """Return the axes of all small calls."""
    sides = tuple(range(1, side + 1))
    return {"matrices": {"high": sides, "wide": sides, "times": (0, 1, 2, 3)}}


DOUBLED = Op(
    name="doubled",
    reference=doubled,
    operands={"x": "tensor"},
    dtypes=DTYPES,
    options=("times",),
    valid=valid,
    world=World(parts=parts, call=small),
    breaks={"doubled.R1": (whole_numbers,), "doubled.R2": (below_zero,)},
    features=features,
    simpler=simpler,
    varied=varied,
    cast=regimes.cast,
    arrays=arrays,
    allowed=allowed,
)

# --- a target that offers it, with a fault: three doublings are two ---------------------------------------------------

TARGET = """
import numpy as np

def doubled(x, times=1):
    if x.dtype.kind != "f":
        raise TypeError("whole numbers")
    return np.asarray(x * x.dtype.type(2.0 ** (2 if times == 3 else times)))
"""
PLAN = Plan(ops=("doubled",), targets=("toy_target",), cases=60, seed=0, jobs=1, world=3)


@pytest.fixture(scope="module", autouse=True)
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Put the record into the table, and the target where workers find it."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "toy_target.py").write_text(TARGET)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ops.OPS, "doubled", DOUBLED)
        patch.setenv("PYTHONPATH", str(folder))
        yield


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Give a run on the target, in this process: others do not know the op."""
    store = Store.create(tmp_path_factory.mktemp("run") / "run", header(PLAN))
    with Panel({"toy_target": find("toy_target")}) as panel:
        spent = Spent(panel)
        for shard in plans.shards(PLAN):
            jobs.perform(PLAN, shard, panel, store, spent, lambda _: None)
    campaign.conduct(PLAN, store, [], lambda _: None, lambda _: None)
    return store


def findings(store: Store) -> dict[str, dict[str, Any]]:
    """Return the findings of the run by kind."""
    return {finding["kind"]: finding for finding in store.read_json("findings.json")["findings"]}


def test_its_calls_are_drawn_and_broken_by_rule() -> None:
    """Of sixty cases ten are broken, by both rules; the specification refuses them by the rule that they name."""
    broken = [case for case in ops.generate("doubled", 0, 0, 60) if case.breaks]

    assert len(broken) == 10
    assert {case.breaks for case in broken} == {"doubled.R1", "doubled.R2"}
    for case in broken:
        with pytest.raises(SpecError, match=case.breaks):
            doubled(**ops.arguments(case))


def test_its_fault_is_one_finding_shrunk_to_its_cause(store: Store) -> None:
    """One element, and times 3 governs it; what is accepted is a finding of its rule."""
    found = findings(store)

    assert set(found) == {"wrong-value", "accepted-invalid"}
    assert found["wrong-value"]["predicate"] == {"times": "3"}
    assert found["wrong-value"]["case"]["arrays"]["x"]["shape"] == [1]
    assert found["accepted-invalid"]["rule"] == "doubled.R2"


def test_its_small_world_is_swept() -> None:
    """Of the 36 matrices to side 3, doubled 0 to 3 times, the quarter that is doubled three times is wrong."""
    (single, _) = ops.regions("doubled", 3).values()

    with Panel({"toy_target": find("toy_target")}) as panel:
        scopes = plans.scopes_of(PLAN, panel.targets)
        swept = sweep(panel, scopes, list(single.cases(0, single.size)))["toy_target"]

    assert swept.counts == Counter(agrees=27, disagrees=9)
    assert {outcome.case.attributes["times"] for outcome in swept.kept} == {3}


def test_its_script_shows_the_fault(store: Store) -> None:
    """It ends with exit code 1, since the target has the fault."""
    script = store.folder / "findings" / findings(store)["wrong-value"]["id"] / "repro.py"

    assert subprocess.run([sys.executable, str(script)], check=False, capture_output=True).returncode == 1  # noqa: S603


def test_the_report_shows_it(store: Store) -> None:
    """The page names the op, its rules and the finding."""
    text = page(gather([store.folder]))

    assert "doubled.R2" in text
    assert findings(store)["wrong-value"]["id"] in text


def test_a_fault_planted_in_it_is_killed() -> None:
    """A mutant that adds one is caught by the first case; the reference, unchanged, by none of sixty."""
    plus_one, unchanged = (
        variants(["doubled"], (name, name, fault))[0]
        for name, fault in (("adds one", after(lambda _, out: out + 1)), ("nothing", after(lambda _, out: out)))
    )
    verdicts = {
        mutant.kind: [trial.verdict.outcome for trial in trials([mutant], ops.generate("doubled", 0, 0, 60))]
        for variant in (plus_one, unchanged)
        for mutant in variant.implementations()
    }

    assert verdicts["adds one"][0] == "disagrees"
    assert set(verdicts["nothing"]) == {"agrees"}


def test_what_was_found_can_be_made_known(store: Store, tmp_path: Path) -> None:
    """Once accepted, both findings of the same run are known, and nothing is new."""
    known = tmp_path / "mine.toml"
    assert accept(store, known, "measured once", dt.date(2999, 1, 1)) == 2

    result = campaign.conduct(PLAN, store, load(known), lambda _: None, lambda _: None)

    assert {finding.status for finding in result.findings} == {"known"}
    assert [entry.state for entry in result.known] == ["seen", "seen"]
    assert not result.failed
