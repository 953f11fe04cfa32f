"""Each kind of verdict by hand; an option that is met decides; masks are judged by what must hold for any generator."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from conformance.judge.allowed import AnyMask, AnyOf, Refused, Results, Unspecified
from conformance.judge.verdicts import MASK_RISK, unlikely, verdict
from conformance.judge.wording import sentence
from conformance.model import (
    DISAGREEMENTS,
    Array,
    Crashed,
    Observation,
    OutOfMemory,
    Raised,
    Returned,
    TimedOut,
    Unsupported,
)
from reference.bounds import Within, exactly, within
from reference.errors import Fault
from reference.ops.conv2d import forward

ONES = np.ones(3, np.float32)
EXACT = Results((exactly(ONES),))
REFUSED = Refused("max_pool.R4", "ksize is 0", Fault.RANGE)
EMPTY = Unspecified("an empty result")


def returned(*arrays: Array, repeatable: bool | None = None) -> Returned:
    """Return an observation of these results."""
    return Returned(arrays, 0.0, repeatable)


def floats(*numbers: float) -> Array:
    """Return float32 numbers."""
    return np.array(numbers, np.float32)


def sums(*left: float) -> Results:
    """Return what a float32 sum of these numbers may be."""
    image = floats(*left).reshape(1, 1, 1, -1)
    return Results((within(forward(image, np.ones((1, 1, len(left), 1), np.float32), 1, "VALID")),))


# What is no answer.

CHECKED = "the process died: signal 6, a.cc:3] Check failed: n"


@pytest.mark.parametrize(
    ("observation", "outcome", "kind", "reason"),
    [
        (Unsupported("no kernel"), "unsupported", "", "no kernel"),
        (TimedOut(10.0), "disagrees", "hung", "no answer within 10.0 s"),
        (OutOfMemory("past 2 GiB"), "disagrees", "out-of-memory", "past 2 GiB"),
        (OutOfMemory(), "disagrees", "out-of-memory", "ran out of memory"),
        (Crashed(-11), "disagrees", "crashed", "the process died: signal 11"),
        (Crashed(7), "disagrees", "crashed", "the process died: exit code 7"),
        (
            Crashed(-6, "E a.cc:3] Check failed: n\nFatal Python error: Aborted\n  File b"),
            "disagrees",
            "crashed",
            CHECKED,
        ),
        (Crashed(-9, reason="left"), "disagrees", "crashed", "the process died: signal 9, left"),
    ],
)
@pytest.mark.parametrize("allowed", [EXACT, REFUSED, EMPTY])
def test_what_is_no_answer(
    observation: Observation, outcome: str, kind: str, reason: str, allowed: Results | Refused | Unspecified
) -> None:
    """A crash is no refusal, whatever is allowed."""
    judged = verdict(allowed, observation)

    assert (judged.outcome, judged.kind, sentence(judged)) == (outcome, kind, reason)


# Exceptions.


def test_any_clean_exception_meets_a_refusal() -> None:
    """Its type and message are the reason, its rule the one that was broken."""
    judged = verdict(REFUSED, Raised("builtins.ValueError", "ksize  must\nbe positive"))

    assert (judged.outcome, judged.kind, judged.rule) == ("agrees", "", "max_pool.R4")
    assert sentence(judged) == "builtins.ValueError: ksize must be positive"


@pytest.mark.parametrize("type_", ["AbortedError", "InternalError", "UnknownError"])
def test_an_error_of_the_wrong_layer_is_a_remark(type_: str) -> None:
    """It agrees, and is shown."""
    judged = verdict(REFUSED, Raised(f"tensorflow.errors.{type_}", "could not create a primitive"))

    assert (judged.outcome, judged.kind) == ("agrees", "wrong-error")


def test_an_exception_for_a_valid_call_disagrees() -> None:
    """It is refused, though valid."""
    judged = verdict(EXACT, Raised("builtins.ValueError", "no"))

    assert (judged.outcome, judged.kind) == ("disagrees", "refused-valid")


def test_long_messages_are_cut() -> None:
    """300 characters after the type."""
    assert sentence(verdict(EXACT, Raised("E", "x" * 1000))) == "E: " + "x" * 300


def test_where_a_node_of_a_graph_was_made_is_left_out() -> None:
    """The paths and lines of whoever traced it are no part of the fault."""
    trace = 'Detected at node Conv2D defined at (most recent call last):\n  File "/a/b.py", line 3, in f\n'

    judged = verdict(EXACT, Raised("E", f"Graph execution error:\n\n{trace}\nno algorithm worked"))

    assert sentence(judged) == "E: Graph execution error: no algorithm worked"


def test_an_exception_where_nothing_is_specified_agrees() -> None:
    """Anything conforms."""
    assert verdict(EMPTY, Raised("E", "no")).outcome == "agrees"


def test_an_exception_may_meet_any_of_several_options() -> None:
    """A refusal among them is met, wherever it stands."""
    assert verdict(AnyOf((EXACT, REFUSED)), Raised("E", "no")).rule == "max_pool.R4"
    assert verdict(AnyOf((EXACT, EMPTY)), Raised("E", "no")).outcome == "agrees"
    assert verdict(AnyOf((EXACT, EXACT)), Raised("E", "no")).kind == "refused-valid"


# Results.


def test_the_right_result_agrees() -> None:
    """Bit for bit."""
    judged = verdict(EXACT, returned(ONES))

    assert (judged.outcome, judged.kind, judged.bound_used, judged.ulps) == ("agrees", "", 0.0, 0.0)


def test_an_answer_to_an_invalid_call_disagrees() -> None:
    """It is accepted, though it breaks a rule."""
    judged = verdict(REFUSED, returned(ONES))

    assert (judged.outcome, judged.kind, judged.rule) == ("disagrees", "accepted-invalid", "max_pool.R4")
    assert judged.symptoms == (Fault.RANGE,)
    assert sentence(judged) == "accepted, but max_pool.R4: ksize is 0"


@pytest.mark.parametrize(
    ("arrays", "kind", "reason"),
    [
        ((), "wrong-shape", "0 results, 1 expected"),
        ((ONES, ONES), "wrong-shape", "2 results, 1 expected"),
        ((np.ones((3, 1), np.float32),), "wrong-shape", "shape [3, 1], not [3]"),
        ((np.ones(3),), "wrong-dtype", "dtype float64, not float32"),
        ((np.ones(3, object),), "wrong-dtype", "dtype object, not float32"),
        ((np.array(["1", "1", "1"]),), "wrong-dtype", "dtype str32, not float32"),
    ],
)
def test_results_of_another_form_disagree(arrays: tuple[Array, ...], kind: str, reason: str) -> None:
    """Their number and shape, then their dtype, then their values."""
    judged = verdict(EXACT, returned(*arrays))

    assert (judged.outcome, judged.kind, sentence(judged)) == ("disagrees", kind, reason)


def test_a_wrong_value_names_the_worst_element() -> None:
    """Two of three are off; the second one by 3, which is 3 * 2^23 ulps of 1."""
    bound = np.full(3, 0.5)
    result = Within(
        value=ONES, low=ONES - 1, high=ONES + 1, nan=np.zeros(3, bool), bound=bound, size=bound, count=bound
    )

    judged = verdict(Results((result,)), returned(floats(3, 4, 1)))

    assert (judged.outcome, judged.kind, judged.worst) == ("disagrees", "wrong-value", (1,))
    assert sentence(judged) == "2 of 3 elements differ; worst at [1]: 4.0 is not in 0.0 .. 2.0; each is 0 or could be"
    assert (judged.bound_used, judged.ulps) == (6.0, 3 * 2.0**23)


def symptoms(right: Array, observed: Array) -> tuple[str, ...]:
    """Return what all wrong elements have in common."""
    return verdict(Results((exactly(right),)), returned(observed)).symptoms


@pytest.mark.parametrize(
    ("right", "observed", "common"),
    [
        (floats(0, 2, 1), floats(math.nan, math.nan, 1), ("nan", "not-above")),
        (floats(2, 2, 1), floats(math.nan, 3, 1), ()),
        (floats(2, 2, 1), floats(math.nan, 1, 1), ("not-above",)),
        (floats(0, 2, 1), floats(5, 0, 1), ("zero",)),
        (floats(0, 2, 1), floats(5, 4, 1), ()),
        (floats(2, 2, 1), floats(math.inf, math.inf, 1), ("infinite",)),
        (
            floats(-math.inf, 1),
            np.array([-(2 - 2.0**-23) * 2.0**127, 1], np.float32),
            ("lowest",),
        ),
        (floats(-math.inf, 1), floats(-9, 1), ()),
    ],
)
def test_what_all_wrong_elements_have_in_common_is_a_symptom(
    right: Array, observed: Array, common: tuple[str, ...]
) -> None:
    """It tells one cause from another; what only some of them have is none."""
    assert symptoms(right, observed) == common


def test_memory_that_nobody_wrote_is_a_symptom() -> None:
    """The workers' allocator fills it with bytes 5A; another number has another byte."""
    filled = np.frombuffer(b"\x5a" * 8, np.float32)

    assert "unwritten" in symptoms(ONES, np.concatenate([filled, floats(1)]))
    assert "unwritten" not in symptoms(ONES, np.concatenate([filled, floats(2)]))


@pytest.mark.parametrize(
    ("seen", "agree"),
    [([[4, 3], [2, 1]], True), ([[1, 2], [3, 5]], False), ([[1, 2 + 2**31], [3 - 2**31, 4]], True)],
)
def test_integers_that_add_up_have_a_symptom(seen: list[list[int]], agree: bool) -> None:
    """One image and channel, whose sum is 10: dealt out otherwise it is still that, modulo 2^32, too."""
    right = np.array([[1, 2], [3, 4]], np.int32).reshape(1, 2, 2, 1)
    other = np.array(seen, np.int64).astype(np.int32).reshape(1, 2, 2, 1)

    assert ("totals-agree" in symptoms(right, other)) is agree


def test_totals_are_those_of_each_image_in_either_layout() -> None:
    """What moves between images does not add up; within the channels of one it does."""
    right = np.arange(24, dtype=np.int32).reshape(2, 2, 2, 3)

    assert "totals-agree" not in symptoms(right, np.roll(right, 1, axis=0))
    assert "totals-agree" in symptoms(right, np.roll(right, 1, axis=1))
    assert "totals-agree" in symptoms(right.transpose(0, 3, 1, 2), np.roll(right, 1, axis=1).transpose(0, 3, 1, 2))


@pytest.mark.parametrize(("more", "agree"), [(3.0, True), (3.5, False)])
def test_floating_totals_may_miss_by_the_roundings_of_a_cell(more: float, agree: bool) -> None:
    """Each of two cells rounds as often as there are cells and four times more: 6 times 2^-24 of S = 2^23 are 3."""
    right = np.zeros((1, 1, 2, 1), np.float32)
    result = replace(exactly(right), size=np.full(right.shape, 2.0**22))
    seen = right.copy()
    seen[0, 0, 1, 0] = more

    assert ("totals-agree" in verdict(Results((result,)), returned(seen)).symptoms) is agree


def test_nan_is_the_worst_of_wrong_values() -> None:
    """Nothing is further from a number."""
    judged = verdict(EXACT, returned(floats(5, math.nan, 9)))

    assert judged.kind == "wrong-value"
    assert math.isinf(judged.bound_used)
    assert verdict(Results((exactly(floats(math.nan)),)), returned(floats(math.nan))).outcome == "agrees"


def test_wrong_integers_are_told_as_such() -> None:
    """An ulp of an integer is 1."""
    judged = verdict(Results((exactly(np.array([1, 5])),)), returned(np.array([1, 9])))

    assert (judged.kind, judged.worst, judged.ulps) == ("wrong-value", (1,), 4.0)


def test_the_first_wrong_result_of_several_speaks() -> None:
    """Here the second of two."""
    judged = verdict(Results((exactly(ONES), exactly(ONES))), returned(ONES, 2 * ONES))

    assert (judged.kind, judged.worst) == ("wrong-value", (0,))


def test_agreeing_verdicts_tell_how_much_of_the_bound_was_used() -> None:
    """
    0.5 + 0.25 + 0.125, of which S is the sum 0.875: the bound is 3 * 2^-24 * 0.875.

    One ulp of 0.875 is 2^-24: 1 / 2.625 of it.
    """
    allowed = sums(0.5, 0.25, 0.125)

    judged = verdict(allowed, returned(floats(0.875 + 2.0**-24).reshape(1, 1, 1, 1)))

    assert (judged.outcome, judged.ulps) == ("agrees", 1.0)
    assert abs(judged.bound_used - 1 / 2.625) < 2.0**-48


def test_no_allowed_number_uses_more_than_its_bound() -> None:
    """
    The exact value may lie half a spacing from the rounded one, from which the distance is taken.

    For 1/2 + 1/2 + 2^-25 the bound is 3 * 2^-24, and 1 + 2^-22 is allowed.
    """
    allowed = sums(0.5, 0.5, 2.0**-25)

    judged = verdict(allowed, returned(floats(1 + 2.0**-22).reshape(1, 1, 1, 1)))

    assert (judged.outcome, judged.bound_used) == ("agrees", 1.0)


def test_measures_are_of_elements_that_a_sum_can_round() -> None:
    """
    0.5 + 0.25 + 0.125 with one ulp too much: err / (u S) = 2^-24 / (2^-24 * 0.875) = 8/7, at n = 3.

    Exact elements, such as sums of whole numbers, are none.
    """
    measures = verdict(sums(0.5, 0.25, 0.125), returned(floats(0.875 + 2.0**-24).reshape(1, 1, 1, 1))).measures

    assert measures["elements"] == 1
    assert abs(measures["sum"] - 8 / 7) < 2.0**-48
    assert abs(measures["squares"] - 64 / 49) < 2.0**-48
    assert measures["inverse"] == 1 / 3
    assert verdict(sums(1, 2, 3), returned(floats(6).reshape(1, 1, 1, 1))).measures == {}


def test_a_flushed_result_has_no_measures() -> None:
    """2^-127 + 2^-128 is subnormal: zero for it is off by all of S, and says nothing of the precision."""
    judged = verdict(sums(2.0**-127, 2.0**-128), returned(floats(0).reshape(1, 1, 1, 1)))

    assert (judged.outcome, judged.measures) == ("agrees", {})


def test_integer_sums_have_no_measures() -> None:
    """int32 wraps, and rounds nothing."""
    ones = np.ones((1, 1, 1, 1), np.int32)

    assert verdict(Results((within(forward(ones, ones, 1, "VALID")),)), returned(ones)).measures == {}


def test_an_empty_result_agrees() -> None:
    """There is no element to be wrong."""
    nothing = np.zeros((0, 3), np.float32)

    assert verdict(Results((exactly(nothing),)), returned(nothing)).outcome == "agrees"


# Several options.


def test_the_first_option_that_is_met_decides() -> None:
    """It says which alternative of a choice was made; where several are met, all of them."""
    one, two = (Results((exactly(number * ONES),), made={"op.R1": name}) for number, name in ((1, "one"), (2, "two")))

    assert verdict(AnyOf((one, two)), returned(ONES)).made == {"op.R1": ("one",)}
    assert verdict(AnyOf((one, two)), returned(2 * ONES)).made == {"op.R1": ("two",)}
    assert verdict(AnyOf((one, replace(one, made={"op.R1": "three"}))), returned(ONES)).made == {
        "op.R1": ("one", "three")
    }


def test_where_none_is_met_the_first_options_objection_stands() -> None:
    """The preferred one says what was expected."""
    assert verdict(AnyOf((EXACT, REFUSED)), returned(2 * ONES)).kind == "wrong-value"
    assert verdict(AnyOf((REFUSED, EXACT)), returned(2 * ONES)).kind == "accepted-invalid"


def test_what_is_unspecified_agrees_and_says_why() -> None:
    """As an option, too."""
    assert sentence(verdict(EMPTY, returned(ONES))) == "an empty result"
    assert verdict(AnyOf((REFUSED, EMPTY)), returned(ONES)).outcome == "agrees"


def test_nothing_allowed_is_undecided() -> None:
    """Not wrong: the specification has no opinion."""
    assert verdict(AnyOf(()), returned(ONES)).outcome == "undecided"


# The same call twice.


@pytest.mark.parametrize(
    ("repeatable", "deterministic", "kind"),
    [(False, True, "nondeterministic"), (False, False, ""), (True, True, ""), (None, True, "")],
)
def test_other_bits_the_second_time(repeatable: bool | None, deterministic: bool, kind: str) -> None:
    """They disagree where the target claims determinism."""
    judged = verdict(EXACT, returned(ONES, repeatable=repeatable), deterministic=deterministic)

    assert judged.kind == kind
    assert judged.outcome == ("disagrees" if kind else "agrees")


def test_a_wrong_value_is_wrong_before_it_is_nondeterministic() -> None:
    """One kind a verdict."""
    assert verdict(EXACT, returned(2 * ONES, repeatable=False), deterministic=True).kind == "wrong-value"


# Masks.

X = np.arange(1.0, 1001.0, dtype=np.float32)


def dropped(x: Array, kept: Array, rate: float = 0.5) -> Array:
    """Return x scaled where it is kept, zero elsewhere."""
    return np.where(kept, x / np.float32(1 - rate), np.float32(0)).astype(x.dtype)


def of_mask(kept: Array, *, rate: float = 0.5, x: Array = X, noise_shape: Any = None) -> tuple[str, str]:  # noqa: ANN401
    """Return outcome and kind of dropout with this mask."""
    judged = verdict(AnyMask(x, rate, noise_shape), returned(dropped(x, kept, rate)))
    return judged.outcome, judged.kind


def test_any_fair_mask_agrees() -> None:
    """Half of a thousand, at random or every second one."""
    assert of_mask(np.random.default_rng(1).random(1000) >= 0.5) == ("agrees", "")
    assert of_mask(np.arange(1000) % 2 == 0) == ("agrees", "")


def test_too_many_kept_elements_disagree() -> None:
    """700 of 1000 at rate 1/2 are 12.6 standard deviations too many; 600, 6.3, have a chance of 2e-10."""
    assert of_mask(np.arange(1000) < 700) == ("disagrees", "wrong-value")
    assert of_mask(np.arange(1000) < 600) == ("agrees", "")


def test_all_or_none_kept_disagree() -> None:
    """2^-1000 is less than the risk taken."""
    judged = verdict(AnyMask(X, 0.5, None), returned(dropped(X, np.ones(1000, bool))))

    assert sentence(judged) == "1000 of 1000 elements kept, at rate 0.5"
    assert of_mask(np.zeros(1000, bool)) == ("disagrees", "wrong-value")
    assert of_mask(np.ones(20, bool), x=X[:20]) == ("agrees", "")  # 2^-20: nothing proven


@pytest.mark.parametrize(("rarest", "outcome"), [(1000, "agrees"), (128, "disagrees")])
def test_few_bits_drop_another_share(rarest: int, outcome: str) -> None:
    """dropout.R16: at the rate 0.001, uniform numbers of 7 bits drop one of 128, 0.8%: ten thousand elements tell."""
    x = np.ones(10_000, np.float16)
    given = np.where(np.arange(10_000) % rarest == 0, np.float16(0), np.float16(1 / 0.999))

    judged = verdict(AnyMask(x, 0.001, None), returned(given))

    assert (judged.outcome, judged.rule) == (outcome, "dropout.R16" if outcome == "disagrees" else "")


@pytest.mark.parametrize("rate", [np.float32(np.nan), np.float32(1.0)])
def test_no_share_is_asked_of_a_rate_that_keeps_nothing(rate: np.float32) -> None:
    """No uniform number lies above 1, or NaN: all dropped is right, one kept is not."""
    mask = AnyMask(X, np.array(rate), None)
    none = np.zeros_like(X)

    assert verdict(mask, returned(none)).outcome == "agrees"
    assert verdict(mask, returned(np.where(np.arange(len(X)) == 1, np.float32(np.inf), none))).kind == "wrong-value"


def test_an_element_that_is_neither_kept_nor_dropped_disagrees() -> None:
    """Kept without being scaled."""
    array = dropped(X, np.arange(1000) % 2 == 0)
    array[8] = 9

    judged = verdict(AnyMask(X, 0.5, None), returned(array))

    assert (judged.kind, judged.worst) == ("wrong-value", (8,))
    assert sentence(judged) == "9.0 at [8] is neither 9.0 scaled nor dropped"


def test_a_mask_that_differs_along_a_broadcast_axis_disagrees() -> None:
    """noise_shape [10, 1]: a row is kept or dropped as a whole."""
    x = np.ones((10, 8), np.float32)
    rows = np.broadcast_to((np.arange(10) % 2 == 0)[:, None], x.shape)

    assert of_mask(rows, x=x, noise_shape=[10, 1]) == ("agrees", "")
    assert of_mask(np.arange(80).reshape(10, 8) % 2 == 0, x=x, noise_shape=[10, 1]) == ("disagrees", "wrong-value")


@pytest.mark.parametrize("noise_shape", [[100, 1], [None, 100, 1]])
def test_decisions_are_counted_once(noise_shape: list[int | None]) -> None:
    """
    100 rows of 8 elements, all kept: 2^-100, though the shape may leave out the leading axis.

    One row kept of one: one decision of eight elements, 1/2.
    """
    x = np.ones((1, 100, 8), np.float32)

    assert of_mask(np.ones(x.shape, bool), x=x, noise_shape=noise_shape) == ("disagrees", "wrong-value")
    assert of_mask(np.ones(x.shape, bool), x=x, noise_shape=[1, 1, 1]) == ("agrees", "")


def test_elements_that_tell_nothing_are_not_counted() -> None:
    """Zeros look the same kept and dropped."""
    assert of_mask(np.zeros(1000, bool), x=np.zeros(1000, np.float32)) == ("agrees", "")


def test_masks_of_another_form_disagree() -> None:
    """As results do."""
    mask = AnyMask(X, 0.5, None)

    assert sentence(verdict(mask, returned(X, X))) == "2 results, 1 expected"
    assert verdict(mask, returned(X[:5])).kind == "wrong-shape"
    assert verdict(mask, returned(X.astype(np.float64))).kind == "wrong-dtype"


def test_tensorflows_own_mask_is_known() -> None:
    """Another fair mask is a wrong value, but for a target that declares another generator."""
    evens, odds = (dropped(X, np.arange(1000) % 2 == k) for k in (0, 1))
    known, mask = Results((exactly(evens),)), AnyMask(X, 0.5, None)

    assert verdict(known, returned(odds)).kind == "wrong-value"
    assert verdict(AnyOf((known, mask)), returned(evens)).outcome == "agrees"
    assert verdict(AnyOf((known, mask)), returned(odds)).outcome == "agrees"


def test_the_chance_of_a_mask_is_bounded_from_above() -> None:
    """
    All kept of n at 1/2 is 2^-n exactly in the bound: the limit is MASK_RISK / 2 = 2^-40.86.

    At rates 0 and 1 one wrong element is enough, and none is.
    """
    assert not unlikely(40, 40, 0.5)
    assert unlikely(41, 41, 0.5)
    assert unlikely(10, 9, 1.0)
    assert unlikely(10, 1, 0.0)
    assert not unlikely(10, 10, 1.0)
    assert 2.0**-41 < MASK_RISK / 2 < 2.0**-40


def test_every_kind_of_disagreement_comes_up() -> None:
    """None of them is a word without a meaning."""
    array = returned(2 * ONES)
    kinds = {
        verdict(EXACT, array).kind,
        verdict(EXACT, returned(ONES[:1])).kind,
        verdict(EXACT, returned(np.ones(3))).kind,
        verdict(REFUSED, array).kind,
        verdict(EXACT, Raised("E", "")).kind,
        verdict(EXACT, Crashed(-6)).kind,
        verdict(EXACT, TimedOut(1.0)).kind,
        verdict(EXACT, OutOfMemory()).kind,
        verdict(EXACT, returned(ONES, repeatable=False), deterministic=True).kind,
    }

    assert kinds == set(DISAGREEMENTS)


def test_a_flushed_operand_has_no_measures() -> None:
    """2^-15 is subnormal in float16, 8 times it is not: that it may count as zero says nothing of the precision."""
    tiny = np.full((1, 1, 1, 1), 2.0**-15, np.float16)
    result = within(forward(tiny, np.full((1, 1, 1, 1), 8, np.float16), 1, "VALID"))

    judged = verdict(Results((result,)), returned(np.zeros((1, 1, 1, 1), np.float16)))

    assert (judged.outcome, judged.measures) == ("agrees", {})
