"""avg_pool, its gradient, and avg_unpool."""

from collections.abc import Sequence

import numpy as np

from reference.checks import (
    FLOATS,
    Size,
    check_dtype,
    check_layout,
    check_rank,
    check_shape,
    from_nhwc,
    read_shape,
    shape_to_nhwc,
    to_nhwc,
)
from reference.engine.avg_pool import Average, Spread
from reference.floats import Array
from reference.ops.pools import pool, pool_geometry

__all__ = ["average", "avg_pool", "avg_pool_grad", "avg_unpool", "spread"]


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
    check_dtype("avg_pool.R2", "input", input, FLOATS)
    return Average(*pool("avg_pool", input, ksize, strides, padding, data_format))


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
        avg_pool_grad.R1  orig_input_shape has 4 entries, int32 or int64, 0 to 2^31 - 1; grad has rank 4.
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
        avg_unpool.R1  input has rank 4; output_shape has 4 entries, int32 or int64, 0 to 2^31 - 1.
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


def spread(
    op: str,
    image_shape: Sequence[int] | Array,
    values: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    data_format: str | None = "NHWC",
) -> Spread:
    """Check a call of avg_pool_grad or avg_unpool and return it as a sum."""
    shape_name, name = ("orig_input_shape", "grad") if op == "avg_pool_grad" else ("output_shape", "input")
    layout = check_layout(f"{op}.R6", data_format)
    check_rank(f"{op}.R1", name, values.shape, 4)
    check_dtype(f"{op}.R2", name, values, FLOATS)
    image = shape_to_nhwc(read_shape(f"{op}.R1", shape_name, image_shape), layout)
    geometry = pool_geometry(op, image, ksize, strides, padding, layout)
    needed = (image[0], geometry.rows.out, geometry.columns.out, image[3])
    small = to_nhwc(values, layout)
    check_shape(f"{op}.R9", f"{name} (as NHWC)", small.shape, needed, f"the pool of {shape_name} {list(image)}")
    counts = np.maximum(geometry.counts(), 1)
    shares = counts if op == "avg_pool_grad" else np.ones(counts.shape)
    return Spread(small, image, geometry, shares)
