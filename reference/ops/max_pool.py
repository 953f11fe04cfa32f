"""max_pool, max_pool_with_argmax, and their gradient."""

from math import prod
from typing import Any

import numpy as np

from reference.checks import (
    FLOATS,
    Padding,
    Size,
    check_dtype,
    check_layout,
    check_same_dtype,
    check_shape,
    from_nhwc,
    to_nhwc,
)
from reference.engine.max_pool import first_largest, largest
from reference.engine.unpool import Scatter
from reference.errors import SpecError
from reference.floats import Array
from reference.ops.pools import pool

__all__ = ["credited", "max_pool", "max_pool_grad", "max_pool_with_argmax", "pooled"]

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
    check_dtype("max_pool.R2", "input", input, DTYPES)
    return pooled("max_pool", input, ksize, strides, padding, data_format)


def pooled(
    op: str, input: Array, ksize: Size, strides: Size, padding: Padding, data_format: str | None = None
) -> Array:
    """Return the largest element of every window in the layout of the call, whatever the dtype; op gives the rules."""
    image, geometry = pool(op, input, ksize, strides, padding, data_format)
    return from_nhwc(largest(image, geometry), geometry.layout)


def max_pool_with_argmax(
    input: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    data_format: str | None = "NHWC",
    output_dtype: Any = "int64",  # noqa: ANN401 -- whatever np.dtype takes
    include_batch_in_index: bool = False,
    name: str | None = None,  # noqa: ARG001 -- tf.nn has it
) -> tuple[Array, Array]:
    """
    Take the largest element of every window, and where it stood.

        out[n, y, x, c] = max over (h, w) inside the image of input[n, y*sh + h - top, x*sw + w - left, c]
        argmax[n, y, x, c] = (Y*W + X)*C + c, plus n*H*W*C with include_batch_in_index

    where (Y, X) is the first cell of the window, in row-major order, that holds the largest element.

    Shapes:
        input [N, H, W, C] -> out [N, OH, OW, C], argmax [N, OH, OW, C] of output_dtype.

    Rounding:
        None.

    Rules:
        max_pool_with_argmax.R1   input has rank 4 and is not empty.
        max_pool_with_argmax.R2   dtype: those of max_pool, uint32 or uint64; output_dtype: int32 or int64.
        max_pool_with_argmax.R3   strides: as max_pool.R3.
        max_pool_with_argmax.R4   ksize: as max_pool.R4.
        max_pool_with_argmax.R5   padding is "SAME" or "VALID".
        max_pool_with_argmax.R6   data_format is "NHWC".
        max_pool_with_argmax.R7   No pooling between channels.
        max_pool_with_argmax.R8   The window is longer than the image by at most the stride: as conv2d.R9.
        max_pool_with_argmax.R9   argmax counts cells of the image without its padding.
        max_pool_with_argmax.R10  Of equal elements the first in row-major order of the window is named; so -inf alone
                                  names the first cell.
        max_pool_with_argmax.R11  Open, with a NaN in the window: dropping it where there is another value, or giving it
                                  and its index.
        max_pool_with_argmax.R12  Every index fits output_dtype.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (max_pool_with_argmax_v2), core/kernels/maxpooling_op.cc.

    >>> values, where = max_pool_with_argmax(np.float32([[1, 9], [9, 3]]).reshape(1, 2, 2, 1), 2, 2, "VALID")
    >>> values.item(), where.item()
    (9.0, 1)
    """
    op = "max_pool_with_argmax"
    check_dtype(f"{op}.R2", "input", input, (*DTYPES, *UNSIGNED))
    if data_format != "NHWC":
        raise SpecError(f"{op}.R6", f"data_format {data_format!r}: only 'NHWC'")
    index_dtype = _index_dtype(f"{op}.R2", output_dtype)
    image, geometry = pool(op, input, ksize, strides, padding, data_format)
    if 0 in image.shape:
        raise SpecError(f"{op}.R1", f"input of shape {list(input.shape)} is empty")
    per_image = prod(image.shape[1:])
    largest_index = per_image * (len(image) if include_batch_in_index else 1) - 1
    if largest_index > np.iinfo(index_dtype).max:
        raise SpecError(f"{op}.R12", f"index {largest_index} does not fit {index_dtype}")
    out, argmax = first_largest(image, geometry)
    if include_batch_in_index:
        argmax += np.arange(len(image)).reshape(-1, 1, 1, 1) * per_image
    return out, argmax.astype(index_dtype)


def _index_dtype(rule: str, given: Any) -> str:  # noqa: ANN401 -- whatever the caller was given
    """Read the dtype of argmax: anything that names int32 or int64."""
    name = getattr(given, "name", None) or getattr(given, "__name__", given)
    if name not in ("int32", "int64"):
        raise SpecError(rule, f"output_dtype {given!r}: neither int32 nor int64")
    return str(name)


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
