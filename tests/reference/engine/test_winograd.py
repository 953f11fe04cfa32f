"""Winograd's matrices give convolutions, and the bound is the algorithm on absolute values: by hand and exactly."""

from fractions import Fraction

import numpy as np
import pytest

from reference.engine.conv2d import Forward
from reference.engine.winograd import MATRICES, can_winograd, transformed
from reference.ops.avg_pool import average
from reference.ops.conv2d import forward


def ones(shape: tuple[int, ...], filters: tuple[int, ...], padding: str = "VALID", stride: int = 1) -> Forward:
    """Return a convolution of ones with ones."""
    return forward(np.ones(shape, np.float32), np.ones(filters, np.float32), stride, padding)


@pytest.mark.parametrize("m", MATRICES)
def test_the_matrices_make_the_sliding_sums_of_products(m: int) -> None:
    """A^T [(G g) o (B^T d)] is m sums of three products, in fractions: rounded thirds and 24ths are taken as such."""
    at, g, bt = (
        [[Fraction(float(entry)).limit_denominator(24) for entry in row] for row in matrix] for matrix in MATRICES[m]
    )
    filters, cells = [2, -3, 7], [5, -1, 4, 11, -6, 3][: m + 2]
    left = [sum(a * b for a, b in zip(row, filters, strict=True)) for row in g]
    right = [sum(a * b for a, b in zip(row, cells, strict=True)) for row in bt]

    out = [sum(a * x * y for a, x, y in zip(row, left, right, strict=True)) for row in at]

    assert out == [sum(cells[k + tap] * filters[tap] for tap in range(3)) for k in range(m)]


def test_the_bound_of_ones_under_ones_in_tiles_of_two() -> None:
    """
    Along one axis |G| g = 1, 3/2, 3/2, 1 and |B^T| d = 2, 2, 2, 2; |A^T| of the products 2, 3, 3, 2 is 8 and 8.

    Along both 64; 4 * 4 + 8 + 1 = 25 roundings.
    """
    assert transformed(ones((1, 4, 4, 1), (3, 3, 1, 1)), 2)[0, :, :, 0].tolist() == [[1600, 1600], [1600, 1600]]


def test_the_bound_of_ones_under_ones_in_tiles_of_four() -> None:
    """
    Along one axis |G| g = 1/4, 1/2, 1/2, 7/24, 7/24, 1 and |B^T| d = 10, 10, 10, 6, 6, 10.

    The products 5/2, 5, 5, 7/4, 7/4, 10 make 16, 17, 24 and 48; 4 * 6 + 8 + 1 = 33 roundings.
    """
    along = np.array([16.0, 17.0, 24.0, 48.0])

    bound = transformed(ones((1, 6, 6, 1), (3, 3, 1, 1)), 4)[0, :, :, 0]

    # 7/24 is no float64: a few roundings of 2^-53.
    assert np.abs(bound - 33 * np.outer(along, along)).max() <= 33 * 48 * 48 * 2.0**-49


def test_channels_add_and_each_adds_a_rounding() -> None:
    """Three channels: three times 64, and 27 roundings."""
    assert set(transformed(ones((1, 4, 4, 3), (3, 3, 3, 2)), 2).ravel().tolist()) == {3 * 64 * 27}


def test_a_group_sees_its_own_channels_alone() -> None:
    """Two groups of one channel, the second one's filter zero."""
    filters = np.ones((3, 3, 1, 2), np.float32)
    filters[..., 1] = 0

    bound = transformed(forward(np.ones((1, 4, 4, 2), np.float32), filters, 1, "VALID"), 2)

    assert set(bound[..., 0].ravel().tolist()) == {1600}
    assert not bound[..., 1].any()


def test_a_tile_that_reaches_past_the_output_is_completed_with_zeros() -> None:
    """
    A 3x3 image has one output: cells 1, 1, 1, 0 along an axis.

    |B^T| d = 2, 2, 2, 1, so that the products 2, 3, 3, 1 make 8 in the first place: as inside an image.
    """
    assert transformed(ones((1, 3, 3, 1), (3, 3, 1, 1)), 2).tolist() == [[[[1600]]]]


def test_padding_is_stored_zeros() -> None:
    """One cell under SAME is 0, 1, 0, 0: |B^T| d = 0, 1, 1, 1, and the products 0, 3/2, 3/2, 1 make 3; 9 * 25."""
    assert transformed(ones((1, 1, 1, 1), (3, 3, 1, 1), "SAME"), 2).tolist() == [[[[225]]]]


def test_an_empty_batch_has_no_bounds() -> None:
    """Nor has an image under no filters."""
    assert transformed(ones((0, 4, 4, 1), (3, 3, 1, 1)), 2).shape == (0, 2, 2, 1)
    assert transformed(ones((1, 4, 4, 1), (3, 3, 1, 0)), 2).shape == (1, 2, 2, 0)


def test_winograd_serves_3x3_filters_without_strides_or_dilations() -> None:
    """Others are direct; so are pools."""
    image = np.ones((1, 9, 9, 1), np.float32)
    filters = np.ones((3, 3, 1, 1), np.float32)

    assert can_winograd(forward(image, filters, 1, "SAME"))
    assert not can_winograd(forward(image, filters, [1, 2], "SAME"))
    assert not can_winograd(forward(image, filters, 1, "SAME", dilations=2))
    assert not can_winograd(forward(image, filters[:, :2], 1, "SAME"))
    assert not can_winograd(average(image, 3, 1, "SAME"))


def test_numbers_that_underflow_count_as_the_smallest_that_does_not() -> None:
    """Zeros that count as 1, times filters of ones: the bound of an image of ones, and 1 more for each product."""
    call = forward(np.zeros((1, 4, 4, 1), np.float32), np.ones((3, 3, 1, 1), np.float32), 1, "VALID")

    assert transformed(call, 2, least=1.0).min() > transformed(ones((1, 4, 4, 1), (3, 3, 1, 1)), 2).max()
    assert transformed(call, 2).max() == 0
