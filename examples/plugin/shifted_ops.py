"""
conv2d and max_pool in NumPy, as the sum and the maximum of shifted images: a small library that the suite judges.

Its functions are called as in tf.nn. `PROFILE` says what it claims; what it is asked for beyond that it declines by
NotImplementedError, and a wrong call by ValueError.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["PROFILE", "conv2d", "max_pool"]
__version__ = "1.0"

PROFILE = {
    "name": "shifted-ops",
    "version": __version__,
    "ops": ["conv2d", "max_pool"],
    "dtypes": ["float32"],
    "layouts": ["NHWC"],
    "deterministic": True,
    "limits": [
        {"reason": "SAME or VALID", "features": {"padding": "EXPLICIT"}},
        {"reason": "images of rank 4", "features": {"rank": "5"}},
        {"reason": "windows within the image", "features": {"window above image": "yes"}},
        {"reason": "no dilations", "ops": ["conv2d"], "features": {"dilation": "above 1"}},
        {"reason": "no groups", "ops": ["conv2d"], "features": {"groups": ["depthwise", "above 1"]}},
        {"reason": "no pools between channels", "ops": ["max_pool"], "features": {"between channels": "yes"}},
    ],
}
LARGEST = 2**31 - 1  # side of a window, or stride

Array = np.ndarray[Any, np.dtype[Any]]
Pair = tuple[int, int]
Size = int | Sequence[int] | None  # 2, [2], [2, 3] or [1, 2, 3, 1]; None is 1


def conv2d(
    input: Array,
    filters: Array,
    strides: Size,
    padding: object,
    data_format: str | None = "NHWC",
    dilations: Size = None,
) -> Array:
    """Correlate images [N, H, W, I] with filters [FH, FW, I, O] to [N, OH, OW, O]."""
    claim(sides(dilations) == (1, 1), "no dilations")
    claim(filters.ndim == 4 and filters.dtype == np.float32, "filters of rank 4 in float32")
    rows, columns, depth, _ = filters.shape
    check(rows * columns * depth > 0, "filters without elements")
    claim(input.shape[-1:] == (depth,), "filters as deep as the image")
    shifts = shifted(input, (rows, columns), sides(strides), padding, data_format, 0.0)
    return np.asarray(sum(image @ filters[row, column] for row, column, image in shifts))


def max_pool(input: Array, ksize: Size, strides: Size, padding: object, data_format: str | None = None) -> Array:
    """Take the largest element of every window of images [N, H, W, C], but NaN: [N, OH, OW, C]."""
    largest = np.full((), -np.inf, np.float32)
    for _, _, image in shifted(input, sides(ksize), sides(strides), padding, data_format, -np.inf):
        largest = np.fmax(largest, image)
    return largest


def shifted(
    images: Array, window: Pair, strides: Pair, padding: object, data_format: str | None, absent: float
) -> Iterator[tuple[int, int, Array]]:
    """Yield each row and column of a window with the images' elements that stand there in all windows."""
    claim(images.ndim == 4 and images.dtype == np.float32, "images of rank 4 in float32")
    claim(data_format in (None, "NHWC"), "channels last")
    claim(padding in ("SAME", "VALID"), "SAME or VALID")
    down, across = (windows(*each, padding == "SAME") for each in zip(images.shape[1:3], window, strides, strict=True))
    wide = np.pad(images, ((0, 0), down[1], across[1], (0, 0)), constant_values=absent)
    for row in range(window[0]):
        for column in range(window[1]):
            rows = slice(row, row + (down[0] - 1) * strides[0] + 1, strides[0])
            columns = slice(column, column + (across[0] - 1) * strides[1] + 1, strides[1])
            yield row, column, wide[:, rows, columns]


def windows(size: int, taps: int, stride: int, same: bool) -> tuple[int, Pair]:
    """Return how many windows an axis has, and how many absent elements before and after it."""
    claim(taps <= size, "windows within the image")
    count = -(-size // stride) if same else (size - taps) // stride + 1
    missing = max((count - 1) * stride + taps - size, 0) if same else 0
    return count, (missing // 2, missing - missing // 2)  # the odd one comes last


def sides(value: Size) -> Pair:
    """Return rows and columns."""
    numbers = np.atleast_1d(1 if value is None else value)
    check(numbers.dtype.kind == "i" and numbers.shape in {(1,), (2,), (4,)}, "not 1, 2 or 4 whole numbers")
    check(numbers.min() >= 1 and numbers.max() <= LARGEST, "a number out of range")
    if numbers.size == 4:
        check(numbers[0] == 1, "windows over several images")
        claim(numbers[3] == 1, "no windows over channels")
        numbers = numbers[1:3]
    return int(numbers[0]), int(numbers[-1])


def check(holds: bool, otherwise: str) -> None:
    """Refuse a wrong call."""
    if not holds:
        raise ValueError(otherwise)


def claim(holds: bool, what: str) -> None:
    """Decline a call beyond what is claimed."""
    if not holds:
        raise NotImplementedError(what)
