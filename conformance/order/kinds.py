"""Sizes of calls to reveal the order of: kinds on both sides of what vectors and tiles hold, and small ones."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reference.windows import Axis, lay

__all__ = ["KINDS", "Sizes", "small"]

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """
    The sizes of the forward convolution, or pool, behind a call.

    depth and filters are what the op makes of them: a sum runs over depth (of conv2d_transpose and the input gradient
    these are the channels of the gradient), results have `filters` channels. A pool has `filters` channels.
    """

    window: Pair  # rows, columns
    image: Pair  # rows, columns of the forward image
    depth: int = 1
    filters: int = 1
    images: int = 1  # a filter gradient sums over them
    stride: int = 1
    padding: str = "VALID"
    dtype: str = "float32"
    layout: str = "NHWC"

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Rows and columns."""
        sizes = zip(self.image, self.window, strict=True)
        rows, columns = (lay(*along, self.stride, 1, self.padding) for along in sizes)
        return rows, columns

    @property
    def out(self) -> Pair:
        """Rows and columns of the forward result."""
        rows, columns = self.axes
        return rows.out, columns.out

    def shaped(self, size: Pair, channels: int) -> tuple[int, ...]:
        """Return the shape of images of this size in the layout of the call."""
        return (self.images, channels, *size) if self.layout == "NCHW" else (self.images, *size, channels)


def small(seed: int, count: int, dtype: str = "float32") -> Iterator[Sizes]:
    """Yield small calls, evenly drawn: images to 6 x 6, windows to 3 x 3, strides, images and channels to 3."""
    generator = np.random.Generator(np.random.Philox(seed))
    while count:
        high, wide, taps, across, depth, filters, images, stride = map(int, generator.integers(1, SMALL))
        sizes = Sizes(
            window=(taps, across),
            image=(high, wide),
            depth=depth,
            filters=filters,
            images=images,
            stride=stride,
            padding=("VALID", "SAME")[int(generator.integers(2))],
            layout=("NHWC", "NCHW")[int(generator.integers(2))],
            dtype=dtype,
        )
        if min(sizes.out) > 0:
            count -= 1
            yield sizes


SMALL = (7, 7, 4, 4, 4, 4, 4, 4)  # one more than the largest of each

# Depths, filters and outputs below, at and above vectors of 4, 8 and 16 numbers and tiles of a few of them.
KINDS: tuple[Sizes, ...] = tuple(
    Sizes(window=window, image=(window[0] + out - 1, window[1] + out - 1), depth=depth, filters=filters)
    for window in ((1, 1), (3, 3))
    for depth in (1, 3, 8, 15, 16, 17, 33)
    for filters in (1, 8, 17)
    for out in (1, 9)
)
