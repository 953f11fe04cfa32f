"""Calls to reveal the order of, canonically spelt, and kinds of sizes on both sides of what vectors and tiles hold."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from conformance.model import ArraySpec, Case, Json
from reference.windows import Axis, lay

__all__ = ["CALLS", "KINDS", "Sizes", "call", "middle", "small"]

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


def conv2d(sizes: Sizes) -> tuple[dict[str, tuple[int, ...]], dict[str, Json]]:
    """Return shapes and further attributes of conv2d."""
    filters = (*sizes.window, sizes.depth, sizes.filters)
    return {"input": sizes.shaped(sizes.image, sizes.depth), "filters": filters}, {}


def transposed(left: str, shape: str) -> Callable[[Sizes], tuple[dict[str, tuple[int, ...]], dict[str, Json]]]:
    """Return likewise for conv2d_transpose and conv2d_backprop_input."""

    def of(sizes: Sizes) -> tuple[dict[str, tuple[int, ...]], dict[str, Json]]:
        filters = (*sizes.window, sizes.filters, sizes.depth)
        shapes = {left: sizes.shaped(sizes.out, sizes.depth), "filters": filters}
        return shapes, {shape: list(sizes.shaped(sizes.image, sizes.filters))}

    return of


def filter_gradient(sizes: Sizes) -> tuple[dict[str, tuple[int, ...]], dict[str, Json]]:
    """Return likewise for conv2d_backprop_filter."""
    shapes = {
        "input": sizes.shaped(sizes.image, sizes.depth),
        "out_backprop": sizes.shaped(sizes.out, sizes.filters),
    }
    return shapes, {"filter_sizes": [*sizes.window, sizes.depth, sizes.filters]}


def avg_pool(sizes: Sizes) -> tuple[dict[str, tuple[int, ...]], dict[str, Json]]:
    """Return likewise for avg_pool."""
    return {"input": sizes.shaped(sizes.image, sizes.filters)}, {"ksize": list(sizes.window)}


CALLS: Mapping[str, Callable[[Sizes], tuple[dict[str, tuple[int, ...]], dict[str, Json]]]] = {
    "conv2d": conv2d,
    "conv2d_transpose": transposed("input", "output_shape"),
    "conv2d_backprop_input": transposed("out_backprop", "input_sizes"),
    "conv2d_backprop_filter": filter_gradient,
    "avg_pool": avg_pool,
}


def call(op: str, sizes: Sizes) -> Case:
    """Return the call of an op."""
    shapes, attributes = CALLS[op](sizes)
    arrays = {name: ArraySpec(shape, sizes.dtype) for name, shape in shapes.items()}
    common: dict[str, Json] = {"strides": [sizes.stride] * 2, "padding": sizes.padding, "data_format": sizes.layout}
    return Case(op=op, arrays=arrays, attributes={**attributes, **common}, regime="normal", seed=0)


def middle(op: str, sizes: Sizes) -> tuple[int, ...]:
    """Return an output element in the middle of the result: NHWC, of filters HWIO."""
    if op == "conv2d_backprop_filter":
        return (sizes.window[0] // 2, sizes.window[1] // 2, 0, sizes.filters // 2)
    high, wide = sizes.image if op in ("conv2d_transpose", "conv2d_backprop_input") else sizes.out
    return (0, high // 2, wide // 2, sizes.filters // 2)


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
