"""A cause covers what its places say and no more, by data alone."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

import reference
from conformance import ops
from conformance.judge.allowed import allowed
from conformance.judge.verdicts import verdict
from conformance.model import Array, Case, Evidence, Returned, Symptom, Verdict
from conformance.triage.known.cause import Cause, Versions
from conformance.triage.known.installation import Installation, installation_of
from conformance.triage.known.matching import Disagreement, covering, place_of
from reference.errors import Fault

Made = Callable[..., Cause]
WRONG_VALUE = Verdict(outcome="disagrees", kind="wrong-value", symptoms=(Symptom.NAN, Symptom.NOT_ABOVE))
CLASSES = {"dtype": "float32", "batch": "above 1", "output width": "1", "layout": "NHWC"}
TENSORFLOW = Installation("tensorflow", "2.21.0", "AVX512_CORE_AMX", "CPU")
FOUND = Disagreement(
    op="conv2d",
    target="tf-cpu-eager",
    judged=WRONG_VALUE,
    classes=CLASSES,
    installation=TENSORFLOW,
    route="nn",
    kernels=("jit:avx512_core",),
)


def covers(cause: Cause, found: Disagreement = FOUND) -> bool:
    """Return whether a cause covers a disagreement."""
    return place_of(cause, found) is not None


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"symptoms": ["nan"]},
        {"symptoms": ["nan", "not-above"]},
        {"dtypes": ["float32", "bfloat16"]},
        {"routes": ["nn", "raw"]},
        {"kernels": ["gemm", "jit:*"]},
        {"isa": ["AVX2", "AVX512_CORE_AMX"]},
        {"devices": ["CPU"]},
        {"targets": ["other:target", "tf-?pu-eager"]},
        {"versions": None},
    ],
)
def test_a_cause_covers_what_has_all_that_its_place_asks_for(made: Made, asked: dict[str, Any]) -> None:
    """An empty field asks for nothing."""
    assert covers(made(**asked))


@pytest.mark.parametrize(
    "asked",
    [
        {"symptoms": ["nan", "zero"]},
        {"routes": ["raw"]},
        {"kernels": ["gemm"]},
        {"isa": ["AVX2"]},
        {"devices": ["GPU"]},
        {"targets": ["tf-cpu-EAGER:"]},
        {"errors": ["ValueError"]},
        {"signals": [6]},
        {"library": "other", "versions": None},
    ],
)
def test_a_cause_covers_nothing_that_lacks_one_of_them(made: Made, asked: dict[str, Any]) -> None:
    """Each of them apart; case counts."""
    assert not covers(made(**asked))


@pytest.mark.parametrize(
    ("asked", "route"),
    [
        ({"routes": ["nn"]}, "nn+filters"),
        ({"routes": ["*+*"]}, "nn+filters"),
        ({"routes": ["nn+input+filters"]}, "nn+input+filters"),
    ],
)
def test_a_route_is_asked_for_with_its_constants_or_without(made: Made, asked: dict[str, Any], route: str) -> None:
    """By a pattern, too."""
    assert covers(made(**asked), replace(FOUND, route=route))


@pytest.mark.parametrize(("route", "held"), [("nn+input+filters", True), ("nn+filters", False), ("nn", False)])
def test_constants_alone_are_of_the_target_that_computes_them(made: Made, route: str, held: bool) -> None:
    """XLA gives what TensorFlow's kernels without oneDNN gave before it; where one array is none it computes itself."""
    found = replace(FOUND, target="tf-cpu-xla", route=route)

    assert covers(made(targets=["tf-cpu-eager-nodnn"]), found) is held


@pytest.mark.parametrize(
    "other",
    [
        {"op": "conv2d_transpose"},
        {"judged": Verdict(outcome="disagrees", kind="crashed")},
        {"target": "tf-gpu-eager"},
        {"target": "reference"},
        {"classes": CLASSES | {"batch": "1"}},
        {"classes": CLASSES | {"output width": "odd"}},
        {"classes": CLASSES | {"breaks": "conv2d.R3"}},
        {"installation": Installation("jax", "2.21.0")},
        {"installation": Installation()},
    ],
)
def test_a_cause_covers_nothing_else(made: Made, other: dict[str, Any]) -> None:
    """Another op, kind, target, class, library; and a place without rules is one of valid calls."""
    assert not covers(made(), replace(FOUND, **other))


def test_a_broken_call_lies_in_a_place_of_its_rule(made: Made) -> None:
    """Not in one of another rule; of a crash, too, the way in which it breaks the rule is a symptom."""
    judged = Verdict(
        outcome="disagrees",
        kind="crashed",
        symptoms=(Symptom.SIGNAL, Fault.RANGE),
        evidence=Evidence(signal=6),
        rule="conv2d.R3",
    )
    found = replace(FOUND, judged=judged, classes={"dtype": "float32", "breaks": "conv2d.R3"})
    place = {
        "kinds": ("crashed",),
        "features": {},
        "rules": ("conv2d.R3",),
        "symptoms": (Fault.RANGE,),
        "signals": (6,),
    }
    (valid,) = (cause := made()).where

    def known(**changes: Any) -> Cause:  # noqa: ANN401
        return replace(cause, where=(replace(valid, **{**place, **changes}),))

    assert covers(known(), found)
    assert not covers(known(rules=("conv2d.R4",)), found)
    assert not covers(known(symptoms=(Fault.NO_INTEGERS,)), found)
    assert not covers(known(signals=(11,)), found)


@pytest.mark.parametrize(("first", "held"), [("conv2d", True), ("max_pool", False)])
def test_several_ops_in_turn_are_a_call_of_the_first(made: Made, first: str, held: bool) -> None:
    """What is known of conv2d is known of conv2d with a bias."""
    several = replace(FOUND, op="pattern", classes={**CLASSES, "first": first})

    assert covers(made(ops=["conv2d"], features={"batch": ["above 1"]}), several) is held


def test_an_exception_is_told_by_its_type(made: Made) -> None:
    """Without its module, whatever its message says."""
    evidence = Evidence(error="tensorflow.errors.AbortedError", message="could not create a primitive")
    found = replace(FOUND, judged=Verdict(outcome="disagrees", kind="refused-valid", evidence=evidence))

    assert covers(made(kinds=["refused-valid"], errors=["AbortedError"]), found)
    assert not covers(made(kinds=["refused-valid"], errors=["Error"]), found)


def test_a_target_of_a_release_is_known_by_its_own_version(made: Made) -> None:
    """The release in its name says nothing: 2.21.0 that reports 2.18.1 is 2.18.1."""
    cause = made(targets=["tf-cpu-eager"], versions={"first": "2.18.0", "last": "2.18.1", "absent": ["2.21.0"]})
    named = replace(FOUND, target="tf-cpu-eager@2.21.0")

    assert covers(cause, replace(named, installation=replace(TENSORFLOW, version="2.18.1")))
    assert not covers(cause, replace(FOUND, target="tf-cpu-eager@2.18.1"))


def test_the_first_cause_that_covers_a_disagreement_stands_for_it(made: Made) -> None:
    """With the number of its place."""
    one = made(symptoms=["zero"])
    other = replace(one, id="other", where=(*one.where, *made().where))

    assert covering([one, other], FOUND) == (other, 1)
    assert covering([one], FOUND) is None


VERSIONS = Versions(first="2.16.2", last="2.21.0", absent=("2.15.1", "2.18.1", "2.22.0.dev20260801"))


@pytest.mark.parametrize(
    ("version", "permitted"),
    [
        ("2.16.2", True),
        ("2.17.0", True),  # between two that have it
        ("2.18.1", False),  # not there, though it lies between
        ("2.21.0", True),
        ("2.21.1", True),  # nothing between says that it is mended
        ("2.22.0.dev20260801", False),
        ("2.22.0", False),  # mended before
        ("2.16.1", True),
        ("2.15.1", False),
        ("2.12.1", False),  # not yet
        ("", False),
    ],
)
def test_of_a_release_that_was_not_measured_the_nearest_one_speaks(version: str, permitted: bool) -> None:
    """A fault is where it was seen, not where it was looked for in vain, and not beyond that."""
    assert VERSIONS.permit(version) is permitted


def test_a_target_that_tells_no_version_has_causes_without() -> None:
    """Those ask for none."""
    assert Versions().permit("")
    assert Versions().permit("0.3")


def test_an_installation_is_told_by_what_a_target_says_of_itself() -> None:
    """The library is the first that is none of the suite's own needs; a target held to a level has that one."""
    about = {"versions": {"numpy": "2.0", "tensorflow": "2.21.0", "git": "v2"}}
    flags = ["sse4_1", "avx", "avx2", "avx512f", "avx512bw", "avx512vl", "avx512dq", "fpu"]

    assert installation_of("tf-cpu-eager", about, flags) == Installation("tensorflow", "2.21.0", "AVX512_CORE", "CPU")
    assert installation_of("tf-cpu-eager-avx2@2.18.1", about, flags).isa == "AVX2"
    assert installation_of("tf-gpu-xla", about, flags).device == "GPU"
    assert installation_of("mine:ops", {"versions": {"mine": "0.1"}}, []) == Installation("mine", "0.1", "", "CPU")
    assert installation_of("mine:ops", {"versions": "?"}, []) == Installation()


def test_a_cause_of_a_backend_covers_the_library_on_it(made: Made) -> None:
    """By the backend's version: of Keras 3.15 on TensorFlow 2.21, TensorFlow's causes that name the target hold."""
    about = {"versions": {"numpy": "2.0", "keras": "3.15.1", "tensorflow": "2.21.0"}}
    found = replace(FOUND, target="keras-tensorflow", installation=installation_of("keras-tensorflow", about))
    cause = made(targets=["keras-tensorflow"])

    assert found.installation.library == "keras"
    assert covers(cause, found)
    assert covers(replace(cause, library="keras", where=(replace(cause.where[0], versions=Versions()),)), found)
    assert not covers(cause, replace(found, installation=Installation("keras", "2.21.0")))


# A fault is planted beside the one that is known.


def planted(case: Case, arguments: Mapping[str, Any]) -> Array:
    """Compute conv2d with two faults: images after the first are zero, and where strides differ 64 is added."""
    out = reference.conv2d(**arguments)
    classes = ops.features(case)
    if classes["batch"] != "1" and len(out) > 1:
        out[1:] = 0
    return out + out.dtype.type(64) if classes["strides"] == "unequal" else out


def test_a_cause_never_hides_another_fault_of_the_same_op(made: Made) -> None:
    """Every wrong value of the second fault alone is left; of the first one none is."""
    batches = sorted({ops.features(case)["batch"] for case in drawn()} - {"1"})
    cause = made(features={"batch": batches})
    left = {"first": 0, "second": 0}
    hidden = {"first": 0, "second": 0}
    for case in drawn():
        arguments = ops.arguments(case)
        classes = ops.features(case)
        judged = verdict(allowed(case, arguments), Returned((planted(case, arguments),), 0.0))
        if judged.kind == "wrong-value":
            found = replace(FOUND, judged=judged, classes=classes)
            fault = "first" if classes["batch"] != "1" else "second"
            counts = hidden if covers(cause, found) else left
            counts[fault] += 1

    assert hidden["first"] > 0
    assert left["second"] > 0
    assert hidden["second"] == left["first"] == 0


def drawn() -> list[Case]:
    """Draw valid calls of conv2d with floating numbers on the lattice."""
    some = ops.generate("conv2d", 1, 0, 200, valid_share=1)
    return [case for case in some if case.regime == "lattice" and "float" in case.arrays["input"].dtype]
