"""avg_pool, its gradient and avg_unpool: published numbers and numbers by hand."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from reference import SpecError, avg_pool, avg_pool_grad, avg_unpool
from reference.floats import FORMATS, Array
from reference.ops.avg_pool import average
from reference.ops.pools import spread


def row(*values: float, dtype: Any = np.float32) -> Array:  # noqa: ANN401 -- whatever np.dtype takes
    """Return one image of one row and one channel, [1, 1, W, 1]."""
    return np.array(values).reshape(1, 1, -1, 1).astype(dtype)


def test_the_documented_result_of_avg_pool() -> None:
    """avg_pool.R9: the example of tf.nn's page on padding; the convolution with 1/4 there gives 0.75 and less."""
    image = np.array([[2, 2], [1, 1], [1, 1]], np.float32).reshape(1, 3, 2, 1)

    out = avg_pool(image, [2, 2], strides=[1, 1, 1, 1], padding="SAME")

    assert out[0, :, :, 0].tolist() == [[1.5, 1.5], [1, 1], [1, 1]]


def test_padding_does_not_count() -> None:
    """avg_pool.R9: windows of 3 over 3 5 7: two, three and two elements."""
    assert avg_pool(row(3, 5, 7), [1, 3], 1, "SAME").ravel().tolist() == [4, 5, 6]


@pytest.mark.parametrize("dtype", FORMATS)
def test_means_are_rounded_once(dtype: str) -> None:
    """(1 + 1 + 2) / 3 is 4/3, between 1 and 2: its nearest multiple of 2u."""
    fmt = FORMATS[dtype]

    out = avg_pool(row(1, 1, 2, dtype=fmt.dtype), [1, 3], 1, "VALID")

    steps = round(4 * 2 ** (fmt.precision - 1) // 3 + (4 * 2 ** (fmt.precision - 1) % 3 == 2))
    assert (out.dtype, float(out.item())) == (fmt.dtype, steps * 2 * fmt.u)


def test_a_mean_of_large_numbers_does_not_overflow() -> None:
    """The sum of four 60000 is beyond float16, their mean is not."""
    assert avg_pool(np.full((1, 2, 2, 1), 60000, np.float16), 2, 2, "VALID").item() == 60000


def test_channels_may_come_first() -> None:
    """avg_pool.R6: two channels, each a row of its own."""
    image = np.array([[1, 3, 5], [10, 30, 50]], np.float32).reshape(1, 2, 1, 3)

    assert avg_pool(image, [1, 1, 1, 2], 1, "VALID", "NCHW").tolist() == [[[[2, 4]], [[20, 40]]]]


@pytest.mark.parametrize("padding", [[[0, 0]] * 4, "EXPLICIT", "same"])
def test_explicit_padding_is_refused(padding: Any) -> None:  # noqa: ANN401 -- text or pairs
    """avg_pool.R5: SAME and VALID only."""
    with pytest.raises(SpecError, match=r"avg_pool\.R5"):
        avg_pool(row(1), 1, 1, padding)


def test_empty_outputs() -> None:
    """avg_pool.R8: 2 elements under 4 and stride 2 have no mean, and no images have none."""
    assert avg_pool(row(1, 2), [1, 4], 2, "VALID").shape == (1, 1, 0, 1)
    assert avg_pool(np.zeros((0, 2, 2, 1)), 2, 2, "SAME").shape == (0, 1, 1, 1)


def test_the_gradient_is_shared_among_the_elements_of_a_window() -> None:
    """Windows of 3 over three, SAME: 2, 3 and 2 elements share 6, 60 and 600."""
    out = avg_pool_grad((1, 1, 3, 1), row(6, 60, 600), [1, 3], 1, "SAME")

    assert out.ravel().tolist() == [3 + 20, 3 + 20 + 300, 20 + 300]


@pytest.mark.parametrize("dtype", FORMATS)
def test_the_gradient_is_rounded_once(dtype: str) -> None:
    """1/3 + 1/3 + 1/3 of three windows is 1, though each third is rounded in every format."""
    one = row(1, 1, 1, dtype=FORMATS[dtype].dtype)

    out = avg_pool_grad(np.array([1, 1, 5, 1]), one, [1, 3], 1, "VALID")

    assert (out.dtype, float(out[0, 0, 2, 0])) == (FORMATS[dtype].dtype, 1)


def test_elements_that_no_window_holds_get_nothing() -> None:
    """Windows of 1 in steps of 2."""
    assert avg_pool_grad((1, 1, 4, 1), row(1, 2), 1, [1, 2], "VALID").ravel().tolist() == [1, 0, 2, 0]


def test_the_gradient_follows_the_layout() -> None:
    """avg_pool_grad.R6: shape and values in the order N C H W."""
    grad = np.array([2.0, 20]).reshape(1, 2, 1, 1)

    out = avg_pool_grad((1, 2, 1, 2), grad, [1, 1, 1, 2], 1, "VALID", "NCHW")

    assert out.tolist() == [[[[1, 1]], [[10, 10]]]]


@pytest.mark.parametrize("shape", [[1, 1, 3.0, 1], [1, 1, 3], 3, [1, 1, -3, 1], np.array([1.0, 1, 3, 1])])
def test_what_is_no_shape_is_refused(shape: Any) -> None:  # noqa: ANN401 -- of no type in common
    """avg_pool_grad.R1: 4 integers."""
    with pytest.raises(SpecError, match=r"avg_pool_grad\.R1"):
        avg_pool_grad(shape, row(1, 1, 1), 1, 1, "VALID")


def test_unpooled_values_are_added_where_windows_overlap() -> None:
    """Windows of 2 in steps of 1: 1, 1 + 10, 10."""
    assert avg_unpool(row(1, 10), [1, 2], 1, "VALID", [1, 1, 3, 1]).ravel().tolist() == [1, 11, 10]


def test_unpooling_fills_what_windows_hold() -> None:
    """Windows of 1 in steps of 2 leave every second element zero."""
    assert avg_unpool(row(1, 10), 1, 2, "SAME", [1, 2, 4, 1])[0, :, :, 0].tolist() == [[1, 0, 10, 0], [0, 0, 0, 0]]


def test_unpooling_follows_the_layout() -> None:
    """avg_unpool.R6: output_shape and values in the order N C H W."""
    out = avg_unpool(np.array([2.0, 20]).reshape(1, 2, 1, 1), [1, 1, 1, 2], 1, "VALID", [1, 2, 1, 2], "NCHW")

    assert out.tolist() == [[[[2, 2]], [[20, 20]]]]


def test_unpooling_of_no_images_is_empty() -> None:
    """An empty batch goes in and comes out."""
    assert avg_unpool(np.zeros((0, 1, 1, 1)), 2, 2, "VALID", [0, 2, 2, 1]).shape == (0, 2, 2, 1)


def test_no_windows_unpool_to_zeros() -> None:
    """avg_unpool.R8: 2 elements under 4 and stride 2 have no window."""
    assert avg_unpool(np.zeros((1, 1, 0, 1)), [1, 4], 2, "VALID", [1, 1, 2, 1]).ravel().tolist() == [0, 0]


def test_nothing_is_absent_of_a_pool() -> None:
    """Padding takes no part: what a factor over it would be is zero."""
    pooled = average(row(1, 2, dtype=np.float64), 3, 1, "SAME")
    unpooled = spread("avg_unpool", (1, 1, 2, 1), row(1, 2, dtype=np.float64), 3, 1, "SAME")

    assert not pooled.absent(pooled.right).any()
    assert not unpooled.absent(unpooled.right).any()


SMALLEST = 2.0**-1074


def test_a_mean_between_two_subnormal_numbers_goes_to_the_even_one() -> None:
    """In units of 2^-1074: (9007199254740968 + 9007199254740991) / 6 is 3002399751580326 and a half."""
    window = row(*(float(n) * SMALLEST for n in (9007199254740968, 0, 0, 0, 0, 9007199254740991)), dtype=np.float64)

    assert avg_pool(window, [1, 6], 1, "VALID").item() == 3002399751580326 * SMALLEST


ROWS = np.random.default_rng(0).integers(-(2**53), 2**53, (2000, 10))  # in units of the smallest number


def sixths(sums: list[list[int]]) -> list[list[float]]:
    """Return sixths of whole numbers of units, rounded to a unit as Python rounds: ties to even."""
    return [[float(round(Fraction(number, 6))) * SMALLEST for number in line] for line in sums]


def test_means_among_subnormal_numbers_are_rounded_to_even() -> None:
    """2000 rows of ten multiples of 2^-1074 under windows of 6, against fractions."""
    sums = [[sum(line[i : i + 6]) for i in range(5)] for line in ROWS.tolist()]

    out = avg_pool((ROWS * SMALLEST).reshape(2000, 1, 10, 1), [1, 6], 1, "VALID")

    assert out[:, 0, :, 0].tolist() == sixths(sums)


def test_gradients_of_means_among_subnormal_numbers_are_rounded_to_even() -> None:
    """2000 rows of ten windows of 6 over fifteen cells, against fractions."""
    sums = [[sum(line[max(i - 5, 0) : i + 1]) for i in range(15)] for line in ROWS.tolist()]

    out = avg_pool_grad((2000, 1, 15, 1), (ROWS * SMALLEST).reshape(2000, 1, 10, 1), [1, 6], 1, "VALID")

    assert out[:, 0, :, 0].tolist() == sixths(sums)


def test_a_mean_that_float64_rounds_is_rounded_once() -> None:
    """1 over 49 cells: 1/49 rounded to float64 times 49 is not 1; float32's own division is rounded once."""
    image = np.zeros((1, 7, 7, 1), np.float32)
    image[0, 3, 3] = 1

    assert avg_pool(image, 7, 1, "VALID").item() == np.float32(1) / np.float32(49)
