"""The gradient of avg_unpool."""

import numpy as np

from reference.checks import FLOATS, Size, check_dtype, from_nhwc
from reference.engine.avg_pool import Total
from reference.floats import Array
from reference.ops.pools import pool
from reference.reading import read_array
from reference.windows import Axis

__all__ = ["avg_unpool_grad", "definition", "window_sums"]


def avg_unpool_grad(
    grad: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    data_format: str | None = "NHWC",
) -> Array:
    """
    Return the gradient of avg_unpool with respect to its input: the sum of every window.

        out[n, y, x, c] = sum over (Y, X) in window (y, x) of grad[n, Y, X, c]

    avg_unpool puts a value into every element of its window, and is the transpose of this sum.

    Window y starts at row y*sh - top and holds KH rows (columns likewise, with left and KW), where (KH, KW) is ksize.
    Rows and columns outside the image are absent: they take no part. The number of windows is

        SAME      OH = ceil(H / sh); top = floor(total / 2) of total = max((OH - 1)*sh + KH - H, 0) absent rows
        VALID     OH = ceil((H - KH + 1) / sh); top = 0

    Shapes:
        grad [N, H, W, C] -> out [N, OH, OW, C]. NCHW likewise.
        ksize, strides: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.

    Rounding:
        The exact sum, rounded once to the dtype of grad: to nearest, ties to even, gradually to zero, beyond the
        largest number to infinity. A sum that is exactly zero is +0; one that rounds to zero keeps its sign. A NaN is
        the positive quiet one without payload. Others conform as well: every result within `bounds` does, +0 for -0,
        and any NaN for NaN.

    Interface:
        avg_unpool_grad.R1  grad has rank 4.
        avg_unpool_grad.R2  dtype: float16, bfloat16, float32 or float64.
        avg_unpool_grad.R3  strides are integers from 1 to 2^31 - 1, 1 along batch and channels.
        avg_unpool_grad.R4  ksize are integers from 1 to 2^31 - 1, 1 along batch and channels.
        avg_unpool_grad.R5  padding is "SAME" or "VALID".
        avg_unpool_grad.R6  data_format is "NHWC", "NCHW" or None, which is "NHWC".
        avg_unpool_grad.R7  There is no pooling between channels: ksize and strides along them are 1.
        avg_unpool_grad.R8  The window is longer than the image by at most the stride.

    NaN and infinity go to the windows that hold them alone.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: the transpose of avg_unpool; TensorFlow users get it as avg_pool times the counts.

    >>> avg_unpool_grad(np.float32([[1, 2, 3, 4]]).reshape(1, 1, 4, 1), [1, 2], [1, 2], "VALID").ravel()
    array([3., 7.], dtype=float32)
    """
    call = window_sums(grad, ksize, strides, padding, data_format)
    return from_nhwc(call.rounded(), call.geometry.layout)


def definition(grad: Array, rows: Axis, columns: Axis) -> Array:
    """Add up every window."""
    out = np.zeros((len(grad), rows.out, columns.out, grad.shape[3]), grad.dtype)
    for n, y, x, c in np.ndindex(out.shape):
        for Y in rows.cells(y):
            for X in columns.cells(x):
                out[n, y, x, c] += grad[n, Y, X, c]
    return out


def window_sums(grad: Array, ksize: Size, strides: Size, padding: str, data_format: str | None = "NHWC") -> Total:
    """Check a call of avg_unpool_grad and return it as a sum, which is divided by 1."""
    slopes = read_array("avg_unpool_grad.R2", "grad", grad)
    check_dtype("avg_unpool_grad.R2", "grad", slopes, FLOATS)
    return Total(*pool("avg_unpool_grad", slopes, ksize, strides, padding, data_format))
