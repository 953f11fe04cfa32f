"""The largest element of every window, and where it stands."""

from math import prod

import numpy as np

from reference.engine.pools import Parts, Pool
from reference.floats import Array, is_nan, one_nan

__all__ = ["first_largest", "largest"]


def largest(image: Array, geometry: Pool) -> Array:
    """
    Return the largest element of every window: [N, OH, OW, OC]; NaN only where a window holds nothing else.

    Of +0 and -0, where they are the largest, it is the one that comes first.
    """
    if image.dtype.kind in "iu":
        return geometry.reduce(np.maximum, image, np.iinfo(image.dtype).min)
    with np.errstate(invalid="ignore"):  # bfloat16 warns of NaN
        out = geometry.reduce(np.maximum, image, -np.inf)
        # np.maximum hands NaN on, and is the faster one: np.fmax, which drops NaN, is only asked where there is any.
        if np.isnan(out).any():
            out = one_nan(geometry.reduce(np.fmax, image, np.nan))
        # Which zero np.maximum gives depends on the processor.
        if (out == 0).any() and _holds_negative_zero(image):
            out = np.where(out == 0, _first_zeros(image, geometry), out)
        return out


def _holds_negative_zero(image: Array) -> bool:
    """Return whether an element is -0: its bits are those of the least integer."""
    bits = np.dtype(f"i{image.itemsize}")
    return bool(image.view(bits).min() == np.iinfo(bits).min)


def _first_zeros(image: Array, geometry: Pool) -> Array:
    """Return +0 or -0, whichever comes first in every window that holds one."""
    _, *sides = image.shape
    if geometry.depth == 1:
        sides[2] = 1  # windows hold one channel: cells are told apart by their row and column
    count = prod(sides)
    # The earlier, the larger; odd where the zero is -0. The narrower the integers, the faster.
    keys = np.arange(2 * count, 0, -2).astype(np.min_scalar_type(-2 * count)).reshape(sides) - np.signbit(image)
    first = geometry.reduce(np.maximum, keys * (image == 0), 0)
    return np.where(first & 1, -0.0, 0.0).astype(image.dtype)


def first_largest(image: Array, geometry: Pool) -> tuple[Array, Array]:
    """
    Return the largest element of every window and its flat index in the image, the first one's where several tie.

    image: [N, H, W, C] -> [N, OH, OW, C] twice. NaN is dropped; a window of NaN alone names its first cell.
    """
    if 0 in image.shape:
        nothing = geometry.reduce(np.maximum, image, 0)
        return nothing, np.zeros(nothing.shape, np.int64)
    if image.dtype.itemsize < 8 and prod(image.shape[1:]) < 2**32:
        return _first_by_keys(image, geometry)
    indices = np.broadcast_to(np.arange(prod(image.shape[1:])).reshape(image.shape[1:]), image.shape)
    least = np.iinfo(image.dtype).min if image.dtype.kind in "iu" else np.nan
    with np.errstate(invalid="ignore"):  # bfloat16 warns of NaN
        values, where = geometry.fold(_first_larger, (image, indices), (least, prod(image.shape[1:])))
    return one_nan(values), where


def _first_by_keys(image: Array, geometry: Pool) -> tuple[Array, Array]:
    """Do so by one integer an element, of which a window's largest is wanted: its rank, and how few come before it."""
    count = prod(image.shape[1:])
    keys = (_ranks(image) << 32) + (2**32 - 1 - np.arange(count).reshape(image.shape[1:]))
    where = ~geometry.reduce(np.maximum, keys, np.iinfo(np.int64).min) & (2**32 - 1)
    values = np.take_along_axis(image.reshape(len(image), count), where.reshape(len(image), -1), 1)
    return one_nan(values.reshape(where.shape)), where


def _ranks(values: Array) -> Array:
    """Return integers from -2^31 to 2^31 - 1 that grow with the values: one for +0 and -0, the least for NaN."""
    if values.dtype.kind in "iu":
        return values.astype(np.int64) - (2**31 if values.dtype.kind == "u" else 0)
    wide = values.astype(np.float32) + np.float32(0)  # +0
    bits = wide.view(np.int32)
    # Magnitudes are integers that grow; those of negative numbers are turned round.
    ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return np.where(np.isnan(wide), np.iinfo(np.int32).min, ordered).astype(np.int64)


def _first_larger(one: Parts, other: Parts) -> Parts:
    """Return the larger of two elements and its index; of equal ones, or two NaN, the one that comes first."""
    (value, index), (second, later) = one, other
    nan = is_nan(value)
    alike = (value == second) | (nan & is_nan(second))
    wins = np.where(alike, later < index, (second > value) | nan)
    return np.where(wins, second, value), np.where(wins, later, index)
