"""The gradient of max_pool."""

from math import isnan, prod
from operator import itemgetter

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
from reference.choices import EITHER, TENSORFLOW, Alternative, Choices
from reference.engine.max_pool import first_largest
from reference.engine.pools import Pool
from reference.engine.unpool import Scatter
from reference.floats import Array
from reference.ops.max_pool import DTYPES, UNSIGNED
from reference.ops.pools import pool
from reference.reading import read_array
from reference.windows import Axis

__all__ = ["CHOICES", "checked", "credited", "definition", "max_pool_grad"]

CHOICES: Choices = {
    "max_pool_grad.R11": (
        Alternative("first", "the first of them", (TENSORFLOW, "PyTorch"), "core/kernels/maxpooling_op.cc"),
        Alternative(
            "another", "any of them, or several", (TENSORFLOW, "cuDNN"), "CUDNN_POOLING_MAX is not deterministic"
        ),
    ),
    "max_pool_grad.R12": (
        Alternative("number", "the largest of the numbers", (TENSORFLOW,), "as max_pool.R10"),
        Alternative("NaN", "a NaN", ("PyTorch",), "as max_pool.R10"),
        Alternative(EITHER, "any cell of the window, or none", (TENSORFLOW,), "several kernels serve one op"),
    ),
}


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

    This is max_unpool of grad at the argmax of orig_input: of equal elements the first in row-major order of the
    window.

    Window y starts at row y*sh - top and holds KH rows (columns likewise, with left and KW), where (KH, KW) is ksize.
    Rows and columns outside the image are absent: they never win. The number of windows is

        SAME      OH = ceil(H / sh); top = floor(total / 2) of total = max((OH - 1)*sh + KH - H, 0) absent rows
        VALID     OH = ceil((H - KH + 1) / sh); top = 0
        explicit  OH = floor((top + H + bottom - KH) / sh) + 1, with the given top and bottom

    Shapes:
        orig_input [N, H, W, C], orig_output and grad [N, OH, OW, C] -> out [N, H, W, C]. NCHW likewise.
        ksize, strides: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.
        padding: "SAME", "VALID", or four pairs (before, after) in the order of the layout.

    Rounding:
        The exact sum, rounded once to the dtype of grad: to nearest, ties to even, gradually to zero, beyond the
        largest number to infinity. A sum that is exactly zero is +0; one that rounds to zero keeps its sign. A NaN is
        the positive quiet one without payload. Integers wrap. Others conform as well: every result within `bounds`
        does, +0 for -0, and any NaN for NaN.

    Interface:
        max_pool_grad.R1   orig_input has rank 4.
        max_pool_grad.R2   orig_input, orig_output and grad have one dtype: float16, bfloat16, float32, float64, or an
                           integer of 8, 16, 32 or 64 bits, signed or not.
        max_pool_grad.R3   strides are integers from 1 to 2^31 - 1, 1 along batch and channels.
        max_pool_grad.R4   ksize are integers from 1 to 2^31 - 1, 1 along batch and channels.
        max_pool_grad.R5   padding is "SAME", "VALID" or four pairs of integers from 0 on, in the order of the layout,
                           zero for batch and channels, each smaller than the window along its axis.
        max_pool_grad.R6   data_format is "NHWC", "NCHW" or None, which is "NHWC".
        max_pool_grad.R7   There is no pooling between channels: ksize and strides along them are 1.
        max_pool_grad.R8   The window is longer than the padded image by at most the stride.
        max_pool_grad.R9   orig_output and grad have the shape of max_pool's output: [N, OH, OW, C].
        max_pool_grad.R13  Explicit padding needs an image with at least one row and one column.

    Mathematics:
        max_pool_grad.R10  orig_output is what max_pool gives for orig_input; anything else is unspecified. The
                           reference does not look at it.

    Choices:
        max_pool_grad.R11  On a tie the first element in row-major order of the window is credited; whoever is, the sum
                           over the tied ones stays.
        max_pool_grad.R12  A window that holds NaN credits the first of its largest numbers.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, core/kernels/maxpooling_op.cc (MaxPoolingGradOp).

    >>> image, one = np.float32([[1, 9], [9, 3]]).reshape(1, 2, 2, 1), np.ones((1, 1, 1, 1), np.float32)
    >>> max_pool_grad(image, 9 * one, one, 2, 2, "VALID")[0, :, :, 0]
    array([[0., 1.],
           [0., 0.]], dtype=float32)
    """
    call, layout = credited(orig_input, orig_output, grad, ksize, strides, padding, data_format)
    return from_nhwc(call.rounded(), layout)


def definition(orig_input: Array, grad: Array, rows: Axis, columns: Axis) -> Array:
    """Add each window's gradient to its largest element that is no NaN, the first where several are."""
    out = np.zeros(orig_input.shape, grad.dtype)
    for n, y, x, c in np.ndindex(grad.shape):
        window = [(orig_input[n, Y, X, c], Y, X) for Y in rows.cells(y) for X in columns.cells(x)]
        numbers = [element for element in window if not isnan(element[0])]
        _, Y, X = max(numbers or window[:1], key=itemgetter(0))
        out[n, Y, X, c] += grad[n, y, x, c]
    return out


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
    image, slope, geometry = checked(
        "max_pool_grad", orig_input, orig_output, grad, ksize, strides, padding, data_format
    )
    _, where = first_largest(image, geometry)
    where = where + np.arange(len(image)).reshape(-1, 1, 1, 1) * prod(image.shape[1:])
    return Scatter(slope, where, image.shape), geometry.layout


def checked(
    op: str,
    orig_input: Array,
    orig_output: Array,
    grad: Array,
    ksize: Size,
    strides: Size,
    padding: Padding,
    data_format: str | None = "NHWC",
) -> tuple[Array, Array, Pool]:
    """Check a call of max_pool_grad or max_pool_grad_grad; return orig_input and grad as N H W C, and the windows."""
    layout = check_layout(f"{op}.R6", data_format)
    orig_input = read_array(f"{op}.R2", "orig_input", orig_input)
    orig_output, grad = read_array(f"{op}.R2", "orig_output", orig_output), read_array(f"{op}.R2", "grad", grad)
    check_dtype(f"{op}.R2", "orig_input", orig_input, (*DTYPES, *UNSIGNED))
    for name, array in (("orig_output", orig_output), ("grad", grad)):
        check_same_dtype(f"{op}.R2", ("orig_input", orig_input), (name, array))
    image, geometry = pool(op, orig_input, ksize, strides, padding, layout)
    pooled = (len(image), geometry.rows.out, geometry.columns.out, image.shape[3])
    slope = pooled if op == "max_pool_grad" else image.shape
    for name, array, needed in (("orig_output", orig_output, pooled), ("grad", grad, slope)):
        why = "the pool (as NHWC)"
        check_shape(f"{op}.R9", name, to_nhwc(array, layout).shape if array.ndim == 4 else array.shape, needed, why)
    return image, to_nhwc(grad, layout), geometry
