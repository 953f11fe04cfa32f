"""
Axes as convolutions store them: the image with its padding, or, where that is mostly gaps, a place for each tap.

A padded image is longer than what windows see of it where strides, gaps between taps or padding are long. Then every
window gets places of its own, one for each tap that ever lies inside the image: a frame without padding, over which
windows of that many taps move without overlap.
"""

from dataclasses import dataclass

import numpy as np

from reference.engine.patches import length, pad
from reference.floats import Array
from reference.windows import Axis, Indices

__all__ = ["Frame", "cut", "framed", "laid", "spread_taps", "used"]

SPARSE = 2  # times the image, the windows and the taps together: a padded image longer than that is mostly gaps


@dataclass(frozen=True, slots=True)
class Frame:
    """One axis in memory; `cells` is None where that is the image with its padding."""

    axis: Axis  # the windows over the frame; with cells, the frame is an image without padding
    taps: Indices | slice  # those of the convolution's filters that the frame has
    cells: Indices | None = None  # of each place, the image cell that stands there; -1 outside the image


def framed(axis: Axis) -> Frame:
    """Choose how to store an axis: in no more than its padded image takes, nor a place for every window and tap."""
    if length(axis) <= SPARSE * (axis.size + axis.out + axis.taps):
        return Frame(axis, slice(None))
    taps = axis.used_taps()
    places = axis.out * len(taps)
    if places >= length(axis):
        return Frame(axis, slice(None))
    cells = (axis.starts()[:, None] + taps * axis.dilation).ravel()
    cells = np.where((cells >= 0) & (cells < axis.size), cells, -1)
    windows = Axis(size=places, taps=len(taps), stride=max(len(taps), 1), dilation=1, before=0, after=0, out=axis.out)
    return Frame(windows, taps, cells)


def used(filters: Array, rows: Frame, columns: Frame) -> Array:
    """Return the taps of filters [FH, FW, ...] that frames have."""
    return filters[rows.taps][:, columns.taps]


def spread_taps(taps: Array, shape: tuple[int, ...], rows: Frame, columns: Frame) -> Array:
    """Return filters of a shape with these taps where frames have them, and zeros: the transpose of `used`."""
    if taps.shape == shape:
        return taps
    out = np.zeros(shape, taps.dtype)
    out[np.ix_(np.arange(shape[0])[rows.taps], np.arange(shape[1])[columns.taps])] = taps
    return out


def laid(image: Array, rows: Frame, columns: Frame) -> Array:
    """Return the image [N, H, W, C] as frames store it, zero outside the image."""
    if rows.cells is None and columns.cells is None:
        return pad(image, rows.axis, columns.axis)
    for along, frame in ((1, rows), (2, columns)):
        cells = _cells(frame)
        moved = np.moveaxis(image, along, 0)
        places = np.zeros((len(cells), *moved.shape[1:]), image.dtype)
        places[cells >= 0] = moved[cells[cells >= 0]]
        image = np.moveaxis(places, 0, along)
    return image


def cut(stored: Array, rows: Frame, columns: Frame, sides: tuple[int, int]) -> Array:
    """Add what stands at all places of an image cell: the transpose of `laid`; sides: the image's, H and W."""
    for along, frame, size in zip((1, 2), (rows, columns), sides, strict=True):
        if frame.cells is None:
            begin = frame.axis.before
            stored = stored[(*(slice(None),) * along, slice(begin, begin + size))]
            continue
        moved = np.moveaxis(stored, along, 0)
        image = np.zeros((size, *moved.shape[1:]))
        for tap in range(frame.axis.taps):  # no two windows have one on the same cell
            cells, places = frame.cells[tap :: frame.axis.taps], moved[tap :: frame.axis.taps]
            image[cells[cells >= 0]] += places[cells >= 0]
        stored = np.moveaxis(image, 0, along)
    return stored


def _cells(frame: Frame) -> Indices:
    """Return the image cell that stands at each place of a frame; -1 outside the image."""
    if frame.cells is not None:
        return frame.cells
    cells = np.arange(length(frame.axis)) - frame.axis.before
    return np.where(cells < frame.axis.size, np.maximum(cells, -1), -1)
