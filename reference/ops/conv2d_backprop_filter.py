"""The gradient of conv2d with respect to the filters."""

from collections.abc import Sequence

from reference.checks import (
    Padding,
    Size,
    check_dtype,
    check_layout,
    check_rank,
    check_same_dtype,
    check_shape,
    read_shape,
    to_nhwc,
)
from reference.engine.conv2d import FilterGradient
from reference.floats import Array
from reference.ops.convolutions import DTYPES, convolution
from reference.reading import read_array

__all__ = ["conv2d_backprop_filter", "filter_gradient"]


def conv2d_backprop_filter(
    input: Array,
    filter_sizes: Sequence[int] | Array,
    out_backprop: Array,
    strides: Size,
    padding: Padding,
    data_format: str | None = "NHWC",
    dilations: Size = None,
    name: str | None = None,  # noqa: ARG001 -- TensorFlow has it
) -> Array:
    """
    Return the gradient of conv2d with respect to the filters.

        out[h, w, i, o] = sum over (n, y, x) whose tap lies inside the image of
            input[n, y*sh + h*dh - top, x*sw + w*dw - left, g*FI + i] * out_backprop[n, y, x, o]

    with g = o // (O // groups), as in conv2d.

    Shapes:
        input [N, H, W, I], out_backprop [N, OH, OW, O], filter_sizes = [FH, FW, FI, O] -> out [FH, FW, FI, O].

    Rounding:
        The exact sum rounded once to the dtype of the input. int32 wraps.

    Rules:
        conv2d_backprop_filter.R1   input and out_backprop have rank 4; filter_sizes has 4 entries, int32 or
                                    int64, 0 to 2^31 - 1, and fewer than 2^60 elements.
        conv2d_backprop_filter.R2   input and out_backprop have one dtype, as in conv2d.
        conv2d_backprop_filter.R3   strides: as conv2d.R3.
        conv2d_backprop_filter.R4   dilations: as conv2d.R4.
        conv2d_backprop_filter.R5   padding: as conv2d.R5.
        conv2d_backprop_filter.R6   data_format is "NHWC" or "NCHW".
        conv2d_backprop_filter.R7   filter_sizes has at least one row, one column and one channel.
        conv2d_backprop_filter.R8   Groups: as conv2d.R8.
        conv2d_backprop_filter.R9   Window and image: as conv2d.R9.
        conv2d_backprop_filter.R10  out_backprop has the shape of conv2d's output.
        conv2d_backprop_filter.R11  An empty batch or an empty output gives zeros.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (conv2d_backprop_filter), core/kernels/conv_grad_filter_ops.cc.
    """
    return filter_gradient(input, filter_sizes, out_backprop, strides, padding, data_format, dilations).rounded()


def filter_gradient(
    input: Array,
    filter_sizes: Sequence[int] | Array,
    out_backprop: Array,
    strides: Size,
    padding: Padding,
    data_format: str | None = "NHWC",
    dilations: Size = None,
) -> FilterGradient:
    """Check a call of conv2d_backprop_filter and return it as a sum of products."""
    op = "conv2d_backprop_filter"
    layout = check_layout(f"{op}.R6", data_format)
    image = read_array(f"{op}.R2", "input", input)
    gradient = read_array(f"{op}.R2", "out_backprop", out_backprop)
    check_rank(f"{op}.R1", "input", image.shape, 4)
    check_rank(f"{op}.R1", "out_backprop", gradient.shape, 4)
    filters = read_shape(f"{op}.R1", "filter_sizes", filter_sizes)
    check_dtype(f"{op}.R2", "input", image, DTYPES)
    check_same_dtype(f"{op}.R2", ("input", image), ("out_backprop", gradient))
    image, gradient = to_nhwc(image, layout), to_nhwc(gradient, layout)
    geometry = convolution(op, image.shape, filters, strides, padding, layout, dilations)
    needed = (len(image), geometry.rows.out, geometry.columns.out, filters[3])
    check_shape(f"{op}.R10", "out_backprop in NHWC", gradient.shape, needed, "the forward convolution")
    return FilterGradient(image, gradient, filters, geometry)
