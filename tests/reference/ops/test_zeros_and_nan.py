"""The sign of an exact zero, and the bits of a NaN: decided, and the same on every processor."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reference
from reference.floats import FORMATS, Array, Format

ONE = (1, 1, 1, 1)
ROW = (1, 1, 2, 1)


def row(fmt: Format, *numbers: float) -> Array:
    """Return an image of one row."""
    return np.array(numbers).astype(fmt.dtype).reshape(1, 1, -1, 1)


def peak(dtype: np.dtype[Any]) -> Array:
    """Return a row whose middle is the largest of both windows of two."""
    return np.array([0, 9, 0]).astype(dtype).reshape(1, 1, 3, 1)


# What each op makes of the two numbers of a row, or of the second, in its last element.
SUMS: dict[str, Callable[[Array], Any]] = {
    "conv2d": lambda x: reference.conv2d(x, np.ones((1, 2, 1, 1), x.dtype), 1, "VALID"),
    "conv2d_transpose": lambda x: reference.conv2d_transpose(
        x, np.ones((1, 2, 1, 1), x.dtype), [1, 1, 2, 1], 1, "SAME"
    ),
    "conv2d_backprop_input": lambda x: reference.conv2d_backprop_input(
        [1, 1, 2, 1], np.ones((1, 2, 1, 1), x.dtype), x, 1, "SAME"
    ),
    "conv2d_backprop_filter": lambda x: reference.conv2d_backprop_filter(x, ONE, np.ones(ROW, x.dtype), 1, "VALID"),
    "avg_pool": lambda x: reference.avg_pool(x, [1, 2], 1, "VALID"),
    "avg_pool_grad": lambda x: reference.avg_pool_grad([1, 1, 3, 1], x, [1, 2], 1, "VALID")[:, :, :2],
    "avg_unpool": lambda x: reference.avg_unpool(x, [1, 2], 1, "VALID", [1, 1, 3, 1])[:, :, :2],
    "max_pool_grad": lambda x: reference.max_pool_grad(row(FORMATS[x.dtype.name], 0, 9, 0), x, x, [1, 2], 1, "VALID")[
        :, :, :2
    ],
    "max_unpool": lambda x: reference.max_unpool(x, np.full(ROW, 1), [1, 1, 2, 1]),
}
# What hands a number on.
PICKS: dict[str, Callable[[Array], Any]] = {
    "max_pool": lambda x: reference.max_pool(x, 1, 1, "VALID"),
    "max_pool_with_argmax": lambda x: reference.max_pool_with_argmax(x, 1, 1, "VALID")[0],
    "dropout": lambda x: reference.dropout(x, np.array(-1, x.dtype), seed=1),
    "stateless_dropout": lambda x: reference.stateless_dropout(x, np.array(-1, x.dtype), [1, 2]),
    "dropout_grad": lambda x: reference.dropout_grad(x, np.ones(x.shape, bool), 0.5),
}
OPS: dict[str, Callable[[Array], Any]] = SUMS | PICKS
FLOATS = pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)


def last(out: Array) -> Any:  # noqa: ANN401 -- a number of any dtype
    """Return the last element."""
    return out.ravel()[-1]


@FLOATS
@pytest.mark.parametrize("op", SUMS)
@pytest.mark.parametrize("numbers", [(0.3, -0.3), (-0.3, 0.3), (-0.0, -0.0), (-0.0, 0.0)])
def test_a_sum_that_is_exactly_zero_is_positive(op: str, fmt: Format, numbers: tuple[float, float]) -> None:
    """.3 - .3, and zeros of either sign, in every dtype."""
    out = last(SUMS[op](row(fmt, *numbers)))

    assert out == 0
    assert not np.signbit(out)


@FLOATS
@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_that_rounds_to_zero_keeps_its_sign(fmt: Format, sign: int) -> None:
    """A quarter of the smallest subnormal is nearer to zero than to it."""
    least = fmt.smallest_subnormal

    mean = last(reference.avg_pool(row(fmt, sign * least, 0, 0, 0), [1, 4], 1, "VALID"))
    product = last(reference.conv2d(row(fmt, sign * least), row(fmt, 0.25), 1, "VALID"))

    assert mean == product == 0
    assert np.signbit(mean) == np.signbit(product) == (sign < 0)


@FLOATS
@pytest.mark.parametrize("first", [0.0, -0.0])
@pytest.mark.parametrize("op", ["max_pool", "max_pool_with_argmax"])
@pytest.mark.parametrize("ksize", [[1, 4], [2, 2], [4, 1]])
def test_of_zeros_of_both_signs_the_first_is_the_largest(op: str, ksize: list[int], fmt: Format, first: float) -> None:
    """In row-major order of the window, beside a lesser number and NaN."""
    image = row(fmt, np.nan, first, -first, -1.0).reshape(1, *ksize, 1)

    out = getattr(reference, op)(image, ksize, 1, "VALID")

    value = last(out[0] if isinstance(out, tuple) else out)
    assert value == 0
    assert np.signbit(value) == np.signbit(first)


@FLOATS
@pytest.mark.parametrize("channels", [(0.0, -0.0), (-0.0, 0.0)])
def test_of_zeros_between_channels_the_first_is_the_largest(fmt: Format, channels: tuple[float, float]) -> None:
    """Channels in their order."""
    image = row(fmt, *channels).reshape(1, 1, 1, 2)

    out = last(reference.max_pool(image, [1, 1, 1, 2], [1, 1, 1, 2], "VALID"))

    assert np.signbit(out) == np.signbit(channels[0])


@FLOATS
@pytest.mark.parametrize("op", OPS)
def test_every_nan_is_the_positive_quiet_one_without_payload(op: str, fmt: Format) -> None:
    """Whatever the bits of the NaN that the op was given: here all of them, sign and payload."""
    image = row(fmt, 1.0, np.nan)
    bits = image.view(f"u{image.itemsize}")
    bits[..., 1, :] = np.iinfo(bits.dtype).max

    out = np.asarray(last(OPS[op](image)))

    assert out.tobytes() == np.array(np.nan).astype(fmt.dtype).tobytes()
    assert not np.signbit(out)
