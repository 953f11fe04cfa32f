"""Targets that make another choice than TensorFlow are right; faults that look alike are not."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from conformance import ops
from conformance.judge.allowed import permits
from conformance.judge.judging import judge
from conformance.model import ArraySpec, Case, Json, Raised, Returned, Verdict
from conformance.ops.profile_reading import parsed
from conformance.selftest.implementations import drawn
from conformance.targets.namespace import Namespace
from conformance.targets.target import Target
from conformance.targets.transport.messages import Call
from conformance.targets.transport.worker import observe
from tests.miniatures import choosing

OPEN: Mapping[str, Any] = {"own_masks": "*"}
TENSORFLOW = Target(name="tf", about="")


def target(**profile: Any) -> Target:  # noqa: ANN401 - keys of a profile
    """Return a target with a profile; one that does not say of a choice leaves it open."""
    return Target(name="mine", about="").claiming(parsed({**OPEN, **profile}, "here"))


def made_by(functions: object, case: Case, judged_as: Target) -> Verdict:
    """Return the verdict on what a namespace does with a case."""
    arguments = drawn(case)
    wire = {**case.attributes, **{name: arguments[name] for name in case.arrays}}
    with np.errstate(all="ignore"):
        observation = observe(Namespace(functions), Call(op=case.op, arguments=wire))
        return judge(case, permits(case, arguments), observation, judged_as)


def disagreements(functions: object, op: str, judged_as: Target, number: int = 60) -> Iterator[Verdict]:
    """Yield the disagreements of a namespace over the generators' own cases, those in special values among them."""
    for case in ops.generate(op, 5, 0, number):
        if case.breaks is None and (judged := made_by(functions, case, judged_as)).outcome == "disagrees":
            yield judged


def special(op: str, judged_as: Target, functions: object, number: int = 400) -> list[Verdict]:
    """Return the verdicts on the valid cases in special values, NaN and infinities, of a stream."""
    stream = (case for case in ops.generate(op, 5, 0, number) if case.breaks is None and case.regime == "special")
    return [made_by(functions, case, judged_as) for case in stream]


def judged_window(judged_as: Target, given: float, *numbers: float) -> Verdict:
    """Judge what a target gives for the largest of these."""
    image = np.array(numbers, np.float32).reshape(1, 1, -1, 1)
    attributes: dict[str, Json] = {"ksize": [1, len(numbers)], "strides": 1, "padding": "VALID"}
    arrays = {"input": ArraySpec(image.shape, "float32")}
    case = Case(op="max_pool", arrays=arrays, attributes=attributes, regime="special", seed=0)
    out = np.array(given, np.float32).reshape(1, 1, 1, 1)
    return judge(case, permits(case, {**attributes, "input": image}), Returned((out,), 0.0), judged_as)


def test_nan_is_dropped_or_propagated_as_a_target_adopts() -> None:
    """max_pool.R10: of 0.5 and NaN, TensorFlow gives 0.5; who adopts the other alternative NaN; who is open either."""
    for given, judged_as, outcome in (
        (0.5, TENSORFLOW, "agrees"),
        (np.nan, TENSORFLOW, "disagrees"),
        (np.nan, target(choices={"max_pool.R10": "propagated"}), "agrees"),
        (0.5, target(choices={"max_pool.R10": "propagated"}), "disagrees"),
        (0.5, target(choices="tensorflow"), "agrees"),
        (np.nan, target(choices="tensorflow"), "disagrees"),
        (0.5, target(), "agrees"),
        (np.nan, target(), "agrees"),
        (1.0, target(), "disagrees"),
    ):
        assert judged_window(judged_as, given, 0.5, np.nan).outcome == outcome


def test_held_to_mathematics_alone_no_choice_and_no_refusal_counts() -> None:
    """Either alternative conforms, even where a profile names one; no refusal is judged; a wrong maximum is wrong."""
    alone = replace(target(choices={"max_pool.R10": "dropped"}), mathematics=True)
    attributes: dict[str, Json] = {"ksize": 1, "strides": 1, "padding": "VALID"}
    arrays = {"input": ArraySpec((1, 1, 1, 1), "float32")}
    case = Case(op="max_pool", arrays=arrays, attributes=attributes, regime="lattice", seed=0)

    assert judged_window(alone, np.nan, 0.5, np.nan).outcome == "agrees"
    assert judged_window(alone, 1.0, 0.5, np.nan).outcome == "disagrees"
    assert judge(case, permits(case, drawn(case)), Raised("ValueError", "no"), alone).outcome == "unsupported"


def test_a_verdict_says_which_alternative_was_made() -> None:
    """Where the result tells; of NaN alone a lowest number is one of two that TensorFlow's kernels give."""
    assert judged_window(target(), np.nan, 0.5, np.nan).made == {"max_pool.R10": ("propagated",)}
    assert judged_window(target(), 0.5, 0.5, 0.25).made == {}
    assert judged_window(TENSORFLOW, -np.inf, np.nan).made == {"max_pool.R13": ("-inf", "either")}


def test_a_target_that_propagates_nan_is_right_where_it_is_open() -> None:
    """Over the stream's own special values; and TensorFlow would not be."""
    assert {judged.outcome for judged in special("max_pool", target(), choosing.propagating)} == {"agrees"}
    assert "disagrees" in {judged.outcome for judged in special("max_pool", TENSORFLOW, choosing.propagating)}


def test_nan_by_position_is_nobodys_choice() -> None:
    """Some results drop NaN, others do not, in one image: the same look, and a fault."""
    assert "disagrees" in {judged.outcome for judged in special("max_pool", target(), choosing.positional)}


@pytest.mark.parametrize(
    "functions",
    [choosing.dividing, choosing.multiplying, choosing.rounding],
    ids=["divided", "multiplied", "rounded at each step"],
)
def test_what_is_kept_may_be_divided_and_what_is_dropped_multiplied_by_zero(functions: object) -> None:
    """dropout.R9, R13, R14, R15: zeros with signs, NaN of NaN, and quotients are right where they are open."""
    assert not list(disagreements(functions, "dropout", target(), 120))


def test_a_wrong_divisor_is_wrong_whatever_is_open() -> None:
    """Division by the rate."""
    assert "wrong-value" in {judged.kind for judged in disagreements(choosing.wrong, "dropout", target())}


def spelt_as_floats(op: str) -> Case:
    """Return a call of an op that is broken by a 2.0 for 2 alone."""
    attributes: dict[str, Json] = {"strides": [2.0, 2.0], "padding": "VALID"}
    attributes |= {"ksize": [2, 2]} if op == "max_pool" else {}
    arrays = {"input": ArraySpec((1, 4, 4, 1), "float32")}
    arrays |= {} if op == "max_pool" else {"filters": ArraySpec((2, 2, 1, 1), "float32")}
    return Case(op=op, arrays=arrays, attributes=attributes, regime="lattice", seed=1, breaks=f"{op}.R3")


@pytest.mark.parametrize("op", ["conv2d", "max_pool"])
def test_a_language_of_one_kind_of_number_takes_5_0_for_5(op: str) -> None:
    """common.R4: where it is open; the result is then that of 5."""
    case = spelt_as_floats(op)
    wrong = SimpleNamespace(**{op: lambda **_: np.zeros((1, 2, 2, 1), np.float32)})

    assert made_by(choosing.one_kind, case, target()).outcome == "agrees"
    assert made_by(choosing.one_kind, case, TENSORFLOW).kind == "accepted-invalid"
    assert made_by(wrong, case, target()).outcome == "disagrees"


def test_a_float_that_is_no_whole_number_is_taken_by_nobody() -> None:
    """common.R4 is about 2.0, not about 2.5."""
    case = spelt_as_floats("conv2d")
    case = replace(case, attributes={**case.attributes, "strides": [2.5, 2.5]})
    taken = SimpleNamespace(conv2d=lambda **_: np.zeros((1, 2, 2, 1), np.float32))

    assert made_by(taken, case, target()).kind == "accepted-invalid"


@pytest.mark.parametrize(("seed", "outcome"), [(2**53 + 1, "disagrees"), (2**53, "agrees")])
def test_a_language_of_doubles_may_lose_the_last_digits_of_a_seed(seed: int, outcome: str) -> None:
    """common.R5: 2^53 + 1 counts as 2^53, where it is open; 2^53 is the same for all."""
    attributes: dict[str, Json] = {"rate": 0.5, "seed": [seed, 1], "rng_alg": "philox"}
    arrays = {"x": ArraySpec((256,), "float32")}
    case = Case(op="stateless_dropout", arrays=arrays, attributes=attributes, regime="positive", seed=1)

    assert made_by(choosing.doubles, case, target()).outcome == "agrees"
    assert made_by(choosing.doubles, case, TENSORFLOW).outcome == outcome


def test_an_empty_result_is_given_or_refused() -> None:
    """common.R1: 5 taps over 4 rows; a target that adopts one alternative is held to it."""
    arrays = {"input": ArraySpec((1, 4, 4, 1), "float32"), "filters": ArraySpec((5, 4, 1, 1), "float32")}
    case = Case(op="conv2d", arrays=arrays, attributes={"strides": 1, "padding": "VALID"}, regime="lattice", seed=1)
    given, refused = Returned((np.zeros((1, 0, 1, 1), np.float32),), 0.0), Raised("ValueError", "empty")
    permitted = permits(case, drawn(case))
    adopts = target(choices={"common.R1": "given"})

    assert [judge(case, permitted, each, target()).outcome for each in (given, refused)] == ["agrees", "agrees"]
    assert [judge(case, permitted, each, adopts).kind for each in (given, refused)] == ["", "refused-valid"]


def test_a_window_much_too_long_is_refused_or_gives_nothing() -> None:
    """common.R2: 5 taps over 2 elements with stride 2."""
    arrays = {"input": ArraySpec((1, 1, 2, 1), "float32")}
    attributes: dict[str, Json] = {"ksize": [1, 5], "strides": 2, "padding": "VALID"}
    case = Case(op="max_pool", arrays=arrays, attributes=attributes, regime="lattice", seed=1, breaks="max_pool.R8")
    permitted = permits(case, drawn(case))
    empty = Returned((np.zeros((1, 1, 0, 1), np.float32),), 0.0)

    assert judge(case, permitted, empty, target()).outcome == "agrees"
    assert judge(case, permitted, empty, target(choices={"common.R2": "refused"})).kind == "accepted-invalid"


def test_subnormals_are_kept_or_flushed_as_a_profile_says() -> None:
    """common.R3: of 2^-130 alone in a window, 0 is right but for who keeps them."""
    assert judged_window(target(), 0.0, 2.0**-130).outcome == "agrees"
    assert judged_window(target(subnormals="kept"), 0.0, 2.0**-130).outcome == "disagrees"


def test_what_propagates_nan_may_flush_subnormals_beside_it() -> None:
    """max_pool.R10 and common.R3: of NaN and 0, and of 2^-130 and 0, NaN and 0 is right, and 1 for NaN is not."""
    arrays = {"input": ArraySpec((1, 1, 4, 1), "float32")}
    attributes: dict[str, Json] = {"ksize": [1, 2], "strides": [1, 2], "padding": "VALID"}
    case = Case(op="max_pool", arrays=arrays, attributes=attributes, regime="special", seed=1)
    image = np.array([np.nan, 0, 2.0**-130, 0], np.float32).reshape(1, 1, 4, 1)
    permitted = permits(case, {**attributes, "input": image})
    propagating = target(choices={"max_pool.R10": "propagated"})

    for first, outcome in ((np.nan, "agrees"), (1, "disagrees")):
        given = np.array([first, 0], np.float32).reshape(1, 1, 2, 1)
        assert judge(case, permitted, Returned((given,), 0.0), propagating).outcome == outcome


def test_a_nan_over_padding_is_absent_or_multiplied() -> None:
    """conv2d.R10: an infinite tap over padding gives 1 and nothing more, or NaN; TensorFlow both, by cell."""
    arrays = {"input": ArraySpec((1, 1, 1, 1), "float32"), "filters": ArraySpec((1, 3, 1, 1), "float32")}
    attributes: dict[str, Json] = {"strides": 1, "padding": "SAME"}
    case = Case(op="conv2d", arrays=arrays, attributes=attributes, regime="special", seed=1)
    image, taps = np.ones((1, 1, 1, 1), np.float32), np.array([np.inf, 1, 1], np.float32).reshape(1, 3, 1, 1)
    permitted = permits(case, {**attributes, "input": image, "filters": taps})
    absent, multiplied = Returned((image,), 0.0), Returned((image * np.nan,), 0.0)

    assert judge(case, permitted, absent, target()).made == {"conv2d.R10": ("absent", "either")}
    assert judge(case, permitted, multiplied, target()).made == {"conv2d.R10": ("multiplied", "either")}
    assert judge(case, permitted, multiplied, target(choices={"conv2d.R10": "absent"})).outcome == "disagrees"


def test_whom_a_window_with_nan_credits_is_a_choice() -> None:
    """max_pool_grad.R12: of NaN and 1 the number is credited, or either; the next window is judged as any."""
    arrays = {name: ArraySpec(shape, "float32") for name, shape in GRADIENT}
    attributes: dict[str, Json] = {"ksize": [1, 2], "strides": 2, "padding": "VALID"}
    case = Case(op="max_pool_grad", arrays=arrays, attributes=attributes, regime="special", seed=1)
    image = np.array([np.nan, 1, 2, 3], np.float32).reshape(1, 1, 4, 1)
    pooled, slopes = (np.array(each, np.float32).reshape(1, 1, 2, 1) for each in ([1, 3], [5, 7]))
    permitted = permits(case, {**attributes, "orig_input": image, "orig_output": pooled, "grad": slopes})

    def judged(*out: float) -> Verdict:
        return judge(case, permitted, Returned((np.array(out, np.float32).reshape(image.shape),), 0.0), target())

    assert judged(0, 5, 0, 7).made["max_pool_grad.R12"] == ("number", "either")
    assert judged(5, 0, 0, 7).made["max_pool_grad.R12"] == ("either",)
    assert judged(0, 5, 7, 0).outcome == "disagrees"


GRADIENT = (("orig_input", (1, 1, 4, 1)), ("orig_output", (1, 1, 2, 1)), ("grad", (1, 1, 2, 1)))


def test_a_generator_of_ones_own_is_a_choice_that_own_masks_makes() -> None:
    """dropout.R11, stateless_dropout.R3: the mask is one of TensorFlow's kernels, or any fair one."""
    case = next(case for case in ops.generate("dropout", 5, 0, 400) if "seed" in case.attributes and not case.breaks)
    own = made_by(choosing.dividing, case, target())

    assert own.made.get("dropout.R11", ("own",)) == ("own",)
    assert "kernels" in target().adopts("stateless_dropout", "stateless_dropout.R3")
    assert target(own_masks=["dropout"]).adopts("stateless_dropout", "stateless_dropout.R3") == ("kernels",)


def test_an_element_that_no_choice_allows_is_told_alone() -> None:
    """common.R3, max_pool.R10: beside a flushed subnormal number, 2 for the maximum 3 is one wrong element, not two."""
    arrays = {"input": ArraySpec((1, 1, 2, 1), "float32")}
    attributes: dict[str, Json] = {"ksize": 1, "strides": 1, "padding": "VALID"}
    case = Case(op="max_pool", arrays=arrays, attributes=attributes, regime="special", seed=1)
    image = np.array([1e-40, 3], np.float32).reshape(1, 1, 2, 1)
    given = np.array([0, 2], np.float32).reshape(image.shape)

    judged = judge(case, permits(case, {**attributes, "input": image}), Returned((given,), 0.0), target())

    assert judged.evidence["different"] == 1
