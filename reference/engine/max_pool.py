"""The largest element of every window, and where it stands."""

from math import prod

import numpy as np

from reference.engine.pools import Parts, Pool
from reference.floats import Array, is_nan

__all__ = ["first_largest", "largest"]


def largest(image: Array, geometry: Pool) -> Array:
    """Return the largest element of every window: [N, OH, OW, OC]; NaN only where a window holds nothing else."""
    if image.dtype.kind in "iu":
        return geometry.reduce(np.maximum, image, np.iinfo(image.dtype).min)
    with np.errstate(invalid="ignore"):  # bfloat16 warns of NaN
        out = geometry.reduce(np.maximum, image, -np.inf)
        # np.maximum hands NaN on, and is the faster one: np.fmax, which drops NaN, is only asked where there is any.
        return geometry.reduce(np.fmax, image, np.nan) if np.isnan(out).any() else out


def first_largest(image: Array, geometry: Pool) -> tuple[Array, Array]:
    """
    Return the largest element of every window and its flat index in the image, the first one's where several tie.

    image: [N, H, W, C] -> [N, OH, OW, C] twice. NaN is dropped; a window of NaN alone names its first cell.
    """
    cells = np.arange(prod(image.shape[1:3])).reshape(1, *image.shape[1:3], 1)
    least = np.iinfo(image.dtype).min if image.dtype.kind in "iu" else np.nan
    with np.errstate(invalid="ignore"):  # bfloat16 warns of NaN
        parts = geometry.fold(_first_larger, (image, np.broadcast_to(cells, image.shape)), (least, cells.size))
    channels = image.shape[3]
    return parts[0], parts[1] * channels + np.arange(channels)


def _first_larger(one: Parts, other: Parts) -> Parts:
    """Return the larger of two elements and its cell; of equal ones, or two NaN, the one that comes first."""
    (value, cell), (second, later) = one, other
    nan = is_nan(value)
    alike = (value == second) | (nan & is_nan(second))
    wins = np.where(alike, later < cell, (second > value) | nan)
    return np.where(wins, second, value), np.where(wins, later, cell)
