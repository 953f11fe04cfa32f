"""avg_pool."""

import numpy as np  # noqa: F401 -- the examples use it

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

__all__ = ["average", "avg_pool"]


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

    Shapes:
        input [N, H, W, C] -> out [N, OH, OW, C]; OH and OW by `windows.same` or `valid`. NCHW likewise.
        ksize, strides: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.

    Rounding:
        The exact mean rounded once to the dtype of the input.

    Rules:
        avg_pool.R1  input has rank 4.
        avg_pool.R2  dtype: float16, bfloat16, float32 or float64.
        avg_pool.R3  strides are integers from 1 to 2^31 - 1, 1 along batch.
        avg_pool.R4  ksize are integers from 1 to 2^31 - 1, 1 along batch.
        avg_pool.R5  padding is "SAME" or "VALID".
        avg_pool.R6  data_format is "NHWC" or "NCHW".
        avg_pool.R7  No pooling between channels.
        avg_pool.R8  The window is longer than the image by at most the stride: as conv2d.R9.
        avg_pool.R9  The mean is over the elements of the image: padding does not count.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (avg_pool_v2), core/kernels/avgpooling_op.cc.

    >>> avg_pool(np.arange(1.0, 10.0).reshape(1, 3, 3, 1), 2, 2, "SAME")[0, :, :, 0]
    array([[3. , 4.5],
           [7.5, 9. ]])
    """
    call = average(input, ksize, strides, padding, data_format)
    return from_nhwc(call.rounded(), call.geometry.layout)


def average(input: Array, ksize: Size, strides: Size, padding: str, data_format: str | None = None) -> Average:
    """Check a call of avg_pool and return it as a sum."""
    image = read_array("avg_pool.R2", "input", input)
    check_dtype("avg_pool.R2", "input", image, FLOATS)
    return Average(*pool("avg_pool", image, ksize, strides, padding, data_format))
