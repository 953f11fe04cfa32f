"""The masks of a run: a fair generator passes, an uneven, a correlated, a repeating one does not."""

import math
from dataclasses import replace

import numpy as np
import pytest

from conformance.judge.masks import DISTANCES, RISK, Mask, beyond, observed, read, verdict
from conformance.model import Array, ArraySpec, Case, Symptom

CASE = Case(
    op="dropout",
    arrays={"x": ArraySpec((64, 64), "float32")},
    attributes={"rate": 0.5, "seed": 1},
    regime="positive",
    seed=1,
)


def dropped(mask: Array, case: Case = CASE) -> Mask:
    """Return what is kept of a mask (True: dropped) of x = the numbers of the case."""
    from conformance.ops import arguments

    x = arguments(case)["x"]
    found = observed(case, np.where(mask, np.float32(0), x * np.float32(2)))
    assert found is not None
    return found


def fair(seed: int) -> Mask:
    """Return what is kept of a fair mask under this seed."""
    case = replace(CASE, attributes={"rate": 0.5, "seed": seed})
    return dropped(np.random.Generator(np.random.PCG64(seed)).random((64, 64)) < 0.5, case)


def test_a_mask_is_summed_by_hand() -> None:
    """
    Of 4,096 cells the upper half is dropped: none too many, and cells far apart are unlike.

    At rate 1/2 a pair's product is +1 where both are dropped or both kept. At a distance of 1, all 2,048 pairs are
    alike; at 2,048, none is.
    """
    mask = dropped(np.arange(4096).reshape(64, 64) < 2048)

    assert (mask.cells, mask.excess, mask.variance) == (4096, 0, 4096)
    assert (mask.products[0], mask.pairs[0]) == (2048, 2048)
    assert (mask.products[DISTANCES.index(2048)], mask.pairs[DISTANCES.index(2048)]) == (-2048, 2048)


def test_a_cell_that_noise_shape_shares_counts_once() -> None:
    """64 rows decided by one number each are 64 cells."""
    case = replace(CASE, attributes={**CASE.attributes, "noise_shape": [None, 1]})

    mask = dropped(np.arange(64)[:, None] % 2 == 0, case)

    assert mask.cells == 64


def test_masks_survive_a_file() -> None:
    """`read` undoes `to_json`."""
    mask = fair(1)

    assert read(mask.to_json()) == mask


def test_fair_masks_pass() -> None:
    """A hundred masks of PCG64, another seed each, have no fault."""
    assert verdict(fair(seed) for seed in range(100)).outcome == "agrees"


def test_a_rate_off_by_a_twentieth_is_found() -> None:
    """
    Of 4,096,000 cells 0.505 instead of 0.5 are dropped: twenty standard deviations.

    By hand: 0.005 * 4,096,000 / sqrt(4,096,000 / 4) = 20.2.
    """
    excess = 2 * 0.005 * 4_096_000
    mask = replace(fair(1), cells=4_096_000, excess=excess, variance=4.0 * 4_096_000 / 4)

    judged = verdict([mask])

    assert (judged.kind, judged.symptoms) == ("wrong-value", (Symptom.RUN_SHARE,))
    assert judged.evidence["cells"] == 4_096_000
    assert abs(judged.evidence["deviations"] - 20.24) < 0.01


def test_neighbours_alike_are_found() -> None:
    """Every second cell is as the one before it."""
    bits = np.random.Generator(np.random.PCG64(3)).random(2048) < 0.5

    judged = verdict([dropped(np.repeat(bits, 2).reshape(64, 64))])

    assert judged.symptoms == (Symptom.RUN_CORRELATION,)
    assert judged.evidence["correlations"] == [(1, 1.0)]


def test_rows_that_repeat_are_found() -> None:
    """Every row of 64 has the first one's mask."""
    row = np.random.Generator(np.random.PCG64(4)).random(64) < 0.5

    assert (64, 1.0) in verdict([dropped(np.tile(row, (64, 1)))]).evidence["correlations"]


def test_one_seed_counts_once() -> None:
    """The same mask a thousand times says no more than once."""
    mask = replace(fair(1), excess=200.0)

    assert verdict([mask] * 1000).outcome == verdict([mask]).outcome == "agrees"


def test_the_same_call_gives_the_same_mask() -> None:
    """Two masks under one seed are a fault."""
    first, second = fair(1), fair(2)

    judged = verdict([first, replace(second, seed=first.seed, call=first.call)])

    assert Symptom.RUN_CALL in judged.symptoms
    assert (judged.evidence["call"], judged.evidence["masks"]) == (first.call, 2)


def test_another_seed_gives_another_mask() -> None:
    """One mask under two seeds is a fault."""
    first = fair(1)

    other = replace(first, seed='{"seed": [2]}', call="other")
    judged = verdict([first, other])

    assert Symptom.RUN_SEEDS in judged.symptoms
    assert judged.evidence["seeds"] == sorted([first.seed, other.seed])


def test_two_calls_without_a_seed_give_two_masks() -> None:
    """One mask twice is a fault, since nothing seeds it; two masks, or one of few cells, are none."""
    first, second = (replace(fair(seed), seed="", call="unseeded") for seed in (1, 2))

    assert verdict([first, first]).symptoms == (Symptom.RUN_UNSEEDED,)
    assert verdict([first, first]).evidence == {"masks": 2}
    assert verdict([first, second]).outcome == "agrees"
    assert verdict([replace(first, chance=10.0)] * 2).outcome == "agrees"


def test_seeds_that_doubles_do_not_tell_apart_may_give_one_mask() -> None:
    """common.R5: 2^53 and 2^53 + 1 are one double; where all digits count they are two calls, of two masks."""
    even = np.arange(4096).reshape(64, 64) % 2 == 0
    first, alike, other = (
        dropped(mask, replace(CASE, op="stateless_dropout", attributes={"rate": 0.5, "seed": [seed, 1]}))
        for mask, seed in ((even, 2**53), (even, 2**53 + 1), (~even, 2**53 + 1))
    )

    assert Symptom.RUN_SEEDS not in verdict([first, alike]).symptoms
    assert Symptom.RUN_CALL not in verdict([first, other]).symptoms
    assert Symptom.RUN_CALL in verdict([alike, other]).symptoms


def test_a_global_and_an_ops_seed_may_give_one_mask() -> None:
    """What a generator makes of 1 as either need not differ."""
    first = fair(1)

    assert verdict([first, replace(first, seed='{"global_seed": [1]}', call="other")]).outcome == "agrees"


@pytest.mark.parametrize("deviations", [0.0, 5.0])
def test_five_standard_deviations_prove_nothing(deviations: float) -> None:
    """Bernstein's bound for a millionth lies beyond sqrt(2 ln 2,000,000) = 5.39 of them."""
    assert not beyond(deviations * 1000, 1000.0**2, 1.0, RISK)


def test_bernsteins_bound_is_met() -> None:
    """exp(-t^2 / 2 V) is half a millionth where t^2 = 2 V ln(2,000,000), if no term is large."""
    limit = 1000 * math.sqrt(2 * math.log(2e6))

    assert beyond(limit * 1.001, 1000.0**2, 0.0, RISK)
    assert not beyond(limit * 0.999, 1000.0**2, 0.0, RISK)


def test_16_bit_numbers_say_nothing() -> None:
    """A uniform number of 7 bits has no 0.3 of its values below 0.3."""
    case = replace(CASE, arrays={"x": ArraySpec((8, 8), "bfloat16")})

    assert observed(case, np.zeros((8, 8), CASE.arrays["x"].dtype)) is None
