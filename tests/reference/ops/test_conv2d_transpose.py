"""conv2d_transpose and the input gradient of conv2d: numbers by hand, and every argument in every spelling."""

from typing import Any

import numpy as np
import pytest

from reference import SpecError, conv2d_backprop_input, conv2d_transpose
from reference.engine.conv2d import PRODUCTS
from reference.engine.exact import CHUNK
from reference.floats import FORMATS, Array
from reference.ops.conv2d_transpose import backward


def row(*values: float, dtype: Any = np.float32) -> Array:  # noqa: ANN401 -- whatever np.dtype takes
    """Return one image of one row and one channel, [1, 1, W, 1]."""
    return np.array(values).reshape(1, 1, -1, 1).astype(dtype)


def taps(*values: float, dtype: Any = np.float32) -> Array:  # noqa: ANN401 -- whatever np.dtype takes
    """Return one filter of one row, [1, FW, 1, 1]."""
    return np.array(values).reshape(1, -1, 1, 1).astype(dtype)


def test_every_element_is_multiplied_with_the_filter() -> None:
    """From 2 to 4 in steps of 2: each element times 3 5."""
    assert conv2d_transpose(row(1, 10), taps(3, 5), [1, 1, 4, 1], 2).ravel().tolist() == [3, 5, 30, 50]


def test_products_that_meet_are_added() -> None:
    """From 2 to 3 in steps of 1, VALID: 1*3, 1*5 + 10*3, 10*5."""
    assert conv2d_transpose(row(1, 10), taps(3, 5), [1, 1, 3, 1], 1, "VALID").ravel().tolist() == [3, 35, 50]


def test_the_default_padding_is_same() -> None:
    """From 2 to 2: the product beyond the end is cut off, as SAME pads last."""
    assert conv2d_transpose(row(1, 10), taps(3, 5), [1, 1, 2, 1], 1).ravel().tolist() == [3, 35]


def test_explicit_padding_is_cut_off() -> None:
    """3 5 / 30 50 in steps of 2, with one cell before and after cut off."""
    padding = [[0, 0], [0, 0], [1, 1], [0, 0]]

    assert conv2d_transpose(row(1, 10), taps(3, 5), [1, 1, 2, 1], 2, padding).ravel().tolist() == [5, 30]


def test_taps_are_dilated() -> None:
    """Two taps 2 apart: 1*3, 10*3, 1*5, 10*5."""
    out = conv2d_transpose(row(1, 10), taps(3, 5), [1, 1, 4, 1], 1, "VALID", dilations=2)

    assert out.ravel().tolist() == [3, 30, 5, 50]


def test_filters_map_outputs_to_inputs() -> None:
    """FH FW FI O is the forward convolution's: I is the result's channels, O those of the input."""
    two = np.array([[1, 2, 3], [4, 5, 6]], np.float32).reshape(1, 1, 2, 3)

    out = conv2d_transpose(np.array([1, 10, 100], np.float32).reshape(1, 1, 1, 3), two, [1, 1, 1, 2], 1)

    assert out.ravel().tolist() == [321, 654]


def test_each_group_goes_back_to_its_own_channels() -> None:
    """Depth 1, two filters, two channels: channel c is filter c's."""
    two = np.array([3, 5], np.float32).reshape(1, 1, 1, 2)

    out = conv2d_transpose(np.array([1, 10], np.float32).reshape(1, 1, 1, 2), two, [1, 1, 1, 2], 1)

    assert out.ravel().tolist() == [3, 50]


def test_cells_that_no_window_covers_are_zero() -> None:
    """conv2d_transpose.R12: steps of 3 under one tap leave two cells out."""
    assert conv2d_transpose(row(1, 10), taps(3), [1, 1, 6, 1], 3).ravel().tolist() == [3, 0, 0, 30, 0, 0]


@pytest.mark.parametrize("output_shape", [[1, 1, 4, 1], (1, 4), np.array([1, 1, 4, 1], np.int32), np.array([1, 4])])
def test_output_shape_has_many_spellings(output_shape: Any) -> None:  # noqa: ANN401 -- of no type in common
    """conv2d_transpose.R10: 4 entries or 2, a list or an array."""
    assert conv2d_transpose(row(1, 10), taps(3, 5), output_shape, 2).shape == (1, 1, 4, 1)


@pytest.mark.parametrize(
    "output_shape",
    [4, [4], [1, 4, 1], [1, 1, 4, 1, 1], [1, 1, -4, 1], [1, 1, 2**31, 1], [1, 1, 4.0, 1], "14", None, [[1, 1], [4, 1]]],
)
def test_what_is_no_output_shape_is_refused(output_shape: Any) -> None:  # noqa: ANN401 -- of no type in common
    """conv2d_transpose.R10: a wrong length, negative entries, values past int32, floats, text."""
    with pytest.raises(SpecError, match=r"conv2d_transpose\.R10"):
        conv2d_transpose(row(1, 10), taps(3, 5), output_shape, 2)


def test_an_output_shape_of_another_dtype_is_refused() -> None:
    """conv2d_transpose.R10: int32 or int64."""
    with pytest.raises(SpecError, match=r"conv2d_transpose\.R10: output_shape is float32: it needs int32 or int64"):
        conv2d_transpose(row(1, 10), taps(3, 5), np.array([1, 1, 4, 1], np.float32), 2)


@pytest.mark.parametrize("output_shape", [[2, 1, 4, 1], [1, 3, 4, 1], [1, 1, 2, 1], [1, 1, 5, 1]])
def test_an_output_that_does_not_shrink_back_is_refused(output_shape: list[int]) -> None:
    """conv2d_transpose.R11: another batch; rows and columns that the forward convolution maps elsewhere."""
    with pytest.raises(SpecError, match=r"conv2d_transpose\.R11"):
        conv2d_transpose(row(1, 10), taps(3, 5), output_shape, 2)


def test_as_many_channels_as_filters_go_in() -> None:
    """conv2d_transpose.R11: two channels, one filter."""
    with pytest.raises(
        SpecError, match=r"conv2d_transpose\.R11: .* has shape \[1, 1, 1, 2\], but .* gives \[1, 1, 1, 1\]"
    ):
        conv2d_transpose(np.zeros((1, 1, 1, 2)), np.zeros((1, 1, 1, 1)), [1, 1, 1, 1], 1)


def test_channels_may_come_first() -> None:
    """conv2d_transpose.R6: input and output_shape in the order N C H W."""
    image = np.array([1, 10], np.float32).reshape(1, 1, 1, 2)

    out = conv2d_transpose(image, np.array([3, 5], np.float32).reshape(1, 1, 2, 1), [1, 2, 1, 2], 1, data_format="NCHW")

    assert out.tolist() == [[[[3, 30]], [[5, 50]]]]


@pytest.mark.parametrize("dtype", [*(fmt.dtype for fmt in FORMATS.values()), np.dtype(np.int32)], ids=str)
def test_the_result_has_the_dtype_of_the_operands(dtype: np.dtype[Any]) -> None:
    """conv2d_transpose.R2: 2*3 in each of the five."""
    out = conv2d_transpose(row(2, dtype=dtype), taps(3, dtype=dtype), [1, 1, 1, 1], 1)

    assert (out.dtype, float(out.item())) == (dtype, 6)


@pytest.mark.parametrize(
    ("small", "filters", "shape"),
    [
        ((0, 2, 2, 1), (1, 1, 1, 1), (0, 2, 2, 1)),
        ((2, 0, 2, 1), (1, 1, 1, 1), (2, 0, 2, 1)),
        ((2, 2, 0, 1), (1, 1, 1, 1), (2, 2, 0, 1)),
        ((2, 2, 2, 0), (1, 1, 1, 0), (2, 2, 2, 1)),
    ],
)
def test_what_is_empty_gives_zeros(small: tuple[int, ...], filters: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """conv2d_backprop_input.R12: no images, rows, columns or filters."""
    out = conv2d_backprop_input(shape, np.zeros(filters), np.zeros(small), 1, "SAME")

    assert (out.shape, out.any()) == (shape, np.False_)


def test_an_empty_output_of_the_forward_convolution_gives_zeros() -> None:
    """conv2d_backprop_input.R12: 2 rows under 4 taps and stride 2 have no window, and no gradient."""
    out = conv2d_backprop_input((1, 2, 1, 1), np.ones((4, 1, 1, 1)), np.zeros((1, 0, 1, 1)), 2, "VALID")

    assert out.tolist() == np.zeros((1, 2, 1, 1)).tolist()


def test_the_input_gradient_by_hand() -> None:
    """Windows 3 5 over cells 0 1 and 1 2, with gradients 1 and 10: each cell sums what it was multiplied with."""
    out = conv2d_backprop_input([1, 1, 3, 1], taps(3, 5), row(1, 10), 1, "VALID")

    assert out.ravel().tolist() == [3, 35, 50]


def test_the_input_gradient_has_the_padding_that_it_is_given() -> None:
    """conv2d_backprop_input.R5: without a default."""
    with pytest.raises(TypeError, match="padding"):
        conv2d_backprop_input([1, 1, 1, 1], taps(3), row(1), 1)  # type: ignore[call-arg]


def test_a_large_image_is_transposed_in_blocks() -> None:
    """A single 1 among 3x3 taps moves the image by its place, in every block of rows."""
    side = 360  # each tap takes several blocks
    image = np.arange(side * side, dtype=np.float32).reshape(1, side, side, 1)
    assert side * side * CHUNK > 4 * PRODUCTS
    last = np.zeros((3, 3, 1, 1), np.float32)
    last[2, 2] = 1

    out = conv2d_transpose(image, last, [1, side + 2, side + 2, 1], 1, "VALID")

    assert (out[0, 2:, 2:] == image[0]).all()
    assert out.sum(dtype=np.float64) == image.sum(dtype=np.float64)


def test_filters_over_inserted_zeros_and_padding_are_absent() -> None:
    """
    conv2d_transpose.R13, conv2d_backprop_input.R13: from 2 to 4 in steps of 2 under taps 3 5.

    Each cell is reached by one, and the other is absent.
    """
    filters = taps(3, 5, dtype=np.float64)

    call = backward("conv2d_transpose", (1, 1, 4, 1), filters, row(1, 10, dtype=np.float64), 2, "SAME")

    assert call.absent(filters).ravel().tolist() == [5, 3, 5, 3]
