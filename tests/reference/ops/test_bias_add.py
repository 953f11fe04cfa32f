"""bias_add and its gradient: numbers by hand, every rank and layout, integers, and long sums of 16-bit dtypes."""

import ml_dtypes
import numpy as np
import pytest

from reference import SpecError, bias_add, bias_add_grad

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("rank", [2, 3, 4, 5])
def test_channels_come_last(rank: int) -> None:
    """Zeros of two channels get 1 and 2."""
    out = bias_add(np.zeros([3] * (rank - 1) + [2]), np.array([1.0, 2.0]))

    assert (out == [1, 2]).all()


@pytest.mark.parametrize("data_format", ["NCHW", "NCW", "NC..."])
def test_channels_come_second(data_format: str) -> None:
    """The first of two channels of three places gets 1, the second 2."""
    out = bias_add(np.zeros((1, 2, 3)), np.array([1.0, 2.0]), data_format)

    assert out.tolist() == [[[1, 1, 1], [2, 2, 2]]]


@pytest.mark.parametrize("data_format", ["NHW", "HWC", ""])
def test_a_layout_says_where_the_channels_are(data_format: str) -> None:
    """bias_add.R3: batches first, channels second or last."""
    with pytest.raises(SpecError) as error:
        bias_add(np.zeros((1, 2, 2)), np.zeros(2), data_format)

    assert error.value.rule == "bias_add.R3"


def test_a_sum_is_rounded_once() -> None:
    """2048 + 1 + no more: in float16 2049 lies between 2048 and 2050, and 2048 is even."""
    assert bias_add(np.array([[2048, 2050]], np.float16), np.array([1, 1], np.float16)).tolist() == [[2048, 2052]]


def test_infinity_less_infinity_is_nan() -> None:
    """bias_add.R5: NaN and infinity stay where they are."""
    out = bias_add(np.array([[INF, INF, NAN, 1]], np.float32), np.array([-INF, 1, 1, INF], np.float32))[0]

    assert np.isnan(out).tolist() == [True, False, True, False]
    assert out[[1, 3]].tolist() == [INF, INF]


def test_integers_wrap() -> None:
    """bias_add.R6: 127 + 1 is -128 in int8, 255 + 2 is 1 in uint8."""
    assert bias_add(np.array([[127]], np.int8), np.array([1], np.int8)).tolist() == [[-128]]
    assert bias_add(np.array([[255]], np.uint8), np.array([2], np.uint8)).tolist() == [[1]]


def test_an_empty_value_keeps_its_shape() -> None:
    """bias_add.R7: no images, or no channels."""
    assert bias_add(np.zeros((0, 3)), np.zeros(3)).shape == (0, 3)
    assert bias_add(np.zeros((2, 0)), np.zeros(0)).shape == (2, 0)


def test_the_gradient_adds_up_each_channel() -> None:
    """1 to 6 as [1, 3, 2]: 1 + 3 + 5 and 2 + 4 + 6; as [1, 2, 3] with channels second: 1 + 2 + 3 and 4 + 5 + 6."""
    numbers = np.arange(1.0, 7.0)

    assert bias_add_grad(numbers.reshape(1, 3, 2)).tolist() == [9, 12]
    assert bias_add_grad(numbers.reshape(1, 2, 3), "NCHW").tolist() == [6, 15]


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_many_rows_of_ones_are_counted(dtype: type) -> None:
    """4096 ones are 4096; added in the dtype itself they would stop at 2048, and at 256."""
    assert float(bias_add_grad(np.ones((4096, 1), dtype))[0]) == 4096


def test_nan_stays_in_its_channel() -> None:
    """bias_add_grad.R4: infinities of both signs make NaN, one alone is infinity."""
    out = bias_add_grad(np.array([[INF, INF, 1], [-INF, 1, 1]], np.float32))

    assert np.isnan(out).tolist() == [True, False, False]
    assert out[1:].tolist() == [INF, 2]


def test_gradients_of_integers_wrap() -> None:
    """bias_add_grad.R5: 100 + 100 is -56 in int8."""
    assert bias_add_grad(np.array([[100], [100]], np.int8)).tolist() == [-56]


def test_no_rows_add_up_to_zero() -> None:
    """bias_add_grad.R6."""
    assert bias_add_grad(np.zeros((0, 2, 3))).tolist() == [0, 0, 0]
