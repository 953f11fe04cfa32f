"""depthwise_conv2d."""

from collections.abc import Sequence

import numpy as np

from reference.checks import (
    FLOATS,
    Padding,
    check_dtype,
    check_layout,
    check_rank,
    check_same_dtype,
    from_nhwc,
    to_nhwc,
)
from reference.choices import Choices
from reference.engine.conv2d import Forward
from reference.floats import Array
from reference.ops.convolutions import OVER_PADDING, Form, channels, convolution
from reference.reading import read_array
from reference.windows import Axis

__all__ = ["CHOICES", "definition", "depthwise_conv2d", "forward", "grouped", "ungrouped"]

CHOICES: Choices = {"depthwise_conv2d.R10": OVER_PADDING}

FORM = Form(strides=(4,), dilations=(2,), groups=channels)


def depthwise_conv2d(
    input: Array,
    filter: Array,
    strides: Sequence[int],
    padding: Padding,
    data_format: str | None = None,
    dilations: Sequence[int] | None = None,
    name: str | None = None,  # noqa: ARG001 -- tf.nn has it
) -> Array:
    """
    Slide filters over an image, those of each channel over that channel alone, and sum the products.

        out[n, y, x, c*M + m] = sum over (h, w) inside the image of
            input[n, y*sh + h*dh - top, x*sw + w*dw - left, c] * filter[h, w, c, m]

    It is conv2d with as many groups as channels, the filters as [FH, FW, 1, C*M]. M is the channel multiplier.

    Window y starts at row y*sh - top, and reaches over r = (FH - 1)*dh + 1 rows, of which it meets every dh-th; columns
    likewise, with left. Rows and columns outside the image are absent: they take no part. The number of windows is

        SAME      OH = ceil(H / sh); top = floor(total / 2) of total = max((OH - 1)*sh + r - H, 0) absent rows
        VALID     OH = ceil((H - r + 1) / sh); top = 0
        explicit  OH = floor((top + H + bottom - r) / sh) + 1, with the given top and bottom

    Shapes:
        input [N, H, W, C], filter [FH, FW, C, M] -> out [N, OH, OW, C*M]. With data_format "NCHW": input [N, C, H, W]
        -> out [N, C*M, OH, OW]. Filters are H W C M always.
        strides: four integers, by layout. dilations: two (rows, columns); None is 1.
        padding: "SAME", "VALID", or four pairs (before, after) in the order of the layout.

    Rounding:
        The exact sum, rounded once to the dtype of the input: to nearest, ties to even, gradually to zero, beyond the
        largest number to infinity. A sum that is exactly zero is +0; one that rounds to zero keeps its sign. A NaN is
        the positive quiet one without payload. Others conform as well: every result within `bounds` does, +0 for -0,
        and any NaN for NaN. n, the products of an element, counts the taps of one channel that lie inside.

    Interface:
        depthwise_conv2d.R1   input and filter have rank 4.
        depthwise_conv2d.R2   input and filter have one dtype: float16, bfloat16, float32 or float64.
        depthwise_conv2d.R3   strides are four integers from 1 to 2^31 - 1, 1 along batch and channels. Those of rows
                              and columns may differ.
        depthwise_conv2d.R4   dilations are two integers from 1 to 2^31 - 1, or None. They go together with strides.
        depthwise_conv2d.R5   padding is "SAME", "VALID" or four pairs of integers from 0 to 2^31 - 1, zero for batch
                              and channels.
        depthwise_conv2d.R6   data_format is "NHWC", "NCHW" or None, which is "NHWC".
        depthwise_conv2d.R7   The filter has at least one row, one column and one channel.
        depthwise_conv2d.R8   The filter has as many channels as the image.
        depthwise_conv2d.R9   The window, r rows or columns with its gaps, is longer than the padded image by at most
                              the stride; where it is longer, the output is empty.

    Mathematics:
        depthwise_conv2d.R11  NaN and infinity propagate as IEEE arithmetic has them, exactly to the outputs of their
                              channel whose windows meet them.
        depthwise_conv2d.R12  An empty batch, height or width, or a channel multiplier of 0, gives an empty output.

    Choices:
        depthwise_conv2d.R10  Taps outside the image are absent: a NaN or infinite filter over padding contributes
                              nothing.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_impl.py (depthwise_conv2d_v2), whose text gives this sum for every stride
    and dilation and says that one of them must be 1, core/kernels/depthwise_conv_op.cc.

    >>> image = np.array([[1, 2], [3, 4], [5, 6]], np.float32).reshape(1, 3, 2, 1)
    >>> depthwise_conv2d(image, np.float32([[1, 2], [3, 4]]).reshape(2, 1, 1, 2), [1, 1, 1, 1], "VALID").tolist()
    [[[[10.0, 14.0], [14.0, 20.0]], [[18.0, 26.0], [22.0, 32.0]]]]
    """
    call = forward(input, filter, strides, padding, data_format, dilations)
    return from_nhwc(call.rounded(), call.geometry.layout)


def definition(input: Array, filter: Array, rows: Axis, columns: Axis) -> Array:
    """Sum the products; rows and columns hold stride, dilation, before (top or left), size and out of their axis."""
    high, wide, _, multiplier = filter.shape
    out = np.zeros((len(input), rows.out, columns.out, input.shape[3] * multiplier), input.dtype)
    for n, y, x, o in np.ndindex(out.shape):
        c, m = divmod(o, multiplier)
        for h, w in np.ndindex(high, wide):
            Y = y * rows.stride + h * rows.dilation - rows.before
            X = x * columns.stride + w * columns.dilation - columns.before
            if 0 <= Y < rows.size and 0 <= X < columns.size:
                out[n, y, x, o] += input[n, Y, X, c] * filter[h, w, c, m]
    return out


def forward(
    input: Array,
    filter: Array,
    strides: Sequence[int],
    padding: Padding,
    data_format: str | None = None,
    dilations: Sequence[int] | None = None,
) -> Forward:
    """Check a call of depthwise_conv2d and return it as a sum of products."""
    op = "depthwise_conv2d"
    layout = check_layout(f"{op}.R6", data_format)
    image, filters = read_array(f"{op}.R2", "input", input), read_array(f"{op}.R2", "filter", filter)
    check_rank(f"{op}.R1", "input", image.shape, 4)
    check_rank(f"{op}.R1", "filter", filters.shape, 4)
    check_dtype(f"{op}.R2", "input", image, FLOATS)
    check_same_dtype(f"{op}.R2", ("input", image), ("filter", filters))
    image = to_nhwc(image, layout)
    geometry = convolution(op, image.shape, filters.shape, strides, padding, layout, dilations, FORM)
    return Forward(image, filters.reshape(grouped(filters.shape)), geometry)


def grouped(filters: Sequence[int]) -> tuple[int, int, int, int]:
    """
    Return the shape that filters FH FW C M of a depthwise convolution have as those of a grouped one.

    >>> grouped((3, 3, 8, 2))
    (3, 3, 1, 16)
    """
    high, wide, depth, multiplier = filters
    return high, wide, 1, depth * multiplier


def ungrouped(filters: Array, groups: int) -> Array:
    """Undo that: return filters FH FW 1 C*M as FH FW C M; groups: C."""
    high, wide, _, outputs = filters.shape
    return filters.reshape(high, wide, groups, outputs // groups)
