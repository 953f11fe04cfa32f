"""One cause is one finding: by the choice that decides it, by what a target claims, within calls and seconds."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from math import prod
from pathlib import Path

import pytest

from conformance import ops
from conformance.model import Case
from conformance.run.rows import Row, rows
from conformance.run.trials import Panel
from conformance.targets import registry
from conformance.targets.target import Target
from conformance.triage.attempts import Search
from conformance.triage.clusters import Cluster
from conformance.triage.search import NOT_ALONE, find_all

MINIATURES = Path(__file__).parents[2] / "miniatures"


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """Let workers import the miniatures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(MINIATURES))
        yield


def wrong(panel: Panel, cases: Iterator[Case], number: int) -> list[Row]:
    """Return the first disagreements of the only target with these cases."""
    outcomes = (panel.examine(case) for case in cases)
    lines = (line for several in outcomes for line in rows(several))
    return list(islice((line for line in lines if line.verdict == "disagrees"), number))


def only(target: str) -> dict[str, Target]:
    """Return one target by its name."""
    return {target: registry.find(target)}


def test_nan_by_position_is_one_finding_of_the_rule_that_decides_it() -> None:
    """max_pool.R10: whatever shapes show it, and however few values are NaN."""
    special = (case for case in ops.generate("max_pool", 0, 0, 5000) if case.regime == "special" and not case.breaks)
    with Panel(only("choosing:positional")) as panel:
        (finding,) = find_all(wrong(panel, special, 3), Search(panel), [], {})

    assert (finding.verdict.rule, dict(finding.predicate), finding.cases) == ("max_pool.R10", {}, 3)
    assert "where max_pool.R10 decides" in finding.title


def test_a_gradient_that_is_scaled_wrongly_is_one_finding() -> None:
    """By a number and by a tensor, small or not: what the fault does not depend on is no part of the predicate."""
    valid = (case for case in ops.generate("dropout_grad", 0, 0, 5000) if not case.breaks)
    with Panel(only("choosing:misgraded")) as panel:
        (finding,) = find_all(wrong(panel, valid, 30), Search(panel), [], {})

    assert finding.cases == 30
    assert not set(finding.predicate) & {"rate", "rate given as", "dtype"}


def test_what_a_target_does_not_claim_governs_nothing() -> None:
    """A fault of every call of a target that claims float32 and NHWC alone has neither in its predicate."""
    valid = (case for case in ops.generate("conv2d", 0, 0, 5000) if not case.breaks)
    claimed = (case for case in valid if case.dtype == "float32" and ops.features(case)["layout"] == "NHWC")
    with Panel(only("choosing:narrow")) as panel:
        (finding,) = find_all(wrong(panel, claimed, 2), Search(panel), [], {})

    assert not set(finding.predicate) & {"dtype", "layout", "data_format spelt"}


def test_what_is_found_is_spelt_as_its_target_reads() -> None:
    """A target that reads pairs is shown no strides of one number, though they are the smaller case."""
    cases = (ops.canonical(case) for case in ops.generate("conv2d", 0, 0, 5000) if not case.breaks)
    claimed = (case for case in cases if case.dtype == "float32")
    with Panel(only("choosing:canonical")) as panel:
        (finding,) = find_all(wrong(panel, claimed, 1), Search(panel), [], {})

    assert finding.case == ops.canonical(finding.case)


def test_what_governs_a_fault_holds_of_the_call_that_first_showed_it() -> None:
    """A mean that counts its padding, met where that is alike at both ends: the smallest case pads one end alone."""
    valid = (case for case in ops.generate("avg_pool_grad", 0, 0, 5000) if not case.breaks and case.dtype == "float32")
    alike = (
        case for case in valid if {"padding": "SAME", "padding ends": "alike"}.items() <= ops.features(case).items()
    )
    with Panel(only("choosing:padded_means")) as panel:
        observed = wrong(panel, alike, 1)
        (finding,) = find_all(observed, Search(panel), [], {})

    assert ops.features(finding.case)["padding ends"] == "unlike"
    assert finding.predicate.items() <= observed[0].classes.items()


def test_a_fault_of_few_values_is_governed_by_no_shape() -> None:
    """Infinity clamped: a neighbour of other channels or filters has to be given values enough to show it, too."""
    special = (case for case in ops.generate("conv2d", 0, 0, 5000) if case.regime == "special" and not case.breaks)
    with Panel(only("choosing:clamping")) as panel:
        (finding,) = find_all(wrong(panel, special, 1), Search(panel), [], {})

    assert set(finding.predicate) <= {"regime"}


@pytest.mark.parametrize("op", ["conv2d", "depthwise_conv2d", "max_pool", "bias_add"])
def test_channels_are_changed_to_classes_on_both_sides(op: str) -> None:
    """Of a call with fewer than 8 channels: to one channel, and to a multiple of 8."""
    valid = (case for case in ops.generate(op, 0, 0, 5000) if not case.breaks)
    case = next(case for case in valid if ops.features(case)["channels"] == "below 8")

    assert {"1", "multiple of 8"} <= {ops.features(other)["channels"] for other in ops.neighbours(case)}


def found_within(search: Search, observed: list[Row], clock: Iterator[float]) -> tuple[Cluster, list[str]]:
    """Return the only cluster that a search finds by a clock, and what it tells meanwhile."""
    said: list[str] = []
    search.tell, search.clock, search.told = said.append, lambda: next(clock), 0.0
    (finding,) = find_all(observed, search, [], {})
    return finding, said


def test_seconds_are_budgeted_as_calls_are_and_progress_is_told() -> None:
    """Each call takes ten seconds: 300 in all are 30 calls, and every one is told of."""
    valid = (case for case in ops.generate("conv2d", 0, 0, 5000) if not case.breaks)
    claimed = (case for case in valid if case.dtype == "float32" and ops.features(case)["layout"] == "NHWC")
    with Panel(only("choosing:narrow")) as panel:
        observed = wrong(panel, claimed, 1)
        slow = Search(panel)
        _, said = found_within(slow, observed, (10.0 * tick for tick in count()))

    assert slow.whole <= 0
    assert 3950 < slow.total < 4000
    assert sum("calls and" in line for line in said) > 20


def test_shrinking_goes_on_where_the_first_budget_ends() -> None:
    """Three seconds a call end a cluster's budget after ten calls; the seconds of all make the case smaller."""
    valid = (case for case in ops.generate("conv2d", 0, 0, 5000) if not case.breaks)
    claimed = (case for case in valid if case.dtype == "float32" and ops.features(case)["layout"] == "NHWC")
    with Panel(only("choosing:narrow")) as panel:
        observed = wrong(panel, claimed, 1)
        once = Search(panel, whole=31.0)
        first, _ = found_within(once, observed, (1.5 * tick for tick in count()))
        further, _ = found_within(Search(panel), observed, (1.5 * tick for tick in count()))

    assert first.cut_off
    assert elements(further.case) < elements(first.case)


def elements(case: Case) -> int:
    """Return how many elements its arrays have."""
    return sum(prod(spec.shape) for spec in case.arrays.values())


def test_a_crash_that_is_another_calls_is_no_finding() -> None:
    """A call that ended its process once and is right alone: what damaged the process went before."""
    case = next(case for case in ops.generate("max_pool", 0, 0, 5) if not case.breaks)
    with Panel(only("planted:faithful"), confirm=False) as panel:
        (right,) = rows(panel.examine(case))
        crash = replace(right, verdict="disagrees", kind="crashed", symptoms=("signal",), evidence='{"signal": 6}')
        wrong = replace(right, verdict="disagrees", kind="wrong-value", symptoms=("nan",))
        found = find_all([crash, wrong], Search(panel), [], {})

    assert [(each.kind, each.remark) for each in found] == [("wrong-value", NOT_ALONE)]
