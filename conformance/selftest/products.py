"""Ops lowered to matrix products, as libraries do: by patches (im2col), or by adding what every tap gives (col2im)."""

import numpy as np

from conformance.model import Array
from conformance.selftest.arithmetics import Arithmetic
from conformance.selftest.mutation.calls import Call
from conformance.selftest.mutation.sums import Sum, sum_of
from reference.engine.avg_pool import Average, Spread
from reference.engine.conv2d import (
    FilterGradient,
    Forward,
    by_group,
    frames_of,
    group_channels,
    group_patches,
    ungroup,
)
from reference.engine.conv2d_transpose import Backward
from reference.engine.frames import Frame, laid, spread_taps, used
from reference.engine.patches import meeting, window_view
from reference.engine.unpool import Scatter
from reference.floats import FORMATS

__all__ = ["computed"]


def computed(call: Call, arithmetic: Arithmetic) -> Array:
    """Return an op's result as an arithmetic computes it; integers as the reference does."""
    if call.dtype not in FORMATS:
        return np.asarray(call.run())
    sums, shown = sum_of(call)
    return shown(arithmetic.finish(_added(sums, arithmetic), sums.dtype))


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
    groups, frames = sums.geometry.groups, frames_of(sums.geometry)
    filters = used(sums.right, *frames)
    if 0 in filters.shape[:2]:  # no window meets the image
        return np.zeros(sums.shape, arithmetic.wide(sums.left.dtype))
    return ungroup(arithmetic.multiply(_patches(sums, *frames), by_group(filters, groups)), sums.shape)


def _patches(sums: Forward | FilterGradient, rows: Frame, columns: Frame) -> Array:
    """Return the windows of the image as one matrix a group: [groups, N*OH*OW, FH*FW*FI]."""
    windows = window_view(laid(sums.left, rows, columns), rows.axis, columns.axis)
    return group_patches(windows, sums.geometry.groups)


def _filter_gradient(sums: FilterGradient, arithmetic: Arithmetic) -> Array:
    """Multiply the transposed patches with the gradient."""
    _, _, depth, outputs = sums.shape
    groups, (rows, columns) = sums.geometry.groups, frames_of(sums.geometry)
    if 0 in sums.right.shape:
        return np.zeros(sums.shape, arithmetic.wide(sums.left.dtype))
    patches = _patches(sums, rows, columns).transpose(0, 2, 1)
    out = arithmetic.multiply(patches, group_channels(sums.right, groups))
    taps = out.reshape(groups, rows.axis.taps, columns.axis.taps, depth, outputs // groups)
    return spread_taps(np.moveaxis(taps, 0, 3).reshape(*taps.shape[1:3], depth, outputs), sums.shape, rows, columns)


def _backward(sums: Backward, arithmetic: Arithmetic) -> Array:
    """Multiply every element with the filters of a tap, and add that where the tap lies."""
    rows, columns, groups = sums.geometry.rows, sums.geometry.columns, sums.geometry.groups
    high, wide_, depth, outputs = sums.right.shape
    out = np.zeros(sums.shape, arithmetic.wide(sums.left.dtype))
    left = group_channels(sums.left, groups)
    for h, w in arithmetic.taps(high, wide_):
        right = sums.right[h, w].reshape(depth, groups, outputs // groups).transpose(1, 2, 0)
        part = ungroup(arithmetic.multiply(left, right), (*sums.left.shape[:3], groups * depth))
        down, across = meeting(rows, h), meeting(columns, w)
        out[:, down[1], across[1]] += part[:, down[0], across[0]]
    return out


def _average(sums: Average, arithmetic: Arithmetic) -> Array:
    """Multiply the taps of every window with ones, and divide."""
    values = np.stack(sums.geometry.taps(sums.left, 0)).reshape(1, -1, int(np.prod(sums.shape)))
    ones = np.ones((1, 1, values.shape[1]), values.dtype)
    total = arithmetic.multiply(ones, values).reshape(sums.shape)
    return np.asarray(total / sums.divisor().astype(total.dtype))


def _spread(sums: Spread, arithmetic: Arithmetic) -> Array:
    """Add every value, divided, to the cells of its window."""
    wide = arithmetic.wide(sums.left.dtype)
    shares = sums.left.astype(wide) / sums.shares[:, :, None].astype(wide)
    out = np.zeros(sums.shape, wide)
    for h, w in sums.geometry.places()[:: -1 if arithmetic.backwards else 1]:
        down, across = meeting(sums.geometry.rows, h), meeting(sums.geometry.columns, w)
        out[:, down[1], across[1]] += shares[:, down[0], across[0]]
    return out


def _scatter(sums: Scatter, arithmetic: Arithmetic) -> Array:
    """Add one value after the other at its index."""
    wide = arithmetic.wide(sums.left.dtype)
    out = np.zeros(int(np.prod(sums.shape)), wide)
    step = -1 if arithmetic.backwards else 1
    np.add.at(out, sums.where.ravel()[::step], sums.left.ravel().astype(wide)[::step])
    return out.reshape(sums.shape)
