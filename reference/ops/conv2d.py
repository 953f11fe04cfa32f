"""conv2d."""

from math import prod

import numpy as np

from reference.checks import (
    Padding,
    Size,
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
from reference.ops.convolutions import DTYPES, OVER_PADDING, convolution
from reference.reading import read_array
from reference.windows import Axis

__all__ = ["CHOICES", "conv2d", "definition", "forward"]

CHOICES: Choices = {"conv2d.R10": OVER_PADDING}


def conv2d(
    input: Array,
    filters: Array,
    strides: Size,
    padding: Padding,
    data_format: str | None = "NHWC",
    dilations: Size = None,
    name: str | None = None,  # noqa: ARG001 -- tf.nn has it
) -> Array:
    """
    Slide filters over an image and sum the products.

        out[n, y, x, o] = sum over (h, w, i) inside the image of
            input[n, y*sh + h*dh - top, x*sw + w*dw - left, g*FI + i] * filters[h, w, i, o]

    where g = o // (O // groups) and groups = I // FI: filter o sees the channels of its own group.

    Window y starts at row y*sh - top, and reaches over r = (FH - 1)*dh + 1 rows, of which it meets every dh-th; columns
    likewise, with left. Rows and columns outside the image are absent: they take no part. The number of windows is

        SAME      OH = ceil(H / sh); top = floor(total / 2) of total = max((OH - 1)*sh + r - H, 0) absent rows
        VALID     OH = ceil((H - r + 1) / sh); top = 0
        explicit  OH = floor((top + H + bottom - r) / sh) + 1, with the given top and bottom

    Shapes:
        input [..., H, W, I], filters [FH, FW, FI, O] -> out [..., OH, OW, O]. With data_format "NCHW": input
        [..., I, H, W] -> out [..., O, OH, OW]. Filters are H W I O always.
        strides, dilations: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.
        padding: "SAME", "VALID", or four pairs (before, after) in the order of the layout.

    Rounding:
        The exact sum, rounded once to the dtype of the input: to nearest, ties to even, gradually to zero, beyond the
        largest number to infinity. A sum that is exactly zero is +0; one that rounds to zero keeps its sign. A NaN is
        the positive quiet one without payload. int32 wraps in two's complement. Others conform as well: every result
        within `bounds` does, +0 for -0, and any NaN for NaN.

    Interface:
        conv2d.R1   input has rank 4 or more (the leading axes are one batch); filters have rank 4.
        conv2d.R2   input and filters have one dtype: float16, bfloat16, float32, float64 or int32.
        conv2d.R3   strides are integers from 1 to 2^31 - 1, 1 along batch and channels.
        conv2d.R4   dilations are integers from 1 to 2^31 - 1, 1 along batch and channels.
        conv2d.R5   padding is "SAME", "VALID" or four pairs of integers from 0 to 2^31 - 1, zero for batch and
                    channels.
        conv2d.R6   data_format is "NHWC", "NCHW" or None, which is "NHWC".
        conv2d.R7   filters have at least one row, one column and one channel.
        conv2d.R8   The channels are a positive multiple of the filters' depth, and the filters divide evenly into that
                    many groups.
        conv2d.R9   The window, r rows or columns with its gaps, is longer than the padded image by at most the stride;
                    where it is longer, the output is empty.

    Mathematics:
        conv2d.R11  NaN and infinity in the image or in the filters propagate as IEEE arithmetic has them, exactly to
                    the outputs whose windows meet them: infinity times zero and infinity less infinity are NaN.
        conv2d.R12  int32 sums wrap.
        conv2d.R13  An image with an empty batch, height or width, or no filters, has an empty output.

    Choices:
        conv2d.R10  Taps outside the image are absent: a NaN or infinite filter over padding contributes nothing.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (conv2d_v2), core/kernels/conv_ops.cc, core/util/padding.cc.

    >>> image = np.array([[1, 0, 2], [5, 4, 2], [3, 4, 5]], np.float32).reshape(1, 3, 3, 1)
    >>> conv2d(image, np.tile(np.float32([-1, 0, 1]), (3, 1)).reshape(3, 3, 1, 1), 1, "VALID").item()
    0.0
    """
    call = forward(input, filters, strides, padding, data_format, dilations)
    out = from_nhwc(call.rounded(), call.geometry.layout)
    return out.reshape(*np.shape(input)[:-3], *out.shape[1:])


def definition(input: Array, filters: Array, rows: Axis, columns: Axis, groups: int) -> Array:
    """Sum the products; rows and columns hold stride, dilation, before (top or left), size and out of their axis."""
    high, wide, depth, outputs = filters.shape
    out = np.zeros((len(input), rows.out, columns.out, outputs), input.dtype)
    for n, y, x, o in np.ndindex(out.shape):
        first = o // (outputs // groups) * depth
        for h, w, i in np.ndindex(high, wide, depth):
            Y = y * rows.stride + h * rows.dilation - rows.before
            X = x * columns.stride + w * columns.dilation - columns.before
            if 0 <= Y < rows.size and 0 <= X < columns.size:
                out[n, y, x, o] += input[n, Y, X, first + i] * filters[h, w, i, o]
    return out


def forward(
    input: Array,
    filters: Array,
    strides: Size,
    padding: Padding,
    data_format: str | None = "NHWC",
    dilations: Size = None,
) -> Forward:
    """Check a call of conv2d and return it as a sum of products."""
    layout = check_layout("conv2d.R6", data_format)
    images, filters = read_array("conv2d.R2", "input", input), read_array("conv2d.R2", "filters", filters)
    check_rank("conv2d.R1", "input", images.shape, 4, more=True)
    check_rank("conv2d.R1", "filters", filters.shape, 4)
    check_dtype("conv2d.R2", "input", images, DTYPES)
    check_same_dtype("conv2d.R2", ("input", images), ("filters", filters))
    image = to_nhwc(images, layout)
    image = image.reshape(prod(image.shape[:-3]), *image.shape[-3:])
    geometry = convolution("conv2d", image.shape, filters.shape, strides, padding, layout, dilations)
    return Forward(image, filters, geometry)
