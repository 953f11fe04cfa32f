"""max_pool."""

from math import isnan

import numpy as np

from reference.checks import (
    FLOATS,
    Padding,
    Size,
    check_dtype,
    from_nhwc,
)
from reference.choices import EITHER, TENSORFLOW, Alternative, Choices
from reference.engine.max_pool import largest
from reference.floats import Array
from reference.ops.pools import pool
from reference.reading import read_array
from reference.windows import Axis

__all__ = ["CHOICES", "DTYPES", "UNSIGNED", "definition", "max_pool", "pooled"]

CHOICES: Choices = {
    "max_pool.R10": (
        Alternative("dropped", "the largest of the numbers", (TENSORFLOW,), "core/kernels/maxpooling_op.cc"),
        Alternative(
            "propagated", "NaN", ("PyTorch", "JAX"), "ATen/native/cpu/MaxPoolKernel.cpp; jax.lax.reduce_window"
        ),
    ),
    "max_pool.R13": (
        Alternative("NaN", "NaN", ("PyTorch", "JAX"), "as in R10"),
        Alternative("-inf", "-inf", (TENSORFLOW,), "float16, bfloat16, XLA: the largest of no numbers"),
        Alternative(
            "lowest", "the lowest finite number", (TENSORFLOW,), "core/kernels/maxpooling_op.h: it starts there"
        ),
        Alternative(EITHER, "any of these, by kernel", (TENSORFLOW,), "several kernels serve one op"),
    ),
}

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16")
DTYPES = (*FLOATS, *INTEGERS)
UNSIGNED = ("uint32", "uint64")  # of max_pool_with_argmax and the gradient alone


def max_pool(
    input: Array,
    ksize: Size,
    strides: Size,
    padding: Padding,
    data_format: str | None = None,
    name: str | None = None,  # noqa: ARG001 -- tf.nn has it
) -> Array:
    """
    Take the largest element of every window.

        out[n, y, x, c] = max over (h, w) inside the image of input[n, y*sh + h - top, x*sw + w - left, c]

    or, between channels (ksize [1, 1, 1, k], strides [1, 1, 1, k]):

        out[n, y, x, c] = max over j of input[n, y, x, c*k + j]

    Window y starts at row y*sh - top and holds KH rows (columns likewise, with left and KW), where (KH, KW) is ksize.
    Rows and columns outside the image are absent: they never win. The number of windows is

        SAME      OH = ceil(H / sh); top = floor(total / 2) of total = max((OH - 1)*sh + KH - H, 0) absent rows
        VALID     OH = ceil((H - KH + 1) / sh); top = 0
        explicit  OH = floor((top + H + bottom - KH) / sh) + 1, with the given top and bottom

    Shapes:
        input [N, H, W, C] -> out [N, OH, OW, C], between channels [N, H, W, C / k]. NCHW likewise.
        ksize, strides: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.
        padding: "SAME", "VALID", or four pairs (before, after) in the order of the layout.

    Rounding:
        None: out holds elements of the input. Of equal ones, such as +0 and -0, it is the first in row-major order of
        the window. A NaN is the positive quiet one without payload. Others conform as well: either zero, and any NaN
        for NaN.

    Interface:
        max_pool.R1   input has rank 4.
        max_pool.R2   dtype: float16, bfloat16, float32, float64, int8, int16, int32, int64, uint8 or uint16.
        max_pool.R3   strides are integers from 1 to 2^31 - 1, 1 along batch.
        max_pool.R4   ksize are integers from 1 to 2^31 - 1, 1 along batch.
        max_pool.R5   padding is "SAME", "VALID" or four pairs of integers from 0 on, in the order of the layout, zero
                      for batch and channels, each smaller than the window along its axis.
        max_pool.R6   data_format is "NHWC", "NCHW" or None, which is "NHWC".
        max_pool.R7   Pooling between channels is by itself: NHWC, windows and strides of 1 in height and width, the
                      stride equal to the window, which divides the channels; "SAME" or "VALID".
        max_pool.R8   The window is longer than the padded image by at most the stride.
        max_pool.R12  Explicit padding needs an image with at least one row and one column.

    Mathematics:
        max_pool.R9   Absent elements never win: padding takes no part.
        max_pool.R11  +0 and -0 are equal, and either may be given.

    Choices:
        max_pool.R10  NaN is dropped where the window holds another value.
        max_pool.R13  A window of NaN alone gives NaN.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (max_pool_v2, max_pool2d), core/kernels/maxpooling_op.cc.

    >>> max_pool(np.arange(16.0).reshape(1, 4, 4, 1), 2, 2, "VALID")[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    image = read_array("max_pool.R2", "input", input)
    check_dtype("max_pool.R2", "input", image, DTYPES)
    return pooled("max_pool", image, ksize, strides, padding, data_format)


def definition(input: Array, rows: Axis, columns: Axis, depth: int = 1) -> Array:
    """Take the largest that is no NaN, the first where several are; depth: the channels k of a window."""
    out = np.empty((len(input), rows.out, columns.out, input.shape[3] // depth), input.dtype)
    for n, y, x, c in np.ndindex(out.shape):
        channels = range(c * depth, (c + 1) * depth)
        window = [input[n, Y, X, k] for Y in rows.cells(y) for X in columns.cells(x) for k in channels]
        numbers = [value for value in window if not isnan(value)]
        out[n, y, x, c] = max(numbers, default=np.nan)
    return out


def pooled(
    op: str, input: Array, ksize: Size, strides: Size, padding: Padding, data_format: str | None = None
) -> Array:
    """Return the largest element of every window in the layout of the call, whatever the dtype; op gives the rules."""
    image, geometry = pool(op, input, ksize, strides, padding, data_format)
    return from_nhwc(largest(image, geometry), geometry.layout)
