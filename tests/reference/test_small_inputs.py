"""
Small calls that one library or another gets wrong, each with the right value worked out by hand.

Each stands for a kind of fault; who has it is said beside the value.
"""

from typing import Any

import numpy as np
import pytest

from reference import (
    avg_pool,
    avg_pool_grad,
    conv2d,
    conv2d_transpose,
    dropout,
    max_pool,
    max_pool_with_argmax,
)
from reference.floats import Array, bfloat16


def row(*values: float, dtype: Any = np.float32) -> Array:  # noqa: ANN401 -- whatever np.dtype takes
    """Return an image of one row and one channel."""
    return np.asarray(values, dtype).reshape(1, 1, -1, 1)


def test_padding_longer_than_the_window_cuts_into_the_transposed_image() -> None:
    """
    Width 6 spread by 3 taps is 8; 3 cut off before and 1 after leave 4: cells 3 to 6.

    By hand: element x has the sum s(x) = 9 x + 3 over its channels; cell c sums s over x = c - 2 to c, up to x = 5:
    12 + 21 + 30, 21 + 30 + 39, 30 + 39 + 48, 39 + 48. XLA of TensorFlow 2.21 gives 124 for 87, or reads beyond.
    """
    image = np.arange(90, dtype=np.float32).reshape(1, 5, 6, 3)
    pads = [[0, 0], [0, 0], [3, 1], [0, 0]]

    out = conv2d_transpose(image, np.ones((1, 3, 3, 3), np.float32), [1, 5, 4, 3], 1, pads)

    assert out[0, 0, :, 0].tolist() == [63, 90, 117, 87]


@pytest.mark.parametrize("pooled", [max_pool, avg_pool])
def test_a_layout_is_that_of_its_own_call(pooled: Any) -> None:  # noqa: ANN401 -- either function
    """NCHW, then NHWC, as if each were called alone: TensorFlow 2.15.1 with oneDNN keeps the first call's layout."""
    first = np.arange(48, dtype=np.float32).reshape(1, 3, 4, 4)
    second = np.arange(48, dtype=np.float32).reshape(1, 4, 4, 3)
    alone = pooled(second, 2, 2, "VALID")

    pooled(first, 2, 2, "VALID", data_format="NCHW")

    assert pooled(second, 2, 2, "VALID").tolist() == alone.tolist()
    assert pooled(first, 2, 2, "VALID", data_format="NCHW").shape == (1, 3, 2, 2)


def test_same_pads_nothing_where_its_formula_is_negative() -> None:
    """4 under 2 taps and stride 4: one window, total (1 - 1) * 4 + 2 - 4 = -2. 1 + 2; TFLite with XNNPACK gives 0."""
    assert conv2d(row(1, 2, 3, 4), np.ones((1, 2, 1, 1), np.float32), [1, 4], "SAME").ravel().tolist() == [3]


@pytest.mark.parametrize("pooled", [max_pool, avg_pool])
def test_a_window_shorter_than_its_stride_starts_at_the_first_element(pooled: Any) -> None:  # noqa: ANN401
    """Window 1, stride 3, SAME: no padding. ONNX Runtime under SAME_UPPER gives -904."""
    assert pooled(row(701, -904, -819), 1, 3, "SAME").ravel().tolist() == [701]


@pytest.mark.parametrize("pooled", [max_pool, avg_pool])
def test_a_window_one_longer_than_the_image_gives_no_rows(pooled: Any) -> None:  # noqa: ANN401 -- either function
    """ceil((2 - 3 + 1) / 2) = 0. ONNX Runtime gives one row."""
    assert pooled(np.ones((1, 2, 3, 1), np.float32), 3, 2, "VALID").shape == (1, 0, 1, 1)


def test_padding_is_no_part_of_a_mean() -> None:
    """1 to 6 under 3 and stride 2, SAME: (1 + 2 + 3) / 3, (3 + 4 + 5) / 3, (5 + 6) / 2. Keras on PyTorch: 5.667."""
    assert avg_pool(row(1, 2, 3, 4, 5, 6), [1, 3], [1, 2], "SAME").ravel().tolist() == [2, 4, 5.5]


def test_the_gradient_of_a_mean_is_shared_among_real_elements() -> None:
    """6 / 2 + 6 / 3, 6 / 2 + 6 / 3 + 6 / 2, and the first again. TensorFlow.js: 4 6 4."""
    out = avg_pool_grad([1, 1, 3, 1], row(6, 6, 6), [1, 3], 1, "SAME")

    assert out.ravel().tolist() == [5, 8, 5]


def test_a_nan_reaches_its_own_window_alone() -> None:
    """conv2d_transpose.R15: Stride 2 and 2 taps: element 2 reaches cells 4 and 5. PyTorch in bfloat16: 2 to 5."""
    image = row(0, 0, np.nan, 0, dtype=bfloat16)

    out = conv2d_transpose(image, np.ones((1, 2, 1, 1), bfloat16), [1, 1, 8, 1], [1, 2])

    assert np.flatnonzero(np.isnan(out)).tolist() == [4, 5]


def test_float16_sums_are_wider_than_float16() -> None:
    """1 + 2^-11 + 2^-11 is 1 + 2^-10, a float16. Summed in float16, each half ulp is lost: 1.0."""
    image = np.array([1, 2**-11, 2**-11], np.float16).reshape(1, 1, 1, 3)

    out = conv2d_transpose(image, np.ones((1, 1, 1, 3), np.float16), [1, 1, 1, 1], 1)

    assert out.item() == 1.0009765625


def test_bfloat16_means_are_wider_than_bfloat16() -> None:
    """(1 + 3 * 2^-8) / 4 = 0.25 + 1.5 * 2^-9, a tie: the even one. Summed in bfloat16: 0.25."""
    assert avg_pool(row(1, 2**-8, 2**-8, 2**-8, dtype=bfloat16), [1, 4], 1, "VALID").item() == 0.25390625


@pytest.mark.parametrize("values", [(0.5, np.nan), (np.nan, 0.5)])
def test_a_nan_is_dropped_wherever_it_stands(values: tuple[float, float]) -> None:
    """max_pool.R10. ONNX Runtime gives what the order of the elements makes of it."""
    assert max_pool(row(*values), [1, 2], 1, "VALID").item() == 0.5


def test_a_window_of_minus_infinity_names_its_first_element() -> None:
    """max_pool_with_argmax.R10. TensorFlow.js: -1; ONNX Runtime's MaxPool: the lowest finite number."""
    values, argmax = max_pool_with_argmax(row(0, -np.inf, -np.inf), [1, 2], 1, "VALID")

    assert (values.ravel().tolist(), argmax.ravel().tolist()) == ([0, -np.inf], [0, 1])


def test_what_dropout_keeps_is_multiplied_by_the_rounded_scale() -> None:
    """float32 4 / 3 is 11184811 * 2^-23; 25 times that, 279620275 * 2^-23, rounds to 8738134 * 2^-18: 33.33334...."""
    out = dropout(np.full(64, 25, np.float32), 0.25, seed=1)

    assert set(out.tolist()) == {0.0, 8738134 * 2.0**-18}
