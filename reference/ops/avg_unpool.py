"""avg_unpool."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from reference.checks import (
    Size,
    from_nhwc,
)
from reference.floats import Array
from reference.ops.pools import spread
from reference.windows import Axis

__all__ = ["avg_unpool", "definition"]


def avg_unpool(
    input: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    output_shape: Sequence[int] | Array,
    data_format: str | None = "NHWC",
) -> Array:
    """
    Put every pooled value into every element of its window.

        out[n, Y, X, c] = sum over the windows (y, x) that hold (Y, X) of input[n, y, x, c]

    Where windows overlap their values are added: avg_unpool is the transpose of summing windows. Cells that no window
    holds are zero.

    Window y starts at row y*sh - top and holds KH rows (columns likewise, with left and KW), where (KH, KW) is ksize.
    Rows and columns outside the image are absent: what falls there is dropped. The number of windows is

        SAME      OH = ceil(H / sh); top = floor(total / 2) of total = max((OH - 1)*sh + KH - H, 0) absent rows
        VALID     OH = ceil((H - KH + 1) / sh); top = 0

    Shapes:
        input [N, OH, OW, C], output_shape = [N, H, W, C] -> out [N, H, W, C], where avg_pool maps H, W to OH, OW. NCHW
        likewise.
        ksize, strides: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.

    Rounding:
        The exact sum, rounded once to the dtype of the input: to nearest, ties to even, gradually to zero, beyond the
        largest number to infinity. A sum that is exactly zero is +0; one that rounds to zero keeps its sign. A NaN is
        the positive quiet one without payload. Others conform as well: every result within `bounds` does, +0 for -0,
        and any NaN for NaN.

    Interface:
        avg_unpool.R1  input has rank 4; output_shape has 4 entries, int32 or int64, 0 to 2^31 - 1, and fewer than 2^60
                       elements.
        avg_unpool.R2  dtype: float16, bfloat16, float32 or float64.
        avg_unpool.R3  strides are integers from 1 to 2^31 - 1, 1 along batch and channels.
        avg_unpool.R4  ksize are integers from 1 to 2^31 - 1, 1 along batch and channels.
        avg_unpool.R5  padding is "SAME" or "VALID".
        avg_unpool.R6  data_format is "NHWC", "NCHW" or None, which is "NHWC".
        avg_unpool.R7  There is no pooling between channels: ksize and strides along them are 1.
        avg_unpool.R8  The window is longer than the output image by at most the stride.
        avg_unpool.R9  avg_pool maps output_shape to the input's shape.

    NaN and infinity go to the cells of their window alone.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: the transpose of avg_pool without its division; TensorFlow users write it as AvgPoolGrad times the counts.

    >>> avg_unpool(np.float32([[1, 2]]).reshape(1, 1, 2, 1), 2, 2, "VALID", [1, 2, 4, 1])[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]], dtype=float32)
    """
    call = spread("avg_unpool", output_shape, input, ksize, strides, padding, data_format)
    return from_nhwc(call.rounded(), call.geometry.layout)


def definition(input: Array, output_shape: tuple[int, ...], rows: Axis, columns: Axis) -> Array:
    """Add each value to every element of its window."""
    out = np.zeros(output_shape, input.dtype)
    for n, y, x, c in np.ndindex(input.shape):
        for Y, X in product(rows.cells(y), columns.cells(x)):
            out[n, Y, X, c] += input[n, y, x, c]
    return out
