"""The cases of each target: inside what it claims, as many geometries as of one that claims all, and a few outside."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from conformance import ops
from conformance.model import Case
from conformance.ops import OPS
from conformance.ops.profile_reading import parsed
from conformance.run.scope import PROBED, Scope, is_probe, shared
from conformance.run.sources import SHARD, SOURCES, Part
from conformance.run.sweep import sweep
from conformance.run.trials import Panel
from conformance.targets.registry import find
from conformance.targets.target import Target

COUNT = 300
NARROW = {"dtypes": ["float32"], "layouts": ["NHWC"], "limits": [{"reason": "no", "features": {"dilation": "above 1"}}]}


def target(profile: Mapping[str, Any] | None = None, name: str = "some") -> Target:
    """Return a target that claims this; everything by default."""
    plain = Target(name=name, about="")
    return plain if profile is None else plain.claiming(parsed(profile, name))


def drawn(op: str, *targets: Target, **more: Any) -> list[tuple[Case, tuple[str, ...]]]:  # noqa: ANN401 -- of shared
    """Return what targets get of the first cases of a stream."""
    asked = {name: more.pop(name) for name in ("dtypes", "layouts") if name in more}
    scopes = {each.name: Scope(target=each, **asked) for each in targets}
    return list(shared(op, 3, 0, COUNT, scopes, **more))


def valid(cases: Sequence[tuple[Case, tuple[str, ...]]]) -> list[Case]:
    """Return the valid calls."""
    return [case for case, _ in cases if not case.breaks]


@pytest.mark.parametrize("op", OPS)
def test_a_target_that_claims_all_gets_the_common_stream(op: str) -> None:
    """Each case once, in its order."""
    assert [case for case, _ in drawn(op, target())] == list(ops.generate(op, 3, 0, COUNT))


@pytest.mark.parametrize("op", OPS)
def test_a_narrow_target_meets_as_many_geometries(op: str) -> None:
    """Of float32 in NHWC without dilation: 250 valid calls in about 50 geometries, as of one that claims all."""
    narrow, wide = (valid(drawn(op, target(profile))) for profile in (NARROW, None))

    assert len(narrow) == len(wide) == COUNT * 5 // 6
    assert len(set(map(ops.geometry, narrow))) >= 0.9 * len(set(map(ops.geometry, wide)))


@pytest.mark.parametrize("op", OPS)
def test_few_calls_are_outside_the_claim(op: str) -> None:
    """All others are inside: one group of four that are outside keeps its first call, one of twenty calls."""
    scope = Scope(target=target(NARROW))

    outside = [case for case in valid(drawn(op, scope.target)) if not scope.claims(case)]

    assert 0 < len(outside) <= COUNT * 5 // 6 / (5 * PROBED) + 1


def test_broken_calls_are_of_the_claim_too() -> None:
    """Else a refusal would say nothing of the rule; what breaks a rule about dtypes has another dtype."""
    broken = [case for case, _ in drawn("conv2d", target(NARROW)) if case.breaks]

    assert {case.dtype for case in broken if case.dtype in OPS["conv2d"].dtypes} == {"float32"}
    assert {case.breaks for case in broken} == {
        case.breaks for case in ops.generate("conv2d", 3, 0, COUNT) if case.breaks
    }


def test_what_both_claim_both_get() -> None:
    """The common core: a narrow target gets the same call wherever it claims it, and the same geometry in its dtype."""
    cases = drawn("max_pool", target(name="wide"), target({"dtypes": ["float32"]}, name="narrow"))
    both = [case for case, names in cases if len(names) == 2]
    alone = {
        name: {ops.geometry(case) for case, names in cases if names == (name,) and not case.breaks}
        for name in ("wide", "narrow")
    }

    assert len(both) > COUNT / 5
    assert alone["narrow"] == alone["wide"]


def test_it_does_not_matter_who_else_runs_or_how_the_stream_is_cut() -> None:
    """A target gets the same alone, and shard by shard."""
    narrow, wide = target(NARROW, name="narrow"), target(name="wide")
    whole = [case for case, names in drawn("conv2d", wide, narrow) if "narrow" in names]

    def in_parts() -> Iterator[Case]:
        for first in range(0, COUNT, 20):
            yield from (case for case, _ in shared("conv2d", 3, first, 20, {"narrow": Scope(target=narrow)}))

    assert list(in_parts()) == whole


def test_what_is_asked_for_holds_on_every_target() -> None:
    """Calls of one dtype and layout, and none that breaks a rule; other arrays than images have no layout."""
    cases = drawn("max_pool", target(), dtypes=("int8",), layouts=("NCHW",), valid_only=True)

    assert len(cases) == COUNT
    assert {(case.dtype, ops.features(case)["layout"], case.breaks) for case, _ in cases} == {("int8", "NCHW", None)}
    assert len(drawn("dropout", target(), layouts=("NCHW",))) == COUNT


def test_an_op_without_function_gets_no_calls() -> None:
    """Nor does one that is not claimed."""
    assert drawn("max_pool", target().told(("conv2d",), None)) == []
    assert drawn("max_pool", target({"ops": ["conv2d"]})) == []


def test_a_probe_is_the_first_call_of_a_group() -> None:
    """On the lattice, where an answer is right bit for bit or wrong."""
    probes = [
        case for number, case in enumerate(ops.generate("conv2d", 3, 0, 60, valid_share=1)) if is_probe(case, number)
    ]

    assert [case.regime for case in probes] == ["lattice"] * 3


@pytest.mark.parametrize("op", OPS)
def test_a_canonical_call_means_the_same_in_few_words(op: str) -> None:
    """Every valid one has the same geometry and dtype, is still valid, and its strides are two numbers, or four."""
    cases = valid(drawn(op, target({"spelling": "canonical"})))

    assert {str(ops.features(case).get("strides spelt", "two")) for case in cases} <= {"two", "four"}
    assert {str(ops.features(case).get("shape spelt", "list")) for case in cases} == {"list"}
    for case in valid(drawn(op, target()))[::25]:
        assert ops.geometry(ops.canonical(case)) == ops.geometry(case)
        OPS[op].reference(**ops.arguments(ops.canonical(case)))


@pytest.mark.parametrize("source", ["stream", "covering"])
def test_every_source_spells_as_a_target_reads(source: str) -> None:
    """One that reads canonical calls only gets as many as another: all, or every other one of what covers."""
    scopes = {"brief": Scope(target=target({"spelling": "canonical"})), "other": Scope(target=target())}
    calls = list(SOURCES[source].calls(Part(op="avg_pool", seed=0, first=0, count=SHARD, valid_only=True), scopes))
    brief = [case for case, names in calls if "brief" in names]

    assert len(brief) == sum("other" in names for _, names in calls) >= SHARD // 2
    assert brief == [ops.canonical(case) for case in brief]


def test_small_calls_are_spelt_as_a_target_reads() -> None:
    """Strides of None, which stand for 1, are two numbers."""
    case = next(case for case in ops.generate("conv2d", 0, 0, COUNT) if case.dtype == "float32" and not case.breaks)
    spare = replace(case, attributes={**case.attributes, "strides": None, "dilations": None, "padding": "SAME"})
    name = "tests.miniatures.choosing:canonical"
    with Panel({name: find(name)}) as panel:
        swept = sweep(panel, {name: Scope(target=panel.targets[name])}, [spare])[name]

    assert [outcome.case for outcome in swept.kept] == [ops.canonical(spare)]
    assert swept.kept[0].case.attributes["strides"] == [1, 1]
