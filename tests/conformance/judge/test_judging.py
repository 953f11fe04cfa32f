"""One function judges what a target did, by what the target declares."""

from typing import Any

import numpy as np
import pytest

from conformance.judge.allowed import permits
from conformance.judge.judging import declared, judge, repeats
from conformance.model import Array, ArraySpec, Case, Observation, Raised, Returned, Symptom, Verdict
from conformance.targets.limits import Limit
from conformance.targets.target import TF32, Target

PLAIN = Target(name="plain", about="declares float32")
ONES = np.ones((1, 2, 2, 1), np.float32)
REFUSAL = Raised("ValueError", "not today")


def case_of(op: str, attributes: dict[str, Any], **arrays: Array) -> Case:
    """Return a call as a case."""
    specs = {name: ArraySpec(array.shape, array.dtype.name) for name, array in arrays.items()}
    return Case(op=op, arrays=specs, attributes=attributes, regime="normal", seed=0)


def judged(
    op: str, observed: Observation, target: Target, attributes: dict[str, Any], route: str = "nn", **arrays: Array
) -> Verdict:
    """Judge an observation of a call."""
    case = case_of(op, attributes, **arrays)
    return judge(case, permits(case, {**attributes, **arrays}), observed, target, route)


def pooled(observed: Observation, target: Target, strides: int = 2, route: str = "nn") -> Verdict:
    """Judge an observation of avg_pool of four ones."""
    attributes = {"ksize": 2, "strides": strides, "padding": "VALID"}
    return judged("avg_pool", observed, target, attributes, route, input=ONES)


def multiplied(left: float, product: float, target: Target) -> Verdict:
    """Judge a float32 product of a number with itself, by conv2d with one tap."""
    number = np.full((1, 1, 1, 1), left, np.float32)
    returned = Returned((np.full((1, 1, 1, 1), product, np.float32),), 0.0)
    return judged("conv2d", returned, target, {"strides": 1, "padding": "VALID"}, input=number, filters=number)


def test_a_valid_call_that_is_refused_is_wrong_unless_a_limit_declares_it() -> None:
    """The reason of the limit is the verdict's."""
    limited = Target(name="limited", about="", limits=(Limit(ops=("avg_pool",), reason="no averages"),))

    assert pooled(REFUSAL, PLAIN).kind == "refused-valid"
    assert pooled(REFUSAL, limited) == Verdict(outcome="unsupported", evidence={"reason": "no averages"})


def test_a_limit_is_out_of_date_where_the_call_is_answered_rightly() -> None:
    """That is no evidence for what is claimed; a wrong answer is as wrong as anywhere."""
    limited = Target(name="limited", about="", limits=(Limit(ops=("avg_pool",), reason="no averages"),))
    right, wrong = (Returned((np.full((1, 1, 1, 1), value, np.float32),), 0.0) for value in (1, 2))

    assert pooled(right, limited) == Verdict(outcome="unsupported", kind="answered", evidence={"reason": "no averages"})
    assert pooled(wrong, limited).kind == "wrong-value"


def test_an_answer_by_constants_puts_no_limit_out_of_date() -> None:
    """Another target's kernels may have computed what is constant."""
    limited = Target(name="limited", about="", limits=(Limit(ops=("avg_pool",), reason="no averages"),))
    right = Returned((np.ones((1, 1, 1, 1), np.float32),), 0.0)

    assert pooled(right, limited, route="nn+input").kind == ""


def test_a_broken_call_that_is_accepted_is_wrong_unless_the_route_cannot_refuse_it() -> None:
    """A stride of 0, and a target whose one way to compute averages does not check strides."""
    accepted = Returned((ONES,), 0.0)
    rule = pooled(accepted, PLAIN, strides=0).rule
    blind = Target(name="blind", about="", unseen={("avg_pool", "nn"): (rule,)})

    assert pooled(accepted, PLAIN, strides=0).kind == "accepted-invalid"
    assert pooled(accepted, blind, strides=0).outcome == "unsupported"


def test_a_target_is_held_to_the_arithmetic_that_it_declares() -> None:
    """
    1 + 2^-11 rounded to TF32's 11 bits is 1, and so is its square.

    In float32 that square is 1 + 2^-10: 1 is wrong for who declares float32, and consistent with factors in TF32.
    """
    number = 1 + 2.0**-11
    wrong = multiplied(number, 1.0, PLAIN)

    assert (wrong.kind, wrong.symptoms[-1]) == ("wrong-value", Symptom.TF32_FACTORS)
    assert multiplied(number, 1.0, Target(name="tf32", about="", arithmetic=TF32)).outcome == "agrees"


def test_the_roundings_that_a_route_adds_are_part_of_what_it_declares() -> None:
    """Of the op that they are given for, and of no other."""
    rounding = Target(name="rounding", about="", roundings={"avg_unpool": 2})
    unpool, pool = (case_of(op, {}, input=ONES) for op in ("avg_unpool", "avg_pool"))

    assert (declared(rounding, unpool).more, declared(rounding, pool).more) == (2, 0)
    assert declared(rounding, unpool).name == "float32"


@pytest.mark.parametrize(("own_masks", "outcome"), [((), "disagrees"), (("stateless_dropout",), "agrees")])
def test_a_fair_mask_is_right_for_who_declares_a_generator_of_its_own(own_masks: tuple[str, ...], outcome: str) -> None:
    """Of 64 ones at rate 0.5 every second one is kept, and doubled: no mask of TensorFlow's."""
    x = np.ones(64, np.float32)
    kept = Returned((np.tile(np.array([2, 0], np.float32), 32),), 0.0)
    target = Target(name="t", about="", own_masks=own_masks)

    assert judged("stateless_dropout", kept, target, {"rate": 0.5, "seed": [1, 2]}, x=x).outcome == outcome


@pytest.mark.parametrize(("own_masks", "told"), [((), ()), (("stateless_dropout",), (Symptom.NOT_SCALED,))])
def test_who_draws_its_own_is_not_told_of_tensorflows_mask(own_masks: tuple[str, ...], told: tuple[str, ...]) -> None:
    """All of 64 ones tripled at rate 0.5: neither doubled nor dropped, whatever the mask."""
    x = np.ones(64, np.float32)
    target = Target(name="t", about="", own_masks=own_masks)

    tripled = judged("stateless_dropout", Returned((3 * x,), 0.0), target, {"rate": 0.5, "seed": [1, 2]}, x=x)

    assert tripled.kind == "wrong-value"
    assert tripled.symptoms == told


@pytest.mark.parametrize("attributes", [{"rate": 0.5}, {"rate": 0.5, "seed": 3}])
def test_other_bits_the_second_time_are_wrong_where_they_are_declared_to_repeat(attributes: dict[str, Any]) -> None:
    """Dropout without a seed repeats for nobody."""
    case = case_of("dropout", attributes, x=np.ones(4, np.float32))

    assert repeats(Target(name="t", about="", deterministic=True), case) is ("seed" in attributes)
    assert not repeats(PLAIN, case)
