"""Faults of where things lie: padding, strides, dilations, filters, channels, groups, tiles, overlaps."""

import numpy as np

from conformance.model import Array
from conformance.ops import OPS
from conformance.selftest.mutation.calls import Call, Fault, after, when
from conformance.selftest.mutation.faults import (
    Lost,
    channels,
    dropping,
    explicit,
    filtered,
    mirrored,
    overwritten,
    shared,
    symmetric,
    unwritten,
)
from conformance.selftest.mutation.sums import CONVOLUTIONS, convolution, terms
from conformance.selftest.mutation.variants import Variant, variants

__all__ = ["POOLS", "TABLE"]

POOLS = (
    *("max_pool", "max_pool_grad", "max_pool_grad_grad"),
    *("avg_pool", "avg_pool_grad", "avg_unpool", "avg_unpool_grad"),
)
SLIDING = (*CONVOLUTIONS, *POOLS)
PADDED = (*CONVOLUTIONS, "max_pool", "max_pool_grad", "max_pool_grad_grad")
TRANSPOSED = ("conv2d_transpose", "conv2d_backprop_input", "depthwise_conv2d_backprop_input")


def same(call: Call) -> bool:
    """Return whether padding is SAME."""
    return bool(call.padding == "SAME")


def nchw(call: Call) -> bool:
    """Return whether the layout is NCHW."""
    return call.layout == "NCHW"


def even(call: Call) -> bool:
    """Return whether a transposed convolution has an output that is a multiple of its stride above 1."""
    sums = convolution(call)
    return same(call) and any(
        axis.stride > 1 and axis.size % axis.stride == 0 for axis in (sums.geometry.rows, sums.geometry.columns)
    )


def swapped(name: str) -> Fault:
    """Take an attribute's rows for its columns."""

    def fault(call: Call) -> object:
        rows_, columns = call.pair(name)
        between = call.arguments.get(name)
        if isinstance(between, list) and len(between) == 4 and max(between[call.axis("channels")], 1) > 1:
            return call.run()
        return call.run(**{name: call.spelt(name, columns, rows_)}) if rows_ != columns else call.run()

    return fault


def first_only(name: str) -> Fault:
    """Take an attribute's rows for both."""

    def fault(call: Call) -> object:
        value = call.arguments.get(name)
        rows_, columns = call.pair(name)
        between = isinstance(value, list) and len(value) == 4 and value[call.axis("channels")] > 1
        return call.run() if between or rows_ == columns else call.run(**{name: call.spelt(name, rows_, rows_)})

    return fault


def transposed(filters: Array) -> Array:
    """Exchange rows and columns of square filters."""
    return filters.swapaxes(0, 1) if filters.ndim == 4 and filters.shape[0] == filters.shape[1] else filters


def exchanged(filters: Array) -> Array:
    """Exchange input and output channels where there are as many."""
    return filters.swapaxes(2, 3) if filters.ndim == 4 and filters.shape[2] == filters.shape[3] else filters


def rotated(filters: Array) -> Array:
    """Turn filters by half a turn."""
    return filters[::-1, ::-1]


def next_group(filters: Array, groups: int) -> Array:
    """Give every group the filters of the one before."""
    return np.roll(filters, filters.shape[-1] // groups, axis=-1)


def interleaved(filters: Array, groups: int) -> Array:
    """Deal the filters out to the groups one by one."""
    split = filters.reshape(*filters.shape[:-1], -1, groups)
    return split.swapaxes(-1, -2).reshape(filters.shape)


def without_tap(call: Call) -> object:
    """Leave the last tap of each filter's last channel out."""
    if call.filters is None:
        return call.run()
    filters = call.filters.copy()
    filters[-1, -1, -1] = 0
    return call.run(**{str(call.weights): filters})


def window(call: Call) -> tuple[int, int]:
    """Return the rows and columns of the filters."""
    high, wide = convolution(call).right.shape[:2]
    return high, wide


def remainder(tile: int) -> Lost:
    """Return what picks the elements past the last whole tile, where there is a whole one."""
    return lambda size: slice(size // tile * tile, None) if size > tile and size % tile else None


def just_past(tile: int) -> Lost:
    """Return what picks the one element that comes after whole tiles."""
    return lambda size: -1 if size > tile and size % tile == 1 else None


def from_(least: int) -> Lost:
    """Return what picks the last element where there are many."""
    return lambda size: -1 if size >= least else None


def batch_reuse(call: Call, result: Array) -> Array:
    """Give the last image of a batch the result of the first."""
    axis = call.out_axis("batch")
    if result.ndim == 4 and result.shape[axis] > 1:
        result[-1] = result[0]
    return result


def default_size(call: Call) -> object:
    """Compute the largest output that SAME allows and cut it to the size asked for."""
    sums = convolution(call)
    sizes = [axis.out * axis.stride for axis in (sums.geometry.rows, sums.geometry.columns)]
    if not same(call) or sizes[0] * sizes[1] * sums.shape[0] * sums.shape[3] > 2**17 or 0 in sums.shape:
        return call.run()
    shape = [0] * 4
    place = {name: call.axis(name) % 4 for name in ("batch", "rows", "columns", "channels")}
    shape[place["batch"]], shape[place["channels"]] = sums.shape[0], sums.shape[3]
    shape[place["rows"]], shape[place["columns"]] = sizes
    large = call.run(**{str(OPS[call.op].shape_argument): shape})
    cut = [slice(None)] * 4
    cut[place["rows"]], cut[place["columns"]] = slice(sums.shape[1]), slice(sums.shape[2])
    return large[tuple(cut)]


def smallest_size(call: Call) -> object:
    """Give the smallest output, whatever was asked for."""
    sums = convolution(call)
    result = call.run()
    axis = sums.geometry.rows
    least = (axis.out - 1) * axis.stride + (1 if same(call) else axis.reach)
    if call.explicit or axis.out < 1 or axis.size <= least:
        return result
    return np.take(result, range(least), axis=call.axis("rows"))


TABLE: list[Variant] = [
    *variants(
        SLIDING,
        ("pads SAME first, rows", "SAME's odd padding at the top", when(same, mirrored("rows"))),
        ("pads SAME first, columns", "SAME's odd padding at the left", when(same, mirrored("columns"))),
        ("strides as columns, rows", "strides exchanged", swapped("strides")),
        ("one stride", "the rows' stride for both axes", first_only("strides")),
        ("rows and columns of NCHW", "strides exchanged in NCHW", when(nchw, swapped("strides"))),
        ("last image of a batch", "the last image gets the first one's result", after(batch_reuse)),
        ("channels reversed", "the result's channels in reverse", channels(np.flip)),
        ("tile of 8 rows", "rows after whole tiles of 8 are zero", dropping("rows", remainder(8))),
        ("vector of 16 channels", "the channel after whole vectors of 16 is zero", dropping("channels", just_past(16))),
        ("vector of 8 channels", "channels after whole vectors of 8 are zero", dropping("channels", remainder(8))),
        ("64 channels", "the last of 64 or more channels is zero", dropping("channels", from_(64))),
    ),
    *variants(
        [op for op in SLIDING if OPS[op].result == "image"],
        ("tile of 16 columns", "the column after whole tiles of 16 is zero", dropping("columns", just_past(16))),
        ("33rd column", "a column past 32 is zero", dropping("columns", from_(33))),
        ("batch of 16", "the last image of 16 or more is zero", dropping("batch", from_(16))),
        ("batch of 9", "an image past whole eights is zero", dropping("batch", just_past(8))),
    ),
    *variants(
        [*POOLS, "max_pool_with_argmax"],
        ("windows as columns, rows", "ksize exchanged", swapped("ksize")),
        ("square windows", "the rows' ksize for both axes", first_only("ksize")),
    ),
    *variants(
        PADDED,
        ("explicit pairs after, before, rows", "(before, after) read as (after, before)",
         explicit(lambda pair: pair[::-1], "rows")),
        ("explicit pairs after, before, columns", "(before, after) read as (after, before)",
         explicit(lambda pair: pair[::-1], "columns")),
        ("explicit padding centred", "both ends padded alike",
         explicit(lambda pair: (sum(pair) // 2, sum(pair) - sum(pair) // 2), "rows", "columns")),
    ),
    *variants(
        ["conv2d", "depthwise_conv2d", "max_pool"],
        ("pads half a window", "SAME pads half the window first", symmetric),
    ),
    *variants(
        CONVOLUTIONS,
        ("dilations as columns, rows", "dilations exchanged", swapped("dilations")),
        ("one dilation", "the rows' dilation for both axes", first_only("dilations")),
        ("filters rotated", "a convolution for a correlation, or the reverse", filtered(rotated)),
        ("filters upside down", "the filters' rows reversed", filtered(lambda filters: filters[::-1])),
        ("filters transposed", "rows and columns of square filters exchanged", filtered(transposed)),
        ("filters' channels exchanged", "input for output channels where as many", filtered(exchanged)),
        ("groups rotated", "each group has the next one's filters", shared(next_group)),
        ("groups interleaved", "filters dealt out to groups one by one", shared(interleaved)),
        ("deep sums cut at 256", "past 256 products, the last input channel is left out",
         when(lambda call: terms(call) > 256, dropping("channels", from_(2), out=False))),
        ("deep sums cut at 1024", "past 1,024 products, the last input channel is left out",
         when(lambda call: terms(call) > 1024, dropping("channels", from_(1), out=False))),
        ("column 32 not read", "input column 32 is read as zero", dropping("columns", from_(33), out=False)),
    ),
    *variants(
        [op for op in CONVOLUTIONS if OPS[op].result == "image"],
        ("a tap left out", "the last tap, last channel", without_tap),
        ("a tap left out of large windows", "the same, for windows of 5 rows or more",
         when(lambda call: window(call)[0] >= 5, without_tap)),
        ("a tap left out of 11 x 11", "the same, for windows of 11 columns",
         when(lambda call: window(call)[1] == 11, without_tap)),
        ("a tap left out where dilated", "the same, for dilations of 4 rows or more",
         when(lambda call: call.pair("dilations")[0] >= 4, without_tap)),
        ("a tap left out, strided past the window", "the same, where strides exceed the window",
         when(lambda call: call.pair("strides")[0] > window(call)[0], without_tap)),
        ("a tap left out of grouped NCHW", "the same, for groups in NCHW",
         when(lambda call: nchw(call) and convolution(call).geometry.groups > 1, without_tap)),
    ),
    *variants(
        TRANSPOSED,
        ("extra zero last", "even outputs get their extra zero on the right and bottom",
         when(even, mirrored("rows", "columns"))),
        ("overlaps overwritten", "a later tap overwrites an earlier one", overwritten),
        ("largest size cut", "output_shape is only cut out of the largest one", default_size),
        ("output_shape ignored", "always the smallest number of rows", smallest_size),
        ("unreached cells unwritten", "cells that no window covers hold what was there", unwritten),
    ),
]  # fmt: skip
