"""The gradient of avg_pool."""

from collections.abc import Sequence

import numpy as np  # noqa: F401 -- the examples use it

from reference.checks import (
    Size,
    from_nhwc,
)
from reference.floats import Array
from reference.ops.pools import spread

__all__ = ["avg_pool_grad"]


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

    Shapes:
        orig_input_shape = [N, H, W, C], grad [N, OH, OW, C] -> out [N, H, W, C]. NCHW likewise.

    Rounding:
        The exact sum of quotients rounded once to the dtype of grad.

    Rules:
        avg_pool_grad.R1  orig_input_shape has 4 entries, int32 or int64, 0 to 2^31 - 1, and fewer than 2^60
                          elements; grad has rank 4.
        avg_pool_grad.R2  dtype: float16, bfloat16, float32 or float64.
        avg_pool_grad.R3  strides: as avg_pool.R3.
        avg_pool_grad.R4  ksize: as avg_pool.R4.
        avg_pool_grad.R5  padding is "SAME" or "VALID".
        avg_pool_grad.R6  data_format is "NHWC" or "NCHW".
        avg_pool_grad.R7  No pooling between channels.
        avg_pool_grad.R8  Window and image: as avg_pool.R8.
        avg_pool_grad.R9  grad has the shape of avg_pool's output.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: TensorFlow 2.21.0, core/kernels/avgpooling_op.cc (AvgPoolingGradOp).

    >>> avg_pool_grad([1, 3, 3, 1], np.full((1, 2, 2, 1), 4.0), 2, 2, "SAME")[0, :, :, 0]
    array([[1., 1., 2.],
           [1., 1., 2.],
           [2., 2., 4.]])
    """
    call = spread("avg_pool_grad", orig_input_shape, grad, ksize, strides, padding, data_format)
    return from_nhwc(call.rounded(), call.geometry.layout)
