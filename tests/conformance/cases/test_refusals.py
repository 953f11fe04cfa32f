"""Every way to break a rule of a plain call is gone through, and each call breaks the rule that it is to break."""

import json

import pytest

import reference
from conformance import ops
from conformance.cases.breaks import NO_INTEGERS, TOO_LARGE, ZERO_OR_LESS
from conformance.cases.choices import Choices, every
from conformance.model import Case, Json
from conformance.ops import OPS
from reference import SpecError


def word(choices: Choices) -> str:
    """Make a letter, and of b a second one."""
    first = choices.pick("ab")
    return first + choices.pick("xyz") if first == "b" else first


def broken_rule(case: Case) -> str | None:
    """Run a case on the reference, and return the rule that it refuses it by, if it does."""
    try:
        getattr(reference, case.op)(**ops.arguments(case))
    except SpecError as error:
        return error.rule
    return None


def test_every_choice_is_gone_through_once() -> None:
    """A choice that hangs on another is made only where that one leads to it."""
    assert list(every(word)) == ["a", "bx", "by", "bz"]


def test_no_choice_at_all_is_one_way() -> None:
    """A generator that asks nothing makes one thing."""
    assert list(every(lambda _: "only")) == ["only"]


def test_of_a_long_range_the_ends_are_taken() -> None:
    """Of a short one every integer is."""
    assert list(every(lambda choices: choices.integer(5, 2**31))) == [5, 2**31]
    assert list(every(lambda choices: choices.integer(5, 8))) == [5, 6, 7, 8]


def test_what_is_rare_is_gone_through_too() -> None:
    """Whatever the chance, no comes and then yes."""
    assert list(every(lambda choices: choices.chance(1))) == [False, True]


@pytest.mark.parametrize("op", OPS)
def test_enumerated_calls_break_exactly_their_rule(op: str) -> None:
    """No call is valid, none breaks another rule first, and none comes twice."""
    cases = list(ops.refusals(op))

    assert [(case.breaks, broken_rule(case)) for case in cases if broken_rule(case) != case.breaks] == []
    assert len({case.id for case in cases}) == len(cases)


@pytest.mark.parametrize("op", OPS)
def test_every_rule_is_broken(op: str) -> None:
    """In the order of the record."""
    assert list(dict.fromkeys(case.breaks for case in ops.refusals(op))) == list(OPS[op].breaks)


@pytest.mark.parametrize(("op", "name"), [("conv2d", "strides"), ("conv2d", "dilations"), ("max_pool", "ksize")])
def test_every_limit_value_is_given_in_every_place(op: str, name: str) -> None:
    """Alone, for rows, for columns, and in the four entries of a layout."""
    given = [case.attributes.get(name) for case in ops.refusals(op)]

    for value in (*ZERO_OR_LESS, *TOO_LARGE, *NO_INTEGERS[:5]):
        forms: list[Json] = [value, [value], [value, 1], [1, value], [1, value, 1, 1], [1, 1, value, 1]]
        assert [form for form in forms if json.dumps(form) not in set(map(json.dumps, given))] == []
