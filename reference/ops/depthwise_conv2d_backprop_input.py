"""The gradient of depthwise_conv2d with respect to its input."""

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
    from_nhwc,
    read_shape,
    shape_to_nhwc,
    to_nhwc,
)
from reference.choices import Choices
from reference.engine.conv2d_transpose import Backward
from reference.floats import Array
from reference.ops.convolutions import OVER_PADDING, Form, channels, convolution
from reference.ops.depthwise_conv2d import grouped
from reference.reading import read_array
from reference.windows import Axis

__all__ = ["CHOICES", "FORM", "backward", "definition", "depthwise_conv2d_backprop_input"]

CHOICES: Choices = {"depthwise_conv2d_backprop_input.R13": OVER_PADDING}

FORM = Form(strides=(4,), dilations=(4,), groups=channels)


def depthwise_conv2d_backprop_input(
    input_sizes: Sequence[int] | Array,
    filter: Array,
    out_backprop: Array,
    strides: Sequence[int],
    padding: Padding,
    data_format: str | None = "NHWC",
    dilations: Sequence[int] | None = None,
    name: str | None = None,  # noqa: ARG001 -- tf.nn has it
) -> Array:
    """
    Return the gradient of depthwise_conv2d with respect to its input.

        out[n, Y, X, c] = sum over (h, w, y, x, m) with Y = y*sh + h*dh - top and X = x*sw + w*dw - left of
            out_backprop[n, y, x, c*M + m] * filter[h, w, c, m]

    It is conv2d_backprop_input with as many groups as channels, the filters as [FH, FW, 1, C*M].

    Take the depthwise convolution, with the same filter, strides, padding and dilations, that maps input_sizes to the
    shape of out_backprop. top and left are the padding *of that forward convolution*, whose windows reach over
    r = (FH - 1)*dh + 1 rows (columns likewise):

        SAME      (OH - 1)*sh < H <= OH*sh; top = floor(max((OH - 1)*sh + r - H, 0) / 2)
        VALID     (OH - 1)*sh + r <= H < OH*sh + r; top = 0
        explicit  (OH - 1)*sh + r <= top + H + bottom < OH*sh + r, with the given top and bottom

    Shapes:
        out_backprop [N, OH, OW, C*M], filter [FH, FW, C, M] -> out = input_sizes = [N, H, W, C]. With data_format
        "NCHW" all but the filter are N C H W.
        strides, dilations: four integers, by layout; dilations None is 1.
        padding: "SAME", "VALID", or four pairs (before, after) in the order of the layout.

    Rounding:
        The exact sum, rounded once to the dtype of the filter: to nearest, ties to even, gradually to zero, beyond the
        largest number to infinity. A sum that is exactly zero is +0; one that rounds to zero keeps its sign. A NaN is
        the positive quiet one without payload. Others conform as well: every result within `bounds` does, +0 for -0,
        and any NaN for NaN. n, the products of an element, counts the taps of one channel that meet it.

    Interface:
        depthwise_conv2d_backprop_input.R1   filter and out_backprop have rank 4.
        depthwise_conv2d_backprop_input.R2   out_backprop and filter have one dtype: float16, bfloat16, float32 or
                                             float64.
        depthwise_conv2d_backprop_input.R3   strides are four integers from 1 to 2^31 - 1, 1 along batch and channels.
        depthwise_conv2d_backprop_input.R4   dilations are four integers from 1 to 2^31 - 1, 1 along batch and channels,
                                             or None. They go together with strides.
        depthwise_conv2d_backprop_input.R5   padding is "SAME", "VALID" or four pairs of integers from 0 to 2^31 - 1,
                                             zero for batch and channels.
        depthwise_conv2d_backprop_input.R6   data_format is "NHWC", "NCHW" or None, which is "NHWC".
        depthwise_conv2d_backprop_input.R7   The filter has at least one row, one column and one channel.
        depthwise_conv2d_backprop_input.R8   The filter has as many channels as input_sizes.
        depthwise_conv2d_backprop_input.R9   The window, r rows or columns with its gaps, is longer than the padded
                                             output by at most the stride.
        depthwise_conv2d_backprop_input.R10  input_sizes has 4 entries, int32 or int64, 0 to 2^31 - 1, and fewer than
                                             2^60 elements.
        depthwise_conv2d_backprop_input.R11  out_backprop has the shape of depthwise_conv2d's output: [N, OH, OW, C*M].

    Mathematics:
        depthwise_conv2d_backprop_input.R12  An empty batch or an empty out_backprop gives zeros.

    Choices:
        depthwise_conv2d_backprop_input.R13  Only real elements of out_backprop are multiplied: inserted zeros and
                                             padding are absent, so a NaN or infinite filter over them contributes
                                             nothing.

    Cells that no window meets are zero. A NaN or infinity that a real element of out_backprop meets propagates as IEEE
    arithmetic has it, to the cells of its window alone: infinity times zero and infinity less infinity are NaN.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (depthwise_conv2d_native_backprop_input), exported as
    tf.nn.depthwise_conv2d_backprop_input, core/kernels/depthwise_conv_grad_op.cc.

    >>> filters, gradient = np.float32([1, 2, 3, 4]).reshape(1, 2, 2, 1), np.float32([1, 2, 3, 4]).reshape(1, 1, 2, 2)
    >>> depthwise_conv2d_backprop_input([1, 1, 3, 2], filters, gradient, [1, 1, 1, 1], "VALID")[0, 0].tolist()
    [[1.0, 4.0], [6.0, 16.0], [9.0, 16.0]]
    """
    call = backward(input_sizes, filter, out_backprop, strides, padding, data_format, dilations)
    return from_nhwc(call.rounded(), call.geometry.layout)


def definition(out_backprop: Array, filter: Array, input_sizes: tuple[int, ...], rows: Axis, columns: Axis) -> Array:
    """Add the products; rows and columns hold stride, dilation, before (top or left) and size of the forward axis."""
    high, wide, _, multiplier = filter.shape
    out = np.zeros(input_sizes, out_backprop.dtype)
    for n, y, x, o in np.ndindex(out_backprop.shape):
        c, m = divmod(o, multiplier)
        for h, w in np.ndindex(high, wide):
            Y = y * rows.stride + h * rows.dilation - rows.before
            X = x * columns.stride + w * columns.dilation - columns.before
            if 0 <= Y < rows.size and 0 <= X < columns.size:
                out[n, Y, X, c] += out_backprop[n, y, x, o] * filter[h, w, c, m]
    return out


def backward(
    input_sizes: Sequence[int] | Array,
    filter: Array,
    out_backprop: Array,
    strides: Sequence[int],
    padding: Padding,
    data_format: str | None = "NHWC",
    dilations: Sequence[int] | None = None,
) -> Backward:
    """Check a call of depthwise_conv2d_backprop_input and return it as a sum of products."""
    op = "depthwise_conv2d_backprop_input"
    layout = check_layout(f"{op}.R6", data_format)
    filters = read_array(f"{op}.R2", "filter", filter)
    gradient = read_array(f"{op}.R2", "out_backprop", out_backprop)
    check_rank(f"{op}.R1", "filter", filters.shape, 4)
    check_rank(f"{op}.R1", "out_backprop", gradient.shape, 4)
    check_dtype(f"{op}.R2", "out_backprop", gradient, FLOATS)
    check_same_dtype(f"{op}.R2", ("out_backprop", gradient), ("filter", filters))
    image = shape_to_nhwc(read_shape(f"{op}.R10", "input_sizes", input_sizes), layout)
    geometry = convolution(op, image, filters.shape, strides, padding, layout, dilations, FORM)
    gradient, as_one = to_nhwc(gradient, layout), grouped(filters.shape)
    needed = (image[0], geometry.rows.out, geometry.columns.out, as_one[3])
    check_shape(f"{op}.R11", "out_backprop in NHWC", gradient.shape, needed, "the forward convolution")
    return Backward(gradient, filters.reshape(as_one), image, geometry)
