"""conv2d_transpose, which is the gradient of conv2d with respect to its input."""

from collections.abc import Sequence

import numpy as np

from reference.arithmetic import possible, transposed_sizes
from reference.checks import (
    Padding,
    Size,
    check_dtype,
    check_layout,
    check_rank,
    check_same_dtype,
    from_nhwc,
    read_shape,
    shape_to_nhwc,
    swapped_filters,
    to_nhwc,
)
from reference.choices import Choices
from reference.engine.conv2d_transpose import Backward
from reference.errors import Fault, SpecError, shown
from reference.floats import Array
from reference.ops.convolutions import DTYPES, OVER_PADDING, convolution
from reference.reading import read_array
from reference.windows import Axis, Convolution

__all__ = ["CHOICES", "backward", "conv2d_backprop_input", "conv2d_transpose", "definition"]

CHOICES: Choices = dict.fromkeys(("conv2d_transpose.R13", "conv2d_backprop_input.R13"), OVER_PADDING)


def conv2d_transpose(
    input: Array,
    filters: Array,
    output_shape: Sequence[int] | Array,
    strides: Size,
    padding: Padding = "SAME",
    data_format: str | None = "NHWC",
    dilations: Size = None,
    name: str | None = None,  # noqa: ARG001 -- tf.nn has it
) -> Array:
    """
    Apply the adjoint of conv2d: scatter each input element, times the filters, into the output.

    Take the forward convolution, with the same filters, strides, padding and dilations, that maps output_shape to the
    shape of the input. Element (y, x) of the input was window (y, x) there; it is now multiplied with the filters and
    added back into the cells that this window meets:

        out[n, Y, X, g*FI + i] = sum over (h, w, y, x) with Y = y*sh + h*dh - top and X = x*sw + w*dw - left, and o in
            group g, of input[n, y, x, o] * filters[h, w, i, o]

    where g = o // (O // groups) and groups = I // FI. What falls outside out is dropped, with the padding. top and left
    are the padding *of that forward convolution*, whose windows reach over r = (FH - 1)*dh + 1 rows (columns likewise):

        SAME      (OH - 1)*sh < H <= OH*sh; top = floor(max((OH - 1)*sh + r - H, 0) / 2)
        VALID     (OH - 1)*sh + r <= H < OH*sh + r; top = 0
        explicit  (OH - 1)*sh + r <= top + H + bottom < OH*sh + r, with the given top and bottom

    SAME puts its odd absent row last, on the bottom; seen as a convolution of the zero-inserted input, the transposed
    one therefore gets its extra zero **first, on the left and top** (`windows.transposed` gives the zeros in between,
    before and after). From 3x3, under 3x3 filters and stride 2, both 5x5 and 6x6 can be asked for; 6x6 has one more row
    and column of zeros, on the top and left.

    Shapes:
        input [N, OH, OW, O], filters [FH, FW, FI, O] -> out = output_shape = [N, H, W, I]. output_shape of two entries
        is [H, W]; then I = FI. With data_format "NCHW" all but the filters are N C H W.
        strides, dilations: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.
        padding: "SAME", "VALID", or four pairs (before, after) in the order of the layout.

    Rounding:
        The exact sum, rounded once to the dtype of the input: to nearest, ties to even, gradually to zero, beyond the
        largest number to infinity. A sum that is exactly zero is +0; one that rounds to zero keeps its sign. A NaN is
        the positive quiet one without payload. int32 wraps in two's complement. Others conform as well: every result
        within `bounds` does, +0 for -0, and any NaN for NaN.

    Interface:
        conv2d_transpose.R1   input and filters have rank 4.
        conv2d_transpose.R2   input and filters have one dtype: float16, bfloat16, float32, float64 or int32.
        conv2d_transpose.R3   strides are integers from 1 to 2^31 - 1, 1 along batch and channels.
        conv2d_transpose.R4   dilations are integers from 1 to 2^31 - 1, 1 along batch and channels.
        conv2d_transpose.R5   padding is "SAME", "VALID" or four pairs of integers from 0 to 2^31 - 1, zero for batch
                              and channels.
        conv2d_transpose.R6   data_format is "NHWC", "NCHW" or None, which is "NHWC".
        conv2d_transpose.R7   filters have at least one row, one column and one channel.
        conv2d_transpose.R8   The channels I of output_shape are a positive multiple of the filters' depth FI, and the
                              filters divide evenly into that many groups.
        conv2d_transpose.R9   The window, r rows or columns with its gaps, is longer than the padded output by at most
                              the stride.
        conv2d_transpose.R10  output_shape has 4 entries, or 2 (height, width; then I = FI), int32 or int64, 0 to
                              2^31 - 1, and fewer than 2^60 elements.
        conv2d_transpose.R11  The forward convolution maps output_shape to the input's shape: batch, height, width, and
                              as many channels as there are filters.

    Mathematics:
        conv2d_transpose.R12  Cells that no window meets are zero.
        conv2d_transpose.R14  int32 sums wrap.
        conv2d_transpose.R15  A NaN or infinity that a real element meets propagates as IEEE arithmetic has it, to the
                              cells of its window and to no others.

    Choices:
        conv2d_transpose.R13  Only real input elements are multiplied: inserted zeros and padding are absent, so a NaN
                              or infinite filter over them contributes nothing.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (conv2d_transpose_v2), core/kernels/conv_grad_input_ops.cc,
    core/kernels/conv_grad_shape_utils.cc.

    >>> ones = np.ones((3, 3, 1, 1), np.float32)
    >>> image = np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3, 1)
    >>> conv2d_transpose(image, ones, [1, 6, 6, 1], strides=2)[0, :, :, 0]
    array([[ 1.,  1.,  3.,  2.,  5.,  3.],
           [ 1.,  1.,  3.,  2.,  5.,  3.],
           [ 5.,  5., 12.,  7., 16.,  9.],
           [ 4.,  4.,  9.,  5., 11.,  6.],
           [11., 11., 24., 13., 28., 15.],
           [ 7.,  7., 15.,  8., 17.,  9.]], dtype=float32)
    """
    call = backward("conv2d_transpose", output_shape, filters, input, strides, padding, data_format, dilations)
    return from_nhwc(call.rounded(), call.geometry.layout)


def conv2d_backprop_input(
    input_sizes: Sequence[int] | Array,
    filters: Array,
    out_backprop: Array,
    strides: Size,
    padding: Padding,
    data_format: str | None = "NHWC",
    dilations: Size = None,
    name: str | None = None,  # noqa: ARG001 -- TensorFlow has it
) -> Array:
    """
    Return the gradient of conv2d with respect to its input: conv2d_transpose of out_backprop to input_sizes.

    Take the forward convolution, with the same filters, strides, padding and dilations, that maps input_sizes to the
    shape of out_backprop. Element (y, x) of out_backprop was window (y, x) there; it is now multiplied with the filters
    and added back into the cells that this window meets:

        out[n, Y, X, g*FI + i] = sum over (h, w, y, x) with Y = y*sh + h*dh - top and X = x*sw + w*dw - left, and o in
            group g, of out_backprop[n, y, x, o] * filters[h, w, i, o]

    where g = o // (O // groups) and groups = I // FI. What falls outside out is dropped, with the padding. top and left
    are the padding *of that forward convolution*, whose windows reach over r = (FH - 1)*dh + 1 rows (columns likewise):

        SAME      (OH - 1)*sh < H <= OH*sh; top = floor(max((OH - 1)*sh + r - H, 0) / 2)
        VALID     (OH - 1)*sh + r <= H < OH*sh + r; top = 0
        explicit  (OH - 1)*sh + r <= top + H + bottom < OH*sh + r, with the given top and bottom

    Shapes:
        out_backprop [N, OH, OW, O], filters [FH, FW, FI, O] -> out = input_sizes = [N, H, W, I]. input_sizes of two
        entries is [H, W]; then I = FI. With data_format "NCHW" all but the filters are N C H W.
        strides, dilations: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.
        padding: "SAME", "VALID", or four pairs (before, after) in the order of the layout.

    Rounding:
        The exact sum, rounded once to the dtype of the filters: to nearest, ties to even, gradually to zero, beyond the
        largest number to infinity. A sum that is exactly zero is +0; one that rounds to zero keeps its sign. A NaN is
        the positive quiet one without payload. int32 wraps in two's complement. Others conform as well: every result
        within `bounds` does, +0 for -0, and any NaN for NaN.

    Interface:
        conv2d_backprop_input.R1   filters and out_backprop have rank 4.
        conv2d_backprop_input.R2   out_backprop and filters have one dtype: float16, bfloat16, float32, float64 or
                                   int32.
        conv2d_backprop_input.R3   strides are integers from 1 to 2^31 - 1, 1 along batch and channels.
        conv2d_backprop_input.R4   dilations are integers from 1 to 2^31 - 1, 1 along batch and channels.
        conv2d_backprop_input.R5   padding is "SAME", "VALID" or four pairs of integers from 0 to 2^31 - 1, zero for
                                   batch and channels.
        conv2d_backprop_input.R6   data_format is "NHWC", "NCHW" or None, which is "NHWC".
        conv2d_backprop_input.R7   filters have at least one row, one column and one channel.
        conv2d_backprop_input.R8   The channels I of input_sizes are a positive multiple of the filters' depth FI, and
                                   the filters divide evenly into that many groups.
        conv2d_backprop_input.R9   The window, r rows or columns with its gaps, is longer than the padded output by at
                                   most the stride.
        conv2d_backprop_input.R10  input_sizes has 4 entries, or 2 (height, width; then I = FI), int32 or int64, 0 to
                                   2^31 - 1, and fewer than 2^60 elements.
        conv2d_backprop_input.R11  out_backprop has the shape of conv2d's output: [N, OH, OW, O].

    Mathematics:
        conv2d_backprop_input.R12  An empty batch or an empty out_backprop gives zeros.

    Choices:
        conv2d_backprop_input.R13  Only real elements of out_backprop are multiplied: inserted zeros and padding are
                                   absent, so a NaN or infinite filter over them contributes nothing.

    Cells that no window meets are zero. A NaN or infinity that a real element of out_backprop meets propagates as IEEE
    arithmetic has it, to the cells of its window alone: infinity times zero and infinity less infinity are NaN.

    Raises:
        SpecError: naming a rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (conv2d_backprop_input), core/kernels/conv_grad_input_ops.cc.
    """
    op = "conv2d_backprop_input"
    call = backward(op, input_sizes, filters, out_backprop, strides, padding, data_format, dilations)
    return from_nhwc(call.rounded(), call.geometry.layout)


def definition(
    input: Array, filters: Array, output_shape: tuple[int, ...], rows: Axis, columns: Axis, groups: int
) -> Array:
    """Add the products; rows and columns hold stride, dilation, before (top or left) and size of the forward axis."""
    high, wide, depth, outputs = filters.shape
    out = np.zeros(output_shape, input.dtype)
    for n, y, x, o in np.ndindex(input.shape):
        first = o // (outputs // groups) * depth
        for h, w, i in np.ndindex(high, wide, depth):
            Y = y * rows.stride + h * rows.dilation - rows.before
            X = x * columns.stride + w * columns.dilation - columns.before
            if 0 <= Y < rows.size and 0 <= X < columns.size:
                out[n, Y, X, first + i] += input[n, y, x, o] * filters[h, w, i, o]
    return out


def backward(
    op: str,
    output_shape: Sequence[int] | Array,
    filters: Array,
    gradient: Array,
    strides: Size,
    padding: Padding,
    data_format: str | None = "NHWC",
    dilations: Size = None,
) -> Backward:
    """Check a call of conv2d_transpose or conv2d_backprop_input and return it as a sum of products."""
    name, sizes = ("input", "output_shape") if op == "conv2d_transpose" else ("out_backprop", "input_sizes")
    layout = check_layout(f"{op}.R6", data_format)
    gradient, filters = read_array(f"{op}.R2", name, gradient), read_array(f"{op}.R2", "filters", filters)
    check_rank(f"{op}.R1", name, gradient.shape, 4)
    check_rank(f"{op}.R1", "filters", filters.shape, 4)
    check_dtype(f"{op}.R2", name, gradient, DTYPES)
    check_same_dtype(f"{op}.R2", (name, gradient), ("filters", filters))
    asked = read_shape(f"{op}.R10", sizes, output_shape, (2, 4))
    small = to_nhwc(gradient, layout)
    full = (len(small), *asked, filters.shape[2]) if len(asked) == 2 else shape_to_nhwc(asked, layout)
    if full[0] != len(small):
        reason = f"{sizes} {list(asked)} has batch {full[0]}, {name} has {len(small)}"
        values: dict[str, object] = {sizes: asked, f"{name}.shape": gradient.shape}
        raise SpecError(f"{op}.R11", reason, fault=Fault.BATCH if full[0] else Fault.NO_BATCH, values=values)
    geometry = convolution(op, full, filters.shape, strides, padding, layout, dilations)
    needed = (full[0], geometry.rows.out, geometry.columns.out, filters.shape[3])
    if small.shape != needed:
        forward = (
            f"the forward convolution of {sizes} {list(asked)} (strides {shown(strides)}, padding {shown(padding)})"
        )
        reason = f"{name} (as NHWC) has shape {list(small.shape)}, but {forward} gives {list(needed)}"
        hint = _outputs(small.shape, geometry, padding) or swapped_filters(filters.shape, full, small.shape[3])
        values = {sizes: asked, f"{name}.shape": gradient.shape, "needed": needed}
        raise SpecError(f"{op}.R11", reason + hint, fault=Fault.UNFIT_SHAPE, values=values)
    return Backward(small, filters, full, geometry)


def _outputs(small: tuple[int, ...], geometry: Convolution, padding: Padding) -> str:
    """Say which heights and widths shrink to those of an input N H W C, where the ones asked for do not."""
    axes = (geometry.rows, geometry.columns)
    if (axes[0].out, axes[1].out) == small[1:3]:
        return ""
    heights, widths = (
        transposed_sizes(
            size,
            axis.taps,
            axis.stride,
            padding if isinstance(padding, str) else (axis.before, axis.after),
            axis.dilation,
        )
        for size, axis in zip(small[1:3], axes, strict=True)
    )
    return f"; {possible(heights, widths)}"
