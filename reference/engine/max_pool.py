"""The largest element of every window, and where it stands."""

from math import prod

import numpy as np

from reference.engine.pools import Pool
from reference.floats import Array

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

    image: [N, H, W, C] -> [N, OH, OW, OC] twice. NaN is dropped; a window of NaN alone names its first cell.
    """
    cells = np.arange(prod(image.shape[1:3])).reshape(1, *image.shape[1:3], 1)
    values = geometry.taps(image, image.dtype.type(0))
    places = geometry.taps(cells, -1)
    best = largest(image, geometry)
    out, where = best.copy(), np.zeros(best.shape, np.int64)
    nothing = np.isnan(best) if best.dtype.kind not in "iu" else False  # NaN equals nothing: the first cell stays
    for value, place in zip(reversed(values), reversed(places), strict=True):
        match = ((value == best) | nothing) & (place >= 0)
        np.copyto(out, value, where=match)
        np.copyto(where, place, where=match)
    channels = image.shape[3]
    return out, where * channels + np.arange(channels)
