"""The allowed numbers by hand; correct arithmetic of every declared kind is inside, and what is worse is outside."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import DTypeLike

from conformance.selftest.arithmetics import Arithmetic, ordered, summed
from conformance.selftest.emulations import EMULATIONS, Emulation
from reference.bounds import ARITHMETICS, Bounds, exactly, within
from reference.engine.conv2d import Forward
from reference.engine.exact import SumOfProducts
from reference.engine.fourier import transformed as fourier_bound
from reference.floats import FORMATS, Array, bfloat16, round_to
from reference.ops.avg_pool import average
from reference.ops.conv2d import forward
from reference.ops.conv2d_backprop_filter import filter_gradient
from reference.ops.conv2d_transpose import backward
from reference.ops.pools import spread

FLOAT32 = 2.0**-24  # u
NORMAL = 2.0**-126  # the smallest normal float32
SUBNORMAL = 2.0**-149  # the smallest float32


def dot(left: Sequence[float], right: Sequence[float], dtype: DTypeLike = np.float32) -> Forward:
    """Return a sum of products as a 1x1 convolution: one output element, a channel a product."""
    image = np.array(left, np.float64).astype(dtype).reshape(1, 1, 1, -1)
    return forward(image, np.array(right, np.float64).astype(dtype).reshape(1, 1, -1, 1), 1, "VALID")


def bound_of(call: SumOfProducts, name: str, more: int = 0) -> float:
    """Return the bound of the only element."""
    return float(within(call, replace(ARITHMETICS[name], more=more)).bound.item())


def admitted(call: SumOfProducts, name: str, *numbers: float) -> list[bool]:
    """Return, for each of these numbers, whether the only element may be it."""
    result = within(call, ARITHMETICS[name])
    return [bool(result.admits(np.full(result.value.shape, number, result.value.dtype)).item()) for number in numbers]


def close(seen: float, bound: float) -> bool:
    """Return whether a bound is this one: S may be an upper bound within a few units of float64, 2^-48 here."""
    return bound <= seen <= bound * (1 + 2.0**-48)


# The bound of each class of arithmetic, for four products of 0.5 and 0.5: S = 1, n = 4.

HALVES = [0.5] * 4


def test_any_order_errs_by_at_most_n_u_s() -> None:
    """4 * 2^-24 * 1; underflow, 2^-123, is lost beside it."""
    assert close(bound_of(dot(HALVES, HALVES), "float32"), 4 * FLOAT32)


@pytest.mark.parametrize(("dtype", "u"), [(np.float16, 2.0**-11), (bfloat16, 2.0**-8)])
def test_wide_sums_round_three_additions_and_the_result(dtype: DTypeLike, u: float) -> None:
    """u_out |y| + (1 + u_out) (n - 1) u_acc S, with y = S = 1: the products of 16 bits are exact in float32."""
    assert close(bound_of(dot(HALVES, HALVES, dtype), "float32"), u + (1 + u) * 3 * FLOAT32)


def test_float64_sums_of_float32_have_the_unit_of_float64() -> None:
    """u_out + (1 + u_out) * 3 * 2^-53."""
    seen = bound_of(dot(HALVES, HALVES), "float64")

    assert close(seen, FLOAT32 + (1 + FLOAT32) * 3 * 2.0**-53)


def test_sums_in_the_format_of_16_bits_have_its_unit() -> None:
    """The bound is n u S with u = 2^-8, products included."""
    assert close(bound_of(dot(HALVES, HALVES, bfloat16), "storage"), 4 * 2.0**-8)


def test_float64_is_summed_in_float64_whatever_is_declared_of_16_bits() -> None:
    """4 * 2^-53."""
    assert close(bound_of(dot(HALVES, HALVES, np.float64), "float32"), 4 * 2.0**-53)


def test_narrowed_operands_add_two_of_their_units() -> None:
    """(2 u_in + u_in^2) S and n u (1 + u_in)^2 S, with u_in = 2^-11 for TF32 rounded."""
    u = 2.0**-11

    assert close(bound_of(dot(HALVES, HALVES), "tf32-rounded"), 2 * u + u**2 + 4 * FLOAT32 * (1 + u) ** 2)


def test_truncation_doubles_the_units_of_operands_and_of_additions() -> None:
    """u_in = 2^-10 and 2 u an addition."""
    u = 2.0**-10

    assert close(bound_of(dot(HALVES, HALVES), "tf32"), 2 * u + u**2 + 8 * FLOAT32 * (1 + u) ** 2)


def test_two_parts_leave_the_square_of_their_unit() -> None:
    """(3 u^2 + u^4) S, and 12 products of size (1 + u) (1 + 3 u), with u = 2^-8."""
    u = 2.0**-8

    seen = bound_of(dot(HALVES, HALVES), "bf16x3")

    assert close(seen, 3 * u**2 + u**4 + 12 * FLOAT32 * (1 + u) * (1 + 3 * u))


def test_operands_that_are_narrow_already_are_not_narrowed() -> None:
    """bfloat16 data lose nothing in TF32; nor do whole numbers of at most 2^11: S is whole, and nothing rounds."""
    narrow = dot(HALVES, HALVES, bfloat16)

    assert bound_of(narrow, "tf32-rounded") == bound_of(narrow, "float32")
    assert bound_of(dot([2048.0, 3.0], [1.0, 5.0]), "tf32-rounded") == 0
    assert bound_of(dot([2049.0, 3.0], [1.0, 5.0]), "tf32-rounded") > 2049 * 2.0**-10


def test_further_roundings_are_those_of_the_dtype() -> None:
    """Two more in bfloat16, S = 1: each term errs by 2 * 2^-8 more, however precisely they are added."""
    u = 2.0**-8

    assert close(bound_of(dot(HALVES, HALVES, bfloat16), "float32", more=2), u + (1 + u) * (3 * FLOAT32 + 2 * u))


def test_further_roundings_count_as_products_do() -> None:
    """Two more: 6 * 2^-24."""
    assert close(bound_of(dot(HALVES, HALVES), "float32", more=2), 6 * FLOAT32)


def test_correctly_rounded_leaves_one_number() -> None:
    """1/3 has no neighbour."""
    call = dot([1 / 3], [1.0])
    third = float(np.float32(1 / 3))

    below, above = (float(np.nextafter(np.float32(third), np.float32(end))) for end in (0, 1))
    assert admitted(call, "correctly-rounded", below, third, above) == [False, True, False]


def test_only_taps_inside_the_image_count() -> None:
    """3x3 windows on a 3x3 image under SAME hold 4 cells at a corner, 6 at an edge, 9 in the middle."""
    image = np.full((1, 3, 3, 1), 0.5, np.float32)
    call = forward(image, np.full((3, 3, 1, 1), 0.5, np.float32), 1, "SAME")

    result = within(call)

    assert result.count[0, :, :, 0].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]
    assert close(result.bound[0, 0, 0, 0], 4 * FLOAT32 * 1.0)
    assert close(result.bound[0, 0, 1, 0], 6 * FLOAT32 * 1.5)
    assert close(result.bound[0, 1, 1, 0], 9 * FLOAT32 * 2.25)


def test_a_mean_is_a_sum_and_one_division() -> None:
    """(0.5 + 0.25 + 0.25) / 3: two additions and a division of S / 3 = 1/3, so 3 u / 3."""
    image = np.array([0.5, 0.25, 0.25], np.float32).reshape(1, 1, 3, 1)

    assert close(within(average(image, [1, 3], 1, "VALID")).bound.item(), FLOAT32)


def test_the_division_of_a_mean_rounds_before_a_narrower_result_does() -> None:
    """In bfloat16: 3 u_acc S / 3 and u_out |y|, with y = 1/3 rounded to 0.333984375."""
    image = np.array([0.5, 0.25, 0.25]).astype(bfloat16).reshape(1, 1, 3, 1)
    u = 2.0**-8

    seen = within(average(image, [1, 3], 1, "VALID")).bound.item()

    assert close(seen, (1 + u) * FLOAT32 + u * 0.333984375)


def test_the_gradient_of_a_mean_adds_quotients() -> None:
    """Under [1, 3] windows with stride 1 the middle of 3 cells meets all three: a quotient and two additions of S."""
    call = spread("avg_pool_grad", [1, 1, 3, 1], np.full((1, 1, 3, 1), 3.0, np.float32), [1, 3], 1, "SAME")

    result = within(call)

    # 3/2 + 3/3 + 3/2, of n = 3 quotients.
    assert result.value[0, 0, 1, 0] == 4
    assert close(result.bound[0, 0, 1, 0], 3 * FLOAT32 * 4)


def test_adding_alone_has_one_rounding_less() -> None:
    """avg_unpool of one window gives its value back: no rounding; two windows round once."""
    call = spread("avg_unpool", [1, 1, 3, 1], np.full((1, 1, 2, 1), 0.1, np.float32), [1, 2], 1, "VALID")

    value = float(np.float32(0.1))
    bound = within(call).bound[0, 0, :, 0]

    assert bound[0] == bound[2] == 2 * NORMAL  # what underflow may take: 2 n times the smallest normal number
    assert close(bound[1], FLOAT32 * 2 * value)


# Exactness on whole numbers.


def test_whole_sums_up_to_two_to_the_p_are_exact() -> None:
    """4095 * 4096 + 4096 = 2^24: one number. With 4097 it is beyond, and has neighbours."""
    exact, beyond = dot([4095.0, 4096.0], [4096.0, 1.0]), dot([4095.0, 4097.0], [4096.0, 1.0])

    assert admitted(exact, "float32", 2.0**24 - 1, 2.0**24, 2.0**24 + 2) == [False, True, False]
    assert close(within(beyond).bound.item(), 2 * FLOAT32 * (2.0**24 + 1))
    assert all(admitted(beyond, "float32", 2.0**24, 2.0**24 + 2))


def test_truncating_adders_are_exact_up_to_half_of_that() -> None:
    """A unit that truncates may lose the last bit of 2^24 - 1; up to 2^23 it is held to the number."""
    assert bound_of(dot([2048.0, 0.0], [2048.0, 1.0]), "tf32") == 0
    assert bound_of(dot([2048.0] * 4, [2048.0] * 4), "tf32") > 0


@pytest.mark.parametrize(
    ("dtype", "left", "out"),
    [(bfloat16, [256.0, 128.0, 1.0], 384.0), (np.float16, [2048.0, 1.0, 1.0], 2050.0), (bfloat16, [200.0], 200.0)],
)
def test_a_narrow_result_of_exact_sums_is_one_number(dtype: DTypeLike, left: list[float], out: float) -> None:
    """385 rounds to 384 in bfloat16, whose spacing there is 2; its neighbours are faults."""
    call = dot(left, [1.0] * len(left), dtype)
    beside = [float(np.nextafter(np.array(out, dtype), np.array(end, dtype))) for end in (0, 4000)]

    assert admitted(call, "float32", beside[0], out, beside[1]) == [False, True, False]


def test_a_narrow_result_may_be_either_side_of_a_tie_that_the_wide_sum_meets() -> None:
    """1 + 2^-8 + 2^-30 rounds up to 1 + 2^-7; float32 loses the last term, and the tie goes to 1. No others."""
    call = dot([1.0, 2.0**-8, 2.0**-30], [1.0] * 3, bfloat16)

    assert admitted(call, "float32", 1 - 2.0**-8, 1.0, 1 + 2.0**-7, 1 + 2.0**-6) == [False, True, True, False]


def test_a_truncated_narrow_result_is_outside() -> None:
    """1 + 0.75 * 2^-7 lies a quarter of a spacing below 1 + 2^-7: 1 is wrong."""
    call = dot([1.0, 0.75 * 2.0**-7], [1.0, 1.0], bfloat16)

    assert admitted(call, "float32", 1.0, 1 + 2.0**-7) == [False, True]


def test_transforms_round_on_whole_numbers_too() -> None:
    """F(4, 3) has factors of 1/6 and 1/24."""
    ones = np.ones((1, 4, 4, 1), np.float32)
    call = forward(ones, np.ones((3, 3, 1, 1), np.float32), 1, "SAME")

    assert (within(call, ARITHMETICS["winograd-4"]).bound > 0).all()
    assert (within(call, ARITHMETICS["float32"]).bound == 0).all()


def test_an_arithmetic_of_transforms_is_direct_where_they_do_not_serve() -> None:
    """Winograd's with stride 2, and either with pools."""
    image = np.full((1, 5, 5, 1), 0.5, np.float32)
    strided = forward(image, np.full((3, 3, 1, 1), 0.5, np.float32), 2, "SAME")
    mean = average(image, 3, 1, "SAME")

    for call, name in ((strided, "winograd-2"), (mean, "winograd-2"), (mean, "fft")):
        assert np.array_equal(within(call, ARITHMETICS[name]).bound, within(call).bound)


def test_the_bound_of_fourier_transforms() -> None:
    """
    One product of 0.5 and 0.5: n = 1, sides of 1 + 1 cells.

    Two axes of 2 points, rounded up to 4: log2 N = 4. (1 + 21 * 4 + 4) * 0.5 * 0.5.
    """
    assert fourier_bound(dot([0.5], [0.5])) == 89 * 0.25


# Overflow.


def test_a_sum_beyond_the_accumulator_may_be_anything() -> None:
    """3e38 + 3e38 - 3e38: infinity in one order, 3e38 in another; with both signs in turn, NaN."""
    call = dot([3e38, 3e38, -3e38], [1.0] * 3)

    assert all(admitted(call, "float32", np.inf, float(np.float32(3e38)), -np.inf, np.nan))


def test_a_sum_below_the_accumulators_limit_may_not() -> None:
    """1e38 + 1e38."""
    call = dot([1e38, 1e38], [1.0] * 2)

    assert admitted(call, "float32", np.inf, np.nan, float(np.float32(1e38)) * 2) == [False, False, True]


def test_a_wide_sum_beyond_the_narrow_format_is_infinite_of_its_sign() -> None:
    """-300 * 300 is -90000 in float32, and beyond the 65504 of float16."""
    call = dot([-300.0], [300.0], np.float16)

    assert admitted(call, "float32", -np.inf, -65504.0, np.inf, np.nan) == [True, False, False, False]


def test_next_to_the_end_both_infinity_and_the_largest_number_are_allowed() -> None:
    """65520 is the tie between them: float32's errors, of 2^-8 an addition, reach it from 65520 - 2^-12."""
    call = dot([65504.0, 15.75], [1.0, 1.0], np.float16)

    assert admitted(call, "float32", 65504.0, np.inf, 65472.0, np.nan) == [True, False, False, False]
    nearer = dot([65504.0, 16.0, 2.0**-12, -(2.0**-11)], [1.0] * 4, np.float16)
    assert admitted(nearer, "float32", 65504.0, np.inf, 65472.0, np.nan) == [True, True, False, False]


def test_a_means_sum_may_overflow_where_the_mean_does_not() -> None:
    """Three times 2e38, over 3."""
    image = np.full((1, 1, 3, 1), 2e38, np.float32)

    assert within(average(image, [1, 3], 1, "VALID")).admits(np.full((1, 1, 1, 1), np.inf, np.float32)).all()


def test_an_operand_may_round_to_infinity_when_it_is_narrowed() -> None:
    """The largest float32 is nearer to 2^128 than to the largest bfloat16; 1e38 is not."""
    largest = FORMATS["float32"].largest

    assert all(admitted(dot([largest], [0.5]), "bfloat16", np.inf, largest / 2))
    assert all(admitted(dot([0.5], [largest]), "bfloat16", np.inf, largest / 2))
    assert admitted(dot([1e38], [0.5]), "bfloat16", np.inf) == [False]


def test_padding_times_what_narrowing_makes_infinite_may_be_nan() -> None:
    """1 * 1 + 0 * the largest float32, which TF32 and bfloat16 round to infinity."""
    filters = np.array([1.0, FORMATS["float32"].largest], np.float32).reshape(1, 2, 1, 1)
    call = forward(np.ones((1, 1, 1, 1), np.float32), filters, 1, "SAME")

    assert admitted(call, "bfloat16", 1.0, np.nan) == [True, True]
    assert admitted(call, "float32", 1.0, np.nan) == [True, False]


def test_a_transform_may_overflow_where_no_sum_does() -> None:
    """Five times 2e38, in B^T d of F(4, 3), is infinite."""
    image = np.full((1, 4, 4, 1), 2e38, np.float32)
    call = forward(image, np.full((3, 3, 1, 1), 2.0**-20, np.float32), 1, "SAME")

    nothing = np.full(call.shape, np.nan, np.float32)
    assert within(call, ARITHMETICS["winograd-4"]).admits(nothing).all()
    assert not within(call, ARITHMETICS["float32"]).admits(nothing).any()


# NaN, infinity, and what is absent.


def test_infinity_and_nan_come_out_as_ieee_says() -> None:
    """Four sums: inf + 1, inf - inf, NaN + 1, inf * 0 + 1."""
    one = [1.0, 1.0]

    assert admitted(dot([np.inf, 1.0], one), "float32", np.inf, -np.inf, np.nan, 1.0) == [True, False, False, False]
    assert admitted(dot([np.inf, -np.inf], one), "float32", np.nan, np.inf, 0.0) == [True, False, False]
    assert admitted(dot([np.nan, 1.0], one), "float32", np.nan, 1.0) == [True, False]
    assert admitted(dot([np.inf, 1.0], [0.0, 1.0]), "float32", np.nan, 1.0) == [True, False]


def test_beside_infinity_finite_numbers_may_overflow_to_the_other() -> None:
    """Here inf - 3e38 - 3e38 is inf; but where the last two are added first, NaN."""
    assert all(admitted(dot([np.inf, -3e38, -3e38], [1.0] * 3), "float32", np.inf, np.nan))


def test_infinity_times_a_flushed_subnormal_is_nan() -> None:
    """Where subnormals count as zero; with gradual underflow it is infinity alone."""
    call = dot([np.inf, 1.0], [SUBNORMAL, 1.0])

    assert admitted(call, "float32", np.inf, np.nan) == [True, True]
    assert admitted(call, "float32-gradual", np.inf, np.nan) == [True, False]


def test_infinity_beside_a_subnormal_that_it_does_not_multiply_is_infinity() -> None:
    """Infinity + 2^-149, which may count as zero, but is no factor of it."""
    assert admitted(dot([np.inf, SUBNORMAL], [1.0, 1.0]), "float32", np.inf, np.nan) == [True, False]


def test_infinity_has_no_lesser_part() -> None:
    """Its two parts are inf and inf - inf."""
    assert admitted(dot([np.inf], [1.0]), "bf16x3", np.inf, np.nan) == [True, True]


@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_padding_is_absent_or_zero(special: float) -> None:
    """A filter's NaN or infinity over padding contributes nothing, or NaN where padding is stored zeros."""
    filters = np.array([special, 1.0], np.float32).reshape(1, 2, 1, 1)
    call = forward(np.ones((1, 1, 2, 1), np.float32), filters, 1, [[0, 0], [0, 0], [1, 0], [0, 0]])

    result = within(call)

    for number, allowed in ((1.0, True), (np.nan, True), (2.0, False), (np.inf, False)):
        assert bool(result.admits(np.full(call.shape, number, np.float32))[0, 0, 0, 0]) is allowed


def test_a_transform_spreads_what_is_not_finite() -> None:
    """A tile with a NaN is all NaN."""
    image = np.ones((1, 4, 4, 1), np.float32)
    image[0, 0, 0, 0] = np.nan
    call = forward(image, np.full((3, 3, 1, 1), 0.1, np.float32), 1, "SAME")
    nothing = np.full(call.shape, np.nan, np.float32)

    assert within(call, ARITHMETICS["winograd-2"]).admits(nothing).all()
    assert within(call, ARITHMETICS["fft"]).admits(nothing).all()
    assert within(call).admits(nothing).sum() == 4


def test_fourier_transforms_of_nothing_are_zero_beside_the_largest_filters() -> None:
    """An image without columns, padded: the sums are empty, though the norm of the filters overflows."""
    call = forward(
        np.ones((1, 1, 0, 1)), np.full((1, 1, 1, 1), np.finfo(np.float64).max), 1, [[0, 0], [0, 0], [1, 0], [0, 0]]
    )

    assert within(call, ARITHMETICS["fft"]).admits(np.zeros((1, 1, 1, 1))).all()


# Underflow.


def test_gradual_underflow_loses_half_a_spacing_a_product() -> None:
    """2^-100 * 2^-49 + 2^-150: n u S, which is nothing here, and 2 * 2^-150."""
    call = dot([2.0**-100, 2.0**-100], [2.0**-49, 2.0**-50])

    assert close(bound_of(call, "float32-gradual"), SUBNORMAL + 2 * FLOAT32 * 1.5 * SUBNORMAL)


def test_flushing_loses_two_of_the_smallest_normal_numbers_a_product() -> None:
    """2 n 2^-126, and n u S."""
    call = dot([2.0**-100], [2.0**-49])

    assert close(bound_of(call, "float32"), 2 * NORMAL + FLOAT32 * SUBNORMAL)
    assert admitted(call, "float32", 0.0, SUBNORMAL) == [True, True]


def test_a_subnormal_operand_may_count_as_zero() -> None:
    """2^-127 * 2^20 is a normal number; zero is allowed, but not under gradual underflow."""
    for call in (dot([2.0**-127], [2.0**20]), dot([2.0**20], [2.0**-127])):
        assert admitted(call, "float32", 0.0, 2.0**-107) == [True, True]
        assert admitted(call, "float32-gradual", 0.0, 2.0**-107) == [False, True]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_narrow_result_that_is_subnormal_may_be_flushed(sign: int) -> None:
    """2^-15 in float16, whose smallest normal number is 2^-14; just above that it may not."""
    assert admitted(dot([sign * 2.0**-8], [2.0**-7], np.float16), "float32", 0.0, sign * 2.0**-15) == [True, True]
    assert admitted(dot([sign * 2.0**-7], [2.0**-7], np.float16), "float32", 0.0) == [True]
    assert admitted(dot([sign * 2.0**-7], [2.0**-6], np.float16), "float32", 0.0) == [False]


# Sets without sums.


def test_exactly_allows_one_number_an_element() -> None:
    """NaN where the value is NaN; zeros of either sign."""
    value = np.array([0.0, 1.0, np.nan], np.float32)

    result = exactly(value)

    assert result.admits(np.array([-0.0, 1.0, np.nan], np.float32)).all()
    assert not result.admits(np.array([1e-45, np.nan, 1.0], np.float32)).any()


def test_integers_are_exact() -> None:
    """int32 wraps: 2^30 * 4 is 0."""
    result = within(dot([2.0**30], [4.0], np.int32))

    assert result.admits(np.array([0], np.int32).reshape(1, 1, 1, 1)).all()
    assert not result.admits(np.array([1], np.int32).reshape(1, 1, 1, 1)).any()


def test_fourier_transforms_of_an_empty_image_are_bounded_whatever_the_filters() -> None:
    """A 1x0 image, padded to 1x2, under the largest float64 twice: zero, or what comes of an infinite transform."""
    filters = np.full((1, 2, 1, 1), FORMATS["float64"].largest)
    call = forward(np.ones((1, 1, 0, 1)), filters, 1, [[0, 0], [0, 0], [2, 0], [0, 0]])

    assert admitted(call, "fft", 0.0, np.nan) == [True, True]


@pytest.mark.parametrize("name", ["winograd-2", "winograd-4", "fft"])
def test_an_empty_result_of_transforms_has_an_empty_set(name: str) -> None:
    """No 3x3 window fits into 2x4."""
    call = forward(np.ones((1, 2, 4, 1), np.float32), np.ones((3, 3, 1, 1), np.float32), 1, "VALID")

    assert within(call, ARITHMETICS[name]).value.shape == (1, 0, 2, 1)


def test_an_empty_result_has_an_empty_set() -> None:
    """No image, no element."""
    call = forward(np.ones((0, 3, 3, 1), np.float32), np.ones((3, 3, 1, 1), np.float32), 1, "SAME")

    for arithmetic in ARITHMETICS.values():
        assert within(call, arithmetic).admits(np.zeros((0, 3, 3, 1), np.float32)).size == 0


# Correct arithmetic is never outside: random calls of every kind, each emulation held to what it declares.

REGIMES = ("normal", "positive", "wide", "cancelling", "tiny", "lattice", "special")
CASES = 210  # of each emulation: thirty of each regime


def drawn(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, regime: str) -> Array:
    """Draw values of a regime."""
    fmt = FORMATS[dtype]
    values = rng.standard_normal(shape)
    if regime == "positive":
        values = rng.random(shape)
    elif regime == "wide":
        values = np.ldexp(
            values, rng.integers(-8 if dtype == "float16" else -30, 4 if dtype == "float16" else 30, shape)
        )
    elif regime == "cancelling":
        values = np.where(np.indices(shape).sum(0) % 2, 1.0, -1.0) * (1 + rng.random(shape) * 2.0**-10)
    elif regime == "tiny":
        root = fmt.smallest_normal**0.5
        values = values * root * np.where(rng.random(shape) < 0.3, root, 1)
    elif regime == "lattice":
        values = rng.integers(-3, 4, shape).astype(np.float64)
    elif regime == "special":
        finite = [fmt.largest, -fmt.largest, fmt.smallest_normal, fmt.smallest_subnormal, 0.0, -0.0]
        table = np.array([np.nan, np.inf, -np.inf, *finite])
        values = np.where(rng.random(shape) < 0.1, table[rng.integers(0, len(table), shape)], values)
    return round_to(values, fmt)


def random_call(rng: np.random.Generator, op: str, dtype: str, regime: str, *, for_winograd: bool) -> SumOfProducts:
    """Draw a small call of an op."""
    n, (high, wide) = int(rng.integers(1, 3)), rng.integers(1, 6, 2)
    taps = (3, 3) if for_winograd else tuple(rng.integers(1, 4, 2))
    stride, dilation = (1, 1) if for_winograd else (int(step) for step in rng.integers(1, 3, 2))
    groups, depth = int(rng.choice([1, 1, 2])), int(rng.choice([1, 2, 5]))
    outputs = groups * int(rng.integers(1, 3))
    image, filters = (n, high, wide, depth * groups), (*taps, depth, outputs)
    small = (n, -(-high // stride), -(-wide // stride), outputs)

    def values(shape: tuple[int, ...]) -> Array:
        return drawn(rng, shape, dtype, regime)

    if op == "avg_pool":
        return average(values(image), taps, stride, "SAME")
    if op == "avg_pool_grad":
        return spread(op, image, values((*small[:3], image[3])), taps, stride, "SAME")
    if op == "conv2d":
        return forward(values(image), values(filters), stride, "SAME", dilations=dilation)
    if op == "conv2d_transpose":
        return backward(op, image, values(filters), values(small), stride, "SAME", dilations=dilation)
    return filter_gradient(values(image), filters, values(small), stride, "SAME", dilations=dilation)


def ops_of(emulation: Emulation) -> Sequence[str]:
    """Return the ops that an emulation computes: transforms are of forward convolutions, narrowing of products."""
    if emulation.transform:
        return ("conv2d",)
    products = ("conv2d", "conv2d_transpose", "conv2d_backprop_filter")
    return products if emulation.multiplies else (*products, "avg_pool")


@pytest.mark.parametrize("name", EMULATIONS)
def test_correct_arithmetic_is_never_outside(name: str) -> None:
    """210 random calls, over ops, dtypes and regimes."""
    emulation, rng = EMULATIONS[name], np.random.default_rng(11)
    ops = ops_of(emulation)
    outside = []
    for k in range(CASES):
        op, regime = ops[k % len(ops)], REGIMES[k % len(REGIMES)]
        dtype = emulation.dtypes[k // len(ops) % len(emulation.dtypes)]
        call = random_call(rng, op, dtype, regime, for_winograd="Winograd" in name)
        with np.errstate(all="ignore"):
            observed = emulation.compute(call)
        if not within(call, ARITHMETICS[emulation.declared]).admits(observed).all():
            outside.append((k, op, dtype, regime))

    assert not outside


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_adding_quotients_is_never_outside(dtype: str) -> None:
    """avg_pool_grad in float32: each value divided by the share of its window, and these added from first to last."""
    rng = np.random.default_rng(3)
    for k in range(CASES):
        call = random_call(rng, "avg_pool_grad", dtype, REGIMES[k % 4], for_winograd=False)
        divisor = call.divisor()
        assert divisor is not None
        observed = np.zeros(call.shape, np.float32)
        for index in np.ndindex(call.shape):
            for value, share in zip(*call.terms(index), strict=True):
                observed[index] += np.float32(value) / np.float32(divisor.item() / share)

        assert within(call).admits(round_to(observed.astype(np.float64), FORMATS[dtype])).all()


# What is worse than declared falls outside.


def random_conv(depth: int) -> Forward:
    """Draw values from 1 to 2: every product is at least 1."""
    rng = np.random.default_rng(5)
    image, filters = (1 + rng.random(shape) for shape in ((1, 5, 5, depth), (3, 3, depth, 2)))
    return forward(image.astype(np.float32), filters.astype(np.float32), 1, "VALID")


def test_a_dropped_tap_is_outside() -> None:
    """Of 27 products of at most 4 each: the bound is 27 u 108 < 2^-12, and the missing product at least 1."""
    call = random_conv(3)

    observed = summed(call, Arithmetic(product=lambda a, b: ordered(a[:, :, 1:], b[:, 1:])))

    assert not within(call).admits(observed).any()


def test_float16_sums_declared_as_float32_are_outside() -> None:
    """2048 + 1 + 1 in float16 stays 2048: the tie goes to the even number, twice."""
    call = dot([2048.0, 1.0, 1.0], [1.0] * 3, np.float16)

    observed = EMULATIONS["sums in the storage type"].compute(call)

    assert observed.item() == 2048
    assert within(call, ARITHMETICS["storage"]).admits(observed).all()
    assert not within(call).admits(observed).any()


@pytest.mark.parametrize("name", ["TF32 rounded", "TF32 truncated", "bfloat16", "bf16x3"])
def test_narrowed_operands_declared_as_float32_are_outside(name: str) -> None:
    """
    (1 + 2^-9 + 2^-18)^2: one product, so that float32 errs by u S.

    TF32 and bfloat16 lose 2^-18 or more of each operand; two bfloat16, 1 + 2^-9 + 2^-18 exactly, lose the square
    of what is below 1, 2^-18.
    """
    number = 1 + 2.0**-9 + 2.0**-18
    call = dot([number], [number])

    assert not within(call).admits(EMULATIONS[name].compute(call)).any()


def test_tf32_declared_as_float32_hides_under_the_bound_of_long_sums() -> None:
    """At n = 9216 the bound is 9216 u S, and TF32's 2 * 2^-11 S is no more than 8192 u S: the fingerprint must tell."""
    rng = np.random.default_rng(9)
    call = dot(rng.standard_normal(9216).tolist(), rng.standard_normal(9216).tolist())

    assert within(call).admits(EMULATIONS["TF32 rounded"].compute(call)).all()


def test_every_declared_arithmetic_is_emulated() -> None:
    """None is left untried; the correctly rounded one is the specification itself."""
    assert {emulation.declared for emulation in EMULATIONS.values()} | {"correctly-rounded"} == set(ARITHMETICS)


@pytest.mark.parametrize("name", ARITHMETICS)
def test_the_reference_is_inside_every_set(name: str) -> None:
    """Its correctly rounded value is allowed under whatever arithmetic."""
    result = within(random_conv(2), ARITHMETICS[name])

    assert result.admits(result.value).all()


@pytest.mark.parametrize("name", ["winograd-4", "fft"])
def test_a_transform_may_leave_subnormal_numbers_where_no_tap_is(name: str) -> None:
    """A window of padding alone beside 2^-1073: float64 transforms of the tile round by 2^-1074, whatever its size."""
    image, filters = np.full((1, 3, 3, 1), 2.0**-1073), np.ones((3, 3, 1, 1))
    padding = [[0, 0], [3, 0], [0, 0], [0, 0]]
    result = within(forward(image, filters, 1, padding), ARITHMETICS[name])

    assert result.value[0, 0, 0, 0] == 0
    assert result.admits(np.full(result.value.shape, 2.0**-1074))[0, 0, 0, 0]
    assert not result.admits(np.full(result.value.shape, 2.0**-900))[0, 0, 0, 0]


def test_what_underflow_may_take_is_told_apart() -> None:
    """A subnormal operand, 2^-140 in float32, times 8: all of it, and twice 2^-126 for the product."""
    result = within(dot([2.0**-140], [8.0]))

    assert np.max(result.lost) == 2.0**-137 + 2 * 2.0**-126


def test_where_an_infinite_tap_stands_over_padding_nan_is_allowed() -> None:
    """Taps inf 1 1 over one pixel, SAME: the first stands over padding; without padding there is nothing to allow."""
    taps = np.array([np.inf, 1, 1], np.float32).reshape(1, 3, 1, 1)
    padded = Bounds(forward(np.ones((1, 1, 1, 1), np.float32), taps, 1, "SAME"))
    full = Bounds(forward(np.ones((1, 1, 3, 1), np.float32), taps, 1, "VALID"))

    assert padded.loose(ARITHMETICS["float32"]) == np.array(True)
    assert full.loose(ARITHMETICS["float32"]) is None
