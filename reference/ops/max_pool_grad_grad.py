"""The gradient of max_pool_grad: the second derivative of max_pool."""

from math import isnan
from operator import itemgetter

import numpy as np

from reference.checks import Padding, Size, from_nhwc
from reference.choices import EITHER, TENSORFLOW, Alternative, Choices
from reference.engine.max_pool import first_largest
from reference.engine.pools import Pool
from reference.floats import Array, one_nan
from reference.ops.max_pool_grad import checked
from reference.windows import Axis

__all__ = ["CHOICES", "definition", "max_pool_grad_grad", "picked"]

CHOICES: Choices = {
    "max_pool_grad_grad.R11": (
        Alternative("first", "the first of them", (TENSORFLOW,), "core/kernels/maxpooling_op.cc"),
        Alternative("another", "any of them", (TENSORFLOW, "cuDNN"), "as max_pool_grad.R11"),
    ),
    "max_pool_grad_grad.R12": (
        Alternative("number", "of the largest of the numbers", (TENSORFLOW,), "as max_pool_grad.R12"),
        Alternative("NaN", "of a NaN", ("PyTorch",), "as max_pool_grad.R12"),
        Alternative(EITHER, "of any cell of the window", (TENSORFLOW,), "several kernels serve one op"),
    ),
}


def max_pool_grad_grad(
    orig_input: Array,
    orig_output: Array,
    grad: Array,
    ksize: Size,
    strides: Size,
    padding: Padding,
    data_format: str | None = "NHWC",
    name: str | None = None,  # noqa: ARG001 -- TensorFlow has it
) -> Array:
    """
    Return the gradient of max_pool_grad with respect to its gradient: of every window, what stands at its largest.

        out[n, y, x, c] = grad[n, Y, X, c], where (Y, X) is the largest element of window (y, x) of orig_input

    max_pool_grad is linear in its gradient, and this is its transpose: of equal elements the first in row-major order
    of the window. With respect to orig_input the gradient of max_pool_grad is zero.

    Window y starts at row y*sh - top and holds KH rows (columns likewise, with left and KW), where (KH, KW) is ksize.
    Rows and columns outside the image are absent: they never win. The number of windows is that of max_pool.

    Shapes:
        orig_input and grad [N, H, W, C], orig_output [N, OH, OW, C] -> out [N, OH, OW, C]. NCHW likewise.
        ksize, strides: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.
        padding: "SAME", "VALID", or four pairs (before, after) in the order of the layout.

    Rounding:
        None: out holds elements of grad, bit for bit, but a NaN is the positive quiet one without payload. A subnormal
        number may count as zero.

    Interface:
        max_pool_grad_grad.R1   orig_input has rank 4.
        max_pool_grad_grad.R2   orig_input, orig_output and grad have one dtype: float16, bfloat16, float32, float64, or
                                an integer of 8, 16, 32 or 64 bits, signed or not.
        max_pool_grad_grad.R3   strides are integers from 1 to 2^31 - 1, 1 along batch and channels.
        max_pool_grad_grad.R4   ksize are integers from 1 to 2^31 - 1, 1 along batch and channels.
        max_pool_grad_grad.R5   padding is "SAME", "VALID" or four pairs of integers from 0 on, in the order of the
                                layout, zero for batch and channels, each smaller than the window along its axis.
        max_pool_grad_grad.R6   data_format is "NHWC", "NCHW" or None, which is "NHWC".
        max_pool_grad_grad.R7   There is no pooling between channels: ksize and strides along them are 1.
        max_pool_grad_grad.R8   The window is longer than the padded image by at most the stride.
        max_pool_grad_grad.R9   orig_output has the shape of max_pool's output, grad that of orig_input.
        max_pool_grad_grad.R13  Explicit padding needs an image with at least one row and one column.

    Mathematics:
        max_pool_grad_grad.R10  orig_output is what max_pool gives for orig_input; anything else is unspecified. The
                                reference does not look at it.

    Choices:
        max_pool_grad_grad.R11  On a tie the first element in row-major order of the window is taken.
        max_pool_grad_grad.R12  Of a window that holds NaN the first of its largest numbers is taken.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, core/kernels/maxpooling_op.cc (MaxPoolingGradGradOp), python/ops/nn_grad.py
    (_MaxPoolGradGrad).

    >>> image, slopes = np.float32([[1, 9], [9, 3]]).reshape(1, 2, 2, 1), np.float32([[5, 6], [7, 8]])
    >>> max_pool_grad_grad(image, image[:, :1, 1:], slopes.reshape(image.shape), 2, 2, "VALID").item()
    6.0
    """
    image, slopes, geometry = checked(
        "max_pool_grad_grad", orig_input, orig_output, grad, ksize, strides, padding, data_format
    )
    return from_nhwc(picked(image, slopes, geometry), geometry.layout)


def definition(orig_input: Array, grad: Array, rows: Axis, columns: Axis) -> Array:
    """Take what stands where each window has its largest element that is no NaN, the first where several are."""
    out = np.empty((len(grad), rows.out, columns.out, grad.shape[3]), grad.dtype)
    for n, y, x, c in np.ndindex(out.shape):
        window = [(orig_input[n, Y, X, c], Y, X) for Y in rows.cells(y) for X in columns.cells(x)]
        numbers = [element for element in window if not isnan(element[0])]
        _, Y, X = max(numbers or window[:1], key=itemgetter(0))
        out[n, y, x, c] = grad[n, Y, X, c]
    return out


def picked(image: Array, slopes: Array, geometry: Pool) -> Array:
    """Return the slopes at the first largest element of every window: [N, OH, OW, C]."""
    _, where = first_largest(image, geometry)
    if 0 in image.shape:
        return np.zeros(where.shape, slopes.dtype)
    flat = slopes.reshape(len(slopes), -1)
    return one_nan(np.take_along_axis(flat, where.reshape(len(where), -1), 1).reshape(where.shape))
