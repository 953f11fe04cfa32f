"""The geometry of pools: taps, counts and reductions of windows."""

import numpy as np
import pytest

from reference.errors import SpecError
from reference.ops.pools import pool, pool_geometry

NINE = np.arange(1.0, 10).reshape(1, 3, 3, 1)


def test_taps_come_row_by_row() -> None:
    """2x2 windows over 1 .. 9, SAME: the last row and column hold the fill."""
    image, geometry = pool("max_pool", NINE, 2, 2, "SAME", None)

    taps = geometry.taps(image, -1)

    assert [tap.ravel().tolist() for tap in taps] == [[1, 3, 7, 9], [2, -1, 8, -1], [4, 6, -1, -1], [5, -1, -1, -1]]


def test_counts_leave_padding_out() -> None:
    """2x2 windows over 3x3, SAME: whole, half and a quarter."""
    assert pool("avg_pool", NINE, 2, 2, "SAME", None)[1].counts().tolist() == [[4, 2], [2, 1]]


def test_windows_are_reduced_along_rows_and_columns() -> None:
    """Sums of 3x2 windows: 1+2+4+5+7+8 and 2+3+5+6+8+9."""
    image, geometry = pool("avg_pool", NINE, (3, 2), 1, "VALID", None)

    assert geometry.reduce(np.add, image, 0.0).ravel().tolist() == [27, 33]


def test_folding_no_images_gives_no_windows() -> None:
    """Whatever is to be combined: here nothing is, over images of 2^40 cells each."""
    image, geometry = pool("max_pool", np.zeros((0, 2**20, 2**20, 1)), 3, 2, "SAME", None)

    folded = geometry.fold(lambda one, _other: one, (image, image), (0, 0))

    assert [part.shape for part in folded] == [(0, 2**19, 2**19, 1)] * 2


def test_windows_of_one_element_are_copied() -> None:
    """What is returned is not the image."""
    image, geometry = pool("max_pool", NINE, 1, 1, "VALID", None)

    assert not np.shares_memory(geometry.reduce(np.maximum, image, 0.0), image)


def test_windows_between_channels() -> None:
    """Channels 1 5 | 7 3, in twos: the first of each, and the second."""
    image, geometry = pool(
        "max_pool", np.array([1, 5, 7, 3]).reshape(1, 1, 1, 4), [1, 1, 1, 2], [1, 1, 1, 2], "SAME", None
    )

    assert geometry.depth == 2
    assert [tap.ravel().tolist() for tap in geometry.taps(image, 0)] == [[1, 7], [5, 3]]
    assert geometry.reduce(np.maximum, image, 0.0).ravel().tolist() == [5, 7]


@pytest.mark.parametrize("pair", [(2, 0), (0, 2), (3, 1)])
def test_padding_is_smaller_than_the_window(pair: tuple[int, int]) -> None:
    """max_pool.R5: 2 columns before or after under 2 taps would be a window of padding alone."""
    with pytest.raises(SpecError, match=r"max_pool\.R5: padding .* of columns is not smaller than the window of 2"):
        pool_geometry("max_pool", (1, 4, 4, 1), 2, 1, [[0, 0], [0, 0], list(pair), [0, 0]], "NHWC")
