"""The largest element of every window, and where it stands."""

from math import prod

import numpy as np

from reference.engine.pools import Parts, Pool
from reference.floats import Array, one_nan

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
    keys = np.arange(2 * count, 0, -2).astype(np.min_scalar_type(-2 * count - 1)).reshape(sides) - np.signbit(image)
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
    count = prod(image.shape[1:])
    if image.dtype.itemsize < 8 and count < 2**32:
        where = _first_by_keys(image, geometry)
        return _at(image, where), where
    indices = np.broadcast_to(np.arange(count).reshape(image.shape[1:]), image.shape)
    _, where = geometry.fold(_first_larger, (_ranks(image), indices), (np.iinfo(np.int64).min, count))
    return _at(image, where), where


def _first_by_keys(image: Array, geometry: Pool) -> Array:
    """Do so by one integer an element, of which a window's largest is wanted: its rank, and how few come before it."""
    places = np.arange(prod(image.shape[1:])).reshape(image.shape[1:])
    keys = (_ranks(image) << 32) + (2**32 - 1 - places)
    return ~geometry.reduce(np.maximum, keys, np.iinfo(np.int64).min) & (2**32 - 1)


def _at(image: Array, where: Array) -> Array:
    """Return the elements at flat indices of every image."""
    values = np.take_along_axis(image.reshape(len(image), -1), where.reshape(len(image), -1), 1)
    return one_nan(values.reshape(where.shape))


def _ranks(values: Array) -> Array:
    """
    Return int64 numbers that grow with the values: one for +0 and -0, the least for NaN.

    Those of less than 8 bytes lie between -2^31 and 2^31 - 1.
    """
    wide = np.dtype(f"i{max(values.itemsize, 4)}")
    least = np.iinfo(wide).min
    if values.dtype.kind == "i":
        return values.astype(np.int64)
    if values.dtype.kind == "u":
        return np.asarray(values.astype(wide.name.replace("int", "uint")).view(wide) ^ least).astype(np.int64)
    floats = values.astype(f"f{wide.itemsize}") + 0  # +0
    bits = floats.view(wide)
    # Magnitudes are integers that grow; those of negative numbers are turned round.
    ordered = bits ^ ((bits >> (8 * wide.itemsize - 1)) & np.iinfo(wide).max)
    return np.where(np.isnan(floats), least, ordered).astype(np.int64)


def _first_larger(one: Parts, other: Parts) -> Parts:
    """Return the larger of two ranks and its index; of equal ones the one that comes first."""
    (rank, index), (second, later) = one, other
    wins = (second > rank) | ((second == rank) & (later < index))
    return np.where(wins, second, rank), np.where(wins, later, index)
