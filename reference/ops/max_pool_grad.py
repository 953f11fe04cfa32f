"""The gradient of max_pool."""

from math import prod

import numpy as np

from reference.checks import (
    Padding,
    Size,
    check_dtype,
    check_layout,
    check_same_dtype,
    check_shape,
    from_nhwc,
    to_nhwc,
)
from reference.engine.max_pool import first_largest
from reference.engine.unpool import Scatter
from reference.floats import Array
from reference.ops.max_pool import DTYPES, UNSIGNED
from reference.ops.pools import pool
from reference.reading import read_array

__all__ = ["credited", "max_pool_grad"]


def max_pool_grad(
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
    Return the gradient of max_pool with respect to its input: each window's gradient goes to its largest element.

        out[n, Y, X, c] = sum over the windows (y, x) whose largest element stands at (Y, X) of grad[n, y, x, c]

    This is max_unpool of grad at the argmax of orig_input.

    Shapes:
        orig_input [N, H, W, C], orig_output and grad [N, OH, OW, C] -> out [N, H, W, C]. NCHW likewise.

    Rounding:
        The exact sum rounded once; integers wrap.

    Rules:
        max_pool_grad.R1   orig_input has rank 4.
        max_pool_grad.R2   orig_input, orig_output and grad have one dtype, as in max_pool_with_argmax.
        max_pool_grad.R3   strides: as max_pool.R3.
        max_pool_grad.R4   ksize: as max_pool.R4.
        max_pool_grad.R5   padding: as max_pool.R5.
        max_pool_grad.R6   data_format is "NHWC" or "NCHW".
        max_pool_grad.R7   No pooling between channels.
        max_pool_grad.R8   Window and image: as max_pool.R8.
        max_pool_grad.R9   orig_output and grad have the shape of max_pool's output.
        max_pool_grad.R10  orig_output is what max_pool gives for orig_input; anything else is unspecified.
        max_pool_grad.R11  On a tie the first element in row-major order of the window is credited. Open: another of
                           the tied ones; the sum over them is not open.
        max_pool_grad.R12  Open: whom a window that holds NaN credits.
        max_pool_grad.R13  Explicit padding: as max_pool.R12.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: TensorFlow 2.21.0, core/kernels/maxpooling_op.cc (MaxPoolingGradOp).

    >>> image, one = np.float32([[1, 9], [9, 3]]).reshape(1, 2, 2, 1), np.ones((1, 1, 1, 1), np.float32)
    >>> max_pool_grad(image, 9 * one, one, 2, 2, "VALID")[0, :, :, 0]
    array([[0., 1.],
           [0., 0.]], dtype=float32)
    """
    call, layout = credited(orig_input, orig_output, grad, ksize, strides, padding, data_format)
    return from_nhwc(call.rounded(), layout)


def credited(
    orig_input: Array,
    orig_output: Array,
    grad: Array,
    ksize: Size,
    strides: Size,
    padding: Padding,
    data_format: str | None = "NHWC",
) -> tuple[Scatter, str]:
    """Check a call of max_pool_grad and return it as a sum, and its layout."""
    op = "max_pool_grad"
    layout = check_layout(f"{op}.R6", data_format)
    orig_input = read_array(f"{op}.R2", "orig_input", orig_input)
    orig_output, grad = read_array(f"{op}.R2", "orig_output", orig_output), read_array(f"{op}.R2", "grad", grad)
    check_dtype(f"{op}.R2", "orig_input", orig_input, (*DTYPES, *UNSIGNED))
    for name, array in (("orig_output", orig_output), ("grad", grad)):
        check_same_dtype(f"{op}.R2", ("orig_input", orig_input), (name, array))
    image, geometry = pool(op, orig_input, ksize, strides, padding, layout)
    needed = (len(image), geometry.rows.out, geometry.columns.out, image.shape[3])
    for name, array in (("orig_output", orig_output), ("grad", grad)):
        why = "the pool (as NHWC)"
        check_shape(f"{op}.R9", name, to_nhwc(array, layout).shape if array.ndim == 4 else array.shape, needed, why)
    _, where = first_largest(image, geometry)
    where = where + np.arange(len(image)).reshape(-1, 1, 1, 1) * prod(image.shape[1:])
    return Scatter(to_nhwc(grad, layout), where, image.shape), layout
