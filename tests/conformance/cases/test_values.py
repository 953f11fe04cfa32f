"""The value regimes hold what they promise, and derived arrays follow from the others."""

from dataclasses import replace

import numpy as np
import pytest

import reference
from conformance import ops
from conformance.cases.values import Demand, drawn
from conformance.model import Array, ArraySpec, Case

SHAPE = (2, 8, 8, 4)
PRECISION = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}


def draw(dtype: str, regime: str, demand: Demand | None = None) -> Array:
    """Draw an array of this regime, and return it in float64 where that loses nothing."""
    array = drawn(SHAPE, dtype, regime, 3, "input", demand or Demand())
    return array.astype(np.float64) if dtype in PRECISION else array


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("op", ["conv2d", "conv2d_transpose", "conv2d_backprop_input", "conv2d_backprop_filter"])
def test_on_the_lattice_no_sum_leaves_the_exact_integers(op: str, dtype: str) -> None:
    """S, the sum of the products' magnitudes, is at most 2^p: no order of summation rounds."""
    for case in ops.generate(op, 4, 0, 40, valid_share=1):
        lattice = replace(
            case, regime="lattice", arrays={name: ArraySpec(a.shape, dtype) for name, a in case.arrays.items()}
        )
        arguments = ops.arguments(lattice)
        wide = {name: np.abs(arguments[name]).astype(np.float64) for name in lattice.arrays}
        sums = getattr(reference, op)(**{**arguments, **wide})
        assert sums.max(initial=0.0) <= 2.0 ** PRECISION[dtype]


@pytest.mark.parametrize("dtype", PRECISION)
def test_lattice_holds_integers_of_both_signs(dtype: str) -> None:
    """From -5 to 5, all of them somewhere among 512 elements."""
    assert set(draw(dtype, "lattice", Demand(largest=5)).ravel().tolist()) == set(range(-5, 6))


def test_a_sparse_lattice_has_no_more_elements_than_asked_for() -> None:
    """At most 30 of 512."""
    assert 0 < np.count_nonzero(draw("bfloat16", "lattice", Demand(largest=1, nonzero=30))) <= 30


@pytest.mark.parametrize("dtype", PRECISION)
def test_positive_is_in_the_unit_interval(dtype: str) -> None:
    """1 itself only by rounding."""
    values = draw(dtype, "positive")

    assert values.min() >= 0
    assert values.max() <= 1


@pytest.mark.parametrize("dtype", PRECISION)
def test_special_holds_nan_infinity_and_finite_numbers(dtype: str) -> None:
    """About four of each array, but for those that are mostly NaN; over a few seeds all kinds come up."""
    seeds = [seed for seed in range(40) if seed % 6 != 1]
    arrays = [drawn(SHAPE, dtype, "special", seed, "input", Demand()).astype(np.float64) for seed in seeds]

    assert all(np.isfinite(array).mean() > 0.9 for array in arrays)
    assert any(np.isnan(array).any() for array in arrays)
    assert any(np.isposinf(array).any() for array in arrays)
    assert any(np.isneginf(array).any() for array in arrays)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_third_of_special_arrays_has_no_subnormal_numbers(dtype: str) -> None:
    """Every third seed, for either factor: infinity times a subnormal one that counts as zero may be NaN."""
    for seed in range(1, 60, 3):
        for demand in (Demand(), Demand(second=True, one_nan_hides_all=True)):
            values = np.abs(drawn(SHAPE, dtype, "special", seed, "input", demand))
            assert not ((values > 0) & (values < np.finfo(dtype).smallest_normal)).any()


def test_where_one_nan_hides_all_there_is_none_for_three_seeds_in_four() -> None:
    """Nor infinity; for the fourth seed there is."""
    demand = Demand(one_nan_hides_all=True)

    finite = [np.isfinite(drawn(SHAPE, "float32", "special", seed, "input", demand)).all() for seed in range(40)]

    assert all(each for seed, each in enumerate(finite) if seed % 4)
    assert not all(finite[::4])


@pytest.mark.parametrize("dtype", PRECISION)
def test_ties_have_few_values(dtype: str) -> None:
    """-1, 0 of either sign, 1 and 2."""
    assert set(draw(dtype, "ties").ravel().tolist()) == {-1.0, 0.0, 1.0, 2.0}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ill_conditioned_sums_cancel(dtype: str) -> None:
    """Over windows of 2x2 the sum is below a thousandth of the sum of magnitudes, for ones as filters."""
    image = draw(dtype, "ill-conditioned")[..., :1]
    ones = np.ones((2, 2, 1, 1))

    total = reference.conv2d(image, ones, 1, "VALID")

    assert np.abs(total).max() < reference.conv2d(np.abs(image), ones, 1, "VALID").min() / 1000


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "uint64"])
def test_extremes_hold_the_ends_of_the_range(dtype: str) -> None:
    """Both of them."""
    ends = np.iinfo(dtype)

    assert {int(ends.min), int(ends.max)} <= set(draw(dtype, "extremes").ravel().tolist())


def test_arrays_of_two_names_differ() -> None:
    """Else input and gradient would be the same numbers."""
    first, second = (drawn(SHAPE, "float32", "normal", 3, name, Demand()) for name in ("input", "grad"))

    assert not np.array_equal(first, second)


def test_the_bits_do_not_depend_on_what_was_drawn_before() -> None:
    """The same arguments twice give the same array, bit for bit."""
    first = draw("float64", "wide").tobytes()
    draw("float32", "normal")

    assert draw("float64", "wide").tobytes() == first


def test_the_pooled_array_of_a_gradient_is_the_pools() -> None:
    """orig_output of max_pool_grad is what max_pool gives."""
    case = Case(
        op="max_pool_grad",
        arrays={
            "orig_input": ArraySpec((1, 4, 4, 1), "float32"),
            "orig_output": ArraySpec((1, 2, 2, 1), "float32"),
            "grad": ArraySpec((1, 2, 2, 1), "float32"),
        },
        attributes={"ksize": 2, "strides": 2, "padding": "VALID"},
        regime="normal",
        seed=5,
    )
    arguments = ops.arguments(case)

    image = arguments["orig_input"].reshape(2, 2, 2, 2)
    assert np.array_equal(arguments["orig_output"][0, :, :, 0], image.max(axis=(1, 3)))


@pytest.mark.parametrize("seed", [4, 5])
def test_argmax_names_cells(seed: int) -> None:
    """With an even seed each index lies in its own 2x2 block of the 4x4 image; with any, inside the image."""
    case = Case(
        op="max_unpool",
        arrays={"input": ArraySpec((1, 2, 2, 1), "float32"), "argmax": ArraySpec((1, 2, 2, 1), "int32")},
        attributes={"output_shape": [1, 4, 4, 1]},
        regime="normal",
        seed=seed,
    )
    argmax = ops.arguments(case)["argmax"][0, :, :, 0]
    blocks = [[(index // 4 // 2, index % 4 // 2) for index in row] for row in argmax.tolist()]

    assert argmax.dtype == np.int32
    assert argmax.min() >= 0
    assert argmax.max() < 16
    if seed % 2 == 0:
        assert blocks == [[(0, 0), (0, 1)], [(1, 0), (1, 1)]]


def test_averages_on_the_lattice_are_integers() -> None:
    """Windows of 3x3 under SAME hold 4, 6 or 9 elements; multiples of 36 have whole means."""
    case = Case(
        op="avg_pool",
        arrays={"input": ArraySpec((1, 5, 5, 2), "float32")},
        attributes={"ksize": 3, "strides": 1, "padding": "SAME"},
        regime="lattice",
        seed=1,
    )
    arguments = ops.arguments(case)

    means = reference.avg_pool(**{**arguments, "input": arguments["input"].astype(np.float64)})
    assert np.array_equal(means, np.rint(means))
    assert np.abs(means).max() > 0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8", "uint16"])
def test_the_simplest_values_are_ones_and_1_2_3(dtype: str) -> None:
    """What a person would write."""
    assert drawn((2, 2), dtype, "ones", 3, "input", Demand()).tolist() == [[1, 1], [1, 1]]
    assert drawn((2, 2), dtype, "counting", 3, "input", Demand()).tolist() == [[1, 2], [3, 4]]


def test_a_single_special_value_stands_among_ones() -> None:
    """Each array has one at most; over many seeds each kind is met."""
    arrays = [drawn((5,), "float32", "single special", seed, "input", Demand()) for seed in range(60)]

    others = [array[array != 1] for array in arrays]
    assert max(map(len, others)) == 1
    met = {str(value) for each in others for value in each}
    assert met == {"nan", "inf", "-inf", "3.4028235e+38", "1e-45"}
