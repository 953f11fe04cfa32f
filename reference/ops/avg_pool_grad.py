"""The gradient of avg_pool."""

from collections.abc import Sequence

import numpy as np

from reference.checks import (
    Size,
    from_nhwc,
)
from reference.floats import Array
from reference.ops.pools import spread
from reference.windows import Axis

__all__ = ["avg_pool_grad", "definition"]


def avg_pool_grad(
    orig_input_shape: Sequence[int] | Array,
    grad: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    data_format: str | None = "NHWC",
    name: str | None = None,  # noqa: ARG001 -- TensorFlow has it
) -> Array:
    """
    Return the gradient of avg_pool with respect to its input: each window shares its gradient among its elements.

        out[n, Y, X, c] = sum over the windows (y, x) that hold (Y, X) of grad[n, y, x, c] / count[y, x]
        count[y, x] = how many elements of the image window (y, x) holds

    Window y starts at row y*sh - top and holds KH rows (columns likewise, with left and KW), where (KH, KW) is ksize.
    Rows and columns outside the image are absent: they are not counted. The number of windows is

        SAME      OH = ceil(H / sh); top = floor(total / 2) of total = max((OH - 1)*sh + KH - H, 0) absent rows
        VALID     OH = ceil((H - KH + 1) / sh); top = 0

    Shapes:
        orig_input_shape = [N, H, W, C], grad [N, OH, OW, C] -> out [N, H, W, C]. NCHW likewise.
        ksize, strides: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.

    Rounding:
        The exact sum of quotients, rounded once to the dtype of grad: to nearest, ties to even, gradually to zero,
        beyond the largest number to infinity. A sum of quotients that is exactly zero is +0; one that rounds to zero
        keeps its sign. A NaN is the positive quiet one without payload. Others conform as well: every result within
        `bounds` does, +0 for -0, and any NaN for NaN.

    Interface:
        avg_pool_grad.R1  orig_input_shape has 4 entries, int32 or int64, 0 to 2^31 - 1, and fewer than 2^60 elements;
                          grad has rank 4.
        avg_pool_grad.R2  dtype: float16, bfloat16, float32 or float64.
        avg_pool_grad.R3  strides are integers from 1 to 2^31 - 1, 1 along batch and channels.
        avg_pool_grad.R4  ksize are integers from 1 to 2^31 - 1, 1 along batch and channels.
        avg_pool_grad.R5  padding is "SAME" or "VALID".
        avg_pool_grad.R6  data_format is "NHWC", "NCHW" or None, which is "NHWC".
        avg_pool_grad.R7  There is no pooling between channels: ksize and strides along them are 1.
        avg_pool_grad.R8  The window is longer than the image by at most the stride.
        avg_pool_grad.R9  grad has the shape of avg_pool's output: [N, OH, OW, C].

    Cells that no window holds are zero. NaN and infinity go to the cells of their window alone.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, core/kernels/avgpooling_op.cc (AvgPoolingGradOp).

    >>> avg_pool_grad([1, 3, 3, 1], np.full((1, 2, 2, 1), 4.0), 2, 2, "SAME")[0, :, :, 0]
    array([[1., 1., 2.],
           [1., 1., 2.],
           [2., 2., 4.]])
    """
    call = spread("avg_pool_grad", orig_input_shape, grad, ksize, strides, padding, data_format)
    return from_nhwc(call.rounded(), call.geometry.layout)


def definition(orig_input_shape: tuple[int, ...], grad: Array, rows: Axis, columns: Axis) -> Array:
    """Add each window's gradient, divided by the number of its elements, to every one of them."""
    out = np.zeros(orig_input_shape, grad.dtype)
    for n, y, x, c in np.ndindex(grad.shape):
        window = [(Y, X) for Y in rows.cells(y) for X in columns.cells(x)]
        for Y, X in window:
            out[n, Y, X, c] += grad[n, y, x, c] / len(window)
    return out
