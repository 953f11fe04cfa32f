"""conv2d and its filter gradient: published numbers, numbers by hand, and every argument in every spelling."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from reference import SpecError, conv2d, conv2d_backprop_filter
from reference.engine.conv2d import BLOCK, PRODUCTS, WIDE
from reference.engine.exact import CHUNK
from reference.floats import FORMATS, Array
from reference.ops.conv2d import forward
from reference.ops.conv2d_backprop_filter import filter_gradient

NAN, INF = float("nan"), float("inf")


def plane(*rows: Sequence[float], dtype: Any = np.float32) -> Array:  # noqa: ANN401 -- whatever np.dtype takes
    """Return one image of one channel, [1, H, W, 1]."""
    return np.array(rows)[None, :, :, None].astype(dtype)


def filters(*rows: Sequence[float], dtype: Any = np.float32) -> Array:  # noqa: ANN401 -- whatever np.dtype takes
    """Return one filter of one channel, [FH, FW, 1, 1]."""
    return np.array(rows)[:, :, None, None].astype(dtype)


def test_two_filters_by_hand() -> None:
    """The image of tf.nn.conv2d's page under 2 3 / 0 1 and 1 2 / 3 4: the first window holds 2 1 / 1 3."""
    image = plane([2, 1, 2, 0, 1], [1, 3, 2, 2, 3], [1, 1, 3, 3, 0], [2, 2, 0, 1, 1], [0, 0, 3, 1, 2])
    both = np.array([[[[2, 1]], [[3, 2]]], [[[0, 3]], [[1, 4]]]], np.float32)

    out = conv2d(image, both, strides=[1, 1, 1, 1], padding="VALID")

    assert out[0, :, :, 0].tolist() == [[10, 10, 6, 6], [12, 15, 13, 13], [7, 11, 16, 7], [10, 7, 4, 7]]
    assert out[0, :, :, 1].tolist() == [[19, 22, 16, 20], [14, 22, 27, 17], [17, 13, 13, 10], [6, 14, 15, 14]]


def test_filters_are_not_turned_round() -> None:
    """The first tap meets the first cell: 1*10 + 2*1."""
    assert conv2d(plane([1, 2]), filters([10, 1]), 1, "VALID").item() == 12


def test_rows_and_columns_have_their_own_strides_and_dilations() -> None:
    """5 x 6 of 10y + x; rows 0 and 2, columns 0, 3; taps 3 rows and 2 columns apart add cells (y, x) and (y+3, x+2)."""
    image = plane(*[[10 * y + x for x in range(6)] for y in range(6)])

    out = conv2d(image, filters([1, 0], [0, 1]), strides=(2, 3), padding="VALID", dilations=(3, 2))

    assert out[0, :, :, 0].tolist() == [[0 + 32, 3 + 35], [20 + 52, 23 + 55]]


def test_each_group_of_filters_sees_its_own_channels() -> None:
    """Channels 1 10 | 100 1000, filters of depth 2: the first two see the first group, the other two the second."""
    image = np.array([1, 10, 100, 1000], np.float32).reshape(1, 1, 1, 4)
    four = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32).reshape(1, 1, 2, 4)

    assert conv2d(image, four, 1, "VALID").ravel().tolist() == [51, 62, 7300, 8400]


@pytest.mark.parametrize("strides", [2, [2], (2, 2), [1, 2, 2, 1], np.int64(2), np.array([2, 2])])
def test_strides_have_many_spellings(strides: Any) -> None:  # noqa: ANN401 -- of no type in common
    """conv2d.R3: an integer, 1, 2 or 4 entries."""
    assert conv2d(plane([1, 2, 3], [4, 5, 6], [7, 8, 9]), filters([1]), strides, "VALID").ravel().tolist() == [
        1,
        3,
        7,
        9,
    ]


def test_no_dilations_are_dilations_of_1() -> None:
    """conv2d.R4: None is 1."""
    assert conv2d(plane([1, 2]), filters([1, 1]), 1, "VALID", dilations=None).item() == 3


@pytest.mark.parametrize(
    ("layout", "padding"),
    [("NHWC", [[0, 0], [1, 0], [0, 2], [0, 0]]), ("NCHW", [[0, 0], [0, 0], [1, 0], [0, 2]])],
)
def test_explicit_padding_follows_the_layout(layout: str, padding: list[list[int]]) -> None:
    """conv2d.R5: one row before and two columns after, in either order of the axes; filters of 2x3 ones."""
    image = np.ones((1, 1, 1, 1), np.float32)

    assert conv2d(image, np.ones((2, 3, 1, 1), np.float32), 1, padding, layout).item() == 1


def test_channels_may_come_first() -> None:
    """conv2d.R6: two channels of one row, added, with channels second in the result too."""
    image = np.array([[[[1, 2, 3]], [[10, 20, 30]]]], np.float32)

    out = conv2d(image, np.ones((1, 1, 2, 1), np.float32), 1, "VALID", "NCHW")

    assert (out.shape, out.ravel().tolist()) == ((1, 1, 1, 3), [11, 22, 33])
    assert out.flags.c_contiguous


def test_data_format_may_be_none() -> None:
    """conv2d.R6: that is NHWC."""
    assert conv2d(plane([1, 2]), filters([1]), 1, "VALID", None).shape == (1, 1, 2, 1)


def test_leading_axes_are_one_batch() -> None:
    """conv2d.R1: [2, 3] images of 1x2, the sum of whose cells is 4k + 1 for image k."""
    image = np.arange(12, dtype=np.float32).reshape(2, 3, 1, 2, 1)

    out = conv2d(image, filters([1, 1]), 1, "VALID")

    assert out.shape == (2, 3, 1, 1, 1)
    assert out.ravel().tolist() == [1, 5, 9, 13, 17, 21]


def test_leading_axes_of_empty_images_are_kept() -> None:
    """conv2d.R13: [2, 3] images without rows, two rows of padding: 6 outputs of nothing but padding."""
    out = conv2d(np.ones((2, 3, 0, 1, 1)), np.ones((2, 1, 1, 1)), 1, [[0, 0], [1, 1], [0, 0], [0, 0]])

    assert (out.shape, out.any()) == ((2, 3, 1, 1, 1), np.False_)


def test_leading_axes_of_channels_first_are_one_batch() -> None:
    """conv2d.R1: [2, 3] images of one pixel with two channels, the sum of which is 4k + 1 for image k."""
    image = np.arange(12, dtype=np.float32).reshape(2, 3, 2, 1, 1)

    out = conv2d(image, np.ones((1, 1, 2, 1), np.float32), 1, "VALID", "NCHW")

    assert out.shape == (2, 3, 1, 1, 1)
    assert out.ravel().tolist() == [1, 5, 9, 13, 17, 21]


def test_no_layout_is_channels_last() -> None:
    """data_format None is NHWC."""
    assert conv2d(plane([1, 2]), filters([1]), 1, "VALID", None).shape == (1, 1, 2, 1)


@pytest.mark.parametrize("dtype", [*(fmt.dtype for fmt in FORMATS.values()), np.dtype(np.int32)], ids=str)
def test_the_result_has_the_dtype_of_the_operands(dtype: np.dtype[Any]) -> None:
    """conv2d.R2: 1*3 + 2*4 in each of the five."""
    out = conv2d(plane([1, 2], dtype=dtype), filters([3, 4], dtype=dtype), 1, "VALID")

    assert (out.dtype, float(out.item())) == (dtype, 11)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8, np.bool_, np.complex64])
def test_other_dtypes_are_refused(dtype: type) -> None:
    """conv2d.R2: the message lists those that are taken."""
    with pytest.raises(SpecError, match=r"conv2d\.R2: .* takes float16, bfloat16, float32, float64, int32"):
        conv2d(plane([1], dtype=dtype), filters([1], dtype=dtype), 1, "VALID")


@pytest.mark.parametrize(
    ("padding", "reason"),
    [
        ("same", "neither 'SAME' nor 'VALID'"),
        ([[0, 0], [1, 1], [0, 0]], "has 3 pairs"),
        ([[0, 0], [1, -1], [0, 0], [0, 0]], "between 0 and 2147483647"),
        ([[0, 0], [2**31, 0], [0, 0], [0, 0]], "between 0 and 2147483647"),
        ([[1, 0], [0, 0], [0, 0], [0, 0]], "batch and channels"),
        ([[0, 0], [0, 0], [0, 0], [0, 1]], "batch and channels"),
        ([[0, 0], [1], [0, 0], [0, 0]], "every entry is a pair"),
        ([0, 1, 1, 0], "every entry is a pair"),
        ([[0, 0], [1.5, 0], [0, 0], [0, 0]], "neither an integer"),
        (3, "neither text nor four pairs"),
        (None, "padding is None: no array of numbers"),
    ],
)
def test_padding_that_is_none_is_refused(padding: Any, reason: str) -> None:  # noqa: ANN401 -- of no type in common
    """conv2d.R5: what was met, and why it cannot be."""
    with pytest.raises(SpecError, match=reason) as refusal:
        conv2d(plane([1]), filters([1]), 1, padding)

    assert refusal.value.rule == "conv2d.R5"


@pytest.mark.parametrize("shape", [(0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1)])
def test_filters_have_elements(shape: tuple[int, ...]) -> None:
    """conv2d.R7: no row, no column or no channel."""
    with pytest.raises(SpecError, match=r"conv2d\.R7"):
        conv2d(plane([1]), np.zeros(shape, np.float32), 1, "SAME")


@pytest.mark.parametrize(("channels", "depth", "outputs"), [(3, 2, 2), (0, 1, 1), (4, 2, 3), (1, 2, 2)])
def test_channels_and_filters_divide_into_groups(channels: int, depth: int, outputs: int) -> None:
    """conv2d.R8: 3 / 2, none, 3 filters in 2 groups, and fewer channels than the depth."""
    with pytest.raises(SpecError, match=r"conv2d\.R8"):
        conv2d(np.zeros((1, 1, 1, channels)), np.zeros((1, 1, depth, outputs)), 1, "SAME")


@pytest.mark.parametrize(("taps", "open_to_empty"), [(5, True), (6, False)])
def test_an_output_below_empty_is_refused(taps: int, open_to_empty: bool) -> None:
    """conv2d.R9: one row under 4 taps and stride 2 is 3 too long, up to which kernels may give an empty output."""
    with pytest.raises(SpecError) as refusal:
        conv2d(np.zeros((1, 2, 1, 1)), np.zeros((taps, 1, 1, 1)), 2, "VALID")

    assert (refusal.value.rule, refusal.value.open_to_empty) == ("conv2d.R9", open_to_empty)


def test_a_window_too_long_by_the_stride_has_an_empty_output() -> None:
    """conv2d.R9: 2 rows, 4 taps, stride 2."""
    assert conv2d(np.zeros((1, 2, 1, 1)), np.zeros((4, 1, 1, 1)), 2, "VALID").shape == (1, 0, 1, 1)


@pytest.mark.parametrize(
    ("image", "outputs", "shape"),
    [
        ((0, 2, 2, 1), 3, (0, 2, 2, 3)),
        ((2, 0, 2, 1), 3, (2, 0, 2, 3)),
        ((2, 2, 0, 1), 3, (2, 2, 0, 3)),
        ((2, 2, 2, 1), 0, (2, 2, 2, 0)),
    ],
)
def test_what_is_empty_has_an_empty_output(image: tuple[int, ...], outputs: int, shape: tuple[int, ...]) -> None:
    """conv2d.R13: no images, rows, columns or filters."""
    assert conv2d(np.zeros(image), np.zeros((1, 1, 1, outputs)), 1, "SAME").shape == shape


def test_a_kernel_larger_than_the_image_sees_what_there_is() -> None:
    """SAME, 1x2 under 1x5: three before and after in all; each output is the sum of both, under taps 1 to 5."""
    assert conv2d(plane([1, 10]), filters([1, 2, 3, 4, 5]), 1, "SAME").ravel().tolist() == [43, 32]


def test_an_infinite_element_reaches_the_windows_that_hold_it() -> None:
    """conv2d.R11: the others stay as they are."""
    out = conv2d(plane([1, 2, INF, 4, 5]), filters([1, 1]), 1, "VALID")

    assert out.ravel().tolist() == [3, INF, INF, 9]


def test_a_large_image_is_convolved_in_blocks() -> None:
    """A single 1 among 3x3 taps moves the image by its place, in every block of rows."""
    side = 260  # 9 patches of it are several times BLOCK
    image = np.arange(side * side, dtype=np.float32).reshape(1, side, side, 1)
    assert 9 * side * side > 4 * BLOCK

    out = conv2d(image, filters([0, 0, 0], [0, 0, 0], [0, 1, 0]), 1, "SAME")

    assert (out[0, :-1] == image[0, 1:]).all()
    assert not out[0, -1].any()


def test_wide_rows_of_many_channels_are_convolved_in_blocks() -> None:
    """Filter o doubles channel o: rows wide enough to be multiplied where they stand."""
    high, wide = 4 * PRODUCTS // (CHUNK * WIDE * WIDE), WIDE
    image = np.arange(high * wide * WIDE, dtype=np.float64).reshape(1, high, wide, WIDE)

    out = conv2d(image, np.stack([2 * np.eye(WIDE), np.zeros((WIDE, WIDE))])[:, None], 1, "VALID")

    assert (out == 2 * image[:, :-1]).all()


def test_many_small_images_are_convolved_in_blocks() -> None:
    """2^12 images of 4x4: the sum of each is its number."""
    image = np.repeat(np.arange(2.0**12), 16).reshape(-1, 4, 4, 1)

    out = conv2d(image, np.full((4, 4, 1, 1), 1 / 16), 1, "VALID")

    assert (out.ravel() == np.arange(2**12)).all()


def test_the_filter_gradient_by_hand() -> None:
    """Image 1 2 3, gradient 10 100 of the two windows: tap 0 met 1 and 2, tap 1 met 2 and 3."""
    out = conv2d_backprop_filter(plane([1, 2, 3]), [1, 2, 1, 1], plane([10, 100]), 1, "VALID")

    assert out.ravel().tolist() == [210, 320]


def test_the_filter_gradient_leaves_padding_out() -> None:
    """Image 1 2, SAME, 3 taps: tap 0 met nothing and 1, tap 1 met 1 and 2, tap 2 met 2 and nothing."""
    out = conv2d_backprop_filter(plane([1, 2]), (1, 3, 1, 1), plane([10, 100]), 1, "SAME")

    assert out.ravel().tolist() == [100, 210, 20]


@pytest.mark.parametrize("shape", [(0, 2, 2, 1), (2, 0, 2, 1)])
def test_the_filter_gradient_of_nothing_is_zero(shape: tuple[int, ...]) -> None:
    """conv2d_backprop_filter.R11: no images, or no rows."""
    out = conv2d_backprop_filter(np.zeros(shape), (3, 3, 1, 1), np.zeros(shape), 1, "SAME")

    assert (out.shape, out.any()) == ((3, 3, 1, 1), np.False_)


def test_the_filter_gradient_takes_sizes_as_an_array() -> None:
    """conv2d_backprop_filter.R1: int32 or int64."""
    out = conv2d_backprop_filter(plane([1]), np.array([1, 1, 1, 1], np.int32), plane([2]), 1, "VALID")

    assert out.item() == 2


def test_filters_over_padding_are_absent() -> None:
    """Of 3x3 taps 1 .. 9 over one cell all but the middle lie in the padding: 45 - 5."""
    nine = np.arange(1.0, 10).reshape(3, 3, 1, 1)

    assert forward(np.ones((1, 1, 1, 1)), nine, 1, "SAME").absent(nine).item() == 40


def test_gradients_over_padding_are_absent() -> None:
    """
    conv2d_backprop_filter.R12: image of two, SAME, 3 taps.

    The first tap lies in the padding at the first window, the last one at the second.
    """
    gradient = plane([10, 100], dtype=np.float64)

    call = filter_gradient(plane([1, 2], dtype=np.float64), (1, 3, 1, 1), gradient, 1, "SAME")

    assert call.absent(gradient).ravel().tolist() == [10, 0, 100]
