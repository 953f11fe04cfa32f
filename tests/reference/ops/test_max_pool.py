"""max_pool, its argmax and its gradient: published numbers, numbers by hand, NaN, ties and extremes."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import SpecError, max_pool, max_pool_grad, max_pool_with_argmax
from reference.checks import Padding
from reference.floats import FORMATS, Array
from reference.ops.max_pool import DTYPES, INTEGERS

NAN, INF = float("nan"), float("inf")
DOCUMENTED = np.array([[0, 0, 1, 7], [0, 2, 0, 0], [5, 2, 0, 0], [0, 0, 9, 8]], np.int32).reshape(1, 4, 4, 1)


def row(*values: float, dtype: Any = np.float32) -> Array:  # noqa: ANN401 -- whatever np.dtype takes
    """Return one image of one row and one channel, [1, 1, W, 1]."""
    return np.array(values).reshape(1, 1, -1, 1).astype(dtype)


@pytest.mark.parametrize(
    ("ksize", "strides", "padding", "out"),
    [
        (2, 2, "SAME", [2, 7, 5, 9]),
        (3, 2, "SAME", [5, 7, 9, 9]),
        (3, 3, "SAME", [2, 7, 5, 9]),
        (3, 3, "VALID", [5]),
    ],
)
def test_the_documented_results_of_max_pool(ksize: int, strides: int, padding: str, out: list[int]) -> None:
    """The examples of tf.nn.max_pool's page."""
    assert max_pool(DOCUMENTED, ksize=ksize, strides=strides, padding=padding).ravel().tolist() == out


def test_rows_and_columns_have_their_own_windows() -> None:
    """Windows of 1x4, one for every second row."""
    assert max_pool(DOCUMENTED, (1, 4), (2, 1), "VALID").ravel().tolist() == [7, 5]


@pytest.mark.parametrize("ksize", [2, [2], (2, 2), [1, 2, 2, 1]])
@pytest.mark.parametrize("strides", [2, [2], (2, 2), [1, 2, 2, 1]])
def test_ksize_and_strides_have_many_spellings(ksize: Any, strides: Any) -> None:  # noqa: ANN401 -- of no type in common
    """max_pool.R3, max_pool.R4: an integer, 1, 2 or 4 entries."""
    assert max_pool(DOCUMENTED, ksize, strides, "VALID").ravel().tolist() == [2, 7, 5, 9]


def test_channels_may_come_first() -> None:
    """max_pool.R6: two channels, each a row of its own."""
    image = np.array([[1, 2, 3], [30, 20, 10]]).reshape(1, 2, 1, 3)

    assert max_pool(image, [1, 1, 1, 2], 1, "VALID", "NCHW").tolist() == [[[[2, 3]], [[30, 20]]]]


def test_channels_are_pooled_in_groups() -> None:
    """max_pool.R7: windows of two channels."""
    image = np.array([3.0, 1, 4, 1, 5, 9]).reshape(1, 1, 1, 6)

    assert max_pool(image, [1, 1, 1, 2], [1, 1, 1, 2], "VALID").ravel().tolist() == [3, 4, 9]


@pytest.mark.parametrize(
    ("ksize", "strides", "padding", "layout"),
    [
        ([1, 1, 1, 2], [1, 1, 1, 1], "VALID", "NHWC"),
        ([1, 1, 1, 1], [1, 1, 1, 2], "VALID", "NHWC"),
        ([1, 1, 1, 4], [1, 1, 1, 4], "VALID", "NHWC"),
        ([1, 2, 1, 2], [1, 1, 1, 2], "VALID", "NHWC"),
        ([1, 1, 1, 2], [1, 2, 1, 2], "VALID", "NHWC"),
        ([1, 2, 1, 1], [1, 2, 1, 1], "VALID", "NCHW"),
        ([1, 1, 1, 2], [1, 1, 1, 2], [[0, 0], [0, 0], [0, 0], [0, 0]], "NHWC"),
    ],
)
def test_pooling_between_channels_is_by_itself(
    ksize: list[int], strides: list[int], padding: Padding, layout: str
) -> None:
    """max_pool.R7: stride and window equal, dividing 6 channels; nothing in height and width; NHWC; SAME or VALID."""
    with pytest.raises(SpecError, match=r"max_pool\.R7"):
        max_pool(np.zeros((1, 6, 6, 6)), ksize, strides, padding, layout)


def test_windows_of_images_are_refused() -> None:
    """max_pool.R4: a window of 2 along the batch."""
    with pytest.raises(SpecError, match=r"max_pool\.R4: ksize of 2 along batch: only 1"):
        max_pool(np.zeros((2, 1, 1, 1)), [2, 1, 1, 1], 1, "VALID")


def test_explicit_padding() -> None:
    """max_pool.R5: one element before, windows of 2: the first alone, then pairs."""
    assert max_pool(row(-5, -7, -1), [1, 2], 1, [[0, 0], [0, 0], [1, 0], [0, 0]]).ravel().tolist() == [-5, -5, -1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_padding_never_wins(dtype: str) -> None:
    """max_pool.R9: the lowest number of the dtype is the largest of its window."""
    dtyped = np.dtype(FORMATS[dtype].dtype if dtype in FORMATS else dtype)
    lowest = -INF if dtype in FORMATS else np.iinfo(dtyped).min

    out = max_pool(row(lowest, dtype=dtyped), 3, 1, "SAME")

    assert (out.dtype, out.item()) == (dtyped, lowest)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_compared_exactly(dtype: str) -> None:
    """The two largest numbers of the dtype differ, which float64 does not see of 64 bits."""
    largest = np.iinfo(dtype).max
    pair = np.array([largest - 1, largest], dtype).reshape(1, 1, 2, 1)

    assert max_pool(pair, [1, 2], 1, "VALID").item() == max_pool(pair[:, :, ::-1], [1, 2], 1, "VALID").item() == largest


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("order", list(itertools.permutations([NAN, -INF, -3.0])))
def test_nan_is_dropped(dtype: str, order: tuple[float, ...]) -> None:
    """max_pool.R10: wherever it stands, another value wins, -inf too."""
    image = row(*order, dtype=FORMATS[dtype].dtype)

    assert max_pool(image, [1, 3], 1, "VALID").item() == -3
    assert max_pool(image[image != -3].reshape(1, 1, 2, 1), [1, 2], 1, "VALID").item() == -INF


def test_nan_alone_is_nan() -> None:
    """max_pool.R10: open; this specification gives NaN, with padding around it too."""
    assert np.isnan(max_pool(row(NAN), 3, 1, "SAME").item())


def test_either_zero_may_win() -> None:
    """max_pool.R11: they are equal."""
    assert max_pool(row(-0.0, 0.0), [1, 2], 1, "VALID").item() == 0


@pytest.mark.parametrize("width", [31, 32, 8191, 8192])
def test_the_zero_that_comes_first_wins_whatever_holds_the_places_of_an_image(width: int) -> None:
    """Of 2 x 32 cells, and 2 x 8192, twice their number is one more than a signed integer of 8 or 16 bits holds."""
    image = np.zeros((1, 2, width, 1), np.float32)
    image[:, 0] = -0.0

    assert np.signbit(max_pool(image, [2, 1], [2, 1], "VALID")).all()


@pytest.mark.parametrize(("height", "width"), [(0, 2), (2, 0)])
def test_empty_images_have_empty_outputs(height: int, width: int) -> None:
    """SAME: ceil(0 / 1) rows or columns."""
    assert max_pool(np.zeros((1, height, width, 1)), 2, 1, "SAME").shape == (1, height, width, 1)


@pytest.mark.parametrize("shape", [(1, 0, 2, 1), (1, 2, 0, 1)])
def test_explicit_padding_needs_an_image(shape: tuple[int, ...]) -> None:
    """max_pool.R12: a window over nothing but padding has no largest element."""
    with pytest.raises(SpecError, match=r"max_pool\.R12"):
        max_pool(np.zeros(shape), 2, 1, [[0, 0], [1, 1], [1, 1], [0, 0]])


@pytest.mark.parametrize(("pads", "may_be_empty"), [([1, 1], False), ([1, 0], True)])
def test_padding_alone_that_is_too_short_for_a_window_leaves_nothing(pads: list[int], may_be_empty: bool) -> None:
    """max_pool.R12: a window of 2 fits into 1 + 1 rows of padding, where it would hold nothing; not into 1 + 0."""
    with pytest.raises(SpecError) as refusal:
        max_pool(np.zeros((1, 0, 2, 1)), [2, 1], 1, [[0, 0], pads, [0, 0], [0, 0]])

    assert refusal.value.open_to_empty is may_be_empty


def test_argmax_counts_cells_and_channels() -> None:
    """(Y*W + X)*C + c: the largest of channel 0 stands at (1, 2), that of channel 1 at (0, 1)."""
    image = np.zeros((1, 2, 3, 2))
    image[0, 1, 2, 0] = image[0, 0, 1, 1] = 1

    _, argmax = max_pool_with_argmax(image, (2, 3), 1, "VALID")

    assert argmax.ravel().tolist() == [(1 * 3 + 2) * 2 + 0, (0 * 3 + 1) * 2 + 1]


def test_argmax_counts_without_padding() -> None:
    """max_pool_with_argmax.R9: SAME, 3x3 windows, whose first cells lie outside; the only cell is 0."""
    values, argmax = max_pool_with_argmax(row(-5), 3, 1, "SAME")

    assert (values.item(), argmax.item()) == (-5, 0)


@pytest.mark.parametrize(("batch", "indices"), [(False, [1, 0]), (True, [1, 2])])
def test_argmax_may_count_images(batch: bool, indices: list[int]) -> None:
    """Two images of two cells: the second begins at 2."""
    image = np.array([1, 2, 4, 3.0]).reshape(2, 1, 2, 1)

    assert max_pool_with_argmax(image, 2, 2, "SAME", include_batch_in_index=batch)[1].ravel().tolist() == indices


@pytest.mark.parametrize("value", [1.0, -INF])
def test_the_first_of_equal_elements_is_named(value: float) -> None:
    """max_pool_with_argmax.R10: row by row; of -inf alone too, under padding."""
    image = np.full((1, 3, 3, 1), value)

    _, argmax = max_pool_with_argmax(image, 3, 1, "SAME")

    assert argmax.ravel().tolist() == [0, 0, 1, 0, 0, 1, 3, 3, 4]


@pytest.mark.parametrize(("values", "index"), [((NAN, 1), 1), ((1, NAN), 0), ((NAN, -INF), 1), ((NAN, NAN), 0)])
def test_argmax_drops_nan(values: tuple[float, ...], index: int) -> None:
    """max_pool_with_argmax.R11: open; this specification names the other element, or the first NaN."""
    assert max_pool_with_argmax(row(*values), [1, 2], 1, "VALID")[1].item() == index


def test_unsigned_words_have_an_argmax() -> None:
    """max_pool_with_argmax.R2: uint32 and uint64, which max_pool does not take."""
    for dtype in ("uint32", "uint64"):
        assert max_pool_with_argmax(row(1, 3, 2, dtype=dtype), [1, 3], 1, "VALID")[1].item() == 1


@pytest.mark.parametrize("output_dtype", ["int32", "int64", np.int32, np.int64, np.dtype("int32"), np.dtype("int64")])
def test_argmax_has_the_dtype_asked_for(output_dtype: Any) -> None:  # noqa: ANN401 -- whatever np.dtype takes
    """max_pool_with_argmax.R2: by name, type or dtype."""
    assert max_pool_with_argmax(row(1), 1, 1, "VALID", output_dtype=output_dtype)[1].dtype == output_dtype


@pytest.mark.parametrize("output_dtype", ["uint8", np.float32, "nonsense", None])
def test_argmax_of_another_dtype_is_refused(output_dtype: Any) -> None:  # noqa: ANN401 -- of no type in common
    """max_pool_with_argmax.R2: neither int32 nor int64."""
    with pytest.raises(SpecError, match=r"max_pool_with_argmax\.R2: output_dtype"):
        max_pool_with_argmax(row(1), 1, 1, "VALID", output_dtype=output_dtype)


@given(st.data())
def test_pool_and_argmax_are_what_a_search_finds(data: st.DataObject) -> None:
    """Every window searched in Python, row by row, over the cells that it shares with the image."""
    (high, wide), (fh, fw), (sh, sw) = (data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4))) for _ in range(3))
    image = np.array(data.draw(st.lists(st.integers(-2, 2), min_size=high * wide, max_size=high * wide)))
    image = image.reshape(1, high, wide, 1).astype(np.float32)
    values, argmax = max_pool_with_argmax(image, (fh, fw), (sh, sw), "SAME")
    top = max((-(-high // sh) - 1) * sh + fh - high, 0) // 2
    left = max((-(-wide // sw) - 1) * sw + fw - wide, 0) // 2

    for y, x in np.ndindex(-(-high // sh), -(-wide // sw)):
        rows = [r for r in range(y * sh - top, y * sh - top + fh) if 0 <= r < high]
        columns = [c for c in range(x * sw - left, x * sw - left + fw) if 0 <= c < wide]
        cells = [(float(image[0, r, c, 0]), r * wide + c) for r in rows for c in columns]
        best, where = max(cells, key=lambda cell: (cell[0], -cell[1]))
        assert (values[0, y, x, 0], argmax[0, y, x, 0]) == (best, where)
    assert (max_pool(image, (fh, fw), (sh, sw), "SAME") == values).all()


def test_the_gradient_goes_to_the_largest_element() -> None:
    """Windows 1 9 and 9 3: both credit the 9 with 10 + 100."""
    out = max_pool_grad(row(1, 9, 3), row(9, 9), row(10, 100), [1, 2], 1, "VALID")

    assert out.ravel().tolist() == [0, 110, 0]


def test_the_gradient_of_a_tie_goes_to_the_first() -> None:
    """max_pool_grad.R11: 9 twice in one window."""
    assert max_pool_grad(row(9, 9), row(9), row(10), [1, 2], 1, "VALID").ravel().tolist() == [10, 0]


def test_the_gradient_does_not_look_at_the_output() -> None:
    """max_pool_grad.R10: only that of max_pool is specified; another changes nothing here."""
    assert max_pool_grad(row(1, 9), row(7), row(10), [1, 2], 1, "VALID").ravel().tolist() == [0, 10]


def test_the_gradient_of_a_window_with_nan_goes_to_its_argmax() -> None:
    """max_pool_grad.R12: open; this specification credits the number."""
    assert max_pool_grad(row(NAN, 1), row(1), row(10), [1, 2], 1, "VALID").ravel().tolist() == [0, 10]


def test_the_gradient_of_integers_wraps() -> None:
    """100 + 100 is 200, which is -56 in int8."""
    image, pooled, grad = (row(*values, dtype=np.int8) for values in [(1, 9, 3), (9, 9), (100, 100)])

    out = max_pool_grad(image, pooled, grad, [1, 2], 1, "VALID")

    assert out.dtype == np.int8
    assert out.ravel().tolist() == [0, -56, 0]


def test_the_gradient_takes_explicit_padding_and_channels_first() -> None:
    """max_pool_grad.R5 and max_pool_grad.R6: one column before, windows of 2 over 5 7."""
    image, padding = np.array([5.0, 7]).reshape(1, 1, 1, 2), [[0, 0], [0, 0], [0, 0], [1, 0]]
    pooled = max_pool(image, [1, 1, 1, 2], 1, padding, "NCHW")

    out = max_pool_grad(image, pooled, np.array([10.0, 100]).reshape(1, 1, 1, 2), [1, 1, 1, 2], 1, padding, "NCHW")

    assert (pooled.ravel().tolist(), out.ravel().tolist()) == ([5, 7], [10, 100])


def test_the_gradient_of_another_rank_is_refused() -> None:
    """max_pool_grad.R9: grad without channels."""
    with pytest.raises(SpecError, match=r"max_pool_grad\.R9: grad has shape \[1, 1, 1\]"):
        max_pool_grad(row(1, 9), row(9), np.zeros((1, 1, 1), np.float32), [1, 2], 1, "VALID")


def test_the_gradient_of_no_images_is_empty() -> None:
    """An empty batch goes in and comes out."""
    empty = np.zeros((0, 2, 2, 1))

    assert max_pool_grad(empty, np.zeros((0, 1, 1, 1)), np.zeros((0, 1, 1, 1)), 2, 2, "VALID").shape == (0, 2, 2, 1)
