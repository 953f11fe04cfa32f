"""Published and hand-worked examples: the numbers as printed, or the right ones where the print errs."""

import numpy as np
import pytest

from reference import SpecError, avg_pool, avg_unpool, conv2d, conv2d_transpose, max_pool_with_argmax, max_unpool
from reference.floats import Array


def plane(*rows: list[float]) -> Array:
    """Return one image of one channel, [1, H, W, 1] in float32."""
    return np.array(rows, np.float32)[None, :, :, None]


def filters(*rows: list[float]) -> Array:
    """Return one filter of one channel, [FH, FW, 1, 1] in float32."""
    return np.array(rows, np.float32)[:, :, None, None]


def rows_of(image: Array) -> list[list[float]]:
    """Return the rows of one image of one channel."""
    numbers: list[list[float]] = image[0, :, :, 0].tolist()
    return numbers


NINE = plane([1, 2, 3], [4, 5, 6], [7, 8, 9])
ONES = np.ones((3, 3, 1, 1), np.float32)


def test_transposed_convolution_from_3x3_to_5x5() -> None:
    """One zero between elements, one all round; then 3x3 ones: cell (1, 1) is 1 + 2 + 4 + 5."""
    assert rows_of(conv2d_transpose(NINE, ONES, [1, 5, 5, 1], 2, "SAME")) == [
        [1, 3, 2, 5, 3],
        [5, 12, 7, 16, 9],
        [4, 9, 5, 11, 6],
        [11, 24, 13, 28, 15],
        [7, 15, 8, 17, 9],
    ]


def test_transposed_convolution_from_3x3_to_6x6_has_its_extra_zeros_on_the_left_and_top() -> None:
    """The 5x5 above, with one row and one column more: on the top and left, where the first element is alone."""
    assert rows_of(conv2d_transpose(NINE, ONES, [1, 6, 6, 1], 2, "SAME")) == [
        [1, 1, 3, 2, 5, 3],
        [1, 1, 3, 2, 5, 3],
        [5, 5, 12, 7, 16, 9],
        [4, 4, 9, 5, 11, 6],
        [11, 11, 24, 13, 28, 15],
        [7, 7, 15, 8, 17, 9],
    ]


@pytest.mark.parametrize(
    ("padding", "sizes", "allowed"), [("SAME", range(3, 8), [5, 6]), ("VALID", range(6, 10), [7, 8])]
)
def test_two_output_sizes_shrink_to_3(padding: str, sizes: range, allowed: list[int]) -> None:
    """conv2d_transpose.R11: under 3 taps and stride 2 only those; all others are refused."""
    for size in allowed:
        assert conv2d_transpose(NINE, ONES, [1, size, size, 1], 2, padding).shape == (1, size, size, 1)
    for size in set(sizes) - set(allowed):
        with pytest.raises(SpecError, match=r"conv2d_transpose\.R11"):
            conv2d_transpose(NINE, ONES, [1, size, size, 1], 2, padding)


def test_the_larger_output_of_valid_ends_in_zeros() -> None:
    """conv2d_transpose.R12: three windows of 3 in steps of 2 end at 7; row and column 8 are reached by none."""
    out = conv2d_transpose(NINE, ONES, [1, 8, 8, 1], 2, "VALID")[0, :, :, 0]

    assert not out[7].any()
    assert not out[:, 7].any()
    assert (out[:7, :7] > 0).all()


def test_a_round_trip_restores_the_shape_and_not_the_values() -> None:
    """Filters 1 0 / 0 1 add an element and the one to its lower right; the way back adds the upper left one."""
    diagonal = filters([1, 0], [0, 1])

    there = conv2d(NINE, diagonal, 1, "SAME")
    back = conv2d_transpose(there, diagonal, NINE.shape, 1, "SAME")

    assert rows_of(there) == [[6, 8, 3], [12, 14, 6], [7, 8, 9]]
    assert rows_of(back) == [[6, 8, 3], [12, 20, 14], [7, 20, 23]]


def test_the_round_trip_as_a_text_prints_it_is_refused() -> None:
    """A text gives strides of 2 for both calls: the first result is 2x2 then, and 3x3 is no input of the second."""
    diagonal = filters([1, 0], [0, 1])

    assert rows_of(conv2d(NINE, diagonal, 2, "SAME")) == [[6, 3], [7, 9]]
    with pytest.raises(SpecError, match=r"conv2d_transpose\.R11"):
        conv2d_transpose(NINE, diagonal, NINE.shape, 2, "SAME")


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
def test_ones_there_and_back(padding: str) -> None:
    """1 + 0 - 1 - 2 is -2 in every window; -2 times the filters, tile by tile, on the way back."""
    ones, weights = np.ones((1, 4, 4, 1), np.float32), filters([1, 0], [-1, -2])

    there = conv2d(ones, weights, 2, padding)

    assert rows_of(there) == [[-2, -2], [-2, -2]]
    assert rows_of(conv2d_transpose(there, weights, ones.shape, 2, padding)) == [[-2, 0, -2, 0], [2, 4, 2, 4]] * 2


def test_one_output_element_by_hand() -> None:
    """The last column less the first, 2 + 2 + 5 - 1 - 5 - 3 = 0, and a bias of 1."""
    window = plane([1, 0, 2], [5, 4, 2], [3, 4, 5])

    assert conv2d(window, filters([-1, 0, 1], [-1, 0, 1], [-1, 0, 1]), 1, "VALID").item() + 1 == 1


@pytest.mark.parametrize(("stride", "side"), [(1, 5), (2, 3)])
def test_7x7_under_3x3(stride: int, side: int) -> None:
    """(7 - 3) / stride + 1."""
    assert conv2d(np.zeros((1, 7, 7, 1)), np.zeros((3, 3, 1, 1)), stride, "VALID").shape == (1, side, side, 1)


@pytest.mark.parametrize(("padding", "side"), [(0, 28), (2, 32)])
def test_32x32_under_5x5(padding: int, side: int) -> None:
    """32 + 2p - 5 + 1."""
    pairs = [[0, 0], [padding] * 2, [padding] * 2, [0, 0]]

    assert conv2d(np.zeros((1, 32, 32, 1)), np.zeros((5, 5, 1, 1)), 1, pairs).shape == (1, side, side, 1)


def test_max_unpooling_puts_values_where_they_were() -> None:
    """2x2 windows, stride 2: each maximum at its place, zero elsewhere (Zeiler, Taylor and Fergus 2011)."""
    image = plane([1, 2, 7, 3], [5, 4, 6, 1], [0, 9, 2, 2], [3, 1, 2, 8])

    values, switches = max_pool_with_argmax(image, 2, 2, "VALID")

    assert rows_of(values) == [[5, 7], [9, 8]]
    assert rows_of(switches) == [[4, 2], [9, 15]]
    assert rows_of(max_unpool(values, switches, image.shape)) == [
        [0, 0, 7, 0],
        [5, 0, 0, 0],
        [0, 9, 0, 0],
        [0, 0, 0, 8],
    ]


def test_average_unpooling_puts_values_into_every_element_of_their_window() -> None:
    """2x2 windows, stride 2: means 3, 4.25, 3.25 and 3.5."""
    image = plane([1, 2, 7, 3], [5, 4, 6, 1], [0, 9, 2, 2], [3, 1, 2, 8])

    means = avg_pool(image, 2, 2, "VALID")

    assert rows_of(means) == [[3, 4.25], [3.25, 3.5]]
    assert (
        rows_of(avg_unpool(means, 2, 2, "VALID", image.shape))
        == [[3, 3, 4.25, 4.25]] * 2 + [[3.25, 3.25, 3.5, 3.5]] * 2
    )


def test_a_misspelt_padding_is_refused_by_name() -> None:
    """conv2d.R5: the message says what was met."""
    with pytest.raises(SpecError, match=r"conv2d\.R5: padding 'SNAME': neither 'SAME' nor 'VALID'"):
        conv2d(NINE, ONES, 1, "SNAME")


def test_a_misspelt_argument_is_refused_by_name() -> None:
    """As Python does."""
    with pytest.raises(TypeError, match="inoput"):
        conv2d(inoput=NINE, filters=ONES, strides=1, padding="SAME")  # type: ignore[call-arg]
