"""Convolutions by transforms: Winograd's and Fourier's, every operation rounded to the dtype in which sums are kept."""

import math

import numpy as np

from conformance.selftest.arithmetics import WIDE, fused, ordered, round_once
from reference.engine.conv2d import Forward
from reference.engine.exact import SumOfProducts
from reference.engine.patches import length, pad
from reference.engine.winograd import MATRICES, can_winograd
from reference.floats import Array

__all__ = ["fourier", "winograd"]

LARGEST = 2**22  # elements of the transformed image, or filters


def winograd(call: SumOfProducts, m: int) -> Array | None:
    """Compute a convolution with 3x3 filters and stride 1 by tiles of m x m outputs; None: the call is no such."""
    if not can_winograd(call) or call.left.size == 0:
        return None
    wide, side = WIDE[call.dtype.name], m + 2
    at, g, bt = (np.asarray(matrix, wide) for matrix in MATRICES[m])
    tiles = tiled(call, m).astype(wide)
    images = along(bt, along(bt, tiles, 0), 1)  # [side, side, N, rows, columns, I]
    filters = along(g, along(g, call.right.astype(wide), 0), 1)  # [side, side, FI, O]
    groups, (depth, outputs) = call.geometry.groups, filters.shape[2:]
    each = outputs // groups
    products = [
        ordered(
            images[..., k * depth : (k + 1) * depth].reshape(side * side, -1, depth),
            filters[..., k * each : (k + 1) * each].reshape(side * side, depth, each),
        )
        for k in range(groups)
    ]
    sums = np.concatenate(products, axis=2).reshape(*images.shape[:5], outputs)
    out = along(at, along(at, sums, 0), 1)  # [m, m, N, rows, columns, O]
    rows, columns = out.shape[3:5]
    out = out.transpose(2, 3, 0, 4, 1, 5).reshape(len(call.left), rows * m, columns * m, outputs)
    return round_once(out[:, : call.shape[1], : call.shape[2]], call.dtype)


def tiled(call: Forward, m: int) -> Array:
    """Return the tiles of a padded image, which overlap by two: [m + 2, m + 2, N, rows, columns, I]."""
    rows, columns = (-(-size // m) for size in call.shape[1:3])
    image = pad(call.left, call.geometry.rows, call.geometry.columns)
    missing = [(0, max(n * m + 2 - size, 0)) for n, size in zip((rows, columns), image.shape[1:3], strict=True)]
    image = np.pad(image, [(0, 0), *missing, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(image, (m + 2, m + 2), axis=(1, 2))
    return windows[:, : rows * m : m, : columns * m : m].transpose(4, 5, 0, 1, 2, 3)


def along(matrix: Array, values: Array, axis: int) -> Array:
    """Multiply by a matrix along an axis, by FMA."""
    moved = np.moveaxis(values, axis, 0)
    out = fused(matrix[None], moved.reshape(1, len(moved), -1))
    return np.moveaxis(out.reshape(len(matrix), *moved.shape[1:]), 0, axis)


def fourier(call: SumOfProducts) -> Array | None:
    """Compute a convolution by transforms of the whole padded image and of the filters; None: no such, or too large."""
    if not isinstance(call, Forward) or 0 in (*call.shape, *call.left.shape):
        return None
    wide = WIDE[call.dtype.name]
    rows, columns, groups = call.geometry.rows, call.geometry.columns, call.geometry.groups
    depth, outputs = call.right.shape[2:]
    shape = [length(axis) + axis.reach - 1 for axis in (rows, columns)]
    if math.prod(shape) * max(depth * outputs, math.prod(call.left.shape[::3])) > LARGEST:
        return None
    image = pad(call.left, rows, columns).astype(wide)
    spread = np.zeros((rows.reach, columns.reach, depth, outputs), wide)
    spread[:: rows.dilation, :: columns.dilation] = call.right.astype(wide)
    pairs = np.result_type(wide, np.complex64)  # before version 2 NumPy transforms in float64 only
    left = np.fft.rfft2(image, shape, axes=(1, 2)).astype(pairs)
    right = np.conj(np.fft.rfft2(spread, shape, axes=(0, 1)).astype(pairs))
    left = left.reshape(*left.shape[:3], groups, depth)
    right = right.reshape(*right.shape[:3], groups, outputs // groups)
    spectra = np.zeros((*left.shape[:4], outputs // groups), pairs)
    for i in range(depth):
        spectra = spectra + left[..., i, None] * right[:, :, i]
    out = np.fft.irfft2(spectra.reshape(*left.shape[:3], outputs), shape, axes=(1, 2)).astype(wide)
    # What lies past the last window has wrapped round.
    out = out[:, : image.shape[1] - rows.reach + 1 : rows.stride, : image.shape[2] - columns.reach + 1 : columns.stride]
    return round_once(np.ascontiguousarray(out[:, : rows.out, : columns.out]), call.dtype)
