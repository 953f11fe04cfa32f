"""max_pool."""

import numpy as np  # noqa: F401 -- the examples use it

from reference.checks import (
    FLOATS,
    Padding,
    Size,
    check_dtype,
    from_nhwc,
)
from reference.engine.max_pool import largest
from reference.floats import Array
from reference.ops.pools import pool
from reference.reading import read_array

__all__ = ["DTYPES", "UNSIGNED", "max_pool", "pooled"]

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

    Shapes:
        input [N, H, W, C] -> out [N, OH, OW, C]; OH and OW by `windows.same`, `valid` or `explicit`. NCHW likewise.
        ksize, strides: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.

    Rounding:
        None: out holds elements of input, bit for bit; which of two zeros is open.

    Rules:
        max_pool.R1   input has rank 4.
        max_pool.R2   dtype: float16, bfloat16, float32, float64, int8, int16, int32, int64, uint8 or uint16.
        max_pool.R3   strides are integers from 1 to 2^31 - 1, 1 along batch.
        max_pool.R4   ksize are integers from 1 to 2^31 - 1, 1 along batch.
        max_pool.R5   padding is "SAME", "VALID" or four pairs of integers from 0 on, zero for batch and channels, each
                      smaller than the window along its axis.
        max_pool.R6   data_format is "NHWC" or "NCHW".
        max_pool.R7   Pooling between channels is by itself: NHWC, windows and strides of 1 in height and width, the
                      stride equal to the window, which divides the channels; "SAME" or "VALID".
        max_pool.R8   The window is longer than the padded image by at most the stride: as conv2d.R9.
        max_pool.R9   Absent elements never win: padding takes no part.
        max_pool.R10  NaN is dropped where the window holds another value. Open: what a window of NaN alone gives
                      (NaN, -inf or the lowest finite number).
        max_pool.R11  +0 and -0 are equal, and either may be given. Open: a subnormal may count as zero.
        max_pool.R12  Explicit padding needs an image with at least one row and one column. Open, where no window fits
                      into the padding: an empty result.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (max_pool_v2, max_pool2d), core/kernels/maxpooling_op.cc.

    >>> max_pool(np.arange(16.0).reshape(1, 4, 4, 1), 2, 2, "VALID")[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    image = read_array("max_pool.R2", "input", input)
    check_dtype("max_pool.R2", "input", image, DTYPES)
    return pooled("max_pool", image, ksize, strides, padding, data_format)


def pooled(
    op: str, input: Array, ksize: Size, strides: Size, padding: Padding, data_format: str | None = None
) -> Array:
    """Return the largest element of every window in the layout of the call, whatever the dtype; op gives the rules."""
    image, geometry = pool(op, input, ksize, strides, padding, data_format)
    return from_nhwc(largest(image, geometry), geometry.layout)
