"""max_unpool: by hand. That it is the transpose of picking stands in test_formulations."""

from typing import Any

import numpy as np
import pytest

from reference import SpecError, max_unpool
from reference.floats import FORMATS, Array
from reference.ops.max_unpool import DTYPES, scattered


def row(*values: float, dtype: Any = np.float32) -> Array:  # noqa: ANN401 -- whatever np.dtype takes
    """Return one image of one row and one channel, [1, 1, W, 1]."""
    return np.array(values).reshape(1, 1, -1, 1).astype(dtype)


def test_values_go_where_argmax_says() -> None:
    """max_unpool.R7: cells 2 and 0 of four; the others are zero."""
    assert max_unpool(row(5, 7), row(2, 0, dtype=np.int64), [1, 2, 2, 1]).ravel().tolist() == [7, 0, 5, 0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_index_that_comes_twice_gets_the_sum(dtype: str) -> None:
    """max_unpool.R6: in every dtype, of which the result is."""
    dtyped = np.dtype(FORMATS[dtype].dtype if dtype in FORMATS else dtype)

    out = max_unpool(row(5, 7, dtype=dtyped), row(1, 1, dtype=np.int32), [1, 1, 2, 1])

    assert (out.dtype, out.astype(np.float64).ravel().tolist()) == (dtyped, [0, 12])


@pytest.mark.parametrize(("dtype", "out"), [("int8", -106), ("uint8", 150), ("int16", 150)])
def test_sums_of_integers_wrap(dtype: str, out: int) -> None:
    """75 + 75 is 150, which is -106 in int8."""
    assert max_unpool(row(75, 75, dtype=dtype), row(0, 0, dtype=np.int64), [1, 1, 1, 1]).item() == out


def test_sums_of_floats_are_rounded_once() -> None:
    """2048 + 1 + 1 is 2050 in float16, where adding 1 twice leaves 2048."""
    out = max_unpool(row(2048, 1, 1, dtype=np.float16), row(0, 0, 0, dtype=np.int64), [1, 1, 1, 1])

    assert out.item() == 2050


def test_indices_count_within_the_image() -> None:
    """Cell 1 of each of two images."""
    out = max_unpool(np.array([[5.0], [7]]).reshape(2, 1, 1, 1), np.ones((2, 1, 1, 1), np.int64), [2, 1, 2, 1])

    assert out.ravel().tolist() == [0, 5, 0, 7]


def test_indices_may_count_the_batch() -> None:
    """Cells 3 and 0 of both images together."""
    values, argmax = np.array([[5.0], [7]]).reshape(2, 1, 1, 1), np.array([3, 0]).reshape(2, 1, 1, 1)

    out = max_unpool(values, argmax, [2, 1, 2, 1], include_batch_in_index=True)

    assert out.ravel().tolist() == [7, 0, 0, 5]


@pytest.mark.parametrize(("index", "batch"), [(-1, False), (2, False), (-1, True), (4, True)])
def test_an_index_outside_is_refused(index: int, batch: bool) -> None:
    """max_unpool.R5: images of two cells, two of them."""
    argmax = np.array([0, index]).reshape(2, 1, 1, 1)

    with pytest.raises(SpecError, match=rf"max_unpool\.R5: index {index} names no cell"):
        max_unpool(np.zeros((2, 1, 1, 1)), argmax, [2, 1, 2, 1], include_batch_in_index=batch)


def test_no_values_leave_zeros() -> None:
    """max_unpool.R7: an input without rows."""
    out = max_unpool(np.zeros((1, 0, 2, 1)), np.zeros((1, 0, 2, 1), np.int64), [1, 2, 2, 1])

    assert out.ravel().tolist() == [0, 0, 0, 0]


def test_nothing_fits_an_empty_output() -> None:
    """max_unpool.R5: it has no cell."""
    with pytest.raises(SpecError, match=r"max_unpool\.R5: index 0 names no cell"):
        max_unpool(row(1), row(0, dtype=np.int64), [1, 0, 2, 1])


def test_nothing_is_absent_of_an_unpooling() -> None:
    """Every value goes somewhere."""
    call = scattered(row(1.0), row(0, dtype=np.int64), [1, 1, 1, 1])

    assert not call.absent(call.right).any()
