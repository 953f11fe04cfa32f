"""avg_unpool."""

from collections.abc import Sequence

import numpy as np  # noqa: F401 -- the examples use it

from reference.checks import (
    Size,
    from_nhwc,
)
from reference.floats import Array
from reference.ops.pools import spread

__all__ = ["avg_unpool"]


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

    Shapes:
        input [N, OH, OW, C], output_shape = [N, H, W, C] -> out [N, H, W, C], where avg_pool maps H, W to OH, OW.

    Rounding:
        The exact sum rounded once to the dtype of the input.

    Rules:
        avg_unpool.R1  input has rank 4; output_shape has 4 entries, int32 or int64, 0 to 2^31 - 1, and fewer than
                       2^60 elements.
        avg_unpool.R2  dtype: float16, bfloat16, float32 or float64.
        avg_unpool.R3  strides: as avg_pool.R3.
        avg_unpool.R4  ksize: as avg_pool.R4.
        avg_unpool.R5  padding is "SAME" or "VALID".
        avg_unpool.R6  data_format is "NHWC" or "NCHW".
        avg_unpool.R7  No pooling between channels.
        avg_unpool.R8  Window and output image: as avg_pool.R8.
        avg_unpool.R9  avg_pool maps output_shape to the input's shape.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: the transpose of avg_pool without its division; TensorFlow users write it as AvgPoolGrad times the counts.

    >>> avg_unpool(np.float32([[1, 2]]).reshape(1, 1, 2, 1), 2, 2, "VALID", [1, 2, 4, 1])[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]], dtype=float32)
    """
    call = spread("avg_unpool", output_shape, input, ksize, strides, padding, data_format)
    return from_nhwc(call.rounded(), call.geometry.layout)
