"""conv2d, and its gradient with respect to the filters; the one with respect to the input is in conv2d_transpose."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from reference.checks import (
    FLOATS,
    Padding,
    Size,
    axes,
    check_dtype,
    check_layout,
    check_rank,
    check_same_dtype,
    check_shape,
    from_nhwc,
    padding_pairs,
    read_shape,
    spatial,
    to_nhwc,
)
from reference.errors import SpecError
from reference.exact import CHUNK, Index, SumOfProducts, chunked_depth, chunked_product
from reference.floats import Array
from reference.patches import meeting, pad, taps_inside, window_view, windows_inside
from reference.windows import Axis

__all__ = ["Convolution", "FilterGradient", "Forward", "conv2d", "conv2d_backprop_filter", "convolution"]

DTYPES = (*FLOATS, "int32")
BLOCK = 2**17  # elements of the patches held at once: 1 MiB of float64, which stays in the cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """The geometry of a forward convolution: all that its gradients and its transpose share with it."""

    rows: Axis
    columns: Axis
    groups: int
    layout: str


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

    Shapes:
        input [..., H, W, I], filters [FH, FW, FI, O] -> out [..., OH, OW, O]; OH and OW by `windows.same`, `valid` or
        `explicit`. With data_format "NCHW": input [..., I, H, W] -> out [..., O, OH, OW]. Filters are H W I O always.
        strides, dilations: an integer, or 1 (both axes), 2 (rows, columns) or 4 (by layout); None is 1.
        padding: "SAME", "VALID", or four pairs (before, after) in the order of the layout.

    Rounding:
        The exact sum rounded once to the dtype of the input. int32 wraps in two's complement.

    Rules:
        conv2d.R1   input has rank 4 or more (the leading axes are one batch); filters have rank 4.
        conv2d.R2   input and filters have one dtype: float16, bfloat16, float32, float64 or int32.
        conv2d.R3   strides are integers from 1 to 2^31 - 1, 1 along batch and channels.
        conv2d.R4   dilations are integers from 1 to 2^31 - 1, 1 along batch and channels.
        conv2d.R5   padding is "SAME", "VALID" or four pairs of integers from 0 to 2^31 - 1, zero for batch and
                    channels.
        conv2d.R6   data_format is "NHWC" or "NCHW".
        conv2d.R7   filters have at least one row, one column and one channel.
        conv2d.R8   The channels are a positive multiple of the filters' depth, and the filters divide evenly into
                    that many groups.
        conv2d.R9   The window is longer than the padded image by at most the stride; by exactly that or less, the
                    output is empty. Open: refusing an empty output, and giving one up to 2 * stride - 1.
        conv2d.R10  Taps outside the image are absent: a NaN or infinite filter over padding contributes nothing.
                    Open: a NaN there, since kernels that store zeros multiply them.
        conv2d.R11  NaN and infinity propagate exactly to the outputs whose window holds them.
        conv2d.R12  int32 sums wrap.
        conv2d.R13  An image with an empty batch, height or width, or no filters, has an empty output. Open for no
                    filters: a refusal.

    Raises:
        SpecError: naming the rule that the call breaks.

    Source: TensorFlow 2.21.0, python/ops/nn_ops.py (conv2d_v2), core/kernels/conv_ops.cc, core/util/padding.cc.

    >>> image = np.array([[1, 0, 2], [5, 4, 2], [3, 4, 5]], np.float32).reshape(1, 3, 3, 1)
    >>> conv2d(image, np.tile(np.float32([-1, 0, 1]), (3, 1)).reshape(3, 3, 1, 1), 1, "VALID").item()
    0.0
    """
    call = forward(input, filters, strides, padding, data_format, dilations)
    out = from_nhwc(call.rounded(), call.geometry.layout)
    return out.reshape(*np.shape(input)[:-3], *out.shape[1:])


class Forward(SumOfProducts):
    """conv2d as a sum of products: left is the image [N, H, W, I], right the filters [FH, FW, FI, O]."""

    def __init__(self, image: Array, filters: Array, geometry: Convolution) -> None:
        self.left, self.right, self.geometry = image, filters, geometry
        self.dtype = image.dtype
        taps_high, taps_wide, depth, outputs = filters.shape
        self.shape = (len(image), geometry.rows.out, geometry.columns.out, outputs)
        self.terms_per_element = max(taps_high * taps_wide * depth, 1)
        self.depth = chunked_depth(self.terms_per_element)

    def contract(self, left: Array, right: Array) -> Array:
        """Multiply patches of the image, a block of output rows at a time, with the filters as a matrix."""
        return self._contract(left, right, 0.0)

    def absent(self, right: Array) -> Array:
        """Sum the filters' taps that lie in the padding."""
        return self._contract(np.zeros(self.left.shape), right, 1.0)

    def _contract(self, left: Array, right: Array, fill: float) -> Array:
        groups = self.geometry.groups
        matrices = by_group(right, groups)
        out = np.empty(self.shape)
        for rows, patches in patch_blocks(left, self.geometry, right.shape[:2], fill):
            out[rows] = ungroup(chunked_product(group_patches(patches, groups), matrices), out[rows].shape)
        return out

    def count(self) -> Array:
        """Return the taps inside the image, times the depth of the filters."""
        rows, columns = (axis.inside().sum(1) for axis in (self.geometry.rows, self.geometry.columns))
        return np.outer(rows, columns)[:, :, None] * float(self.right.shape[2])

    def steps(self) -> Iterator[tuple[Any, Array, Array]]:
        """Yield one tap and channel of the filters after the other, where it lies inside the image."""
        (image, filters), groups = self.finite, self.geometry.groups
        high, wide, depth, outputs = filters.shape
        each = outputs // groups
        for h, w, group, i in np.ndindex(high, wide, groups, depth):
            rows, columns = meeting(self.geometry.rows, h), meeting(self.geometry.columns, w)
            some = slice(group * each, (group + 1) * each)
            left = image[:, rows[1], columns[1], group * depth + i, None]
            yield (slice(None), rows[0], columns[0], some), left, filters[h, w, i, some]

    def terms(self, index: Index) -> tuple[Array, Array]:
        """Return one output element's window of the image and its filter, inside the image."""
        n, y, x, o = index
        high, wide = taps_inside(self.geometry.rows, y), taps_inside(self.geometry.columns, x)
        depth = self.right.shape[2]
        first = o // max(self.right.shape[3] // self.geometry.groups, 1) * depth
        left = self.left[n, high[1][:, None], wide[1], first : first + depth]
        return left.ravel(), self.right[:, :, :, o][high[0][:, None], wide[0]].ravel()

    def size(self) -> Array:
        """|window| |filter|, the norms over the taps of each, at each pixel for the largest filter: [N, OH, OW, 1]."""
        groups = self.geometry.groups
        n, high, wide, channels = self.left.shape
        image, filters = self.operands
        squares = squared(image.reshape(n, high, wide, groups, channels // groups), "nhwgi", "nhwg")
        ones = np.ones((*self.right.shape[:2], 1, groups))
        windows = np.sqrt(Forward(squares, ones, self.geometry).contract(squares, ones))
        norms = np.sqrt(squared(filters, "hwio", "o")).reshape(groups, -1).max(1, initial=0.0)
        return np.asarray((windows * norms).max(3, keepdims=True))


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
    check_rank("conv2d.R1", "input", input.shape, 4, more=True)
    check_rank("conv2d.R1", "filters", filters.shape, 4)
    check_dtype("conv2d.R2", "input", input, DTYPES)
    check_same_dtype("conv2d.R2", ("input", input), ("filters", filters))
    image = to_nhwc(input, layout)
    image = image.reshape(prod(image.shape[:-3]), *image.shape[-3:])
    geometry = convolution("conv2d", image.shape, filters.shape, strides, padding, layout, dilations)
    return Forward(image, filters, geometry)


def convolution(
    op: str,
    image: Sequence[int],
    filters: Sequence[int],
    strides: Size,
    padding: Padding,
    layout: str,
    dilations: Size,
) -> Convolution:
    """
    Check the geometry of a forward convolution, under the rules R3 to R9 of the op that asks; they are shared.

    image: its shape as N H W I; filters: theirs as FH FW FI O.
    """
    steps, others = spatial(f"{op}.R3", "strides", strides, layout)
    gaps, other_gaps = spatial(f"{op}.R4", "dilations", dilations, layout)
    for rule, name, outer in (("R3", "strides", others), ("R4", "dilations", other_gaps)):
        if outer != (1, 1):
            raise SpecError(f"{op}.{rule}", f"{name} of {outer[0]} along batch and {outer[1]} along channels: only 1")
    pads = padding_pairs(f"{op}.R5", padding, layout)
    high, wide, depth, outputs = filters
    if 0 in (high, wide, depth):
        raise SpecError(f"{op}.R7", f"filters of shape {list(filters)} have no element along height, width or depth")
    if image[3] == 0 or image[3] % depth:
        raise SpecError(f"{op}.R8", f"{image[3]} channels, {outputs} filters of depth {depth}: no whole groups")
    groups = image[3] // depth
    if outputs % groups:
        raise SpecError(f"{op}.R8", f"{outputs} filters do not divide into {groups} groups ({image[3]} / {depth})")
    rows, columns = axes(f"{op}.R9", (image[1], image[2]), (high, wide), steps, gaps, pads)
    return Convolution(rows=rows, columns=columns, groups=groups, layout=layout)


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
        conv2d_backprop_filter.R1   input and out_backprop have rank 4; filter_sizes has 4 entries from 0 to 2^31 - 1.
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


class FilterGradient(SumOfProducts):
    """The filter gradient as a sum of products: left is the image [N, H, W, I], right the gradient [N, OH, OW, O]."""

    def __init__(self, image: Array, gradient: Array, filters: tuple[int, ...], geometry: Convolution) -> None:
        self.left, self.right, self.shape, self.geometry = image, gradient, filters, geometry
        self.dtype = image.dtype
        self.terms_per_element = max(prod(gradient.shape[:3]), 1)
        images, step = block_sides(geometry, prod(filters[:3]) * geometry.groups)
        rounds = -(-len(image) // images) * -(-geometry.rows.out // step)
        # Every block's chunks are added to the total one by one.
        in_block = min(images * step * geometry.columns.out, self.terms_per_element)
        self.depth = min(in_block, CHUNK) + rounds * -(-in_block // CHUNK)

    def contract(self, left: Array, right: Array) -> Array:
        """Multiply the transposed patches of the image with the gradient, a block of output rows at a time."""
        return self._contract(left, right, 0.0)

    def absent(self, right: Array) -> Array:
        """Sum the gradient over the positions where the filter's tap lies in the padding."""
        return self._contract(np.zeros(self.left.shape), right, 1.0)

    def _contract(self, left: Array, right: Array, fill: float) -> Array:
        groups = self.geometry.groups
        high, wide, depth, outputs = self.shape
        total = np.zeros((groups, high * wide * depth, outputs // groups))
        for rows, patches in patch_blocks(left, self.geometry, (high, wide), fill):
            gradient = group_channels(right[rows], groups)
            chunked_product(group_patches(patches, groups).transpose(0, 2, 1), gradient, total)
        return np.moveaxis(total.reshape(groups, high, wide, depth, -1), 0, 3).reshape(self.shape)

    def count(self) -> Array:
        """Return the windows whose tap lies inside the image, times the batch."""
        rows, columns = (axis.inside().sum(0) for axis in (self.geometry.rows, self.geometry.columns))
        return np.outer(rows, columns)[:, :, None, None] * float(len(self.left))

    def steps(self) -> Iterator[tuple[Any, Array, Array]]:
        """Yield one window of the image after the other, with its gradient."""
        (image, gradient), groups = self.finite, self.geometry.groups
        depth, each = self.shape[2], self.shape[3] // groups
        windows = window_view(pad(image, *self.axes), *self.axes)
        for n, y, x in np.ndindex(*gradient.shape[:3]):
            for group in range(groups):
                some = slice(group * each, (group + 1) * each)
                left = windows[n, y, x, ..., group * depth : (group + 1) * depth, None]
                yield (..., some), left, gradient[n, y, x, some]

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Rows and columns."""
        return self.geometry.rows, self.geometry.columns

    def terms(self, index: Index) -> tuple[Array, Array]:
        """Return the image cells that one tap meets, and the gradients there."""
        h, w, i, o = index
        rows, columns = (
            windows_inside(axis, tap) for axis, tap in ((self.geometry.rows, h), (self.geometry.columns, w))
        )
        channel = o // max(self.shape[3] // self.geometry.groups, 1) * self.shape[2] + i
        image = self.left[:, :, :, channel][:, rows[1]][:, :, columns[1]]
        return image.ravel(), self.right[:, :, :, o][:, rows[0]][:, :, columns[0]].ravel()

    def size(self) -> Array:
        """|image channel| |gradient channel|, the norms over batch and space; the same for every tap."""
        groups = self.geometry.groups
        norms = [np.sqrt(squared(side, "nhwc", "c")) for side in self.operands]
        image, gradient = norms[0].reshape(groups, -1, 1), norms[1].reshape(groups, 1, -1)
        return np.asarray(np.moveaxis(image * gradient, 0, 1).reshape(self.shape[2:]))


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
    check_rank(f"{op}.R1", "input", input.shape, 4)
    check_rank(f"{op}.R1", "out_backprop", out_backprop.shape, 4)
    filters = read_shape(f"{op}.R1", "filter_sizes", filter_sizes)
    check_dtype(f"{op}.R2", "input", input, DTYPES)
    check_same_dtype(f"{op}.R2", ("input", input), ("out_backprop", out_backprop))
    image, gradient = to_nhwc(input, layout), to_nhwc(out_backprop, layout)
    geometry = convolution(op, image.shape, filters, strides, padding, layout, dilations)
    needed = (len(image), geometry.rows.out, geometry.columns.out, filters[3])
    check_shape(f"{op}.R10", "out_backprop in NHWC", gradient.shape, needed, "the forward convolution")
    return FilterGradient(image, gradient, filters, geometry)


def patch_blocks(
    image: Array, geometry: Convolution, taps: Sequence[int], fill: float
) -> Iterator[tuple[tuple[slice, slice], Array]]:
    """
    Yield blocks of output rows: their index (images, rows) and their windows [n, rows, OW, FH, FW, I] in float64.

    image: [N, H, W, I]; what the padding holds: fill.
    """
    rows, columns = geometry.rows, geometry.columns
    if 0 in (len(image), rows.out, columns.out):
        return
    padded = pad(image, rows, columns, fill)
    windows = window_view(padded, rows, columns)
    images, step = block_sides(geometry, taps[0] * taps[1] * image.shape[3])
    for n in range(0, len(image), images):
        for y in range(0, rows.out, step):
            block = (slice(n, n + images), slice(y, y + step))
            yield block, windows[block].astype(np.float64, order="C")


def squared(values: Array, axes: str, kept: str) -> Array:
    """Add squares in float64 along those of the named axes that are not kept: for instance of "nhwc" all but "c"."""
    return np.asarray(np.einsum(f"{axes},{axes}->{kept}", values, values, dtype=np.float64))


def block_sides(geometry: Convolution, per_window: int) -> tuple[int, int]:
    """Return how many images, and how many output rows of each, are one block of windows of so many elements."""
    step = max(max(BLOCK // max(per_window, 1), 256) // max(geometry.columns.out, 1), 1)
    return max(step // max(geometry.rows.out, 1), 1), step


def by_group(filters: Array, groups: int) -> Array:
    """Return filters [FH, FW, FI, O] as one matrix a group: [groups, FH*FW*FI, O/groups]."""
    high, wide, depth, outputs = filters.shape
    return np.moveaxis(filters.reshape(high * wide * depth, groups, outputs // groups), 1, 0)


def group_patches(patches: Array, groups: int) -> Array:
    """Return patches [n, rows, OW, FH, FW, I] as one matrix a group: [groups, n*rows*OW, FH*FW*I/groups]."""
    *where, high, wide, channels = patches.shape
    count = prod(where)
    if groups == 1:
        return patches.reshape(1, count, high * wide * channels)
    split = patches.reshape(count, high, wide, groups, channels // groups)
    return np.moveaxis(split, 3, 0).reshape(groups, count, high * wide * (channels // groups))


def group_channels(values: Array, groups: int) -> Array:
    """Return values [n, rows, OW, O] as one matrix a group: [groups, n*rows*OW, O/groups]."""
    *where, channels = values.shape
    return values.reshape(prod(where), groups, channels // groups).transpose(1, 0, 2)


def ungroup(products: Array, shape: tuple[int, ...]) -> Array:
    """Undo group_channels: return [groups, n*rows*OW, O/groups] in the shape [n, rows, OW, O]."""
    return np.moveaxis(products, 0, 1).reshape(shape)
