"""The gradient of depthwise_conv2d with respect to the filter."""

from collections.abc import Sequence

import numpy as np

from reference.checks import (
    FLOATS,
    Padding,
    check_dtype,
    check_layout,
    check_rank,
    check_same_dtype,
    check_shape,
    read_shape,
    to_nhwc,
)
from reference.choices import Choices
from reference.engine.conv2d import FilterGradient
from reference.floats import Array
from reference.ops.convolutions import OVER_PADDING, convolution
from reference.ops.depthwise_conv2d import grouped, ungrouped
from reference.ops.depthwise_conv2d_backprop_input import FORM
from reference.reading import read_array
from reference.windows import Axis

__all__ = ["CHOICES", "definition", "depthwise_conv2d_backprop_filter", "filter_gradient"]

CHOICES: Choices = {"depthwise_conv2d_backprop_filter.R12": OVER_PADDING}


def depthwise_conv2d_backprop_filter(
    input: Array,
    filter_sizes: Sequence[int] | Array,
    out_backprop: Array,
    strides: Sequence[int],
    padding: Padding,
    data_format: str | None = "NHWC",
    dilations: Sequence[int] | None = None,
    name: str | None = None,  # noqa: ARG001 -- tf.nn has it
) -> Array:
    """
    Return the gradient of depthwise_conv2d with respect to the filter.

        out[h, w, c, m] = sum over (n, y, x) whose tap lies inside the image of
            input[n, y*sh + h*dh - top, x*sw + w*dw - left, c] * out_backprop[n, y, x, c*M + m]

    It is conv2d_backprop_filter with as many groups as channels, whose filters [FH, FW, 1, C*M] are these.

    Window y starts at row y*sh - top, and reaches over r = (FH - 1)*dh + 1 rows, of which it meets every dh-th; columns
    likewise, with left. Rows and columns outside the image are absent: they take no part. The number of windows is

        SAME      OH = ceil(H / sh); top = floor(total / 2) of total = max((OH - 1)*sh + r - H, 0) absent rows
        VALID     OH = ceil((H - r + 1) / sh); top = 0
        explicit  OH = floor((top + H + bottom - r) / sh) + 1, with the given top and bottom

    Shapes:
        input [N, H, W, C], out_backprop [N, OH, OW, C*M], filter_sizes = [FH, FW, C, M] -> out [FH, FW, C, M]. With
        data_format "NCHW" input and out_backprop are N C H W; filters are H W C M always.
        strides, dilations: four integers, by layout; dilations None is 1.
        padding: "SAME", "VALID", or four pairs (before, after) in the order of the layout.

    Rounding:
        The exact sum, rounded once to the dtype of the input: to nearest, ties to even, gradually to zero, beyond the
        largest number to infinity. A sum that is exactly zero is +0; one that rounds to zero keeps its sign. A NaN is
        the positive quiet one without payload. Others conform as well: every result within `bounds` does, +0 for -0,
        and any NaN for NaN. n, the products of an element, counts the windows whose tap lies inside the image.

    Interface:
        depthwise_conv2d_backprop_filter.R1   input and out_backprop have rank 4; filter_sizes has 4 entries, int32 or
                                              int64, from 0 to 2^31 - 1, and fewer than 2^60 elements.
        depthwise_conv2d_backprop_filter.R2   input and out_backprop have one dtype: float16, bfloat16, float32 or
                                              float64.
        depthwise_conv2d_backprop_filter.R3   strides are four integers from 1 to 2^31 - 1, 1 along batch and channels.
        depthwise_conv2d_backprop_filter.R4   dilations are four integers from 1 to 2^31 - 1, 1 along batch and
                                              channels, or None. They go together with strides.
        depthwise_conv2d_backprop_filter.R5   padding is "SAME", "VALID" or four pairs of integers from 0 to 2^31 - 1,
                                              zero for batch and channels.
        depthwise_conv2d_backprop_filter.R6   data_format is "NHWC", "NCHW" or None, which is "NHWC".
        depthwise_conv2d_backprop_filter.R7   filter_sizes has at least one row, one column and one channel.
        depthwise_conv2d_backprop_filter.R8   filter_sizes has as many channels as the image.
        depthwise_conv2d_backprop_filter.R9   The window, r rows or columns with its gaps, is longer than the padded
                                              image by at most the stride.
        depthwise_conv2d_backprop_filter.R10  out_backprop has the shape of depthwise_conv2d's output: [N, OH, OW, C*M].

    Mathematics:
        depthwise_conv2d_backprop_filter.R11  An empty batch or an empty output gives zeros.

    Choices:
        depthwise_conv2d_backprop_filter.R12  Taps outside the image are absent: a NaN or infinite gradient over padding
                                              contributes nothing.

    NaN and infinity in the input or in out_backprop propagate as IEEE arithmetic has them, exactly to the filter
    elements whose tap meets them: infinity times zero and infinity less infinity are NaN.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (depthwise_conv2d_native_backprop_filter), exported as
    tf.nn.depthwise_conv2d_backprop_filter, core/kernels/depthwise_conv_grad_op.cc.

    >>> image, gradient = np.float32([1, 2, 3]).reshape(1, 1, 3, 1), np.float32([1, 10]).reshape(1, 1, 2, 1)
    >>> depthwise_conv2d_backprop_filter(image, [1, 2, 1, 1], gradient, [1, 1, 1, 1], "VALID").ravel()
    array([21., 32.], dtype=float32)
    """
    call = filter_gradient(input, filter_sizes, out_backprop, strides, padding, data_format, dilations)
    return ungrouped(call.rounded(), call.geometry.groups)


def definition(input: Array, filter_sizes: tuple[int, ...], out_backprop: Array, rows: Axis, columns: Axis) -> Array:
    """Sum the products; rows and columns hold stride, dilation, before (top or left) and size of their axis."""
    high, wide, _, multiplier = filter_sizes
    out = np.zeros(filter_sizes, input.dtype)
    for n, y, x, o in np.ndindex(out_backprop.shape):
        c, m = divmod(o, multiplier)
        for h, w in np.ndindex(high, wide):
            Y = y * rows.stride + h * rows.dilation - rows.before
            X = x * columns.stride + w * columns.dilation - columns.before
            if 0 <= Y < rows.size and 0 <= X < columns.size:
                out[h, w, c, m] += input[n, Y, X, c] * out_backprop[n, y, x, o]
    return out


def filter_gradient(
    input: Array,
    filter_sizes: Sequence[int] | Array,
    out_backprop: Array,
    strides: Sequence[int],
    padding: Padding,
    data_format: str | None = "NHWC",
    dilations: Sequence[int] | None = None,
) -> FilterGradient:
    """Check a call of depthwise_conv2d_backprop_filter and return it as a sum of products."""
    op = "depthwise_conv2d_backprop_filter"
    layout = check_layout(f"{op}.R6", data_format)
    image = read_array(f"{op}.R2", "input", input)
    gradient = read_array(f"{op}.R2", "out_backprop", out_backprop)
    check_rank(f"{op}.R1", "input", image.shape, 4)
    check_rank(f"{op}.R1", "out_backprop", gradient.shape, 4)
    filters = read_shape(f"{op}.R1", "filter_sizes", filter_sizes)
    check_dtype(f"{op}.R2", "input", image, FLOATS)
    check_same_dtype(f"{op}.R2", ("input", image), ("out_backprop", gradient))
    image, gradient = to_nhwc(image, layout), to_nhwc(gradient, layout)
    geometry = convolution(op, image.shape, filters, strides, padding, layout, dilations, FORM)
    as_one = grouped(filters)
    needed = (len(image), geometry.rows.out, geometry.columns.out, as_one[3])
    check_shape(f"{op}.R10", "out_backprop in NHWC", gradient.shape, needed, "the forward convolution")
    return FilterGradient(image, gradient, as_one, geometry)
