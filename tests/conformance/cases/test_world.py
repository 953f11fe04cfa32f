"""Small worlds: every call once, numbered the same everywhere, in an order whose beginnings are even samples."""

from collections import Counter

import numpy as np
import pytest

from conformance import ops
from conformance.cases.world import order
from conformance.model import Case
from conformance.ops import OPS


def content(case: Case) -> str:
    """Return a case without the seed of its values."""
    return repr({name: entry for name, entry in case.to_json().items() if name != "seed"})


@pytest.mark.parametrize("size", [1, 2, 3, 5, 16, 17, 1000, 4097])
def test_the_order_is_a_permutation(size: int) -> None:
    """Each number is taken to one place, and to each place one number."""
    assert sorted(order("name", size, range(size)).tolist()) == list(range(size))


def test_any_block_of_the_order_is_part_of_the_whole() -> None:
    """Numbers 40 to 49 lie where they lie in the whole order of 1,000."""
    assert order("name", 1000, range(40, 50)).tolist() == order("name", 1000, range(1000)).tolist()[40:50]


def test_the_order_is_the_same_everywhere() -> None:
    """Kept from the first run of this test: who has covered part of a world elsewhere relies on the order."""
    assert order("a", 10**6, range(4)).tolist() == [447995, 22192, 209916, 30497]


def test_each_region_has_an_order_of_its_own() -> None:
    """The name decides it."""
    assert order("a", 10**6, range(4)).tolist() != order("b", 10**6, range(4)).tolist()


@pytest.mark.parametrize("op", OPS)
def test_every_call_of_a_world_is_another_one(op: str) -> None:
    """The first 1,000 calls to side 2 in each part, in one dtype, differ in more than their values."""
    regions = [region for region in ops.regions(op, 2).values() if region.dtype == "float32"]
    cases = [content(case) for region in regions for case in region.cases(0, 1000)]

    assert len(set(cases)) == len(cases)


@pytest.mark.parametrize("op", OPS)
def test_every_call_of_a_world_is_valid(op: str) -> None:
    """The specification takes four calls of each part to side 5 in each dtype, and as many of those to side 1."""
    for side, count in ((1, 4), (5, 4)):
        for region in ops.regions(op, side).values():
            for case in region.cases(0, count):
                OPS[op].reference(**ops.arguments(case))


def test_a_world_to_a_larger_side_holds_the_smaller_one() -> None:
    """All average pools to side 2 are among those to side 3."""
    small, large = (
        {content(case) for region in ops.regions("avg_pool", side).values() for case in region.cases(0, region.size)}
        for side in (2, 3)
    )

    assert small < large


def test_a_beginning_is_an_even_sample() -> None:
    """Of the first 1,200 of 437,400 convolutions each of three batches is met about 400 times (sd 16)."""
    region = ops.regions("conv2d", 6)["conv2d-float32-SAME-NHWC-side-6"]

    batches = Counter(case.arrays["input"].shape[0] for case in region.cases(0, 1200))

    assert region.size == 437_400
    assert np.allclose([batches[1], batches[2], batches[3]], 400, atol=80)


def test_a_region_ends_where_its_calls_end() -> None:
    """Blocks beyond the last call are empty, and the last block is short."""
    region = ops.regions("dropout_grad", 2)["dropout_grad-float32-rank-2-side-2"]

    assert region.size == 4 * 7 * 2
    assert len(list(region.cases(50, 64))) == 6
    assert not list(region.cases(64, 64))
