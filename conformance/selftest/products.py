"""Ops lowered to matrix products, as libraries do: by patches (im2col), or by adding what every tap gives (col2im)."""

from typing import Any

import numpy as np

from conformance.model import Array
from conformance.selftest.arithmetics import Arithmetic
from conformance.selftest.mutation.calls import CONVOLUTIONS, Call, convolution
from reference.checks import from_nhwc
from reference.engine.conv2d import FilterGradient, Forward, by_group, group_channels, group_patches, ungroup
from reference.engine.conv2d_transpose import Backward
from reference.engine.patches import length, pad, places, window_view
from reference.engine.unpool import Scatter
from reference.floats import FORMATS
from reference.ops.avg_pool import average
from reference.ops.max_pool_grad import credited
from reference.ops.max_unpool import scattered
from reference.ops.pools import spread

__all__ = ["computed", "with_leading_axes"]


def computed(call: Call, arithmetic: Arithmetic) -> Array:
    """Return an op's result as an arithmetic computes it; integers as the reference does."""
    if call.dtype not in FORMATS:
        return np.asarray(call.run())
    arguments = {name: value for name, value in call.arguments.items() if name != "name"}
    if call.op in CONVOLUTIONS:
        sums = convolution(call)
        out = arithmetic.finish(_lowered(sums, arithmetic), sums.dtype)
        layout = "NHWC" if isinstance(sums, FilterGradient) else sums.geometry.layout
        return with_leading_axes(call, from_nhwc(out, layout))
    if call.op == "avg_pool":
        mean = average(**arguments)
        values = np.stack(mean.geometry.taps(mean.left, 0)).reshape(1, -1, int(np.prod(mean.shape)))
        ones = np.ones((1, 1, values.shape[1]), values.dtype)
        total = arithmetic.multiply(ones, values).reshape(mean.shape)
        return from_nhwc(
            arithmetic.finish(total / mean.divisor().astype(total.dtype), mean.dtype), mean.geometry.layout
        )
    if call.op in ("avg_pool_grad", "avg_unpool"):
        return _spread(call, arithmetic, arguments)
    scatter, layout = (scattered(**arguments), "NHWC") if call.op == "max_unpool" else credited(**arguments)
    return from_nhwc(arithmetic.finish(_scatter(scatter, arithmetic), scatter.dtype), layout)


def with_leading_axes(call: Call, out: Array) -> Array:
    """Give conv2d's result the leading axes of its image."""
    return out.reshape(*call.arguments["input"].shape[:-3], *out.shape[1:]) if call.op == "conv2d" else out


def _lowered(sums: Forward | Backward | FilterGradient, arithmetic: Arithmetic) -> Array:
    """Compute a convolution by matrix products, in the dtype of its sums."""
    if isinstance(sums, Forward):
        return _forward(sums, arithmetic)
    if isinstance(sums, Backward):
        return _backward(sums, arithmetic)
    return _filter_gradient(sums, arithmetic)


def _forward(sums: Forward, arithmetic: Arithmetic) -> Array:
    """Multiply patches of the image with the filters as a matrix."""
    groups = sums.geometry.groups
    patches = _patches(sums.left, sums)
    return ungroup(arithmetic.multiply(patches, by_group(sums.right, groups)), sums.shape)


def _patches(image: Array, sums: Forward | FilterGradient) -> Array:
    """Return the windows of an image as one matrix a group: [groups, N*OH*OW, FH*FW*FI]."""
    rows, columns = sums.geometry.rows, sums.geometry.columns
    windows = window_view(pad(image, rows, columns), rows, columns)
    return group_patches(windows, sums.geometry.groups)


def _filter_gradient(sums: FilterGradient, arithmetic: Arithmetic) -> Array:
    """Multiply the transposed patches with the gradient."""
    high, wide_, depth, _ = sums.shape
    groups = sums.geometry.groups
    if 0 in sums.right.shape:
        return np.zeros(sums.shape, arithmetic.wide(sums.left.dtype))
    patches = _patches(sums.left, sums).transpose(0, 2, 1)
    out = arithmetic.multiply(patches, group_channels(sums.right, groups))
    return np.moveaxis(out.reshape(groups, high, wide_, depth, -1), 0, 3).reshape(sums.shape)


def _backward(sums: Backward, arithmetic: Arithmetic) -> Array:
    """Multiply every element with the filters of a tap, and add that where the tap lies."""
    rows, columns, groups = sums.geometry.rows, sums.geometry.columns, sums.geometry.groups
    high, wide_, depth, outputs = sums.right.shape
    shape = (len(sums.left), length(rows), length(columns), groups * depth)
    frame = np.zeros(shape, arithmetic.wide(sums.left.dtype))
    left = group_channels(sums.left, groups)
    for h, w in arithmetic.taps(high, wide_):
        right = sums.right[h, w].reshape(depth, groups, outputs // groups).transpose(1, 2, 0)
        part = arithmetic.multiply(left, right)
        frame[:, places(rows, h), places(columns, w)] += ungroup(part, (*sums.left.shape[:3], groups * depth))
    return frame[:, rows.before : rows.before + rows.size, columns.before : columns.before + columns.size]


def _spread(call: Call, arithmetic: Arithmetic, arguments: dict[str, Any]) -> Array:
    """Add every value, divided, to the cells of its window."""
    shape, values = ("orig_input_shape", "grad") if call.op == "avg_pool_grad" else ("output_shape", "input")
    sums = spread(call.op, arguments.pop(shape), arguments.pop(values), **arguments)
    rows, columns = sums.geometry.rows, sums.geometry.columns
    wide = arithmetic.wide(sums.left.dtype)
    shares = sums.left.astype(wide) / sums.shares[:, :, None].astype(wide)
    frame = np.zeros((len(shares), length(rows), length(columns), shares.shape[3]), wide)
    for h, w in arithmetic.taps(rows.taps, columns.taps):
        frame[:, places(rows, h), places(columns, w)] += shares
    out = frame[:, rows.before : rows.before + rows.size, columns.before : columns.before + columns.size]
    return from_nhwc(arithmetic.finish(out, sums.dtype), sums.geometry.layout)


def _scatter(sums: Scatter, arithmetic: Arithmetic) -> Array:
    """Add one value after the other at its index."""
    wide = arithmetic.wide(sums.left.dtype)
    out = np.zeros(int(np.prod(sums.shape)), wide)
    step = -1 if arithmetic.backwards else 1
    np.add.at(out, sums.where.ravel()[::step], sums.left.ravel().astype(wide)[::step])
    return out.reshape(sums.shape)
