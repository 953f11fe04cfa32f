"""
Windows on arrays: the padding stored around an image, every window as a view, and which window meets which cell.

Images are [N, H, W, C]; the geometry of rows and columns comes from `windows`.
"""

from math import gcd

import numpy as np

from reference.floats import Array
from reference.windows import Axis, Indices

__all__ = [
    "covering",
    "length",
    "meeting",
    "overlap",
    "pad",
    "places",
    "run",
    "seen",
    "window_view",
]


def length(axis: Axis) -> int:
    """Return the length of the padded image, or where the last window ends, if that is further."""
    return max(axis.padded, (axis.out - 1) * axis.stride + axis.reach)


def pad(image: Array, rows: Axis, columns: Axis) -> Array:
    """Return the image with zeros for the padding of both axes around it: [N, length(rows), length(columns), C]."""
    pairs = [(axis.before, length(axis) - axis.before - axis.size) for axis in (rows, columns)]
    if pairs == [(0, 0), (0, 0)]:
        return image
    high, wide = rows.before, columns.before
    padded = np.zeros((len(image), length(rows), length(columns), image.shape[3]), image.dtype)
    padded[:, high : high + rows.size, wide : wide + columns.size] = image
    return padded


def window_view(padded: Array, rows: Axis, columns: Axis, *, writeable: bool = False) -> Array:
    """Return every window of a padded image without copying: [N, OH, OW, FH, FW, C]; written to, it is the image."""
    n, high, wide, channel = padded.strides
    return np.lib.stride_tricks.as_strided(
        padded,
        (len(padded), rows.out, columns.out, rows.taps, columns.taps, padded.shape[3]),
        (n, high * rows.stride, wide * columns.stride, high * rows.dilation, wide * columns.dilation, channel),
        writeable=writeable,
    )


def places(axis: Axis, tap: int) -> slice:
    """Return the cells of the padded image that one tap of all windows meets."""
    start = tap * axis.dilation
    return slice(start, start + max((axis.out - 1) * axis.stride + 1, 0), axis.stride)


def run(axis: Axis) -> int:
    """Return how far apart, at least, two taps are that may meet one cell; all that do are multiples of it apart."""
    # Taps t and t' of any two windows meet where (t - t') * dilation is a multiple of the stride.
    return axis.stride // gcd(axis.stride, axis.dilation)


def meeting(axis: Axis, tap: int) -> tuple[slice, slice]:
    """Return the windows one of whose taps lies inside the image, and the image cells it meets there."""
    return _meeting(tap * axis.dilation - axis.before, axis.size, axis.stride, axis.out)


def overlap(axis: Axis) -> int:
    """Return how many windows have a tap on one cell, at most."""
    return min(-(-axis.taps // run(axis)), axis.out)


def seen(axis: Axis, window: int) -> tuple[slice, slice]:
    """Return the taps of one window that lie inside the image, and the image cells they meet."""
    return _meeting(window * axis.stride - axis.before, axis.size, axis.dilation, axis.taps)


def _meeting(start: int, size: int, step: int, most: int) -> tuple[slice, slice]:
    """Return which of the places start, start + step, ..., `most` of them, lie inside 0 .. size - 1, and those."""
    first, stop = (min(max(-(place // step), 0), most) for place in (start, start - size))
    cell = start + first * step
    return slice(first, stop), slice(cell, cell + (stop - first - 1) * step + 1, step) if stop > first else slice(0, 0)


def covering(axis: Axis, over: tuple[Indices, Indices, int], cell: int) -> tuple[Indices, Indices]:
    """Return the taps that meet an image cell, and the window each belongs to; over: what `axis.windows_over` gives."""
    first, stop, step = over
    windows = np.arange(first[cell], stop[cell], step)
    return (cell + axis.before - windows * axis.stride) // axis.dilation, windows
