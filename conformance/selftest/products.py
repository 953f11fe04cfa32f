"""Ops lowered to matrix products, as libraries do: by patches (im2col), or by adding what every tap gives (col2im)."""

import numpy as np

from conformance.model import Array
from conformance.selftest.arithmetics import Arithmetic
from conformance.selftest.mutation.calls import Call
from conformance.selftest.mutation.sums import Sum, sum_of
from reference.checks import from_nhwc
from reference.engine.avg_pool import Average, Spread
from reference.engine.conv2d import FilterGradient, Forward, by_group, group_channels, group_patches, ungroup
from reference.engine.conv2d_transpose import Backward
from reference.engine.patches import length, pad, places, window_view
from reference.engine.unpool import Scatter
from reference.floats import FORMATS

__all__ = ["computed", "with_leading_axes"]


def computed(call: Call, arithmetic: Arithmetic) -> Array:
    """Return an op's result as an arithmetic computes it; integers as the reference does."""
    if call.dtype not in FORMATS:
        return np.asarray(call.run())
    sums, layout = sum_of(call)
    out = from_nhwc(arithmetic.finish(_added(sums, arithmetic), sums.dtype), layout)
    return with_leading_axes(call, out) if isinstance(sums, Forward) else out


def with_leading_axes(call: Call, out: Array) -> Array:
    """Give the result of conv2d the leading axes of its image."""
    return out.reshape(*call.first.shape[:-3], *out.shape[1:])


def _added(sums: Sum, arithmetic: Arithmetic) -> Array:
    """Add, in the dtype in which sums are kept."""
    match sums:
        case Forward():
            return _forward(sums, arithmetic)
        case Backward():
            return _backward(sums, arithmetic)
        case FilterGradient():
            return _filter_gradient(sums, arithmetic)
        case Average():
            return _average(sums, arithmetic)
        case Spread():
            return _spread(sums, arithmetic)
    return _scatter(sums, arithmetic)


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


def _average(sums: Average, arithmetic: Arithmetic) -> Array:
    """Multiply the taps of every window with ones, and divide."""
    values = np.stack(sums.geometry.taps(sums.left, 0)).reshape(1, -1, int(np.prod(sums.shape)))
    ones = np.ones((1, 1, values.shape[1]), values.dtype)
    total = arithmetic.multiply(ones, values).reshape(sums.shape)
    return np.asarray(total / sums.divisor().astype(total.dtype))


def _spread(sums: Spread, arithmetic: Arithmetic) -> Array:
    """Add every value, divided, to the cells of its window."""
    rows, columns = sums.geometry.rows, sums.geometry.columns
    wide = arithmetic.wide(sums.left.dtype)
    shares = sums.left.astype(wide) / sums.shares[:, :, None].astype(wide)
    frame = np.zeros((len(shares), length(rows), length(columns), shares.shape[3]), wide)
    for h, w in arithmetic.taps(rows.taps, columns.taps):
        frame[:, places(rows, h), places(columns, w)] += shares
    return frame[:, rows.before : rows.before + rows.size, columns.before : columns.before + columns.size]


def _scatter(sums: Scatter, arithmetic: Arithmetic) -> Array:
    """Add one value after the other at its index."""
    wide = arithmetic.wide(sums.left.dtype)
    out = np.zeros(int(np.prod(sums.shape)), wide)
    step = -1 if arithmetic.backwards else 1
    np.add.at(out, sums.where.ravel()[::step], sums.left.ravel().astype(wide)[::step])
    return out.reshape(sums.shape)
