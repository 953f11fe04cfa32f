"""Cases are valid, or break exactly their rule, by construction; their stream is the same in any block."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import reference
from conformance import ops
from conformance.cases.choices import streams, words
from conformance.cases.regimes import FLOAT_REGIMES, INTEGER_REGIMES
from conformance.errors import UsageError
from conformance.model import ArraySpec, Case, Json
from conformance.ops import OPS
from conformance.ops.strategies import strategy
from reference import SpecError

# What a rule says of a result, or what no small call can break: an index of more than 2^31 cells.

SIMPLEST = {
    "op": "conv2d",
    "arrays": {
        "input": {"shape": [1, 1, 1, 1], "dtype": "float32"},
        "filters": {"shape": [1, 1, 1, 1], "dtype": "float32"},
    },
    "attributes": {"strides": 1, "padding": "VALID"},
    "regime": "lattice",
    "seed": 0,
    "breaks": None,
}


def broken_rule(case: Case) -> str | None:
    """Run a case on the reference, and return the rule that it refuses it by, if it does."""
    try:
        getattr(reference, case.op)(**ops.arguments(case))
    except SpecError as error:
        return error.rule
    return None


def drawn(op: str, count: int, *, broken: bool = False) -> Iterator[Case]:
    """Yield cases of an op; values on the lattice, as they decide nothing here."""
    make = ops.invalid if broken else ops.valid
    for choices in streams(20, f"{op}, test", 0, count):
        yield replace(make(op, choices), regime="lattice")


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox 4x64-10, by the formula of Salmon et al. 2011, section 3.3."""
    low = 2**64 - 1
    for _ in range(10):
        first, second = counter[0] * 0xD2E7470EE14C6C93, counter[2] * 0xCA5A826395121157
        counter = [(second >> 64) ^ counter[1] ^ key[0], second & low, (first >> 64) ^ counter[3] ^ key[1], first & low]
        key = [(key[0] + 0x9E3779B97F4A7C15) & low, (key[1] + 0xBB67AE8584CAA73B) & low]
    return counter


def test_philox_gives_the_published_vector() -> None:
    """Counter and key of zeros: Random123 1.14, kat_vectors."""
    assert [f"{word:016x}" for word in philox([0] * 4, [0, 0])] == [
        "16554d9eca36314c",
        "db20fe9d672d0fdc",
        "d7e772cee186176b",
        "7e68b68aec7ba23b",
    ]


def test_choices_are_philox_words_low_half_first() -> None:
    """The CRC-32 of "" is 0; NumPy counts up before it draws, so that the first block is that of counter 1."""
    block = philox([1, 0, 0, 0], [7, 0])

    assert words(7, "", 0, 8).tolist() == [half for word in block for half in (word & 0xFFFFFFFF, word >> 32)]
    assert words(7, "", 8, 2).tolist() == words(7, "", 0, 16)[8:10].tolist()


@pytest.mark.parametrize("op", OPS)
def test_valid_calls_are_valid(op: str) -> None:
    """Three hundred drawn calls are all accepted by the reference: nothing is drawn and then thrown away."""
    refused = [(case, rule) for case in drawn(op, 300) if (rule := broken_rule(case))]

    assert refused == []


@pytest.mark.parametrize("op", OPS)
def test_invalid_calls_break_exactly_their_rule(op: str) -> None:
    """Of three hundred broken calls, the reference refuses each by the rule that it was made to break."""
    wrong = [(case, rule) for case in drawn(op, 300, broken=True) if (rule := broken_rule(case)) != case.breaks]

    assert wrong == []


@pytest.mark.parametrize("op", OPS)
def test_every_rule_that_a_call_can_break_is_broken(op: str) -> None:
    """Three hundred broken calls of an op break each of the rules of its interface."""
    assert {str(case.breaks) for case in drawn(op, 300, broken=True)} == set(OPS[op].breaks)


@pytest.mark.parametrize("op", OPS)
def test_broken_calls_are_small(op: str) -> None:
    """No array of a broken call has more than 2^20 elements, since a refusal needs no more."""
    shapes = [spec.shape for case in drawn(op, 300, broken=True) for spec in case.arrays.values()]

    assert max(np.prod(shape, dtype=np.int64) for shape in shapes) <= 2**20


@pytest.mark.parametrize("op", OPS)
def test_a_case_is_the_same_in_any_block(op: str) -> None:
    """Cases 0 to 99 in one block are those drawn one by one."""
    whole = list(ops.generate(op, 5, 0, 100))

    assert list(chain.from_iterable(ops.generate(op, 5, k, 1) for k in range(100))) == whole


def test_another_seed_gives_other_cases() -> None:
    """No case of seed 1 is one of seed 2."""
    ids = [{case.id for case in ops.generate("conv2d", seed, 0, 50)} for seed in (1, 2)]

    assert not ids[0] & ids[1]


def test_every_sixth_case_is_broken_and_groups_share_one_shape() -> None:
    """Of 0 to 23, cases 5, 11, 17 and 23 are broken; the others are four groups of five, first on the lattice."""
    stream = list(ops.generate("max_pool", 3, 0, 24))
    valid = [case for case in stream if case.breaks is None]

    assert [k for k, case in enumerate(stream) if case.breaks] == [5, 11, 17, 23]
    assert [case.regime for case in valid[::5]] == ["lattice"] * 4
    for start in range(0, 20, 5):
        assert len({json.dumps([dict(case.attributes), str(case.arrays)]) for case in valid[start : start + 4]}) == 1
        assert len({str([spec.shape for spec in case.arrays.values()]) for case in valid[start : start + 5]}) == 1


@pytest.mark.parametrize("op", OPS)
def test_some_calls_have_the_shapes_of_the_one_before_and_another_attribute(op: str) -> None:
    """The last of some groups, as valid as the others: of 60 groups at least five; the reference takes each."""
    stream = list(ops.generate(op, 4, 0, 300, valid_share=1))
    last = [(stream[start], stream[start + 4]) for start in range(0, 300, 5)]
    siblings = [other for base, other in last if (base.attributes, base.dtype) != (other.attributes, other.dtype)]

    assert len(siblings) >= 5
    assert [broken_rule(replace(case, regime="lattice")) for case in siblings] == [None] * len(siblings)


def test_pools_of_one_shape_differ_in_layout_padding_stride_and_window() -> None:
    """Each is an attribute that a kernel kept by shapes alone confuses."""
    stream = list(ops.generate("max_pool", 4, 0, 3000, valid_share=1))
    pairs = [(stream[start].attributes, stream[start + 4].attributes) for start in range(0, 3000, 5)]
    differing = {name for one, other in pairs for name in {**one, **other} if one.get(name) != other.get(name)}

    assert differing == {"data_format", "padding", "strides", "ksize"}


def test_no_case_is_broken_where_all_are_to_be_valid() -> None:
    """valid_share=1 leaves none."""
    assert not any(case.breaks for case in ops.generate("dropout", 1, 0, 60, valid_share=1))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_hypothesis_draws_valid_cases_too(data: st.DataObject) -> None:
    """The same generator serves both sources of choices."""
    op = data.draw(st.sampled_from(list(OPS)))
    case = replace(data.draw(strategy(op)), regime="lattice")

    assert broken_rule(case) is None


def test_hypothesis_shrinks_to_the_simplest_call() -> None:
    """Any conv2d shrinks to one element, one tap, stride 1 and VALID."""
    case = find(
        strategy("conv2d"),
        lambda _: True,
        settings=settings(phases=[Phase.generate, Phase.shrink], database=None),
    )

    assert case.to_json() == SIMPLEST


@pytest.mark.parametrize("op", OPS)
def test_a_case_read_from_its_json_is_the_case(op: str) -> None:
    """Valid and broken ones, through text."""
    some = list(ops.generate(op, 8, 0, 60))

    assert [ops.case_from_json(json.loads(json.dumps(case.to_json()))) for case in some] == some


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"op": "conv3d"}, "op is 'conv3d'"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": True}, "seed is True"),
        ({"regime": "odd"}, "regime is 'odd'"),
        ({"breaks": 3}, "breaks is 3"),
        ({"arrays": {}}, "arrays is {}"),
        ({"arrays": {"input": {"shape": [1]}}}, "arrays.input is"),
        ({"arrays": {"input": {"shape": [-1], "dtype": "float32"}}}, "arrays.input.shape is [-1]"),
        ({"arrays": {"input": {"shape": [2**40], "dtype": "int8"}}}, "bytes, the limit is"),
        ({"arrays": {"input": {"shape": [1], "dtype": "float31"}}}, "arrays.input.dtype is 'float31'"),
        ({"attributes": []}, "attributes is []"),
        ({"more": 1}, "unknown 'more'"),
    ],
)
def test_a_bad_case_file_is_refused_in_one_line(change: dict[str, Any], message: str) -> None:
    """The line says what was met and where."""
    with pytest.raises(UsageError) as caught:
        ops.case_from_json({**SIMPLEST, **change})

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [None, [], "conv2d", {}, {"op": "conv2d"}])
def test_what_is_no_case_is_refused(data: Any) -> None:  # noqa: ANN401
    """Other JSON than an object with all keys."""
    with pytest.raises(UsageError):
        ops.case_from_json(data)


@pytest.mark.parametrize("op", OPS)
def test_neighbours_are_as_valid(op: str) -> None:
    """Every neighbour of some cases, valid or broken, is accepted, or refused by the same rule."""
    for case in ops.generate(op, 11, 0, 12):
        small = replace(case, regime="lattice")
        assert {broken_rule(replace(other, regime="lattice")) for other in ops.neighbours(small)} <= {case.breaks}


def test_shrinking_ends_at_the_simplest_call() -> None:
    """Where every case shows it, nothing but the simplest conv2d is left, and the seed's parity."""
    case = next(case for case in ops.generate("conv2d", 2, 40, 1) if case.breaks is None)
    smallest = ops.shrink(case, lambda _: True)

    assert replace(smallest, seed=0).to_json() == SIMPLEST


def test_shrinking_keeps_what_shows() -> None:
    """A fault of batches above 1 with stride 2 keeps both, and loses all else."""
    case = Case(
        op="conv2d",
        arrays={"input": ArraySpec((3, 9, 8, 2), "bfloat16"), "filters": ArraySpec((3, 2, 2, 5), "bfloat16")},
        attributes={"strides": [1, 2, 2, 1], "padding": "SAME", "data_format": None, "dilations": 1},
        regime="wide",
        seed=6,
    )

    def shows(other: Case) -> bool:
        classes = ops.features(other)
        return (classes["batch"], classes["stride"]) == ("above 1", "above 1")

    smallest = ops.shrink(case, shows)

    assert smallest.arrays["input"] == ArraySpec((2, 1, 1, 1), "float32")
    assert smallest.attributes in ({"strides": [1, 2], "padding": "VALID"}, {"strides": [2, 1], "padding": "VALID"})


def test_classes_of_a_call_by_hand() -> None:
    """A 5x1 image, windows of 3x3 two apart, padded by SAME: 3x1 windows; the batch and the stride are above 1."""
    case = Case(
        op="conv2d",
        arrays={"input": ArraySpec((2, 5, 1, 4), "float32"), "filters": ArraySpec((3, 3, 1, 8), "float32")},
        attributes={"strides": 2, "padding": "SAME"},
        regime="normal",
        seed=1,
    )
    classes = ops.features(case)

    assert {name: classes[name] for name in ("batch", "output height", "output width", "stride", "groups")} == {
        "batch": "above 1",
        "output height": "odd",
        "output width": "1",
        "stride": "above 1",
        "groups": "depthwise",
    }
    assert classes["window above image"] == "yes"
    assert classes["stride above window"] == "no"


@pytest.mark.parametrize(("stride", "text"), [(1, "1"), (2, "above 1"), (2**15 - 1, "above 1"), (2**15, "huge")])
def test_a_stride_beyond_15_bits_is_a_class_of_its_own(stride: int, text: str) -> None:
    """Counters of 16 bits do not hold it, and sums with the largest overflow an int32."""
    spec = {"input": ArraySpec((1, 3, 3, 1), "float32")}
    call: dict[str, Json] = {"ksize": 2, "strides": [1, stride], "padding": "SAME"}
    case = Case(op="max_pool", arrays=spec, attributes=call, regime="lattice", seed=0)

    assert ops.features(case)["stride"] == text


@pytest.mark.parametrize("op", OPS)
def test_a_run_of_a_thousand_cases_meets_every_regime(op: str) -> None:
    """And every rule that a call can break."""
    coverage = ops.made(ops.generate(op, 0, 0, 1000))
    integers = any(dtype.startswith("int") for name, dtype in coverage.values if name == "dtype")

    assert {text for name, text in coverage.values if name == "regime"} == {
        *FLOAT_REGIMES,
        *(INTEGER_REGIMES if integers else ()),
    }
    assert set(coverage.broken) == set(OPS[op].breaks)
