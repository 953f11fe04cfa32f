"""avg_pool."""

import numpy as np

from reference.checks import (
    FLOATS,
    Size,
    check_dtype,
    from_nhwc,
)
from reference.engine.avg_pool import Average
from reference.floats import Array
from reference.ops.pools import pool
from reference.reading import read_array
from reference.windows import Axis

__all__ = ["average", "avg_pool", "definition"]


def avg_pool(
    input: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    data_format: str | None = None,
    name: str | None = None,  # noqa: ARG001 -- tf.nn has it
) -> Array:
    """
    Take the mean of every window.

        out[n, y, x, c] = (sum over (h, w) inside the image of input[n, y*sh + h - top, x*sw + w - left, c]) / count
        count = how many (h, w) lie inside the image

    Window y starts at row y*sh - top and holds KH rows (columns likewise, with left and KW), where (KH, KW) is ksize.
    Rows and columns outside the image are absent: they are not counted. The number of windows is

        SAME      OH = ceil(H / sh); top = floor(total / 2) of total = max((OH - 1)*sh + KH - H, 0) absent rows
        VALID     OH = ceil((H - KH + 1) / sh); top = 0

    Shapes:
        input [N, H, W, C] -> out [N, OH, OW, C]. NCHW likewise.
        ksize, strides: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.

    Rounding:
        The exact mean, rounded once to the dtype of the input: to nearest, ties to even, gradually to zero, beyond the
        largest number to infinity. A mean that is exactly zero is +0; one that rounds to zero keeps its sign. A NaN is
        the positive quiet one without payload. Others conform as well: every result within `bounds` does, +0 for -0,
        and any NaN for NaN.

    Interface:
        avg_pool.R1  input has rank 4.
        avg_pool.R2  dtype: float16, bfloat16, float32 or float64.
        avg_pool.R3  strides are integers from 1 to 2^31 - 1, 1 along batch and channels.
        avg_pool.R4  ksize are integers from 1 to 2^31 - 1, 1 along batch and channels.
        avg_pool.R5  padding is "SAME" or "VALID".
        avg_pool.R6  data_format is "NHWC", "NCHW" or None, which is "NHWC".
        avg_pool.R7  There is no pooling between channels: ksize and strides along them are 1.
        avg_pool.R8  The window is longer than the image by at most the stride.

    Mathematics:
        avg_pool.R9  The mean is over the elements of the image: padding does not count.

    A window that holds NaN, or infinities of both signs, gives NaN; one that holds an infinity gives it.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (avg_pool_v2), core/kernels/avgpooling_op.cc.

    >>> avg_pool(np.arange(1.0, 10.0).reshape(1, 3, 3, 1), 2, 2, "SAME")[0, :, :, 0]
    array([[3. , 4.5],
           [7.5, 9. ]])
    """
    call = average(input, ksize, strides, padding, data_format)
    return from_nhwc(call.rounded(), call.geometry.layout)


def definition(input: Array, rows: Axis, columns: Axis) -> Array:
    """Divide the sum of every window by the number of its elements."""
    out = np.empty((len(input), rows.out, columns.out, input.shape[3]), input.dtype)
    for n, y, x, c in np.ndindex(out.shape):
        window = [input[n, Y, X, c] for Y in rows.cells(y) for X in columns.cells(x)]
        out[n, y, x, c] = sum(window) / len(window)
    return out


def average(input: Array, ksize: Size, strides: Size, padding: str, data_format: str | None = None) -> Average:
    """Check a call of avg_pool and return it as a sum."""
    image = read_array("avg_pool.R2", "input", input)
    check_dtype("avg_pool.R2", "input", image, FLOATS)
    return Average(*pool("avg_pool", image, ksize, strides, padding, data_format))
